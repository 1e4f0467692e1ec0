/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receives the trapped calls of one session.
 */
#include "supervise.h"

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "as_caller.h"
#include "nonblocking.h"
#include "ruleset_index.h"
#include "serve.h"

#define CALLS_AT_ONCE 32

static struct outcome pending_serve(struct pending *pending, struct request *request)
{
	struct supervisor *supervisor = container_of(pending, struct supervisor, pending);

	realtime_check(&supervisor->realtime);
	return serve(supervisor, request);
}

static void pending_answer(struct pending *pending, struct request *request,
			   const struct outcome *outcome)
{
	serve_answer(container_of(pending, struct supervisor, pending), request, outcome);
}

static bool pending_is_valid(struct pending *pending, const struct request *request)
{
	return request_is_valid(container_of(pending, struct supervisor, pending), request);
}

static const struct pending_hooks pending_hooks = {
	pending_serve,
	pending_answer,
	pending_is_valid,
};

static void call_serve(struct supervisor *supervisor, const struct notification *call)
{
	struct request request = { .call = *call, .socket_fd = -1 };
	struct outcome outcome;

	supervisor->calls++;
	outcome = serve(supervisor, &request);

	if (pending_waits(&outcome)) {
		if (pending_add(&supervisor->pending, &request, outcome.kind))
			return;
		outcome = serve_fail(supervisor, &request, "wait", "too many pending calls");
	}
	serve_answer(supervisor, &request, &outcome);
}

static bool listener_has_more(int listener)
{
	struct pollfd poll_fd = { .fd = listener, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLIN);
}

/* All that are there are received before the first is served: until then a signal ends them. */
static void listener_ready(struct watch *watch, uint32_t events)
{
	struct supervisor *supervisor = container_of(watch, struct supervisor, listener);
	struct notification calls[CALLS_AT_ONCE];
	uint32_t count = 0;

	if (!(events & EPOLLIN)) {
		/* Hung up: the last process under the filter has ended. */
		loop_stop(supervisor->loop);
		return;
	}
	do {
		if (notify_receive(watch->fd, &calls[count]))
			break;
		count++;
	} while (count < CALLS_AT_ONCE && listener_has_more(watch->fd));
	for (uint32_t i = 0; i < count; i++)
		call_serve(supervisor, &calls[i]);
	realtime_check(&supervisor->realtime);
}

/* In memory of the process's own, not in the plan: no other process could have written it. */
static int ruleset_open(struct ruleset *ruleset)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = ruleset_index_size(ruleset);
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t used;

	if (memory == MAP_FAILED)
		return -errno;
	used = (ruleset_index(ruleset, memory) + page - 1) / page * page;
	if (used < size && munmap(memory + used, size - used))
		return -errno;
	return 0;
}

/* A session can have thousands of calls wait: they are charged to its user, not to the account that
 * all supervisors share. */
static int pending_open_for_user(struct supervisor *supervisor)
{
	cleanup_as_caller struct as_caller as_caller = { 0 };
	int error = as_caller_uid(&as_caller, supervisor->rules.plan->header->uid, supervisor->uid);

	return error ? error : pending_open(&supervisor->pending, supervisor->loop, &pending_hooks);
}

int supervise_open(struct supervisor *supervisor, struct loop *loop, const struct plan *plan,
		   const struct supervise_helpers *helpers)
{
	struct rules *rules = &supervisor->rules;
	int error;

	supervisor->loop = loop;
	supervisor->uid = getuid();
	rules->plan = plan;
	rules->ruleset = plan->ruleset;
	rules->ruleset.hosts = &supervisor->host_names.table;
	/* A supervisor of the user's own uid has no_new_privs above its session. */
	rules->multi_uid = (plan->header->flags & PLAN_SETUID) &&
			   supervisor->uid != plan->header->uid;
	unix_listeners_open(&rules->listeners, plan->header->uid);
	tcp_listeners_open(&rules->tcp_listeners, plan->header->uid);
	copies_open(&supervisor->copies, rules->multi_uid, plan->header->gid);
	error = ruleset_open(&rules->ruleset);
	if (!error)
		error = nonblocking_open();
	if (!error)
		error = pending_open_for_user(supervisor);
	if (!error)
		error = host_names_open(&supervisor->host_names, loop, plan, helpers->resolver);
	if (!error)
		error = private_sockets_open(&rules->private_sockets, loop, helpers->network);
	rules->private_sockets.answers =
		helpers->resolver >= 0 && helpers->network >= 0 &&
		(plan->header->dns == PLAN_DNS_FILTERED || plan->header->dns == PLAN_DNS_HOSTS);
	return error;
}

int supervise_listen(struct supervisor *supervisor, int listener)
{
	notify_prefer_sync(listener);
	supervisor->listener.fd = listener;
	supervisor->listener.ready = listener_ready;
	return loop_add(supervisor->loop, &supervisor->listener, EPOLLIN);
}
