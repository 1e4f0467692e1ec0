/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The capabilities that set-uid programs of a session can still get. Not in the static programs: a
 * session of the login shell has no_new_privs and gets none at all.
 */
#ifndef SANDLOCK_BOUNDING_H
#define SANDLOCK_BOUNDING_H

struct plan;

/* Drops what the plan does not list from the bounding and inheritable sets; the calling process
 * keeps what it has itself. -EPERM: it may not, and no_new_privs is not set either. */
int bounding_apply(const struct plan *plan);

#endif
