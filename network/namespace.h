/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The private network namespace of a session: nothing but `lo`, in which the machine's own source
 * addresses and its name servers are local. What is sent there reaches the sockets of the session
 * and the resolver's, and nobody else.
 */
#ifndef SANDLOCK_NAMESPACE_H
#define SANDLOCK_NAMESPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "rtnetlink.h"
#include "servers.h"

/* A destination that is local in the namespace, and the address that the machine sends from when it
 * sends there. */
struct destination {
	struct server to; /* length 0: every address of the family */
	uint8_t source[16];
	uint8_t length; /* of the prefix */
	bool reachable; /* `source` is known */
	bool made;      /* there is a route, as the rest says */
};

#define DESTINATIONS_MAX (2 + SERVERS_MAX)

struct namespace
{
	int probes[2]; /* UDP sockets of the machine's own namespace; nothing is sent on them */
	struct rtnetlink rtnetlink; /* of the private one; -1: it is not made yet */
	uint64_t refreshed;         /* monotonic ms */
	struct destination destinations[DESTINATIONS_MAX];
	uint32_t count;
};

/* In the machine's namespace, before namespace_make. 0 or a negative errno. */
int namespace_open(struct namespace *namespace);

/* Makes the namespace and enters it. Needs CAP_SYS_ADMIN, and CAP_NET_ADMIN in what is made. */
int namespace_make(struct namespace *namespace);

/* Follows the machine's addresses, routes and name servers; does nothing more than once a second. */
void namespace_refresh(struct namespace *namespace);

#endif
