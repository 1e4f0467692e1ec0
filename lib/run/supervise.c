/*
 * Serves the trapped calls of one session: receives, has them served, holds those that wait,
 * answers. Called by sandlock-supervisor through loop. Distrusts the session; nothing here may
 * block, and every way out of a call is an answer or its caller's death.
 */
#include "supervise.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "compat.h"
#include "ruleset_index.h"
#include "serve.h"
#include "target.h"
#include "util.h"

#define SWEEP_NS    20000000L /* how late a signal or a stop may reach a held caller */
#define SWEEP_CALLS 64        /* looked at in one sweep; the next one goes on behind them */
#define SWEEP_LONG  5000000   /* ns of one sweep, after which the next one goes on: others wait */
#define SWEEP_ASKS  8         /* rounds until the kernel is asked after a caller that seems well */
#define SLOT_NONE   UINT32_MAX

#define SERVE_ROW(name, when) { __NR_##name, when, serve_##name },
static const struct {
	int call;
	enum trap_when when;
	struct outcome (*serve)(struct supervisor *supervisor, struct request *request);
} served[] = { TRAPPED_CALLS(SERVE_ROW) };
#undef SERVE_ROW

/* The opener, too, becomes the user only where it is confined as he is. */
static bool asks_the_gate(enum trap_when when)
{
	return when >= TRAP_GATE_FIRST;
}

static struct outcome serve_row(struct supervisor *supervisor, struct request *request)
{
	for (size_t i = 0; i < ARRAY_SIZE(served); i++) {
		if (served[i].call != request->call.call)
			continue;
		if (!asks_the_gate(served[i].when) &&
		    gate_is_opener(&supervisor->gate, &request->call))
			return (struct outcome){ .kind = OUTCOME_CONTINUE };
		return served[i].serve(supervisor, request);
	}
	return outcome_error(EACCES);
}

static struct outcome serve(struct supervisor *supervisor, struct request *request)
{
	struct outcome outcome = serve_row(supervisor, request);

	caller_forget(&supervisor->caller);
	return outcome;
}

static bool goes_on(const struct outcome *outcome)
{
	return outcome->kind == OUTCOME_WRITABLE || outcome->kind == OUTCOME_RETRY ||
	       outcome->kind == OUTCOME_MORE;
}

static void timer_set(struct supervisor *supervisor, long ns)
{
	const struct itimerspec timer = { { 0, ns }, { 0, ns } };

	timerfd_settime(supervisor->timer.fd, 0, &timer, NULL);
}

static void request_finish(struct supervisor *supervisor, struct request *request,
			   const struct outcome *outcome)
{
	/* Our copy goes first: after the answer the caller's close would no longer be the last
	 * one. */
	serve_close(request->socket);
	request->socket = -1;
	if (outcome->kind == OUTCOME_CONTINUE)
		notify_continue(supervisor->listener.fd, request->call.id);
	else if (outcome->kind != OUTCOME_GONE)
		notify_answer(supervisor->listener.fd, request->call.id, outcome->value,
			      outcome->error);
}

static void held_unwatch(struct held *held)
{
	if (held->watch.fd < 0)
		return;
	loop_remove(&held->supervisor->waiting, &held->watch);
	held->watch.fd = -1;
}

static void held_release(struct held *held)
{
	struct supervisor *supervisor = held->supervisor;

	held->used = false;
	held->next_free = supervisor->free_first;
	supervisor->free_first = (uint32_t)(held - supervisor->held);
	if (--supervisor->held_count == 0)
		timer_set(supervisor, 0);
}

static void held_end(struct held *held, const struct outcome *outcome)
{
	held_unwatch(held);
	request_finish(held->supervisor, &held->request, outcome);
	held_release(held);
}

static void held_wait(struct held *held, enum outcome_kind kind);

static void held_go_on(struct held *held)
{
	struct outcome outcome = serve(held->supervisor, &held->request);

	if (goes_on(&outcome))
		held_wait(held, outcome.kind);
	else
		held_end(held, &outcome);
}

static void held_ready(struct watch *watch, uint32_t events)
{
	struct held *held = container_of(watch, struct held, watch);

	if (!held->used)
		return;
	held_go_on(held);
	/* What does not pass, as an error in the queue that tells of packets, would wake us for
	 * ever: the sweep looks often enough. */
	if (held->used && !(events & EPOLLOUT))
		held_unwatch(held);
}

/* A place may be queued from its last call still: that is its turn too. */
static void held_queue(struct held *held)
{
	struct supervisor *supervisor = held->supervisor;
	uint32_t place = (uint32_t)(held - supervisor->held);

	if (held->queued)
		return;
	held->queued = true;
	held->next_more = SLOT_NONE;
	if (supervisor->more_first == SLOT_NONE)
		supervisor->more_first = place;
	else
		supervisor->held[supervisor->more_last].next_more = place;
	supervisor->more_last = place;
	loop_take_turns(supervisor->loop, &supervisor->more);
}

/* One call of those that go on, the one that has waited longest. */
static void more_ready(struct watch *watch, uint32_t events)
{
	struct supervisor *supervisor = container_of(watch, struct supervisor, more);
	struct held *held = &supervisor->held[supervisor->more_first];

	(void)events;
	supervisor->more_first = held->next_more;
	if (supervisor->more_first == SLOT_NONE)
		loop_take_turns(supervisor->loop, NULL);
	held->queued = false;
	if (held->used && held->more)
		held_go_on(held);
}

/* What cannot be watched is tried again by the sweep. */
static void held_wait(struct held *held, enum outcome_kind kind)
{
	held->more = kind == OUTCOME_MORE;
	if (held->more)
		held_queue(held);
	if (kind != OUTCOME_WRITABLE) {
		held_unwatch(held);
		return;
	}
	if (held->watch.fd >= 0)
		return;
	held->watch.fd = held->request.socket;
	held->watch.ready = held_ready;
	if (loop_add(&held->supervisor->waiting, &held->watch, EPOLLOUT))
		held->watch.fd = -1;
}

static void request_hold(struct supervisor *supervisor, struct request *request,
			 enum outcome_kind kind)
{
	uint32_t place = supervisor->free_first;
	struct held *held;

	if (place != SLOT_NONE) {
		supervisor->free_first = supervisor->held[place].next_free;
	} else if (supervisor->fresh < SUPERVISE_HELD_MAX) {
		place = supervisor->fresh++;
	} else {
		const struct outcome full =
			serve_fail(supervisor, request, "wait", "too many held calls");

		request_finish(supervisor, request, &full);
		return;
	}
	held = &supervisor->held[place];
	held->supervisor = supervisor;
	held->request = *request;
	held->used = true;
	held->watch.fd = -1;
	if (supervisor->held_count++ == 0)
		timer_set(supervisor, SWEEP_NS);
	held_wait(held, kind);
}

static void listener_ready(struct watch *watch, uint32_t events)
{
	struct supervisor *supervisor = container_of(watch, struct supervisor, listener);
	struct request request = { .socket = -1 };
	struct outcome outcome;

	if (!(events & EPOLLIN)) {
		/* Hung up: the last process under the filter is gone. */
		loop_stop(supervisor->loop);
		return;
	}
	if (notify_receive(watch->fd, &request.call))
		return;
	outcome = serve(supervisor, &request);
	if (goes_on(&outcome))
		request_hold(supervisor, &request, outcome.kind);
	else
		request_finish(supervisor, &request, &outcome);
}

static bool is_waiting(const struct outcome *outcome)
{
	return goes_on(outcome) || outcome->error == EAGAIN || outcome->error == EINPROGRESS ||
	       outcome->error == EALREADY;
}

/* A held caller sees no signal but death until it is answered. What has come about meanwhile is
 * told first; a call with a time limit is never restarted. */
static void held_interrupt(struct held *held, int error)
{
	struct outcome outcome;

	held->request.interrupted = true;
	outcome = serve(held->supervisor, &held->request);
	if (is_waiting(&outcome))
		outcome = outcome_error(held->request.deadline != 0 ? EINTR : error);
	held_end(held, &outcome);
}

/* What one sweep has learnt of the process that it looked at last: many threads of one may be
 * held. */
struct sweep {
	pid_t group;
	bool stopping;
	uint64_t blocked; /* signals that its leader will not take */
	bool guessed;
};

static void sweep_look(struct sweep *sweep, pid_t group)
{
	struct target_status status;

	if (sweep->group == group)
		return;
	*sweep = (struct sweep){
		.group = group,
		.stopping = target_is_stopping(group),
		.blocked = UINT64_MAX,
	};
	if (target_read_status(group, &status) == 0 && status.state != 'Z')
		sweep->blocked = status.blocked;
}

/* How the wait of a held caller ends for a signal; 0: not at all. ERESTARTSYS has the kernel do
 * what it would have done - restart, EINTR, stop -, but only in the thread that it chose for the
 * signal: any other one would see this number. One for the process goes to the leader unless that
 * blocks it; then it may be any other thread, and only EINTR is safe. */
static int interruption(struct sweep *sweep, const struct request *request,
			const struct target_status *status)
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

/* The kernel looks for a call in a list of all that are held, which takes longer than the rest of a
 * sweep. So it is asked where the caller seems dead, and else in some rounds only: another thread
 * may have its number by now. */
static bool caller_is_gone(const struct held *held, const struct target_status *status)
{
	const struct supervisor *supervisor = held->supervisor;

	if (status->state != '\0' && !strchr("ZX", status->state) &&
	    supervisor->sweep_round % SWEEP_ASKS != 0)
		return false;
	return !notify_is_held(supervisor->listener.fd, held->request.call.id);
}

static void held_sweep(struct sweep *sweep, struct held *held)
{
	const struct outcome gone = outcome_gone();
	struct target_status status = { 0 };
	int unreadable = target_read_status(held->request.call.thread, &status);
	int error;

	if (caller_is_gone(held, &status)) {
		held_end(held, &gone);
		return;
	}
	error = unreadable ? 0 : interruption(sweep, &held->request, &status);
	if (error)
		held_interrupt(held, error);
	else if ((held->watch.fd < 0 && !held->more) || serve_is_late(&held->request))
		held_go_on(held);
}

static void timer_ready(struct watch *watch, uint32_t events)
{
	struct supervisor *supervisor = container_of(watch, struct supervisor, timer);
	struct sweep sweep = { 0 };
	uint64_t expirations;
	uint64_t end = clock_now_ns() + SWEEP_LONG;
	uint32_t seen = 0;

	(void)events;
	if (read(watch->fd, &expirations, sizeof(expirations)) < 0)
		return;
	for (uint32_t i = 0; i < supervisor->fresh && seen < SWEEP_CALLS; i++) {
		struct held *held;

		if (supervisor->sweep_next >= supervisor->fresh) {
			supervisor->sweep_next = 0;
			supervisor->sweep_round++;
		}
		held = &supervisor->held[supervisor->sweep_next++];
		if (!held->used)
			continue;
		seen++;
		held_sweep(&sweep, held);
		if (clock_now_ns() >= end)
			return;
	}
}

static int watch_open(struct supervisor *supervisor, struct watch *watch, int fd,
		      void (*ready)(struct watch *, uint32_t))
{
	watch->fd = fd;
	watch->ready = ready;
	return loop_add(supervisor->loop, watch, EPOLLIN);
}

static void waiting_ready(struct watch *watch, uint32_t events)
{
	struct supervisor *supervisor = container_of(watch, struct supervisor, waiting_watch);

	(void)events;
	(void)loop_round(&supervisor->waiting);
}

/* The kernel counts what an epoll watches for the real uid of whoever made it. A session has
 * thousands of calls wait if it likes: those count for its user, and not for the account that all
 * supervisors share. */
static int waiting_open(struct supervisor *supervisor)
{
	const uid_t user = supervisor->plan->header->uid;
	const bool shared = supervisor->uid != user;
	int error;

	if (shared && syscall(__NR_setresuid, user, -1, -1))
		return -errno;
	error = loop_open(&supervisor->waiting);
	if (shared && syscall(__NR_setresuid, supervisor->uid, -1, -1))
		return -errno;
	return error ? error
		     : watch_open(supervisor, &supervisor->waiting_watch, supervisor->waiting.epoll,
				  waiting_ready);
}

/* The memory is the process's own, not the plan's: nobody else could have written it. */
static int ruleset_open(struct supervisor *supervisor)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = ruleset_index_size(&supervisor->ruleset);
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t used;

	if (memory == MAP_FAILED)
		return -errno;
	used = (ruleset_index(&supervisor->ruleset, memory) + page - 1) / page * page;
	if (used < size && munmap(memory + used, size - used))
		return -errno;
	return 0;
}

int supervise_open(struct supervisor *supervisor, struct loop *loop, const struct plan *plan,
		   int resolver)
{
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int error;

	if (timer < 0)
		return -errno;
	supervisor->loop = loop;
	supervisor->plan = plan;
	supervisor->ruleset = plan->ruleset;
	supervisor->ruleset.hosts = &supervisor->names.table;
	supervisor->uid = getuid();
	/* A supervisor of the user's own uid has no_new_privs above its session. */
	supervisor->mixed = (plan->header->flags & PLAN_SETUID) &&
			    supervisor->uid != plan->header->uid;
	supervisor->free_first = SLOT_NONE;
	supervisor->more_first = SLOT_NONE;
	supervisor->more.ready = more_ready;
	caller_open(&supervisor->caller);
	unix_listeners_open(&supervisor->listeners, plan->header->uid);
	error = waiting_open(supervisor);
	if (!error)
		error = ruleset_open(supervisor);
	if (!error)
		error = serve_begin();
	if (!error)
		error = watch_open(supervisor, &supervisor->timer, timer, timer_ready);
	if (!error)
		error = names_open(&supervisor->names, loop, plan, resolver);
	return error;
}

int supervise_listen(struct supervisor *supervisor, int listener)
{
	notify_prefer_sync(listener);
	return watch_open(supervisor, &supervisor->listener, listener, listener_ready);
}
