/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The supervisor as a real-time process, within a budget. A signal ends a trapped call that the
 * supervisor has not received yet, so it has to run soon; but what it does is the session's choice,
 * which must not keep others from a processor.
 */
#ifndef SANDLOCK_REALTIME_H
#define SANDLOCK_REALTIME_H

#include <stdbool.h>
#include <stdint.h>

#define REALTIME_WINDOW_NS 100000000 /* at least; of it the process may use a fifth */
#define REALTIME_PART      5
#define REALTIME_PAUSE_NS  1000000000 /* normal for so long where it has used more */
#define REALTIME_LOOK_NS   1000000    /* the processor time is asked for no more often */

struct realtime {
	bool wanted; /* all zero: an ordinary process, for good */
	bool active;
	uint64_t looked;       /* the times below: monotonic ns */
	uint64_t window;       /* begin */
	uint64_t used;         /* processor ns at that */
	uint64_t paused_until; /* where it is not active */
};

/* Makes this process SCHED_RR, the lowest priority of it. Needs CAP_SYS_NICE; with CAP_SYS_RESOURCE
 * it may become so again after a pause. 0 or a negative errno, after which it stays as it is. */
int realtime_open(struct realtime *realtime);

enum realtime_change {
	REALTIME_NONE = 0,
	REALTIME_PAUSE,
	REALTIME_RESUME,
};

/* What the budget says at `now`, `used` being the processor time until then. Pure. */
enum realtime_change realtime_account(struct realtime *realtime, uint64_t now, uint64_t used);

/* Keeps to the budget. Call it as often as there is something to do. */
void realtime_check(struct realtime *realtime);

#endif
