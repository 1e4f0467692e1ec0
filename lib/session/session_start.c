/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starts the processes of a session: the supervisor's, and below it the helpers and the confined
 * one.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "confine.h"
#include "handover.h"
#include "log.h"
#include "login_environment.h"
#include "rlimits.h"
#include "session_parts.h"
#include "util.h"

#define SUPERVISOR LIBEXECDIR "/sandlock-supervisor"

_Static_assert(FILTER_PROTECTED_MAX >= 2 + HELPERS, "parent, supervisor and helpers");

/* The supervisor before its exec. */
struct start {
	const struct session *session;
	int parent;   /* our end towards the parent */
	int child;    /* our end towards the confined process */
	int confined; /* its end */
	pid_t child_pid;
	struct helpers helpers;
	struct failure failure;
};

/* Neither terminal nor standard descriptors of the session: sshd waits for whoever holds them. */
static int leave_terminal(void)
{
	cleanup_fd int null = session_open_null();

	if (null < 0)
		return null;
	if (setsid() < 0)
		return -errno;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	return 0;
}

/* Confines itself, hands the listener's number over and waits until it is served. */
static int confined_enter(const struct start *start, struct failure *failure)
{
	const struct session *session = start->session;
	struct confine_context context = {
		.protected_pids = { (uint32_t)session->parent, (uint32_t)getppid() },
	};
	int listener;
	int served;
	int error;

	for (int i = 0; i < HELPERS; i++)
		context.protected_pids[2 + i] = (uint32_t)start->helpers.pids[i];
	/* Until the start is over: a path of the policy on a file system that does not answer would
	 * block us in the kernel. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return failure_set(failure, -errno, "cannot tie the session to its supervisor");
	error = rlimits_apply(&session->plan);
	if (error)
		return failure_set(failure, error, "cannot set the limits of the session");
	error = confine_self(&session->plan, &context, &listener);
	if (error)
		return failure_set(failure, error, "cannot confine the session");
	error = handover_send(start->confined, HANDOVER_LISTENER, listener);
	if (error)
		return failure_set(failure, error,
				   "cannot pass the session's filter to the supervisor");
	return handover_await(start->confined, "the supervisor", HANDOVER_GO, session->deadline_ms,
			      &served, failure);
}

static void confined_run(const struct start *start)
{
	struct failure failure;

	/* The process that waits for the end of file must not have the supervisor's end open. */
	close(start->child);
	if (confined_enter(start, &failure)) {
		(void)handover_fail(start->confined, &failure);
		_exit(SESSION_REFUSED);
	}
	/* The start is over, and nobody reads what is handed over. */
	if (prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)) {
		dprintf(STDERR_FILENO, "sandlock: cannot release the session: %s\n", strerror(errno));
		_exit(SESSION_REFUSED);
	}
	_exit(session_exec(start->session->request, &start->session->plan));
}

static int confined_start(struct start *start)
{
	int ends[2];
	int error = handover_pair(ends);

	if (error)
		return error;
	start->child = ends[0];
	start->confined = ends[1];
	start->child_pid = fork();
	if (start->child_pid == 0)
		confined_run(start);
	close(start->confined);
	return start->child_pid < 0 ? -errno : 0;
}

/* Puts the start message where the supervisor expects it; all else is closed by its exec. */
static int message_leave(struct start *start)
{
	struct start_message message = {
		.mode = START_SHELL,
		.child = start->child_pid,
		.deadline_ms = start->session->deadline_ms,
		/* sshd's displays are ports; any other name comes from a file of the user's that
		 * pam_env or sshd has read. */
		.display = login_environment_display(getenv("SSH_CONNECTION") ? NULL
									      : getenv("DISPLAY")),
	};
	int fds[START_FDS] = {
		[START_PLAN] = start->session->memfd,
		[START_PARENT] = start->parent,
		[START_CHILD] = start->child,
		[START_AGENT] = start->session->agent,
	};
	int packed;
	int error;

	for (int i = 0; i < HELPERS; i++)
		fds[START_HELPERS + i] = start->helpers.sockets[i];
	start_message_name(&message, "shell", getenv("SSH_CONNECTION"));
	/* "ADDRESS PORT ADDRESS PORT" */
	message.client[strcspn(message.client, " ")] = '\0';
	error = start_message_pack(&message, fds, &packed);
	if (error)
		return error;
	/* A failure of the exec is still to be reported. */
	start->parent = fcntl(start->parent, F_DUPFD_CLOEXEC, START_FD + 1);
	return start->parent < 0 ? -errno : session_move_descriptor(packed, START_FD);
}

static int supervisor_become(struct start *start)
{
	static char *const no_environment[] = { NULL };
	char title[START_TITLE_MAX];
	char *const arguments[] = { (char *)(uintptr_t) "sandlock-supervisor", title, NULL };
	struct failure *failure = &start->failure;
	int error;

	/* Before the first fork below it: orphans of the session come to the supervisor, which must
	 * stay their ancestor where Yama lets only ancestors look into a process. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
		return failure_set(failure, -errno, "cannot adopt the session's processes");
	/* Outside of the session's ports: each helper restricts itself. */
	error = helpers_start(&start->session->plan, start->session->memfd, NULL, &start->helpers,
			      failure);
	if (error)
		return error;
	error = confine_parent(&start->session->plan);
	if (error)
		return failure_set(failure, error, "cannot apply the port restrictions");
	error = confined_start(start);
	if (error)
		return failure_set(failure, error, "cannot start the session's first process");
	/* After the fork: the confined process keeps terminal, session and group. */
	error = leave_terminal();
	if (error)
		return failure_set(failure, error, "the supervisor cannot leave the terminal");
	/* Its socket may be where the message goes. */
	log_close();
	error = message_leave(start);
	if (error)
		return failure_set(failure, error, "cannot write the supervisor's start message");
	start_title(title, &start->session->plan, "shell");
	execve(SUPERVISOR, arguments, no_environment);
	return failure_set(failure, -errno, "cannot start " SUPERVISOR);
}

static void supervisor_run(const struct session *session, int parent)
{
	struct start start = {
		.session = session,
		.parent = parent,
		.child = -1,
		.confined = -1,
	};

	/* It returns only after a failure; the end of this process ends the confined one. */
	(void)supervisor_become(&start);
	(void)handover_fail(start.parent, &start.failure);
	_exit(SESSION_REFUSED);
}

int session_start(struct session *session, struct failure *failure)
{
	int ends[2];
	int error = handover_pair(ends);

	if (error)
		return failure_set(failure, error, "cannot reach the supervisor");
	session->parent = getpid();
	session->agent = login_environment_agent(getenv("SSH_AUTH_SOCK"), &session->plan);
	/* So that the confined process comes to us, and not to init, if the supervisor dies. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
		return failure_set(failure, -errno, "cannot adopt the session's processes");
	session->supervisor = fork();
	if (session->supervisor < 0)
		return failure_set(failure, -errno, "cannot start the supervisor");
	if (session->supervisor == 0) {
		close(ends[0]);
		supervisor_run(session, ends[1]);
	}
	close(ends[1]);
	session->handover = ends[0];
	return 0;
}
