/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the resolver and the supervisor say to each other over one SOCK_SEQPACKET pair. The only
 * code is what judges a received answer. The supervisor distrusts every answer: the resolver talks
 * to the network.
 */
#ifndef SANDLOCK_RESOLUTION_H
#define SANDLOCK_RESOLUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ruleset.h"

/* The resolver's descriptors at its start; it closes all that lies above. */
#define RESOLVER_PLAN_FD   3 /* the sealed plan; its hosts are the names */
#define RESOLVER_SOCKET_FD 4

/* A request is one uint32_t: the host to be resolved again now, or all of them. */
#define RESOLUTION_ALL UINT32_MAX

/* An answer is as long as its addresses. count 0: the name does not resolve now. */
struct resolution {
	uint32_t host; /* index into the plan's hosts */
	uint32_t count;
	struct address addresses[HOST_ANSWER_MAX];
};

static inline size_t resolution_length(uint32_t count)
{
	return offsetof(struct resolution, addresses) + count * sizeof(struct address);
}

/* True where the `length` bytes that were received are a whole answer about a host that exists.
 * `length` is at most sizeof(*resolution): receive with MSG_TRUNC and drop what is longer. */
static inline bool resolution_is_sound(const struct resolution *resolution, size_t length,
				       uint32_t host_count)
{
	return length >= resolution_length(0) && resolution->host < host_count &&
	       resolution->count <= HOST_ANSWER_MAX &&
	       length == resolution_length(resolution->count);
}

/* Drops the addresses that no name may open, however it is spelled in a rule: whoever answers for a
 * name must not be able to point it into the machine or the network it stands in. Returns the
 * number dropped. */
static inline uint32_t resolution_trust(struct resolution *resolution)
{
	uint32_t kept = 0;
	uint32_t dropped;

	for (uint32_t i = 0; i < resolution->count; i++) {
		if (address_classify(&resolution->addresses[i]) == CLASS_GLOBAL)
			resolution->addresses[kept++] = resolution->addresses[i];
	}
	dropped = resolution->count - kept;
	resolution->count = kept;
	return dropped;
}

#endif
