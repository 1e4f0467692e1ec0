/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sockets of the session's private network namespace, as the network helper makes them
 * (network_request.h). What is sent on them reaches other sockets of the session and the resolver,
 * and nobody else. A few are kept in stock, so that a program waits for the supervisor alone. No
 * allocation.
 */
#ifndef SANDLOCK_PRIVATE_SOCKETS_H
#define SANDLOCK_PRIVATE_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "loop.h"
#include "network_request.h"

#define PRIVATE_WAIT_MS 2000 /* for the helper, which answers in a millisecond or has ended */

struct private_stock {
	int sockets[NETWORK_SOCKETS_MAX];
	uint32_t count;
	bool asked; /* more are under way */
};

struct private_sockets {
	struct loop *loop;
	struct watch helper; /* fd -1: none, or it is gone */
	uint64_t cookie;     /* SO_NETNS_COOKIE of the namespace; 0: not made yet */
	bool answers;        /* the resolver is to listen there */
	bool late;           /* an answer is overdue: until it is here nobody waits for another */
	const struct network_request *awaited; /* whose answer goes to `other`; NULL: nobody's */
	int error; /* why the last answer had no sockets: a positive errno, or 0 */
	struct private_stock stocks[2]; /* datagram sockets: IPv4, IPv6 */
	struct private_stock other;     /* of an answer that somebody waits for */
};

/* Takes `helper` over; -1: the session has none. 0 or a negative errno. */
int private_sockets_open(struct private_sockets *private_sockets, struct loop *loop, int helper);

/* A socket that is the caller's to close, or a negative errno: -EPERM where there is no namespace.
 * `family` is AF_INET or AF_INET6, `type` SOCK_DGRAM or SOCK_STREAM. Waits for the helper where the
 * stock is empty, PRIVATE_WAIT_MS at most. */
int private_sockets_take(struct private_sockets *private_sockets, int family, int type);

/* The listeners of network_request.h, the caller's to close; 0 or a negative errno. Waits. */
int private_sockets_listeners(struct private_sockets *private_sockets,
			      int ret_listeners[NETWORK_LISTENER_COUNT]);

/* True where the socket is one of the namespace. */
bool private_sockets_have(const struct private_sockets *private_sockets, int fd);

#endif
