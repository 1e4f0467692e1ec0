/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The supervisor as a real-time process, within a budget.
 */
#include "realtime.h"

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

#define PRIORITY 1

/* The call itself: musl's function refuses to make it. */
static int schedule(int policy, int priority)
{
	const struct sched_param parameters = { .sched_priority = priority };

	return syscall(SYS_sched_setscheduler, 0, policy, &parameters) ? -errno : 0;
}

static uint64_t processor_time(void)
{
	struct timespec time = { 0 };

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

int realtime_open(struct realtime *realtime)
{
	const struct rlimit again = { PRIORITY, PRIORITY };
	int error;

	(void)setrlimit(RLIMIT_RTPRIO, &again);
	error = schedule(SCHED_RR, PRIORITY);
	if (error)
		return error;
	*realtime = (struct realtime){
		.wanted = true,
		.active = true,
		.window = clock_now_ns(),
		.used = processor_time(),
	};
	return 0;
}

enum realtime_change realtime_account(struct realtime *realtime, uint64_t now, uint64_t used)
{
	const uint64_t elapsed = now - realtime->window;
	const uint64_t counted = elapsed > REALTIME_WINDOW_NS ? elapsed : REALTIME_WINDOW_NS;

	if (!realtime->active) {
		if (now < realtime->paused_until)
			return REALTIME_NONE;
		realtime->active = true;
		realtime->window = now;
		realtime->used = used;
		return REALTIME_RESUME;
	}
	/* Nobody looks while there is nothing to do: the window may be longer. */
	if (used - realtime->used > counted / REALTIME_PART) {
		realtime->active = false;
		realtime->paused_until = now + REALTIME_PAUSE_NS;
		return REALTIME_PAUSE;
	}
	if (elapsed >= REALTIME_WINDOW_NS) {
		realtime->window = now;
		realtime->used = used;
	}
	return REALTIME_NONE;
}

/* Without the limit there is no way back: then it stays normal. */
void realtime_check(struct realtime *realtime)
{
	uint64_t now;

	if (!realtime->wanted)
		return;
	now = clock_now_ns();
	if (now - realtime->looked < REALTIME_LOOK_NS)
		return;
	realtime->looked = now;
	switch (realtime_account(realtime, now, processor_time())) {
	case REALTIME_NONE:
		break;
	case REALTIME_PAUSE:
		(void)schedule(SCHED_OTHER, 0);
		break;
	case REALTIME_RESUME:
		realtime->wanted = schedule(SCHED_RR, PRIORITY) == 0;
		break;
	}
}
