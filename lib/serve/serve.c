/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One trapped call from notification to outcome. Deny first: what no stage has allowed is refused.
 */
#include "serve.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "clock.h"
#include "fetch.h"
#include "judge.h"
#include "nonblocking.h"
#include "perform.h"
#include "trapped.h"
#include "util.h"

#define TURN_NS 250000 /* of one sendmmsg, before others are served */

struct stages {
	int call;
	enum trap_when when;
	const char *operation;
	int (*fetch)(struct copies *copies, struct request *request);
	void (*judge)(struct rules *rules, const struct copies *copies, struct request *request,
		      struct judgement *judgement);
	struct outcome (*perform)(struct supervisor *supervisor, struct request *request);
};

#define SERVE_ROW(name, when, fetch, judge, perform) \
	{ __NR_##name, when, #name, fetch_##fetch, judge_##judge, perform_##perform },
static const struct stages table[] = { TRAPPED_CALLS(SERVE_ROW) };
#undef SERVE_ROW

static const struct stages *stages_find(const struct request *request)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].call == request->call.call)
			return &table[i];
	return NULL;
}

/* Where the call leads; false where that is no internet address. */
static bool destination_of(const struct request *request, struct address *ret_address)
{
	struct endpoint endpoint;

	if ((request->kind.domain != AF_INET && request->kind.domain != AF_INET6) ||
	    endpoint_from_sockaddr(&request->address.storage, request->length, &endpoint))
		return false;
	*ret_address = endpoint.address;
	return true;
}

/* The program is logged only if the caller still exists. */
static struct outcome refuse(struct supervisor *supervisor, const struct request *request,
			     const char *operation, const struct judgement *judgement)
{
	struct denial denial = {
		.operation = operation,
		.protocol = judgement->protocol,
		.destination = judgement->destination,
		.rule = judgement->rule,
		.reason = judgement->reason,
		.minor = judgement->is_minor,
	};
	struct caller *caller = &supervisor->copies.caller;
	struct address address;

	if (judgement->is_mistake)
		return outcome_error(judgement->error);
	supervisor->refused++;
	if (destination_of(request, &address))
		denial.name = host_names_find(&supervisor->host_names, &address);
	caller_fetch_status(caller, request->call.thread);
	if (!request_is_valid(supervisor, request))
		caller->known = false;
	denial_log(&supervisor->denials, supervisor->rules.plan, request->call.thread,
		   caller->known ? &caller->status : NULL, &denial);
	return outcome_error(judgement->error);
}

struct outcome serve_fail(struct supervisor *supervisor, const struct request *request,
			  const char *operation, const char *reason)
{
	struct judgement judgement = judgement_none;

	judgement_fail(&judgement, socket_protocol_name(&request->kind), reason);
	return refuse(supervisor, request, operation, &judgement);
}

/* Host names are requested again, once for each call. */
static bool names_may_allow(struct supervisor *supervisor, struct request *request)
{
	struct address address;

	if (request->refreshed || !destination_of(request, &address))
		return host_names_are_awaited(&supervisor->host_names);
	request->refreshed = true;
	return host_names_refresh(&supervisor->host_names, &address);
}

static struct outcome perform(struct supervisor *supervisor, struct request *request,
			      const struct stages *stages)
{
	struct address address;

	/* A private socket connects to nobody there: libc only sorts addresses. */
	if (destination_of(request, &address) && !judge_is_private(&supervisor->rules, request))
		host_names_keep(&supervisor->host_names, &address);
	return stages->perform(supervisor, request);
}

static struct outcome perform_or_refuse(struct supervisor *supervisor, struct request *request,
					const struct stages *stages,
					const struct judgement *judgement)
{
	struct outcome outcome;

	switch (judgement->kind) {
	case JUDGEMENT_ALLOWED:
		/* Walking a path can take long. */
		if (judgement->path_fd >= 0 && !request_is_valid(supervisor, request))
			return outcome_gone();
		return perform(supervisor, request, stages);
	case JUDGEMENT_PRIVATE:
		return perform_connect_private(supervisor, request);
	case JUDGEMENT_LATER:
		if (names_may_allow(supervisor, request))
			return (struct outcome){ .kind = OUTCOME_RETRY };
		break;
	case JUDGEMENT_REFUSED:
		break;
	}
	outcome = refuse(supervisor, request, stages->operation, judgement);
	return judgement->kernel_first ? perform_send_refused(supervisor, request, &outcome)
				       : outcome;
}

/* Messages that were sent before the failure are reported first, as the kernel does. */
static struct outcome fetch_failed(const struct request *request, int error)
{
	return request->progress > 0 ? outcome_value((int64_t)request->progress)
				     : outcome_error(error);
}

static struct outcome run_stages(struct supervisor *supervisor, struct request *request,
				 const struct stages *stages)
{
	struct judgement judgement = judgement_none;
	struct outcome outcome;
	int error = stages->fetch(&supervisor->copies, request);

	if (!request_is_valid(supervisor, request))
		return outcome_gone();
	if (supervisor->copies.caller.error)
		return serve_fail(supervisor, request, stages->operation,
				  strerror(-supervisor->copies.caller.error));
	if (error)
		return fetch_failed(request, error);
	if (request->kind.domain != AF_UNIX)
		host_names_update(&supervisor->host_names);
	stages->judge(&supervisor->rules, &supervisor->copies, request, &judgement);
	outcome = perform_or_refuse(supervisor, request, stages, &judgement);
	util_cleanup_fd(&judgement.path_fd);
	return outcome;
}

/* One message of several. A signal ends the call between two. */
static struct outcome run_message(struct supervisor *supervisor, struct request *request,
				  const struct stages *stages)
{
	struct outcome outcome;

	if (request->messages > 0 && request->interrupted)
		return outcome_value(request->messages);
	outcome = run_stages(supervisor, request, stages);
	if (outcome.kind == OUTCOME_ANSWER && !outcome.error)
		outcome = perform_message_end(supervisor, request, &outcome);
	copies_forget_message(&supervisor->copies);
	if (outcome.kind == OUTCOME_ANSWER && outcome.error && request->messages > 0)
		return outcome_value(request->messages);
	return outcome;
}

/* Many messages may take long: others are served between two of them. */
static struct outcome run_messages(struct supervisor *supervisor, struct request *request,
				   const struct stages *stages)
{
	const uint64_t end = clock_now_ns() + TURN_NS;
	struct outcome outcome;

	do {
		outcome = run_message(supervisor, request, stages);
	} while (outcome.kind == OUTCOME_NEXT && clock_now_ns() < end);
	if (outcome.kind == OUTCOME_NEXT)
		outcome.kind = OUTCOME_MORE;
	return outcome;
}

/* The PAM caller of a gate performs its own calls; but it, too, can become the user only when
 * confined. */
static struct outcome run_call(struct supervisor *supervisor, struct request *request)
{
	const struct stages *stages = stages_find(request);

	if (!stages)
		return outcome_error(EACCES);
	if (stages->when < TRAP_GATE_FIRST &&
	    gate_is_pam_caller(&supervisor->rules.gate, &request->call))
		return (struct outcome){ .kind = OUTCOME_CONTINUE };
	return stages->call == __NR_sendmmsg ? run_messages(supervisor, request, stages)
					     : run_stages(supervisor, request, stages);
}

struct outcome serve(struct supervisor *supervisor, struct request *request)
{
	struct outcome outcome = run_call(supervisor, request);

	copies_forget(&supervisor->copies);
	return outcome;
}

void serve_answer(struct supervisor *supervisor, struct request *request,
		  const struct outcome *outcome)
{
	/* Our copy is closed first: after the answer the caller's close would no longer be the last
	 * one. */
	nonblocking_close(request->socket_fd);
	request->socket_fd = -1;
	switch (outcome->kind) {
	case OUTCOME_CONTINUE:
		notify_continue(supervisor->listener.fd, request->call.id);
		break;
	case OUTCOME_GONE:
		break;
	case OUTCOME_ANSWER:
		notify_answer(supervisor->listener.fd, request->call.id, outcome->value,
			      outcome->error);
		break;
	case OUTCOME_WRITABLE:
	case OUTCOME_RETRY:
	case OUTCOME_MORE:
	case OUTCOME_NEXT:
		notify_answer(supervisor->listener.fd, request->call.id, 0, EACCES);
		break;
	}
}
