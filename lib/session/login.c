/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session that a PAM program opens. Distrusts the lookups of accounts and groups: what cannot be
 * looked up refuses.
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
#include "failure.h"
#include "given.h"
#include "helper.h"
#include "inside.h"
#include "keeper.h"
#include "log.h"
#include "planner.h"
#include "rlimits.h"
#include "start_wait.h"
#include "util.h"

#define SUPERVISOR LIBEXECDIR "/sandlock-supervisor"
#define GROUPS_MAX 65536 /* NGROUPS_MAX of Linux */
#define NUMBER_MAX 16
#define NOBODY     65534 /* also the kernel's number for uids that a namespace lacks */

/* A login while it starts. */
struct start {
	const struct login_request *request;
	struct login *login;
	int64_t deadline_ms;
	struct spawn_ids user;    /* its uid is the user's */
	struct spawn_ids service; /* without groups */
	gid_t *groups;            /* of user */
	bool threads;             /* the opener has several */
	int memfd;
	int reports; /* our end of SUPERVISOR_PARENT_FD */
	int words;   /* and of SUPERVISOR_CHILD_FD */
	int pidfd;   /* of the supervisor */
	int trigger; /* what is written here kills it */
	int trigger_end;
	int agent; /* of SUPERVISOR_AGENT_FD */
	struct helpers helpers;
};

static int refuse(const struct start *start, const char *what, int error)
{
	const char *reason = error ? strerror(-error) : "";
	const char *colon = error ? ": " : "";

	log_line(LOG_ERR, "login refused user=%s: %s%s%s", start->request->user, what, colon, reason);
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

	if (error || start->service.uid == 0)
		return refuse(start, "the system user " LOGIN_SERVICE_USER, error);
	error = account_find(start->request->user, &start->user);
	return error ? refuse(start, "the account", error) : 0;
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
		.ids = inside_session() ? &nobody : &start->service,
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

/* The supervisor's pid, or a negative errno. It is root until it says that it is there. */
static pid_t supervisor_exec(const struct start *start, int reports, int words)
{
	const struct login_request *request = start->request;
	const char *way = start->login->gate ? "gate" : "open";
	struct spawn_ids ids = start->user;
	char opener[NUMBER_MAX], uid[NUMBER_MAX], gid[NUMBER_MAX];
	char display[DISPLAY_NUMBER_MAX];
	const char *const argv[] = {
		"sandlock-supervisor", opener, display, uid, gid, way, NULL,
	};
	const int descriptors[] = {
		-1,
		-1,
		-1,
		start->memfd,
		reports,
		words,
		start->helpers.sockets[HELPER_RESOLVER],
		start->agent,
	};

	ids.uid = 0;
	given_display(request->display, display);
	snprintf(opener, sizeof(opener), "%d", (int)start->login->opener);
	snprintf(uid, sizeof(uid), "%u", (unsigned)start->service.uid);
	snprintf(gid, sizeof(gid), "%u", (unsigned)start->service.gid);
	return spawn_leave(&(struct spawn){
		.program = SUPERVISOR,
		.argv = argv,
		.descriptors = descriptors,
		.descriptor_count = ARRAY_SIZE(descriptors),
		.ids = &ids,
		.new_session = true,
	});
}

/* KEEPER_HERE, or a negative errno. */
static int report_read(const struct start *start)
{
	struct keeper_report report;
	ssize_t length;
	int late = start_await(start->reports, start->deadline_ms);

	if (late)
		return late;
	do {
		length = recv(start->reports, &report, sizeof(report), 0);
	} while (length < 0 && errno == EINTR);
	if (length != (ssize_t)sizeof(report))
		return length < 0 ? -errno : -EPIPE;
	if (report.kind == KEEPER_HERE)
		return KEEPER_HERE;
	return report.kind == KEEPER_FAILED && report.value > 0 ? -report.value : -EPROTO;
}

/* Once we are confined, Landlock lets us send no signal to the supervisor. The kernel does it for
 * what we were when F_SETOWN was called. */
static int trigger_make(struct start *start, pid_t pid)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	start->trigger_end = ends[0];
	start->trigger = ends[1];
	if (fcntl(ends[0], F_SETOWN, pid) || fcntl(ends[0], F_SETSIG, SIGKILL) ||
	    fcntl(ends[0], F_SETFL, O_ASYNC))
		return -errno;
	return 0;
}

/* Closing it would pull it, too, and a child of another thread may have a copy. */
static void trigger_drop(struct start *start)
{
	if (start->trigger_end >= 0 &&
	    (fcntl(start->trigger_end, F_SETFL, 0) || fcntl(start->trigger_end, F_SETOWN, 0)))
		return;
	util_cleanup_fd(&start->trigger_end);
	util_cleanup_fd(&start->trigger);
}

/* A start that fails leaves nothing behind: the resolver ends with the supervisor. */
static void supervisor_end(const struct start *start)
{
	if (start->pidfd < 0)
		return;
	if (start->trigger < 0 || write(start->trigger, "", 1) != 1)
		(void)syscall(SYS_pidfd_send_signal, start->pidfd, SIGKILL, NULL, 0);
	/* It is not ours to wait for. */
	(void)start_await(start->pidfd, start_now_ms() + START_END_MS);
}

/* Its number is its own as long as it has not ended. */
static int supervisor_hold(struct start *start, pid_t pid)
{
	long pidfd = syscall(SYS_pidfd_open, pid, 0);

	if (pidfd < 0)
		return errno == ESRCH ? -EPIPE : -errno;
	start->pidfd = (int)pidfd;
	start->login->supervisor = pid;
	return trigger_make(start, pid);
}

static int supervisor_start(struct start *start)
{
	int reports[2];
	int words[2];
	pid_t pid;
	int error;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, reports))
		return -errno;
	start->reports = reports[0];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, words)) {
		error = -errno;
		util_cleanup_fd(&reports[1]);
		return error;
	}
	start->words = words[0];
	pid = supervisor_exec(start, reports[1], words[1]);
	util_cleanup_fd(&reports[1]);
	util_cleanup_fd(&words[1]);
	if (pid < 0)
		return pid;
	error = supervisor_hold(start, pid);
	if (!error)
		error = report_read(start);
	return error < 0 ? error : 0;
}

/* What every process of the session is to keep for good, whoever it becomes. */
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

static int opener_confine(const struct start *start, int *ret_listener)
{
	const struct login *login = start->login;
	const struct confine_context context = context_of(login);
	int error;

	if (login->gate)
		return confine_gate(&login->plan, &context, start->threads, ret_listener);
	error = rights_bound(&login->plan);
	return error ? error : confine_self(&login->plan, &context, ret_listener);
}

static int gate_enter(const struct login *login, bool opener)
{
	const struct confine_context context = context_of(login);
	int error = rights_bound(&login->plan);

	return error ? error : confine_gate_child(&login->plan, &context, opener);
}

/* The supervisor fetches the listener from us and gives the word. */
static int listener_hand_over(const struct start *start, int listener)
{
	int32_t word = listener;
	ssize_t sent;
	char go;
	int error;

	/* Not write(2), whose signal would end a program that is not ours. */
	do {
		sent = send(start->words, &word, sizeof(word), MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent == (ssize_t)sizeof(word))
		error = start_read(start->words, &go, sizeof(go), start->deadline_ms);
	else
		error = sent < 0 ? -errno : -EIO;
	/* It tells why before it ends. Of any other error it knows nothing, and waits. */
	if (error == -EPIPE)
		error = report_read(start);
	return error > 0 ? -EPROTO : error;
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

static int session_open(struct start *start)
{
	struct login *login = start->login;
	cleanup_fd int listener = -1;
	struct failure failure;
	int error = groups_find(start);

	if (error)
		return refuse(start, "the account's groups", error);
	login->service_uid = start->service.uid;
	login->service_gid = start->service.gid;
	error = key_make(&login->gate_key);
	if (error)
		return refuse(start, "random numbers", error);
	/* Who serves it is not to be seen from within Landlock's domain. */
	start->agent = given_agent(start->request->agent, &login->plan);
	error = confine_parent(&login->plan);
	if (error)
		return refuse(start, "the ports", error);
	error = helpers_start(&login->plan, start->memfd, &start->service, &start->helpers, &failure);
	if (error)
		return refuse(start, failure.text, error);
	error = supervisor_start(start);
	helpers_close(&start->helpers);
	if (error) {
		supervisor_end(start);
		return refuse(start, "the supervisor does not start", error);
	}
	/* What we log later the filter would trap, for a supervisor that may be the reason. */
	log_connect();
	error = opener_confine(start, &listener);
	if (!error)
		error = listener_hand_over(start, listener);
	/* What of ours is trapped by now would wait for ourselves, without a supervisor. */
	if (listener >= 0)
		close(fd_take(&listener));
	if (error)
		supervisor_end(start);
	/* The thread that will fork the session goes in by itself; the others stay before the gate. */
	if (!error && start->threads && !start->request->gate) {
		login->gate = false;
		error = gate_enter(login, true);
	}
	return error ? refuse(start, "the session does not start", error) : 0;
}

/* The supervisor that is there already stays. */
static int session_join(struct start *start)
{
	struct login *login = start->login;
	int error;

	/* Landlock and filters are a thread's: another one's children would be in the outer session
	 * alone. */
	if (start->threads)
		return refuse(start, "opened by a program with several threads", 0);
	error = inside_join(&login->plan, start->request->inherit);

	login->gate = false;
	if (!error)
		error = bounding_apply(&login->plan);
	return error ? refuse(start, error == -EXDEV ? INSIDE_OTHER : "the session does not start",
			      error)
		     : 0;
}

int login_open(const struct login_request *request, struct login *ret_login)
{
	const bool threads = unshare(CLONE_THREAD) != 0;
	struct login login = { .gate = request->gate || threads, .opener = getpid() };
	struct start start = {
		.request = request,
		.login = &login,
		.deadline_ms = start_deadline(),
		.threads = threads,
		.memfd = -1,
		.reports = -1,
		.words = -1,
		.pidfd = -1,
		.trigger = -1,
		.trigger_end = -1,
		.agent = -1,
	};
	int result = geteuid() == 0 ? accounts_find(&start)
				    : refuse(&start, "opened by a program that is not root", -EPERM);

	if (result == 0)
		result = plan_make(&start, false);
	if (result == 0)
		result = inside_session() ? session_join(&start) : session_open(&start);
	trigger_drop(&start);
	util_cleanup_fd(&start.pidfd);
	util_cleanup_fd(&start.agent);
	util_cleanup_fd(&start.words);
	util_cleanup_fd(&start.reports);
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
	/* Another thread would stay before the gate, and get our filter by TSYNC later. */
	int error = unshare(CLONE_THREAD) ? -EOPNOTSUPP : gate_enter(login, false);

	if (error)
		log_line(LOG_ALERT, "login refused user=%s: not confined: %s",
			 plan_string(&login->plan, login->plan.header->user), strerror(-error));
	return error;
}

void login_refuse(const struct login *login, uid_t uid)
{
	int error = confine_refused(uid, login->gate_key);

	if (error)
		log_line(LOG_ALERT, "a refused login is held by its program alone: %s",
			 strerror(-error));
}

void login_close(struct login *login)
{
	log_identify(NULL, 0);
	if (login->plan.header)
		plan_unmap(&login->plan);
	login->plan.header = NULL;
}
