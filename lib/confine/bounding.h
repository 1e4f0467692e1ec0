/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The capabilities that set-uid programs of a session can still get. Not in the static programs: a
 * session of the login shell has no_new_privs and gets none at all.
 */
#ifndef SANDLOCK_BOUNDING_H
#define SANDLOCK_BOUNDING_H

struct plan;

/* Takes what the plan does not name out of the bounding and inheritable sets; what the calling
 * process has itself it keeps. -EPERM: it may not, and no_new_privs is not set either. */
int bounding_apply(const struct plan *plan);

#endif
