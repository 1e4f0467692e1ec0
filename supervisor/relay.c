/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first confined process, and the parent that represents it.
 */
#include "relay.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "handover.h"
#include "log.h"
#include "process.h"
#include "util.h"

/* The parent is stopped and continued from here, so that it never misses the later one of the
 * two. */
static void parent_signal(const struct relay *relay, int number)
{
	if (relay->parent_pidfd >= 0)
		(void)process_signal(relay->parent_pidfd, number);
}

static void child_changed(struct relay *relay, int status)
{
	if (WIFSTOPPED(status)) {
		parent_signal(relay, SIGSTOP);
		return;
	}
	if (!WIFCONTINUED(status)) {
		relay->child = 0;
		/* A parent that the message does not reach waits for our end. */
		if (relay->parent.fd >= 0)
			(void)handover_send(relay->parent.fd, HANDOVER_STATUS, status);
	}
	parent_signal(relay, SIGCONT);
}

/* Every child: the first one is reported, orphans of the session are only reaped. */
static void children_reap(struct relay *relay, int flags)
{
	int status;
	pid_t pid;

	/* The timer that guards our connects may tick. */
	while ((pid = waitpid(-1, &status, flags | WUNTRACED | WCONTINUED)) > 0 ||
	       (pid < 0 && errno == EINTR)) {
		if (pid == relay->child)
			child_changed(relay, status);
		if (relay->child == 0)
			flags |= WNOHANG;
	}
}

static void signals_ready(struct watch *watch, uint32_t events)
{
	struct relay *relay = container_of(watch, struct relay, signals);
	struct signalfd_siginfo info;

	(void)events;
	while (read(watch->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo == SIGXCPU)
			log_line(LOG_ALERT,
				 "RLIMIT_CPU of this login is about to end the supervisor; the "
				 "session continues without network");
	children_reap(relay, WNOHANG);
}

static void parent_ready(struct watch *watch, uint32_t events)
{
	struct relay *relay = container_of(watch, struct relay, parent);
	struct handover_message message = { 0 };
	int error = handover_receive(watch->fd, &message);

	(void)events;
	if (error == -EAGAIN)
		return;
	if (!error) {
		if (message.kind == HANDOVER_SIGNAL && relay->child > 0)
			kill(relay->child, message.value);
		return;
	}
	/* The parent has ended. After its child that is normal; before, it was killed instead of
	 * the shell. */
	loop_remove(relay->loop, watch);
	util_cleanup_fd(&watch->fd);
	watch->fd = -1;
	if (relay->child > 0)
		kill(relay->child, SIGKILL);
}

static int signals_open(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGXCPU);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || sigprocmask(SIG_SETMASK, &set, NULL))
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int relay_open_alone(struct relay *relay, struct loop *loop)
{
	*relay = (struct relay){
		.loop = loop,
		.parent = { -1, parent_ready },
		.signals = { signals_open(), signals_ready },
		.parent_pidfd = -1,
	};
	return relay->signals.fd < 0 ? relay->signals.fd : loop_add(loop, &relay->signals, EPOLLIN);
}

int relay_open(struct relay *relay, struct loop *loop, int parent, pid_t child)
{
	pid_t number = getppid();
	int error = relay_open_alone(relay, loop);

	if (error)
		return error;
	relay->parent.fd = parent;
	relay->child = child;
	/* The number is the parent's while we are its child. */
	relay->parent_pidfd = process_pidfd(number);
	if (relay->parent_pidfd < 0)
		return relay->parent_pidfd;
	if (getppid() != number)
		return -ESRCH;
	return loop_add(loop, &relay->parent, EPOLLIN);
}

void relay_finish(struct relay *relay)
{
	if (relay->child > 0)
		children_reap(relay, 0);
}
