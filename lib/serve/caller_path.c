/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opens paths as a caller would.
 */
#include "caller_path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"

/* 1: the caller's root is ours, 0: another, or a negative errno. */
static int has_our_root(int root)
{
	struct stat theirs;
	struct stat ours;

	if (fstat(root, &theirs) || stat("/", &ours))
		return -errno;
	return theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

/* In another root only absolute paths: RESOLVE_IN_ROOT would treat the working directory as the
 * root. */
int caller_path_open(const struct caller *caller, const char *path)
{
	const int from = path[0] == '/' ? caller->root : caller->directory;
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS };
	int ours;
	long path_fd;

	if (caller->root < 0 || from < 0)
		return -EACCES;
	ours = has_our_root(caller->root);
	if (ours < 0 || (ours == 0 && path[0] != '/'))
		return -EACCES;
	if (ours == 0)
		how.resolve |= RESOLVE_IN_ROOT;
	path_fd = syscall(__NR_openat2, from, path, &how, sizeof(how));
	return path_fd < 0 ? -errno : (int)path_fd;
}

bool caller_root_is_ours(const struct caller *caller)
{
	return caller->root >= 0 && caller->directory >= 0 && has_our_root(caller->root) == 1;
}
