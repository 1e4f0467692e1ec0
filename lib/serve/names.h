/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The addresses that the policy's host names have, as the resolver tells them. No allocation.
 * Answers come from the network: each is judged, and what is not a global address opens nothing.
 */
#ifndef SANDLOCK_NAMES_H
#define SANDLOCK_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "log_limit.h"
#include "loop.h"
#include "plan.h"

#define NAMES_WAIT_MS \
	500 /* how long an answer may delay a login, or a connection that no rule allows yet */
#define NAMES_ASK_MS 1000 /* the resolver is asked at most so often */

struct names {
	struct loop *loop;
	const struct plan *plan;
	struct watch resolver; /* fd -1: no names, or no resolver any more */
	struct host_table table;
	struct log_limit limit;
	uint64_t asked;   /* monotonic ns */
	uint32_t awaited; /* answers that are due */
};

/* Takes `resolver` over (-1: none), which resolves every name unasked at its start. */
int names_open(struct names *names, struct loop *loop, const struct plan *plan, int resolver);

/* Waits for the first answer of every name, NAMES_WAIT_MS at most. */
void names_await(struct names *names);

/* Asks for every name again, unless that was done a moment ago; true where an answer may still
 * come. */
bool names_ask(struct names *names);
bool names_are_awaited(const struct names *names);

#endif
