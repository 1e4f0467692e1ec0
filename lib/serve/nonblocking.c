/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * connect(2) and close(2) that never wait. The file is shared with its caller, who may switch it
 * back to blocking at any moment.
 */
#include "nonblocking.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#define GUARD_US    20000
#define GUARD_TICKS 3

/* Another thread of the caller can switch the shared file back to blocking between our two calls.
 * An interval timer then ends the wait: its signal has a handler without SA_RESTART. Setting a
 * timer costs as much as a connect, so it keeps ticking while connects follow one another, and its
 * handler stops it after GUARD_TICKS without one. It ends the wait of a close as well. */
static volatile sig_atomic_t guard_idle;
static volatile sig_atomic_t guard_ticks; /* 1: the timer is set */

static void guard_set(suseconds_t us)
{
	const struct itimerval timer = { { 0, us }, { 0, us } };

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void guard_tick(int number)
{
	(void)number;
	if (++guard_idle < GUARD_TICKS)
		return;
	guard_ticks = 0;
	guard_set(0);
}

static void guard_start(void)
{
	/* First, so that no tick between the two stops a timer that we count on. */
	guard_idle = 0;
	if (guard_ticks)
		return;
	guard_ticks = 1;
	guard_set(GUARD_US);
}

int nonblocking_open(void)
{
	const struct sigaction action = { .sa_handler = guard_tick };

	return sigaction(SIGALRM, &action, NULL) ? -errno : 0;
}

void nonblocking_guard(void)
{
	guard_start();
}

/* Whether the last close of it may wait: a socket that lingers, or a unix socket, whose queue may
 * hold such ones. */
static bool may_linger(int fd)
{
	struct linger linger = { 0 };
	socklen_t size = sizeof(linger);
	int domain = AF_UNSPEC;
	socklen_t domain_size = sizeof(domain);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size) || domain == AF_UNIX)
		return true;
	return getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &size) == 0 && linger.l_onoff &&
	       linger.l_linger > 0;
}

void nonblocking_close(int fd)
{
	if (fd < 0)
		return;
	/* Where the caller has closed or died, ours is the close that lingers. */
	if (may_linger(fd))
		guard_start();
	close(fd);
}

static int connect_once(int fd, const struct sockaddr *address, socklen_t length)
{
	return connect(fd, address, length) ? -errno : 0;
}

int nonblocking_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	int flags = fcntl(fd, F_GETFL);
	int on = 1;
	int off = 0;
	int error;

	if (flags < 0)
		return -errno;
	/* It empties the queue of a datagram socket, including the sockets in it. */
	if (!(flags & O_NONBLOCK) || address->sa_family == AF_UNIX)
		guard_start();
	if (flags & O_NONBLOCK)
		return connect_once(fd, address, length);
	error = ioctl(fd, FIONBIO, &on) ? -errno : connect_once(fd, address, length);
	/* Over loopback the peer has answered by now, but only a second call looks. */
	if (error == -EINPROGRESS) {
		error = connect_once(fd, address, length);
		if (error == -EALREADY)
			error = -EINPROGRESS;
	}
	ioctl(fd, FIONBIO, &off);
	/* Interrupted by the guard: the connection is in progress all the same. */
	return error == -EINTR ? -EINPROGRESS : error;
}
