/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Serves the trapped calls of one session: receives them, runs their stages, lets those wait that
 * must.
 */
#ifndef SANDLOCK_SUPERVISE_H
#define SANDLOCK_SUPERVISE_H

#include "supervisor.h"

/* Our ends of the helpers' sockets; -1: the session has none. */
struct supervise_helpers {
	int resolver; /* resolution.h */
	int network;  /* network_request.h */
};

/* All that can be done while the session still confines itself. Takes the helpers' sockets over. 0
 * or a negative errno. */
int supervise_open(struct supervisor *supervisor, struct loop *loop, const struct plan *plan,
		   const struct supervise_helpers *helpers);

/* Takes `listener` over and serves it from the loop, which ends with the last confined process. */
int supervise_listen(struct supervisor *supervisor, int listener);

#endif
