/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the supervisor asks of the network helper, over one SOCK_SEQPACKET pair: sockets of the
 * session's private network namespace. No code. Nothing that a user wrote is in a request, and each
 * is as long as every other one.
 */
#ifndef SANDLOCK_NETWORK_REQUEST_H
#define SANDLOCK_NETWORK_REQUEST_H

#include <stdint.h>

#define NETWORK_SOCKETS_MAX 8 /* of one answer */

enum network_request_kind {
	NETWORK_SOCKETS = 1, /* `count` sockets of (family, type) */
	NETWORK_LISTENERS,   /* bound to *:53: UDP, UDP over IPv6, TCP, TCP over IPv6 */
};
#define NETWORK_LISTENER_COUNT 4

struct network_request {
	uint32_t kind;
	uint32_t family; /* AF_INET, AF_INET6 */
	uint32_t type;   /* SOCK_DGRAM, SOCK_STREAM */
	uint32_t count;
};

/* The descriptors come with it, close-on-exec: all that were asked for, or none and an errno. */
struct network_answer {
	struct network_request request;
	int32_t error; /* positive; 0: the descriptors are here */
};

#endif
