/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program that opens a PAM session in the order of sshd, and one process of it that tries to
 * become the user. The words: service, user, who tries, how. It says how the try ended and, as the
 * opener sees the process in /proc, whether one of its ids is the user's.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <sched.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static int told[2];   /* how a try ended */
static int mapped[2]; /* to the one who asked for a map of ids */
static uid_t user;

static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
		    void *data)
{
	(void)messages;
	(void)data;
	*responses = calloc((size_t)count, sizeof(**responses));
	return *responses ? PAM_SUCCESS : PAM_BUF_ERR;
}

/* Filters of one's own -------------------------------------------------------------------------- */

static struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
static struct sock_fprog program = { 1, &allow };

static int filter_add(unsigned flags)
{
	return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) < 0 ? -1 : 0;
}

static int filter_then_setuid(void)
{
	int error = filter_add(0) ? errno : 0;

	error = setuid(user) ? errno : error;
	errno = error;
	return error ? -1 : 0;
}

static int filters_then_setuid(void)
{
	for (int i = 0; i < 4; i++)
		(void)filter_add(0);
	return setuid(user);
}

static int filter_by_prctl_then_setuid(void)
{
	(void)prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
	return setuid(user);
}

static int filter_with_garbage_then_setuid(void)
{
	(void)syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program, 1L, -1L, 1L);
	(void)syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program, -1L, -1L, -1L);
	(void)syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program, 0);
	return setuid(user);
}

static int listener_then_setuid(void)
{
	(void)filter_add(SECCOMP_FILTER_FLAG_NEW_LISTENER);
	return setuid(user);
}

/* Ids ------------------------------------------------------------------------------------------- */

static int plain_setuid(void)
{
	return setuid(user);
}

static int real(void)
{
	return setresuid(user, (uid_t)-1, (uid_t)-1);
}

static int effective(void)
{
	return setresuid((uid_t)-1, user, (uid_t)-1);
}

static int saved(void)
{
	return setresuid((uid_t)-1, (uid_t)-1, user);
}

static int effective_by_setreuid(void)
{
	return setreuid((uid_t)-1, user);
}

static int files(void)
{
	setfsuid(user);
	errno = EPERM;
	return (uid_t)setfsuid((uid_t)-1) == user ? 0 : -1;
}

/* User namespaces ------------------------------------------------------------------------------- */

/* Where root has asked the opener to map its number 0 to the user's. */
static int ids_map(void)
{
	char byte = 'm';

	if (write(told[1], &byte, 1) != 1 || read(mapped[0], &byte, 1) != 1)
		_exit(80);
	return setresuid(0, 0, 0);
}

static int namespace_by_unshare(void)
{
	return unshare(CLONE_NEWUSER) ? -1 : ids_map();
}

static int child_in_namespace(void)
{
	errno = ids_map() ? errno : 0;
	return errno ? -1 : 0;
}

/* Goes on in the new process: the one that made it only waits. */
static int namespace_go_on(long pid)
{
	if (pid < 0)
		return -1;
	if (pid == 0)
		return child_in_namespace();
	waitpid((pid_t)pid, NULL, __WALL);
	_exit(0);
}

static int namespace_by_clone(void)
{
	return namespace_go_on(syscall(__NR_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
}

static int namespace_by_clone3(void)
{
	struct clone_args arguments = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };

	return namespace_go_on(syscall(__NR_clone3, &arguments, sizeof(arguments)));
}

/* One that somebody outside has made; descriptor 9. */
static int namespace_of_another(int type)
{
	return setns(9, type) ? -1 : setresuid(0, 0, 0);
}

static int namespace_by_setns(void)
{
	return namespace_of_another(CLONE_NEWUSER);
}

static int namespace_by_setns_of_any_type(void)
{
	return namespace_of_another(0);
}

/* Who tries ------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int (*become)(void);
} ways[] = {
	{ "setuid", plain_setuid },
	{ "real", real },
	{ "effective", effective },
	{ "saved", saved },
	{ "effective_by_setreuid", effective_by_setreuid },
	{ "files", files },
	{ "filter", filter_then_setuid },
	{ "filters", filters_then_setuid },
	{ "filter_by_prctl", filter_by_prctl_then_setuid },
	{ "filter_with_garbage", filter_with_garbage_then_setuid },
	{ "listener", listener_then_setuid },
	{ "unshare", namespace_by_unshare },
	{ "clone", namespace_by_clone },
	{ "clone3", namespace_by_clone3 },
	{ "setns", namespace_by_setns },
	{ "setns_any", namespace_by_setns_of_any_type },
};

static int try(const char *how)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (strcmp(ways[i].name, how) == 0)
			return ways[i].become() ? errno : 0;
	_exit(64);
}

/* The number is told from within, where it may be another: the kernel passes on the one outside. */
static void try_and_tell(const char *how)
{
	int32_t message[2] = { 0, try(how) };
	char byte = 't';

	if (write(told[1], &byte, 1) != 1 || write(told[1], message, sizeof(message)) < 0)
		_exit(81);
	pause();
	_exit(0);
}

/* Descendants of this one are all in its group. */
static void child_main(pam_handle_t *pamh, const char *who, const char *how)
{
	setpgid(0, 0);
	if (strcmp(who, "confined") == 0 || strcmp(who, "grandchild") == 0)
		(void)pam_setcred(pamh, PAM_ESTABLISH_CRED);
	if (strcmp(who, "grandchild") == 0 || strcmp(who, "descendant") == 0) {
		/* The parent ends: nobody is left to tell where it came from. */
		if (fork() > 0)
			_exit(0);
		usleep(100000);
	}
	try_and_tell(how);
}

/* What the opener sees --------------------------------------------------------------------------- */

static pid_t trying(pid_t group)
{
	char command[64];
	char line[64] = "";
	FILE *list;

	snprintf(command, sizeof(command), "pgrep -n -g %d", (int)group);
	list = popen(command, "re");
	if (!list || !fgets(line, sizeof(line), list))
		exit(82);
	pclose(list);
	return (pid_t)strtol(line, NULL, 10);
}

static void map_write(pid_t pid)
{
	char path[64];
	char line[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
	snprintf(line, sizeof(line), "0 %u 1", user);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		perror(path);
	close(fd);
	(void)!write(mapped[1], "m", 1);
}

static bool ids_are_user(pid_t pid)
{
	char path[64];
	char line[256];
	unsigned ids[4] = { 0 };
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		char *end = line + 4;

		for (int i = 0; i < 4 && strncmp(line, "Uid:", 4) == 0; i++)
			ids[i] = (unsigned)strtoul(end, &end, 10);
	}
	if (file)
		fclose(file);
	return ids[0] == user || ids[1] == user || ids[2] == user || ids[3] == user;
}

static int watch(pid_t group)
{
	int32_t message[2];
	char byte;

	while (read(told[0], &byte, 1) == 1 && byte == 'm')
		map_write(trying(group));
	if (read(told[0], message, sizeof(message)) != sizeof(message))
		return 83;
	printf("%s%s\n", message[1] ? strerrorname_np(message[1]) : "ok",
	       ids_are_user(trying(group)) ? " user" : "");
	kill(-group, SIGKILL);
	return 0;
}

/* In the opener itself, which takes its own ids back. */
static int opener_tries(const char *how)
{
	int error = try(how);

	printf("%s%s\n", error ? strerrorname_np(error) : "ok",
	       ids_are_user(getpid()) ? " user" : "");
	fflush(stdout);
	_exit(0);
}

int main(int argc, char **argv)
{
	const struct pam_conv conversation = { converse, NULL };
	const struct passwd *entry = argc == 5 ? getpwnam(argv[2]) : NULL;
	pam_handle_t *pamh = NULL;
	pid_t child;
	int result;

	if (!entry || pipe(told) || pipe(mapped) ||
	    pam_start(argv[1], argv[2], &conversation, &pamh) != PAM_SUCCESS)
		return 64;
	user = entry->pw_uid;
	result = pam_acct_mgmt(pamh, 0);
	if (result == PAM_SUCCESS)
		result = pam_setcred(pamh, PAM_ESTABLISH_CRED);
	if (result == PAM_SUCCESS)
		result = pam_open_session(pamh, 0);
	/* And on, whatever it was answered. */
	if (result != PAM_SUCCESS)
		printf("refused ");
	fflush(stdout);
	if (strcmp(argv[3], "opener") == 0)
		return opener_tries(argv[4]);
	child = fork();
	if (child == 0)
		child_main(pamh, argv[3], argv[4]);
	setpgid(child, child);
	close(told[1]);
	return watch(child);
}
