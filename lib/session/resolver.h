/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starts sandlock-resolver for a session whose rules name hosts. No state.
 */
#ifndef SANDLOCK_RESOLVER_H
#define SANDLOCK_RESOLVER_H

#include "plan.h"
#include "spawn.h"

/* The resolver's pid, 0 where no rule names a host, or a negative errno. *ret_socket is our end of
 * what resolution.h describes, or -1. */
pid_t resolver_spawn(const struct plan *plan, int memfd, const struct spawn_ids *ids,
		     int *ret_socket);

#endif
