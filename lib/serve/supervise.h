/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Serves the trapped calls of one session: receives them, runs their stages, lets those wait that
 * must.
 */
#ifndef SANDLOCK_SUPERVISE_H
#define SANDLOCK_SUPERVISE_H

#include "supervisor.h"

/* Everything that can be done while the session still confines itself. Takes `resolver` over (-1:
 * none). 0 or a negative errno. */
int supervise_open(struct supervisor *supervisor, struct loop *loop, const struct plan *plan,
		   int resolver);

/* Takes `listener` over and serves it from the loop, which ends with the last confined process. */
int supervise_listen(struct supervisor *supervisor, int listener);

#endif
