/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ways to have the supervisor do or lend what is not the caller's.
 * Run by test_deputy.py.
 */
#include "probe.h"

#include <fcntl.h>

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif
#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

static int stream;

static void *zerocopy_toggle(void *unused)
{
	const int on = 1;
	const int off = 0;

	for (;;) {
		setsockopt(stream, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on));
		setsockopt(stream, SOL_SOCKET, SO_ZEROCOPY, &off, sizeof(off));
	}
	return unused;
}

/* The kernel tells when it no longer needs the memory that it was lent. */
static int zerocopy_told(void)
{
	char payload[4096] = "";
	char control[256];
	struct iovec vector = { payload, sizeof(payload) };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };

	sendmsg(stream, &message, MSG_ZEROCOPY | MSG_NOSIGNAL);
	message.msg_control = control;
	message.msg_controllen = sizeof(control);
	return result_of(recvmsg(stream, &message, MSG_ERRQUEUE | MSG_DONTWAIT));
}

static int zerocopy_race(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.allowed);

	stream = socket(AF_INET, SOCK_STREAM, 0);
	if (stream < 0 || connect(stream, (const void *)&in, sizeof(in)))
		return errno;
	return race(zerocopy_toggle, zerocopy_told);
}

static const struct probe probes[] = {
	{ "zerocopy_race", zerocopy_race },
};

PROBE_MAIN(probes)
