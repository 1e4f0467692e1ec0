/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starts the processes of a session: the supervisor's, and as its children the resolver and the
 * confined one.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "confine.h"
#include "failure.h"
#include "given.h"
#include "helper.h"
#include "keeper.h"
#include "log.h"
#include "rlimits.h"
#include "session_parts.h"
#include "util.h"

#define SUPERVISOR LIBEXECDIR "/sandlock-supervisor"
#define NUMBER_MAX 16

_Static_assert(FILTER_PROTECTED_MAX >= 2 + HELPERS, "parent, supervisor and helpers");

static char *const no_environment[] = { NULL };

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

/* Confines itself, hands the listener's number over, waits for the word, becomes the user's
 * program. */
static void confined_run(const struct start *start)
{
	const struct session *session = start->session;
	struct confine_context context = {
		.protected_pids = { (uint32_t)session->parent, (uint32_t)getppid() },
	};
	int listener;
	int32_t word;
	char go;

	for (int i = 0; i < HELPERS; i++)
		context.protected_pids[2 + i] = (uint32_t)start->helpers.pids[i];
	/* The supervisor's end must not be held open by the one who waits for its end of file. */
	close(start->child);
	/* Until the start is over: a place of the policy on a file system that does not answer
	 * would hold us in the kernel. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		_exit(SESSION_REFUSED);
	word = rlimits_apply(&session->plan);
	if (word == 0)
		word = confine_self(&session->plan, &context, &listener);
	if (word == 0)
		word = listener;
	if (write_exact(start->confined, &word, sizeof(word)) || word < 0 ||
	    read_exact(start->confined, &go, sizeof(go)) || prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0))
		_exit(SESSION_REFUSED);
	_exit(session_exec(session->request, &session->plan));
}

static int confined_start(struct start *start)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	start->child = pair[0];
	start->confined = pair[1];
	start->child_pid = fork();
	if (start->child_pid == 0)
		confined_run(start);
	close(start->confined);
	return start->child_pid < 0 ? -errno : 0;
}

/* Puts the descriptors where the supervisor looks for them. */
static int supervisor_descriptors(struct start *start)
{
	const int sources[] = {
		start->session->memfd, start->parent,
		start->child,          start->helpers.sockets[HELPER_RESOLVER],
		start->session->agent,
	};
	int copies[ARRAY_SIZE(sources)];
	/* It lies among what is overwritten or closed below. */
	int null = session_open_null();

	if (null < 0)
		return null;
	/* The log's is among those that are overwritten. */
	log_close();
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		copies[i] = fcntl(sources[i] < 0 ? null : sources[i], F_DUPFD_CLOEXEC,
				  SUPERVISOR_AGENT_FD + 1);
		if (copies[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		if (dup2(copies[i], SUPERVISOR_PLAN_FD + (int)i) < 0)
			return -errno;
	start->parent = SUPERVISOR_PARENT_FD;
	return fd_close_from(SUPERVISOR_AGENT_FD + 1);
}

static int supervisor_become(struct start *start)
{
	char pid[NUMBER_MAX];
	char display[DISPLAY_NUMBER_MAX];
	char *const arguments[] = { (char *)(uintptr_t) "sandlock-supervisor", pid, display, NULL };
	int error;

	/* Before the first fork below it: orphans of the session come to the supervisor, which must
	 * stay their ancestor where Yama lets only ancestors look into a process. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
		return -errno;
	error = confine_parent(&start->session->plan);
	if (!error)
		error = helpers_start(&start->session->plan, start->session->memfd, NULL,
				      &start->helpers, &start->failure);
	if (!error)
		error = confined_start(start);
	/* After the fork: the confined process keeps terminal, session and group. */
	if (!error)
		error = leave_terminal();
	if (!error)
		error = supervisor_descriptors(start);
	if (error)
		return error;
	snprintf(pid, sizeof(pid), "%d", (int)start->child_pid);
	/* sshd's displays are ports; any other name comes from a file of the user's that pam_env or
	 * sshd has read. */
	given_display(getenv("SSH_CONNECTION") ? NULL : getenv("DISPLAY"), display);
	execve(SUPERVISOR, arguments, no_environment);
	error = -errno;
	log_line(LOG_ERR, "%s: %s", SUPERVISOR, strerror(-error));
	return error;
}

static void supervisor_run(const struct session *session, int parent)
{
	struct start start = {
		.session = session,
		.parent = parent,
		.child = -1,
		.confined = -1,
	};
	const struct keeper_report report = { KEEPER_FAILED, -supervisor_become(&start) };

	/* Only after a failure; the end of this process ends the confined one. */
	(void)send(start.parent, &report, sizeof(report), MSG_NOSIGNAL);
	_exit(SESSION_REFUSED);
}

int session_start(struct session *session)
{
	int pair[2];

	session->parent = getpid();
	session->agent = given_agent(getenv("SSH_AUTH_SOCK"), &session->plan);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	/* So that the confined process comes to us, and not to init, if the supervisor dies. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
		return -errno;
	session->supervisor = fork();
	if (session->supervisor < 0)
		return -errno;
	if (session->supervisor == 0) {
		close(pair[0]);
		supervisor_run(session, pair[1]);
	}
	close(pair[1]);
	session->keeper = pair[0];
	return 0;
}
