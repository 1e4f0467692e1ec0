/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * With whose rights a login reads the policies, and doing so: root could read what they cannot.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <link.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "accounts.h"
#include "ctl.h"
#include "start_wait.h"
#include "util.h"

#define SERVICE_USER "_sandlock"
#define NOBODY       65534

/* Without groups, as the PAM module starts the planner. */
static int become_service(void)
{
	cleanup_free char *storage = NULL;
	struct passwd entry;
	uid_t uid = NOBODY;
	gid_t gid = NOBODY;

	/* Where it is not there, nobody in particular reads. */
	if (user_by_name(SERVICE_USER, &entry, &storage) == 0 && entry.pw_uid != 0) {
		uid = entry.pw_uid;
		gid = entry.pw_gid;
	}
	return setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid);
}

static int become_user(const struct account *account)
{
	return initgroups(account->name, account->gid) ||
	       setresgid(account->gid, account->gid, account->gid) ||
	       setresuid(account->uid, account->uid, account->uid);
}

/* Those whose shell confines come by PAM, too, where any service calls the module. */
static bool module_is_used(void)
{
	DIR *stream = opendir("/etc/pam.d");
	const struct dirent *entry;
	bool found = false;

	while (stream && !found && (entry = readdir(stream))) {
		int fd = openat(dirfd(stream), entry->d_name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		cleanup_file FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
		cleanup_free char *line = NULL;
		size_t size = 0;

		if (fd >= 0 && !file)
			close(fd);
		while (file && !found && getline(&line, &size, file) >= 0)
			found = strstr(line, "pam_sandlock") && line[strspn(line, " \t")] != '#';
	}
	if (stream)
		closedir(stream);
	return found;
}

/* The first library of this process that it could not load now. */
static int library_try(struct dl_phdr_info *info, size_t size, void *context)
{
	const char **ret_name = context;

	(void)size;
	if (info->dlpi_name[0] != '/' || access(info->dlpi_name, R_OK) == 0)
		return 0;
	*ret_name = info->dlpi_name;
	return 1;
}

/* Libraries of name services that root has loaded are there already. */
static int work_do(int (*work)(void *), void *context)
{
	const char *library = NULL;

	if (dl_iterate_phdr(library_try, (void *)&library) != 0)
		return ctl_error("library %s cannot be loaded: uid %u may not read it, expected mode "
				 "0644: chmod 0644 %s",
				 library, (unsigned)geteuid(), library);
	return work(context);
}

/* A process with the user's uid is the user's to stop, as is the file system that it looks at. A
 * login would be refused by then. */
static int end_await(pid_t pid)
{
	cleanup_fd int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int error = pidfd < 0 ? -errno : start_await(pidfd, start_deadline());

	if (!error)
		return 0;
	/* Not waited for yet, it still has its number. What is not gone then, is left to init. */
	kill(pid, SIGKILL);
	if (pidfd >= 0)
		(void)start_await(pidfd, start_now_ms() + START_END_MS);
	return error;
}

static int status_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return ctl_error("waitpid: %m");
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : ctl_error("the process that reads the policies was killed");
}

/* The service user's rights where `person` is NULL. */
static int run_as(const struct person *person, int (*work)(void *), void *context)
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return ctl_error("fork: %m");
	if (pid > 0 && person && end_await(pid))
		return ctl_error("reading with the rights of %s took longer than 15 s and was "
				 "stopped; does a file system not answer?",
				 person->account.name);
	if (pid > 0)
		return status_wait(pid);
	if (person ? become_user(&person->account) : become_service())
		status = ctl_error("cannot switch to the account that a login reads policies as: %m");
	else
		status = work_do(work, context);
	fflush(NULL);
	_exit(status);
}

int reader_run(enum reader reader, const struct person *person, int (*work)(void *), void *context)
{
	/* A draft may be root's own, who sees everything. */
	bool user = reader == READER_USER && person->account.uid != 0;

	if (geteuid() != 0)
		return work(context);
	/* What the service user may read everybody may; it is the stricter one of two. */
	if (reader == READER_LOGIN && person)
		user = shell_is_ours(person->shell) && !module_is_used();
	return run_as(user ? person : NULL, work, context);
}
