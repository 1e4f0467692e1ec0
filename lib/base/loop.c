/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One thread waiting for many descriptors, by epoll. The events it reports are hints.
 */
#include "loop.h"

#include <errno.h>

#define EVENTS_MAX 16

int loop_open(struct loop *loop)
{
	loop->stopped = false;
	loop->turns = NULL;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll < 0 ? -errno : 0;
}

int loop_add(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, watch->fd, &event) ? -errno : 0;
}

/* Explicitly: if others have the descriptor open too, closing our copy would leave it in the
 * set. */
void loop_remove(struct loop *loop, struct watch *watch)
{
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
}

void loop_take_turns(struct loop *loop, struct watch *watch)
{
	loop->turns = watch;
}

int loop_wait(const struct loop *loop, int timeout_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(loop->epoll, events, EVENTS_MAX, timeout_ms);

	if (count < 0 && errno != EINTR)
		return -errno;
	for (int i = 0; i < count; i++) {
		struct watch *watch = events[i].data.ptr;

		watch->ready(watch, events[i].events);
	}
	return 0;
}

int loop_round(const struct loop *loop)
{
	return loop_wait(loop, 0);
}

int loop_run(struct loop *loop)
{
	while (!loop->stopped) {
		int error = loop_wait(loop, loop->turns ? 0 : -1);

		if (error)
			return error;
		if (loop->turns)
			loop->turns->ready(loop->turns, 0);
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
