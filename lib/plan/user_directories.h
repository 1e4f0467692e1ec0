/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The directories that a session's user may write: the home, and those for temporary files. No
 * symbolic link in them counts as root's.
 */
#ifndef SANDLOCK_USER_DIRECTORIES_H
#define SANDLOCK_USER_DIRECTORIES_H

#include <sys/types.h>

#include "path.h"
#include "plan.h"

struct user_directories {
	const char *home; /* canonical, or "" */
	uid_t uid;
};

/* What path_open() and path_name() take. */
struct path_untrusted user_directories_as_untrusted(const struct user_directories *directories);

/* path_open() of a path of the plan's [filesystem]. */
int user_directories_open_path(const struct plan *plan, const char *path, struct path_end *ret_end);

#endif
