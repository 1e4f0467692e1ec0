/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Serves one session's trapped calls until its last process is gone. Started by the login shell or
 * the PAM module with an empty environment and the start message of handover.h. Distrusts the
 * session; the plan was validated by plan_map, the answers of the resolver are checked one by one.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "allowlist.h"
#include "confine.h"
#include "drop_root.h"
#include "handover.h"
#include "inherited.h"
#include "log.h"
#include "process.h"
#include "relay.h"
#include "supervise.h"
#include "util.h"

#define NUMBER_MAX 24

_Static_assert(INHERITED_DESCRIPTORS >= 4 * PENDING_MAX, "a pending call takes some");

/* The whole process. */
struct session {
	struct failure failure;
	struct start_message start;
	int fds[START_FDS];
	struct plan plan;
	struct loop loop;
	struct relay relay;
	struct supervisor supervisor;
};

static bool is_shell(const struct session *session)
{
	return session->start.mode == START_SHELL;
}

/* Of the session itself: under PAM, that is whoever opens it. */
static int session_socket(const struct session *session)
{
	return session->fds[is_shell(session) ? START_CHILD : START_PARENT];
}

/* The steps of a start, in their order; each is 0 or a negative errno ----------------------- */

static int inherited_drop(struct session *session)
{
	const struct rlimit none = { 0, 0 };
	int error;

	(void)session;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || chdir("/"))
		return -errno;
	error = inherited_reset();
	if (error)
		return error;
	return setrlimit(RLIMIT_FSIZE, &none) ? -errno : 0;
}

static int plan_take(struct session *session)
{
	int error = plan_map(session->fds[START_PLAN], &session->plan);

	close(session->fds[START_PLAN]);
	for (int i = 0; i < HELPERS && !error; i++)
		if (helper_is_needed((enum helper)i, &session->plan) !=
		    (session->fds[START_HELPERS + i] >= 0))
			error = -EPROTO;
	return error;
}

/* Later the allow-list stands in the way. */
static int log_begin(struct session *session)
{
	const struct plan *plan = &session->plan;
	int error = log_open(-1);

	if (error)
		return error;
	log_identify(plan_string(plan, plan->header->user), plan->header->session);
	if (inherited_leftover())
		log_line(LOG_WARNING, "hard limit \"%s\" of this login also limits the supervisor",
			 inherited_leftover());
	return 0;
}

static int ids_drop(struct session *session)
{
	int error = is_shell(session) ? 0 : drop_root(session->start.service_uid, &session->plan);

	/* The change of ids has made it anew. */
	if (!error && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		error = -errno;
	return error;
}

/* While we are root. */
static void realtime_begin(struct session *session)
{
	int error = is_shell(session) ? 0 : realtime_open(&session->supervisor.realtime);

	if (error)
		log_line(LOG_DEBUG, "the supervisor is no real-time process: %s", strerror(-error));
}

static int root_drop(struct session *session)
{
	realtime_begin(session);
	return ids_drop(session);
}

static int ready_send(struct session *session)
{
	return handover_send(session->fds[START_PARENT], HANDOVER_READY, 0);
}

static int loop_fill(struct session *session)
{
	int error = loop_open(&session->loop);

	if (error)
		return error;
	return is_shell(session) ? relay_open(&session->relay, &session->loop,
					      session->fds[START_PARENT], session->start.child)
				 : relay_open_alone(&session->relay, &session->loop);
}

/* The agent's descriptor stays: without it another socket could get the number of its inode, once
 * the agent has gone. */
static int rules_fill(struct session *session)
{
	struct supervisor *supervisor = &session->supervisor;
	struct agent *agent = &supervisor->rules.agent;
	struct stat status;

	supervisor->rules.display = session->start.display;
	supervisor->rules.kernel_binds = !confine_traps_bind(&session->plan);
	agent->known = session->fds[START_AGENT] >= 0 &&
		       fstat(session->fds[START_AGENT], &status) == 0 && S_ISSOCK(status.st_mode);
	if (agent->known) {
		agent->device = status.st_dev;
		agent->inode = status.st_ino;
	}
	return supervise_open(supervisor, &session->loop, &session->plan,
			      &(struct supervise_helpers){
				      .resolver = session->fds[START_HELPERS + HELPER_RESOLVER],
				      .network = session->fds[START_HELPERS + HELPER_NETWORK],
			      });
}

static int filter_load(struct session *session)
{
	(void)session;
	return allowlist_load();
}

/* The listener is fetched and not sent: sending is what the filter traps. */
static int listener_take(struct session *session)
{
	int number;
	int listener;
	int error = handover_await(session_socket(session), "the session", HANDOVER_LISTENER,
				   session->start.deadline_ms, &number, &session->failure);

	if (error)
		return error;
	listener = process_descriptor(session->start.child, number);
	return listener < 0 ? listener : supervise_listen(&session->supervisor, listener);
}

static int gate_take(struct session *session)
{
	return session->start.mode == START_GATE
		       ? gate_open(&session->supervisor.rules.gate, session->start.child)
		       : 0;
}

static int go_send(struct session *session)
{
	int error;

	host_names_await(&session->supervisor.host_names);
	error = handover_send(session->fds[START_PARENT], HANDOVER_GO, session->start.child);
	if (!error && is_shell(session))
		error = handover_send(session->fds[START_CHILD], HANDOVER_GO, session->start.child);
	close(session_socket(session));
	return error;
}

/* The listener comes late: all else is ready by the time the session has confined itself. */
static const struct step {
	int (*run)(struct session *session);
	const char *failure;
} steps[] = {
	{ inherited_drop, "reset its limits and directory" },
	{ plan_take, "read the plan" },
	{ log_begin, "open a socket for the log" },
	{ root_drop, "drop root privileges" },
	{ ready_send, "report that it is ready" },
	{ loop_fill, "watch the session's first process" },
	{ rules_fill, "set up the rules" },
	{ filter_load, "load its own system call filter" },
	{ listener_take, "take over the session's seccomp listener" },
	{ gate_take, "watch the program that opens the session" },
	{ go_send, "report that the session may start" },
};

static int start_run(struct session *session)
{
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		int error = steps[i].run(session);

		if (!error)
			continue;
		if (session->failure.text[0] == '\0')
			(void)failure_set(&session->failure, error, "the supervisor cannot %s",
					  steps[i].failure);
		/* Where it cannot be sent, our end is the news. */
		(void)handover_fail(session->fds[START_PARENT], &session->failure);
		return error;
	}
	return 0;
}

static void begin_log(const struct session *session)
{
	const struct plan *plan = &session->plan;
	const struct start_message *start = &session->start;
	const struct log_field fields[] = {
		{ "service", start->service },
		{ "client", start->client[0] ? start->client : NULL },
		{ "policy", plan_string(plan, plan->header->policy) },
	};

	(void)log_event(LOG_INFO, "session started", fields, ARRAY_SIZE(fields));
}

static void end_log(const struct session *session)
{
	char calls[NUMBER_MAX];
	char refused[NUMBER_MAX];
	const struct log_field fields[] = {
		{ "service", session->start.service },
		{ "trapped", calls },
		{ "refused", refused },
	};

	snprintf(calls, sizeof(calls), "%llu", (unsigned long long)session->supervisor.calls);
	snprintf(refused, sizeof(refused), "%llu", (unsigned long long)session->supervisor.refused);
	(void)log_event(LOG_INFO, "session ended", fields, ARRAY_SIZE(fields));
}

int main(void)
{
	static struct session session;
	int error;

	if (fd_close_from(START_FD + 1) || start_message_open(START_FD, &session.start, session.fds)) {
		log_line(LOG_ERR,
			 "sandlock-supervisor: no valid start message of version %d; only sandlock-shell and "
			 "pam_sandlock can start it",
			 START_VERSION);
		return 2;
	}
	close(START_FD);
	if (start_run(&session))
		return 1;
	begin_log(&session);
	error = loop_run(&session.loop);
	/* Who serves no more must not keep the listener: every call would wait for an answer. */
	if (!error)
		relay_finish(&session.relay);
	denial_flush(&session.supervisor.denials, error ? 1 : DENIALS_TRIES);
	end_log(&session);
	return error ? 1 : 0;
}
