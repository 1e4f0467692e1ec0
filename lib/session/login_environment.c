/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ssh agent and the X11 display that a login's environment names. Distrusts the values, which
 * the user may have chosen at an earlier login: a socket counts where it is the user's own and an
 * agent serves it, a display where it is a number.
 */
#include "login_environment.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent_holders.h"
#include "compat.h"
#include "log.h"
#include "plan.h"
#include "unix_rules.h"
#include "util.h"

#define PROC_NAME          32
#define TRIES              8
#define DISPLAY_NUMBER_MAX 16

/* Why `own` does not allow the agent; "": nothing is logged. */
static const char *const reasons[] = {
	[AGENT_UNSEEN] = "SSH_AUTH_SOCK is not allowed: its server cannot be determined; to "
			 "allow it list its path in unix_allow",
	[AGENT_DEAD] = "",
	[AGENT_FOREIGN] = "SSH_AUTH_SOCK is not allowed: a process of another user serves "
			  "it; to allow it list its path in unix_allow",
	[AGENT_OTHER] = "SSH_AUTH_SOCK is not allowed: its server is not, or not only, a "
			"known agent; to allow it list its path in unix_allow",
	[AGENT_SERVED] = "",
};

static bool lists_own(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->header->sockets.count; i++)
		if (plan->sockets[i].kind == SOCKET_OWN)
			return true;
	return false;
}

/* Whether the policy allows it anyway, by the path that the supervisor will see. */
static bool is_listed(const struct plan *plan, int fd)
{
	char name[PROC_NAME];
	char path[PATH_MAX];
	ssize_t length;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	length = readlink(name, path, sizeof(path) - 1);
	if (length <= 0)
		return false;
	path[length] = '\0';
	return unix_rules_decide_path(plan, path, -1).kind == UNIX_ALLOW;
}

/* The O_PATH descriptor, and of the status what says which file it is. Nobody is waited for: where
 * the path leads over a file system of the user's or of a server, that may never answer. The kernel
 * has the path of each socket that is bound in its cache. */
static int socket_find(const char *path, struct stat *ret_status)
{
	struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC, .resolve = RESOLVE_CACHED };
	cleanup_fd int fd = -1;

	/* A name that is changed elsewhere meanwhile also makes it give up. */
	for (int i = 0; i < TRIES && fd < 0; i++) {
		fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
		if (fd < 0 && errno != EAGAIN)
			return -errno;
	}
	if (fd < 0)
		return -EAGAIN;
	if (fstatat(fd, "", ret_status, AT_EMPTY_PATH | AT_STATX_DONT_SYNC))
		return -errno;
	return fd_take(&fd);
}

int login_environment_agent(const char *path, const struct plan *plan)
{
	cleanup_fd int fd = -1;
	const struct log_field field = { "path", path };
	enum agent_verdict verdict = AGENT_FOREIGN;
	struct stat status = { 0 };

	if (!path || !lists_own(plan))
		return -1;
	fd = socket_find(path, &status);
	if (fd == -EAGAIN)
		log_event(LOG_NOTICE,
			  "SSH_AUTH_SOCK is not allowed: its path cannot be followed without waiting for "
			  "a file system; to allow it list its path in unix_allow",
			  &field, 1);
	if (fd < 0 || !S_ISSOCK(status.st_mode) || is_listed(plan, fd))
		return -1;
	if (status.st_uid == plan->header->uid)
		verdict = agent_holders_judge(fd, &status, plan->header->uid);
	if (reasons[verdict][0] != '\0')
		log_event(LOG_NOTICE, reasons[verdict], &field, 1);
	return verdict == AGENT_SERVED ? fd_take(&fd) : -1;
}

int login_environment_display(const char *display)
{
	char number[DISPLAY_NUMBER_MAX];
	uint64_t value;

	if (!display)
		return -1;
	if (strncmp(display, "unix:", 5) == 0)
		display += 4;
	if (*display++ != ':')
		return -1;
	snprintf(number, sizeof(number), "%.*s", (int)strcspn(display, "."), display);
	return parse_unsigned(number, UINT16_MAX, &value) ? -1 : (int)value;
}
