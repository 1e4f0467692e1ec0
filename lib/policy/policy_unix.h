/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The items of unix_allow, and the paths of the policy language. Uses the file system only to find
 * a path's canonical name. Distrusts the text, and every user who can write a directory on the way.
 */
#ifndef SANDLOCK_POLICY_UNIX_H
#define SANDLOCK_POLICY_UNIX_H

#include "path.h"
#include "plan.h"
#include "policy_values.h"

struct unix_item {
	enum plan_socket_kind kind;
	char pattern[VALUE_MAX]; /* "" for the words */
};

int unix_item_parse(const char *text, const struct account *account, struct unix_item *ret_item,
		    char why[WHY_MAX]);

/* Expands \xNN and %, and demands an absolute path without `..`; slashes are made single. */
int path_parse(const char *text, const struct account *account, unsigned flags,
	       char ret_path[VALUE_MAX], char why[WHY_MAX]);

/* The name by which the kernel knows `path`, which may be a pattern: then its directories before
 * the first `*`. Symbolic links are followed only in directories that root alone may write: in any
 * other, the session's user could turn one policy's path into another's. From the first such
 * directory, or from what does not exist, the rest stays as written. `untrusted` is as in path.h.
 * -ENAMETOOLONG, -ELOOP. */
int path_canonicalise(const char *path, const struct path_untrusted *untrusted,
		      char ret_path[VALUE_MAX]);

#endif
