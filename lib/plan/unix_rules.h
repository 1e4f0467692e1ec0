/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The decision about unix sockets by name: which item of unix_allow allows a path or an abstract
 * name. Pure. A path must be canonical.
 */
#ifndef SANDLOCK_UNIX_RULES_H
#define SANDLOCK_UNIX_RULES_H

#include "plan.h"

enum unix_verdict_kind {
	UNIX_DENY = 0,
	UNIX_ALLOW,
	UNIX_OWN, /* where its server is in the session, or its user's in another one of the user's */
};
struct unix_verdict {
	enum unix_verdict_kind kind;
	const struct plan_socket *item; /* the deciding one; NULL: none */
};

/* `display` is the number of the session's X11 display, -1: none. */
struct unix_verdict unix_rules_decide_path(const struct plan *plan, const char *path, int display);

/* `name` is what follows the leading NUL; it may contain further ones. */
struct unix_verdict unix_rules_decide_abstract(const struct plan *plan, const char *name,
					       size_t length, int display);

#endif
