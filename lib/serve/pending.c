/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls that wait. Nothing here blocks, and every slot ends with an answer or its caller's death.
 */
#include "pending.h"

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "compat.h"
#include "freezer.h"
#include "process.h"

#define SWEEP_NS    20000000L /* how late a signal or a stop may reach a waiting caller */
#define SWEEP_CALLS 64        /* calls checked in one sweep; the next one continues after them */
#define SWEEP_LONG \
	5000000      /* ns of one sweep, after which it is continued by the next one: others wait */
#define SWEEP_ASKS 8 /* rounds until the kernel is asked about a caller that seems alive */
#define SLOT_NONE  UINT32_MAX

bool pending_waits(const struct outcome *outcome)
{
	return outcome->kind == OUTCOME_WRITABLE || outcome->kind == OUTCOME_RETRY ||
	       outcome->kind == OUTCOME_MORE;
}

static void timer_set(struct pending *pending, long ns)
{
	const struct itimerspec timer = { { 0, ns }, { 0, ns } };

	timerfd_settime(pending->timer.fd, 0, &timer, NULL);
}

static void slot_unwatch(struct pending_slot *slot)
{
	if (slot->watch.fd < 0)
		return;
	loop_remove(&slot->pending->sockets, &slot->watch);
	slot->watch.fd = -1;
}

static void slot_release(struct pending_slot *slot)
{
	struct pending *pending = slot->pending;

	slot->used = false;
	slot->next_free = pending->free_first;
	pending->free_first = (uint32_t)(slot - pending->slots);
	if (--pending->count == 0)
		timer_set(pending, 0);
}

static void slot_end(struct pending_slot *slot, const struct outcome *outcome)
{
	slot_unwatch(slot);
	slot->pending->hooks->answer(slot->pending, &slot->request, outcome);
	slot_release(slot);
}

static void slot_wait(struct pending_slot *slot, enum outcome_kind kind);

static void slot_serve(struct pending_slot *slot)
{
	struct outcome outcome = slot->pending->hooks->serve(slot->pending, &slot->request);

	if (pending_waits(&outcome))
		slot_wait(slot, outcome.kind);
	else
		slot_end(slot, &outcome);
}

static void slot_ready(struct watch *watch, uint32_t events)
{
	struct pending_slot *slot = container_of(watch, struct pending_slot, watch);

	if (!slot->used)
		return;
	slot_serve(slot);
	/* A condition that does not pass, such as an error about packets in the queue, would wake
	 * us again and again: the sweep checks often enough. */
	if (slot->used && !(events & EPOLLOUT))
		slot_unwatch(slot);
}

/* A slot may still be queued from its last call: that counts as its turn. */
static void slot_queue(struct pending_slot *slot)
{
	struct pending *pending = slot->pending;
	uint32_t index = (uint32_t)(slot - pending->slots);

	if (slot->queued)
		return;
	slot->queued = true;
	slot->next_more = SLOT_NONE;
	if (pending->more_first == SLOT_NONE)
		pending->more_first = index;
	else
		pending->slots[pending->more_last].next_more = index;
	pending->more_last = index;
	loop_take_turns(pending->loop, &pending->more);
}

/* Serves one of the queued calls, the one that has waited longest. */
static void more_ready(struct watch *watch, uint32_t events)
{
	struct pending *pending = container_of(watch, struct pending, more);
	struct pending_slot *slot = &pending->slots[pending->more_first];

	(void)events;
	pending->more_first = slot->next_more;
	if (pending->more_first == SLOT_NONE)
		loop_take_turns(pending->loop, NULL);
	slot->queued = false;
	if (slot->used && slot->more)
		slot_serve(slot);
}

/* What cannot be watched is tried again by the sweep. */
static void slot_wait(struct pending_slot *slot, enum outcome_kind kind)
{
	slot->more = kind == OUTCOME_MORE;
	if (slot->more)
		slot_queue(slot);
	if (kind != OUTCOME_WRITABLE) {
		slot_unwatch(slot);
		return;
	}
	if (slot->watch.fd >= 0)
		return;
	slot->watch.fd = slot->request.socket_fd;
	slot->watch.ready = slot_ready;
	if (loop_add(&slot->pending->sockets, &slot->watch, EPOLLOUT))
		slot->watch.fd = -1;
}

static pid_t tracer_of(pid_t thread)
{
	struct process_status status;

	return process_read_status(thread, &status) ? 0 : status.tracer;
}

/* The `queued` of an earlier call stays. */
bool pending_add(struct pending *pending, const struct request *request, enum outcome_kind kind)
{
	uint32_t index = pending->free_first;
	struct pending_slot *slot;

	if (index != SLOT_NONE)
		pending->free_first = pending->slots[index].next_free;
	else if (pending->fresh < PENDING_MAX)
		index = pending->fresh++;
	else
		return false;
	slot = &pending->slots[index];
	slot->pending = pending;
	slot->request = *request;
	slot->used = true;
	slot->halts = false;
	slot->tracer = tracer_of(request->call.thread);
	slot->watch.fd = -1;
	if (pending->count++ == 0)
		timer_set(pending, SWEEP_NS);
	slot_wait(slot, kind);
	return true;
}

static bool still_waits(const struct outcome *outcome)
{
	return pending_waits(outcome) || outcome->error == EAGAIN ||
	       outcome->error == EINPROGRESS || outcome->error == EALREADY;
}

/* A waiting caller gets no signal but a fatal one until it is answered. A result that exists
 * meanwhile is reported first; a call with a time limit is never restarted. */
static void slot_interrupt(struct pending_slot *slot, int error)
{
	struct outcome outcome;

	slot->request.interrupted = true;
	outcome = slot->pending->hooks->serve(slot->pending, &slot->request);
	if (still_waits(&outcome))
		outcome = outcome_error(slot->request.deadline != 0 ? EINTR : error);
	slot_end(slot, &outcome);
}

/* The process that a sweep looked at last: many threads of one may wait. */
struct sweep {
	pid_t group;
	bool stopping;
	uint64_t blocked; /* signals that its leader blocks */
	bool guessed;
	pid_t asked; /* whether this process is to be frozen */
	bool frozen;
};

static bool sweep_is_frozen(struct sweep *sweep, pid_t group)
{
	if (sweep->asked != group) {
		sweep->asked = group;
		sweep->frozen = freezer_is_on(group);
	}
	return sweep->frozen;
}

static void sweep_look(struct sweep *sweep, pid_t group)
{
	struct process_status status;

	if (sweep->group == group)
		return;
	*sweep = (struct sweep){
		.group = group,
		.stopping = process_is_stopping(group),
		.blocked = UINT64_MAX,
		.asked = sweep->asked,
		.frozen = sweep->frozen,
	};
	if (process_read_status(group, &status) == 0 && status.state != 'Z')
		sweep->blocked = status.blocked;
}

/* The errno that ends the wait of a caller for a signal; 0: it goes on. With ERESTARTSYS the kernel
 * does what it would have done (restart, EINTR, stop), but only in the thread that it chose for the
 * signal: any other one would see this number. A signal for the process goes to the leader unless
 * that blocks it; then it may be any other thread, and only EINTR is safe. */
static int interruption(struct sweep *sweep, const struct request *request,
			const struct process_status *status)
{
	if (status->pending != 0)
		return COMPAT_ERESTARTSYS;
	if (status->threads == 1 || request->call.thread == status->group) {
		if (status->shared != 0)
			return COMPAT_ERESTARTSYS;
		if (status->threads == 1)
			return 0;
	}
	sweep_look(sweep, status->group);
	if (sweep->stopping)
		return COMPAT_ERESTARTSYS;
	if ((status->shared & sweep->blocked) == 0 || sweep->guessed)
		return 0;
	sweep->guessed = true;
	return EINTR;
}

/* A tracer that attaches (PTRACE_INTERRUPT), and a freeze, wait until the thread has stopped; no
 * signal tells of them. The kernel has told the thread by the second look: then it restarts the
 * call after the stop, and nobody sees the number. */
static bool wants_halt(struct sweep *sweep, struct pending_slot *slot,
		       const struct process_status *status)
{
	const bool traced = status->tracer != 0 && status->tracer != slot->tracer;
	const bool halted_before = slot->halts;

	if (status->tracer == 0)
		slot->tracer = 0;
	if (!traced && slot->pending->sweep_round % SWEEP_ASKS != 0)
		return false;
	slot->halts = traced || sweep_is_frozen(sweep, status->group);
	return slot->halts && halted_before;
}

/* The kernel searches a list of all pending calls, which takes longer than the rest of a sweep. So
 * it is asked where the caller seems dead, and otherwise only in some rounds: another thread may
 * have its number by now. */
static bool caller_is_gone(const struct pending_slot *slot, const struct process_status *status)
{
	struct pending *pending = slot->pending;

	if (status->state != '\0' && !strchr("ZX", status->state) &&
	    pending->sweep_round % SWEEP_ASKS != 0)
		return false;
	return !pending->hooks->is_valid(pending, &slot->request);
}

static void slot_sweep(struct sweep *sweep, struct pending_slot *slot)
{
	const struct outcome gone = outcome_gone();
	struct process_status status = { 0 };
	int unreadable = process_read_status(slot->request.call.thread, &status);
	int error;

	if (caller_is_gone(slot, &status)) {
		slot_end(slot, &gone);
		return;
	}
	error = unreadable ? 0 : interruption(sweep, &slot->request, &status);
	if (!unreadable && !error && wants_halt(sweep, slot, &status))
		error = COMPAT_ERESTARTSYS;
	if (error)
		slot_interrupt(slot, error);
	else if ((slot->watch.fd < 0 && !slot->more) || request_is_late(&slot->request))
		slot_serve(slot);
}

static void timer_ready(struct watch *watch, uint32_t events)
{
	struct pending *pending = container_of(watch, struct pending, timer);
	struct sweep sweep = { 0 };
	uint64_t expirations;
	uint64_t end = clock_now_ns() + SWEEP_LONG;
	uint32_t seen = 0;

	(void)events;
	if (read(watch->fd, &expirations, sizeof(expirations)) < 0)
		return;
	for (uint32_t i = 0; i < pending->fresh && seen < SWEEP_CALLS; i++) {
		struct pending_slot *slot;

		if (pending->sweep_next >= pending->fresh) {
			pending->sweep_next = 0;
			pending->sweep_round++;
		}
		slot = &pending->slots[pending->sweep_next++];
		if (!slot->used)
			continue;
		seen++;
		slot_sweep(&sweep, slot);
		if (clock_now_ns() >= end)
			return;
	}
}

static void sockets_ready(struct watch *watch, uint32_t events)
{
	struct pending *pending = container_of(watch, struct pending, sockets_ready);

	(void)events;
	(void)loop_round(&pending->sockets);
}

static int watch_open(struct loop *loop, struct watch *watch, int fd,
		      void (*ready)(struct watch *, uint32_t))
{
	watch->fd = fd;
	watch->ready = ready;
	return fd < 0 ? -errno : loop_add(loop, watch, EPOLLIN);
}

int pending_open(struct pending *pending, struct loop *loop, const struct pending_hooks *hooks)
{
	int error = loop_open(&pending->sockets);

	pending->hooks = hooks;
	pending->loop = loop;
	pending->free_first = SLOT_NONE;
	pending->more_first = SLOT_NONE;
	pending->more.ready = more_ready;
	if (!error)
		error = watch_open(loop, &pending->sockets_ready, pending->sockets.epoll,
				   sockets_ready);
	if (!error)
		error = watch_open(loop, &pending->timer,
				   timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
				   timer_ready);
	return error;
}
