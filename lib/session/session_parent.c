/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parent that the login program knows: it keeps pid, group and terminal, and does what the
 * confined process does. Distrusts the supervisor's life: where it dies, the confined process is
 * waited for all the same, without network.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "handover.h"
#include "log.h"
#include "session_parts.h"
#include "start_wait.h"
#include "util.h"

/* Signals from the terminal or a job-control shell to the whole group are for the confined
 * process. */
static const int ignored[] = { SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE };

/* Signals for the session are forwarded. */
static const int forwarded[] = { SIGHUP, SIGTERM, SIGCONT };

struct parent {
	struct session *session;
	int signals; /* signalfd: the forwarded ones and SIGCHLD */
	pid_t child; /* the confined process; 0 until it runs */
	int status;
	bool ended;
};

static int signals_open(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaddset(&set, forwarded[i]);
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		if (signal(ignored[i], SIG_IGN) == SIG_ERR)
			return -errno;
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static void status_take(struct parent *parent, int status)
{
	if (WIFSTOPPED(status)) {
		/* As the supervisor did while it lived: the job-control shell above sees us stop,
		 * and continues us. */
		kill(getpid(), SIGSTOP);
	} else if (WIFEXITED(status) || WIFSIGNALED(status)) {
		parent->status = status;
		parent->ended = true;
	}
}

static bool is_child(pid_t pid)
{
	siginfo_t info;

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Only once the supervisor has died can these be waited for. */
static void orphans_reap(struct parent *parent)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0)
		if (pid == parent->child)
			status_take(parent, status);
	/* The supervisor may have waited for it and died before reporting how it ended. */
	if (parent->session->handover < 0 && !is_child(parent->session->supervisor) &&
	    !is_child(parent->child))
		status_take(parent, SIGKILL);
}

static void signal_forward(struct parent *parent, int number)
{
	if (parent->session->handover >= 0)
		(void)handover_send(parent->session->handover, HANDOVER_SIGNAL, number);
	else if (parent->child > 0)
		kill(parent->child, number);
}

static void signals_read(struct parent *parent)
{
	struct signalfd_siginfo info;

	while (read(parent->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			orphans_reap(parent);
		/* The supervisor's own SIGCONT means that the child has been continued already. */
		else if ((pid_t)info.ssi_pid != parent->session->supervisor)
			signal_forward(parent, (int)info.ssi_signo);
	}
}

static void supervisor_lost(struct parent *parent)
{
	util_cleanup_fd(&parent->session->handover);
	parent->session->handover = -1;
	if (parent->child == 0)
		return;
	log_line(LOG_ALERT, "the supervisor has died: the session continues without network");
	orphans_reap(parent);
}

/* A negative errno: the session did not start. */
static int message_read(struct parent *parent, struct failure *failure)
{
	struct handover_message message = { 0 };
	int error = handover_receive(parent->session->handover, &message);

	if (error == -EAGAIN)
		return 0;
	if (error) {
		supervisor_lost(parent);
		if (parent->child == 0)
			handover_broken(failure, "the supervisor", error);
		return parent->child == 0 ? error : 0;
	}
	switch ((enum handover)message.kind) {
	case HANDOVER_FAILED:
		(void)failure_set(failure, message.value, "%s", message.text);
		return -EIO;
	case HANDOVER_GO:
		parent->child = message.value;
		break;
	case HANDOVER_STATUS:
		status_take(parent, message.value);
		break;
	case HANDOVER_READY:
	case HANDOVER_LISTENER:
	case HANDOVER_SIGNAL:
		break;
	}
	return 0;
}

/* Until the confined process runs, the wait has an end; -1: none. */
static int time_left(const struct parent *parent)
{
	return parent->child != 0 ? -1 : start_left(parent->session->deadline_ms);
}

static int wait_for_end(struct parent *parent, struct failure *failure)
{
	while (!parent->ended) {
		struct pollfd descriptors[] = {
			{ parent->signals, POLLIN, 0 },
			{ parent->session->handover, POLLIN, 0 },
		};
		int error = 0;
		int count = poll(descriptors, 2, time_left(parent));

		if (count < 0 && errno != EINTR)
			return failure_set(failure, -errno, "cannot wait for the session");
		if (count == 0 && time_left(parent) == 0) {
			handover_broken(failure, "the supervisor", -ETIMEDOUT);
			return -ETIMEDOUT;
		}
		if (count < 0)
			continue;
		if (descriptors[1].revents)
			error = message_read(parent, failure);
		if (error)
			return error;
		if (descriptors[0].revents)
			signals_read(parent);
	}
	return 0;
}

/* With the signal of the confined process, without a core dump of ours. */
static void die_by(int number)
{
	const struct rlimit none = { 0, 0 };
	sigset_t all;

	setrlimit(RLIMIT_CORE, &none);
	signal(number, SIG_DFL);
	sigfillset(&all);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	raise(number);
}

/* A start that fails leaves nothing behind: the confined process dies with the supervisor, the
 * resolver ends with it. */
static void start_end(const struct parent *parent)
{
	const int64_t end = start_now_ms() + START_END_MS;
	const struct timespec pause = { 0, 10000000 };

	/* Not waited for yet, it still has its number. */
	if (is_child(parent->session->supervisor))
		kill(parent->session->supervisor, SIGKILL);
	while (start_now_ms() < end && (waitpid(-1, NULL, WNOHANG) >= 0 || errno == EINTR))
		nanosleep(&pause, NULL);
}

int session_stand_in(struct session *session)
{
	struct parent parent = {
		.session = session,
	};
	struct failure failure;

	parent.signals = signals_open();
	if (parent.signals < 0)
		return session_refuse("cannot set up signal handling", -parent.signals);
	if (wait_for_end(&parent, &failure)) {
		start_end(&parent);
		return session_refuse(failure.text, -failure.error);
	}
	if (WIFSIGNALED(parent.status)) {
		die_by(WTERMSIG(parent.status));
		return 128 + WTERMSIG(parent.status);
	}
	return WEXITSTATUS(parent.status);
}
