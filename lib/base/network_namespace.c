/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tries to make a user namespace in a child: whether that is allowed is decided by sysctls,
 * security modules, containers and chroots, and no file tells the outcome.
 */
#include "network_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

#define USER_LIMIT    "/proc/sys/user/max_user_namespaces"
#define NETWORK_LIMIT "/proc/sys/user/max_net_namespaces"

static bool limit_is_zero(const char *path)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[2] = { 0 };

	return fd >= 0 && read(fd, text, sizeof(text)) > 0 && text[0] == '0' && text[1] == '\n';
}

/* The errno of unshare(2) in a child, or 0; 0 where there can be no child now. */
static int user_namespace_try(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER) ? errno : 0);
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 0;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

bool network_namespace_is_possible(bool as_root)
{
	int error;

	if (limit_is_zero(NETWORK_LIMIT))
		return false;
	if (as_root && prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN) == 1)
		return true;
	if (limit_is_zero(USER_LIMIT))
		return false;
	error = user_namespace_try();
	return error != EPERM && error != EACCES && error != ENOSYS && error != EINVAL;
}
