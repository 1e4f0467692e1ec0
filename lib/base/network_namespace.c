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
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sock_diag.h"
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

static uint64_t namespace_of_new(int family)
{
	cleanup_fd int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? 0 : socket_namespace(fd);
}

/* A session inside a session can make no namespace: it has the outer one's. */
static bool sockets_are_private(void)
{
	uint64_t inet = namespace_of_new(AF_INET);
	uint64_t own = namespace_of_new(AF_UNIX);

	return inet != 0 && own != 0 && inet != own;
}

static bool is_possible(bool as_root)
{
	int error;

	if (sockets_are_private())
		return true;
	if (limit_is_zero(NETWORK_LIMIT))
		return false;
	if (as_root && prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN) == 1)
		return true;
	if (limit_is_zero(USER_LIMIT))
		return false;
	error = user_namespace_try();
	return error != EPERM && error != EACCES && error != ENOSYS && error != EINVAL;
}

bool network_namespace_of_user(void)
{
	return is_possible(false);
}

bool network_namespace_of_root(void)
{
	return is_possible(true);
}
