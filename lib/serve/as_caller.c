/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the supervisor takes over while it performs one call.
 */
#include "as_caller.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "caps.h"
#include "util.h"

/* Not by the C library, which would signal threads that there are not. */
static int real_uid_set(uid_t uid)
{
	return syscall(__NR_setresuid, uid, -1, -1) ? -errno : 0;
}

int as_caller_uid(struct as_caller *as_caller, uid_t uid, uid_t own)
{
	int error = real_uid_set(uid);

	as_caller->uid = !error;
	as_caller->uid_before = own;
	return error;
}

int as_caller_directory(struct as_caller *as_caller, int directory)
{
	if (fchdir(directory))
		return -errno;
	as_caller->directory = true;
	return 0;
}

void as_caller_umask(struct as_caller *as_caller, mode_t mask)
{
	as_caller->umask_before = umask(mask);
	as_caller->umask = true;
}

int as_caller_untraced(struct as_caller *as_caller)
{
	int error = caps_set(CAP_BIT(CAP_SYS_PTRACE), 0);

	as_caller->untraced = !error;
	return error;
}

static void directory_leave(void)
{
	cleanup_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root >= 0)
		(void)!fchdir(root);
}

/* What cannot be put back takes rights away from us, and gives none. */
void as_caller_end(struct as_caller *as_caller)
{
	if (as_caller->untraced)
		(void)caps_set(CAP_BIT(CAP_SYS_PTRACE), CAP_BIT(CAP_SYS_PTRACE));
	if (as_caller->umask)
		umask(as_caller->umask_before);
	if (as_caller->directory)
		directory_leave();
	if (as_caller->uid)
		(void)real_uid_set(as_caller->uid_before);
	*as_caller = (struct as_caller){ 0 };
}
