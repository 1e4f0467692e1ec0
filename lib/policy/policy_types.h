/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Types of the whole policy reader: the account, and errors about a policy.
 */
#ifndef SANDLOCK_POLICY_TYPES_H
#define SANDLOCK_POLICY_TYPES_H

#include <stdbool.h>
#include <sys/types.h>

/* Whose session it is; the strings are the caller's. */
struct account {
	const char *name;
	const char *group; /* name of the primary group; "" where unknown */
	const char *home;
	uid_t uid;
	gid_t gid;
	const char *login;              /* the name as the login spelled it; NULL: the same */
	bool (*can_have_network)(void); /* network_namespace.h: costs a process; NULL: it can */
};

/* One message: `file:line: text`, line 0 where no line is meant. Errors refuse the file, warnings
 * do not. */
struct diagnostic {
	bool error;
	unsigned line;
	const char *file;
	const char *text;
};
typedef void (*policy_report)(const struct diagnostic *diagnostic, void *context);

enum policy_flags {
	POLICY_OWN = 1 << 0,   /* the caller, too, may own the file and its directories (a draft) */
	POLICY_LINT = 1 << 1,  /* report warnings as well (`check`), but look at no path */
	POLICY_LINKS = 1 << 2, /* policy_lint_paths: and links that no path is followed through */
};

#endif
