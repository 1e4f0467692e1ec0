/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The addresses of the policy's host names, as the resolver reports them. No allocation. Answers
 * come from the network: each is checked, and an address that is not global allows nothing.
 */
#ifndef SANDLOCK_HOST_NAMES_H
#define SANDLOCK_HOST_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "log_limit.h"
#include "loop.h"
#include "plan.h"

/* How long an answer may delay a login, or a connection that no rule allows yet. */
#define HOST_NAMES_WAIT_MS 500

/* The shortest time between two requests to the resolver. */
#define HOST_NAMES_REFRESH_MS 1000

struct host_names {
	struct loop *loop;
	const struct plan *plan;
	struct watch resolver; /* fd -1: no host names, or the resolver has exited */
	struct host_table table;
	struct log_limit limit;
	uint64_t refreshed; /* monotonic ns */
	uint32_t awaited;   /* answers that are due */
};

/* Takes `resolver` over (-1: none), which resolves every name at its start without a request. */
int host_names_open(struct host_names *names, struct loop *loop, const struct plan *plan,
		    int resolver);

/* Waits for the first answer of every name, HOST_NAMES_WAIT_MS at most. */
void host_names_await(struct host_names *names);

/* Requests every name again, unless that was done a moment ago; true where an answer is still
 * due. */
bool host_names_refresh(struct host_names *names);
bool host_names_are_awaited(const struct host_names *names);

#endif
