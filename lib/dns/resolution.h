/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the resolver and the supervisor say to each other over one SOCK_SEQPACKET pair. The only
 * code is what judges a received message. The supervisor distrusts every one: the resolver talks to
 * the network. No message is answered by the other side, so neither waits for the other.
 */
#ifndef SANDLOCK_RESOLUTION_H
#define SANDLOCK_RESOLUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "endpoint.h"

#define RESOLUTION_VERSION 2

enum resolution_kind {
	/* To the supervisor: what a name has answered, before whoever asked is told. */
	RESOLUTION_ADDRESSES = 1,
	/* To the supervisor: all names have been asked, since the start or since RESOLUTION_REFRESH. */
	RESOLUTION_DONE,
	/* To the resolver: a connection was missed by the rules. Ask again, first the names that
	 * once had that address. */
	RESOLUTION_REFRESH,
	/* To the resolver, with RESOLUTION_LISTENERS_COUNT descriptors: sockets bound to *:53 where
	 * the session looks names up. At any time; those before are closed. */
	RESOLUTION_LISTENERS,
};

/* UDP, UDP over IPv6, TCP and TCP over IPv6, in this order: each tells its packets' destination
 * (IP_PKTINFO, IPV6_RECVPKTINFO), those of TCP listen. */
#define RESOLUTION_LISTENERS_COUNT 4

/* All that the supervisor sends. */
struct resolution_request {
	uint8_t version;
	uint8_t kind;
	uint16_t unused;
	struct address address; /* of RESOLUTION_REFRESH; else zeros */
};

#define RESOLUTION_ADDRESSES_MAX 64 /* of one message; there may be several */
struct resolution_address {
	struct address address;
	uint32_t ttl; /* seconds */
};

/* All that the resolver sends, as long as its addresses. count 0: the name has none now. */
struct resolution {
	uint8_t version;
	uint8_t kind;
	uint8_t listed; /* 1: by root, in /etc/hosts */
	uint8_t unused;
	uint32_t host; /* index into the plan's hosts */
	uint32_t count;
	struct resolution_address addresses[RESOLUTION_ADDRESSES_MAX];
};

static inline size_t resolution_length(uint32_t count)
{
	return offsetof(struct resolution, addresses) + count * sizeof(struct resolution_address);
}

/* True where the `length` bytes that were received are a whole message, about a host that exists.
 * `length` is at most sizeof(*resolution): receive with MSG_TRUNC and drop what is longer. */
static inline bool resolution_is_sound(const struct resolution *resolution, size_t length,
				       uint32_t host_count)
{
	if (length < resolution_length(0) || resolution->version != RESOLUTION_VERSION ||
	    resolution->count > RESOLUTION_ADDRESSES_MAX ||
	    length != resolution_length(resolution->count))
		return false;
	if (resolution->kind == RESOLUTION_DONE)
		return resolution->count == 0;
	return resolution->kind == RESOLUTION_ADDRESSES && resolution->listed <= 1 &&
	       resolution->host < host_count;
}

/* Whether an address that a name has answered may be opened. `classes` are those of the plan:
 * whoever answers for a name must not be able to point it anywhere else. What root wrote in
 * /etc/hosts may, unless it is no host's address. */
static inline bool resolution_opens(const struct address *address, uint8_t classes, bool listed)
{
	enum address_class class = address_classify(address);

	return class != CLASS_SPECIAL && !address_is_unspecified(address) &&
	       (listed || (classes >> class & 1));
}

#endif
