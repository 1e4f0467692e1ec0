/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session that a PAM program opens. Distrusts the look-ups of accounts and groups: if one fails,
 * the login is refused.
 */
#include "login.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "accounts.h"
#include "bounding.h"
#include "confine.h"
#include "log.h"
#include "login_environment.h"
#include "login_supervisor.h"
#include "nested.h"
#include "planner.h"
#include "rlimits.h"
#include "start_wait.h"
#include "util.h"

#define GROUPS_MAX 65536 /* NGROUPS_MAX of Linux */
#define NOBODY     65534 /* also the kernel's number for uids that a namespace lacks */

/* A login while it starts. */
struct start {
	const struct login_request *request;
	struct login *login;
	int64_t deadline_ms;
	struct spawn_ids user;    /* its uid is the user's */
	struct spawn_ids service; /* without groups */
	gid_t *groups;            /* of user */
	bool threads;             /* the PAM caller has several */
	int memfd;
	int agent; /* O_PATH of the ssh agent's socket */
	struct login_supervisor supervisor;
};

static int refuse(const struct start *start, const char *what, int error)
{
	const char *reason = error ? strerror(-error) : "";
	const char *colon = error ? ": " : "";

	log_line(LOG_ERR, "login refused: %s%s%s", what, colon, reason);
	if (start->request->why)
		snprintf(start->request->why, LOGIN_WHY_MAX, "%s%s%s", what, colon, reason);
	return error ? error : -EACCES;
}

static int account_find(const char *name, struct spawn_ids *ret_ids)
{
	cleanup_free char *storage = NULL;
	struct passwd entry;
	int error = user_by_name(name, &entry, &storage);

	if (error < 0)
		return error;
	*ret_ids = (struct spawn_ids){ .uid = entry.pw_uid, .gid = entry.pw_gid };
	return 0;
}

static int groups_find(struct start *start)
{
	int count = 64;

	for (;;) {
		gid_t *groups = calloc((size_t)count, sizeof(*groups));
		int size = count;

		if (!groups)
			return -ENOMEM;
		if (getgrouplist(start->request->user, start->user.gid, groups, &count) >= 0) {
			start->groups = groups;
			start->user.groups = groups;
			start->user.group_count = (size_t)count;
			return 0;
		}
		free(groups);
		if (count <= size || count > GROUPS_MAX)
			return -E2BIG;
	}
}

static int accounts_find(struct start *start)
{
	int error = account_find(LOGIN_SERVICE_USER, &start->service);

	if (error)
		return refuse(start, "cannot look up the system user " LOGIN_SERVICE_USER, error);
	if (start->service.uid == 0)
		return refuse(start, "the system user " LOGIN_SERVICE_USER " must not be uid 0", 0);
	error = account_find(start->request->user, &start->user);
	return error ? refuse(start, "cannot look up the account", error) : 0;
}

/* 0, LOGIN_UNNAMED, or a refusal. */
static int plan_make(struct start *start, bool check)
{
	/* A session is refused the service account. */
	static const struct spawn_ids nobody = { .uid = NOBODY, .gid = NOBODY };
	const struct planner_request order = {
		.conf = start->request->conf,
		.account = start->request->user,
		.uid = start->user.uid,
		.ids = nested_in_session() ? &nobody : &start->service,
		.check = check,
		.deadline_ms = start->deadline_ms,
	};
	struct plan *plan = &start->login->plan;
	char why[PLANNER_WHY_MAX];

	switch (planner_run(&order, &start->memfd, plan, why)) {
	case PLANNER_PLANNED:
		log_identify(plan_string(plan, plan->header->user), plan->header->session);
		return 0;
	case PLANNER_NO_POLICY:
		return LOGIN_UNNAMED;
	case PLANNER_FAILED:
		return refuse(start, why, 0);
	case PLANNER_REFUSED:
		break;
	}
	if (start->request->why)
		snprintf(start->request->why, LOGIN_WHY_MAX, "%s", why);
	return -EACCES;
}

/* Helpers and supervisor, which hold the only sockets to one another afterwards. Between the two
 * the calling process is restricted to the session's ports: each helper restricts itself. */
static int supervisor_start(struct start *start, struct failure *failure)
{
	const struct login *login = start->login;
	struct start_message message = {
		.mode = login->gate ? START_GATE : START_OPEN,
		.child = login->pam_caller,
		.display = login_environment_display(start->request->display),
		.service_uid = (uint32_t)start->service.uid,
		.deadline_ms = start->deadline_ms,
	};
	int fds[START_FDS] = {
		[START_PLAN] = start->memfd,
		[START_CHILD] = -1,
		[START_AGENT] = start->agent,
	};
	struct helpers helpers;
	int error = helpers_start(&login->plan, start->memfd, &start->service, &helpers, failure);

	if (error)
		return error;
	for (int i = 0; i < HELPERS; i++)
		fds[START_HELPERS + i] = helpers.sockets[i];
	start_message_name(&message, start->request->service, start->request->client);
	error = confine_parent(&login->plan);
	if (error)
		failure_set(failure, error, "cannot apply the port restrictions");
	else
		error = login_supervisor_start(&start->supervisor, &login->plan, &message, fds,
					       &start->user, failure);
	helpers_close(&helpers);
	start->login->supervisor = start->supervisor.pid;
	return error;
}

/* Restrictions that every process of the session keeps, whatever user it becomes. */
static int rights_bound(const struct plan *plan)
{
	int error = rlimits_apply(plan);

	return error ? error : bounding_apply(plan);
}

static struct confine_context context_of(const struct login *login)
{
	return (struct confine_context){
		.protected_pids = { (uint32_t)login->supervisor },
		.gate_key = login->gate_key,
		.service_uid = (uint32_t)login->service_uid,
		.service_gid = (uint32_t)login->service_gid,
	};
}

static int pam_caller_confine(const struct start *start, int *ret_listener)
{
	const struct login *login = start->login;
	const struct confine_context context = context_of(login);
	int error;

	if (login->gate)
		return confine_gate(&login->plan, &context, start->threads, ret_listener);
	error = rights_bound(&login->plan);
	return error ? error : confine_self(&login->plan, &context, ret_listener);
}

static int gate_enter(const struct login *login, bool pam_caller)
{
	const struct confine_context context = context_of(login);
	int error = rights_bound(&login->plan);

	return error ? error : confine_gate_child(&login->plan, &context, pam_caller);
}

/* Never 0, which is what others pass. */
static int key_make(uint64_t *ret_key)
{
	uint64_t key;

	if (getrandom(&key, sizeof(key), 0) != sizeof(key))
		return -EIO;
	*ret_key = key | 1;
	return 0;
}

/* Confines itself, or makes the gate, and has the supervisor serve what is trapped from then on. */
static int pam_caller_enter(struct start *start, struct failure *failure)
{
	cleanup_fd int listener = -1;
	int error;

	/* Later log lines of ours would be trapped, for a supervisor that may be their reason. */
	log_connect();
	error = pam_caller_confine(start, &listener);
	if (error)
		return failure_set(failure, error, "cannot confine the session");
	/* Trapped calls of ours would wait for ourselves if there is no supervisor: our own copy of
	 * the listener is closed on every path. */
	return login_supervisor_serve(&start->supervisor, listener, start->deadline_ms, failure);
}

static int session_open(struct start *start)
{
	struct login *login = start->login;
	struct failure failure;
	int error = groups_find(start);

	if (error)
		return refuse(start, "cannot look up the groups of the account", error);
	login->service_uid = start->service.uid;
	login->service_gid = start->service.gid;
	error = key_make(&login->gate_key);
	if (error)
		return refuse(start, "cannot get a random number", error);
	/* Its server cannot be determined from within a Landlock domain. */
	start->agent = login_environment_agent(start->request->agent, &login->plan);
	error = supervisor_start(start, &failure);
	if (!error)
		error = pam_caller_enter(start, &failure);
	if (error) {
		login_supervisor_end(&start->supervisor);
		return refuse(start, failure.text, failure.error);
	}
	/* The thread that will fork the session confines itself; the others only get the gate. */
	if (start->threads && !start->request->gate) {
		login->gate = false;
		error = gate_enter(login, true);
	}
	return error ? refuse(start, "cannot confine the session", error) : 0;
}

/* The existing supervisor stays. */
static int session_join(struct start *start)
{
	struct login *login = start->login;
	int error;

	/* Landlock and filters belong to a thread: children of another one would be in the outer
	 * session only. */
	if (start->threads)
		return refuse(start,
			      "a session inside a session cannot be opened by a program with several "
			      "threads",
			      0);
	login->gate = false;
	error = nested_join(&login->plan, start->request->inherit);
	if (error == -EXDEV)
		return refuse(start, NESTED_OTHER_RULES, 0);
	if (!error)
		error = bounding_apply(&login->plan);
	return error ? refuse(start, "cannot confine the session further", error) : 0;
}

int login_open(const struct login_request *request, struct login *ret_login)
{
	const bool threads = unshare(CLONE_THREAD) != 0;
	struct login login = { .gate = request->gate || threads, .pam_caller = getpid() };
	struct start start = {
		.request = request,
		.login = &login,
		.deadline_ms = start_deadline(),
		.threads = threads,
		.memfd = -1,
		.agent = -1,
	};
	int result = geteuid() == 0
			     ? accounts_find(&start)
			     : refuse(&start,
				      "the program that opens the session does not run as root",
				      -EPERM);

	login_supervisor_init(&start.supervisor);
	if (result == 0)
		result = plan_make(&start, false);
	if (result == 0)
		result = nested_in_session() ? session_join(&start) : session_open(&start);
	login_supervisor_close(&start.supervisor);
	util_cleanup_fd(&start.agent);
	util_cleanup_fd(&start.memfd);
	free(start.groups);
	if (result != 0)
		login_close(&login);
	*ret_login = login;
	return result;
}

int login_check(const struct login_request *request)
{
	struct login login = { 0 };
	struct start start = {
		.request = request,
		.login = &login,
		.deadline_ms = start_deadline(),
		.memfd = -1,
	};
	int result = accounts_find(&start);

	if (result == 0)
		result = plan_make(&start, true);
	util_cleanup_fd(&start.memfd);
	login_close(&login);
	return result;
}

int login_enter(const struct login *login)
{
	const struct plan_header *header = login->plan.header;
	/* Another thread would not be confined, and could get our filter by TSYNC later. */
	int error = unshare(CLONE_THREAD) ? -EOPNOTSUPP : gate_enter(login, false);

	log_identify(plan_string(&login->plan, header->user), header->session);
	if (error)
		log_line(LOG_ALERT, "login refused: cannot confine the session: %s",
			 strerror(-error));
	return error;
}

void login_refuse(const struct login *login, uid_t uid)
{
	int error = confine_refused(uid, login->gate_key);

	if (error)
		log_line(LOG_ALERT,
			 "cannot keep the program of a refused login from becoming the "
			 "user: %s",
			 strerror(-error));
}

void login_close(struct login *login)
{
	if (login->plan.header)
		plan_unmap(&login->plan);
	login->plan.header = NULL;
}
