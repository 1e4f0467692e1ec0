/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session as systemd opens it for user@UID.service: the process that opened it forks one that
 * stays behind to close it, both become the user, and the first executes the user's manager. The
 * words: user, command.
 */
#include <grp.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
		    void *data)
{
	(void)count;
	(void)messages;
	(void)responses;
	(void)data;
	return PAM_CONV_ERR;
}

static void become(const struct passwd *entry)
{
	if (setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) ||
	    setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid))
		_exit(70);
}

static void stay(pam_handle_t *pamh, const struct passwd *entry, int ready)
{
	const pid_t manager = getppid();
	sigset_t term;
	int number;

	prctl(PR_SET_NAME, "(sd-pam)");
	become(entry);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) || write(ready, "", 1) != 1)
		_exit(71);
	close(ready);
	while (getppid() == manager && sigwait(&term, &number))
		;
	pam_setcred(pamh, PAM_DELETE_CRED);
	pam_close_session(pamh, 0);
	pam_end(pamh, PAM_SUCCESS);
	_exit(0);
}

int main(int argc, char **argv)
{
	const struct pam_conv conversation = { converse, NULL };
	const struct passwd *entry = argc == 3 ? getpwnam(argv[1]) : NULL;
	pam_handle_t *pamh = NULL;
	int pipes[2];
	sigset_t term;
	char byte;
	int result;

	if (!entry || pipe(pipes))
		return 64;
	result = pam_start("systemd-user", argv[1], &conversation, &pamh);
	if (result == PAM_SUCCESS)
		result = pam_acct_mgmt(pamh, PAM_SILENT);
	if (result == PAM_SUCCESS) {
		pam_setcred(pamh, PAM_ESTABLISH_CRED | PAM_SILENT);
		result = pam_open_session(pamh, PAM_SILENT);
	}
	if (result != PAM_SUCCESS) {
		fprintf(stderr, "manager: %s\n", pam_strerror(pamh, result));
		return 224; /* EXIT_PAM */
	}
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	if (fork() == 0)
		stay(pamh, entry, pipes[1]);
	close(pipes[1]);
	if (read(pipes[0], &byte, 1) != 1)
		return 72;
	sigprocmask(SIG_UNBLOCK, &term, NULL);
	pam_end(pamh, PAM_SUCCESS | PAM_DATA_SILENT);
	if (initgroups(argv[1], entry->pw_gid))
		return 73;
	become(entry);
	execl("/bin/bash", "bash", "-c", argv[2], NULL);
	return 74;
}
