/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls that wait: each has a slot, and is served again when its socket is writable, when others
 * have been served, or by a sweep, which also checks for signals, stops and the end of its caller,
 * and for its time limit. No allocation.
 */
#ifndef SANDLOCK_PENDING_H
#define SANDLOCK_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "loop.h"
#include "request.h"

/* How many calls may wait at once (2,000 threads in connect to a black hole are 2,000). */
#define PENDING_MAX 4096

struct pending;

/* What the owner of the calls does with them. */
struct pending_hooks {
	/* Serves a call again; it may wait again. */
	struct outcome (*serve)(struct pending *pending, struct request *request);

	/* Ends the call with an outcome that does not wait. */
	void (*answer)(struct pending *pending, struct request *request,
		       const struct outcome *outcome);

	/* True while the caller waits for the answer. */
	bool (*is_valid)(struct pending *pending, const struct request *request);
};

struct pending_slot {
	struct watch watch; /* fd -1: not watched */
	struct pending *pending;
	struct request request;
	bool used;
	bool halts;   /* at the last look a tracer or a freeze waited for it to stop */
	pid_t tracer; /* at the begin; one that comes later wants it to stop */
	bool more;    /* served again after others */
	bool queued;  /* for that */
	uint32_t next_free;
	uint32_t next_more;
};

struct pending {
	const struct pending_hooks *hooks;
	struct loop *loop;
	struct loop sockets; /* what the calls wait for; `loop` watches it */
	struct watch sockets_ready;
	struct watch timer;
	struct watch more; /* in turn with the loop's descriptors, while such calls exist */
	uint32_t more_first;
	uint32_t more_last;
	uint32_t count;
	uint32_t free_first;
	uint32_t fresh; /* slots from here on were never used */
	uint32_t sweep_next;
	uint32_t sweep_round;
	struct pending_slot slots[PENDING_MAX];
};

/* The kernel counts the sockets that are waited for against the real uid of whoever opens this. 0
 * or a negative errno. */
int pending_open(struct pending *pending, struct loop *loop, const struct pending_hooks *hooks);

/* Lets the call wait for `kind` (OUTCOME_WRITABLE, RETRY, MORE) and takes its descriptor over.
 * False where all slots are taken. */
bool pending_add(struct pending *pending, const struct request *request, enum outcome_kind kind);

/* True for an outcome that waits. */
bool pending_waits(const struct outcome *outcome);

#endif
