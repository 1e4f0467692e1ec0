/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A plain connect to the listener that may not be reached, for the programs that vary who calls
 * and how. Needs probe.h.
 */
#ifndef SANDLOCK_PLAIN_CONNECT_H
#define SANDLOCK_PLAIN_CONNECT_H

#include "probe.h"

static inline int stream(int domain)
{
	return socket(domain, SOCK_STREAM, 0);
}

static inline int dial(int socket, const void *address, socklen_t length)
{
	return socket < 0 ? errno : result_of(connect(socket, address, length));
}

static inline int dial_inet(const char *address)
{
	struct sockaddr_in in = inet_to(address, target.refused);

	return dial(stream(AF_INET), &in, sizeof(in));
}

static inline int plain(void)
{
	return dial_inet("127.0.0.1");
}

#endif
