/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host name's addresses, as a program outside any session would be told them. Blocks for as long as
 * that takes. The answer is the network's: resolution_opens says which part of it may open anything.
 */
#ifndef SANDLOCK_RESOLVE_H
#define SANDLOCK_RESOLVE_H

#include "endpoint.h"

#define RESOLVE_MAX 64

struct resolved {
	uint32_t count;
	struct {
		struct address address;
		bool listed; /* in /etc/hosts */
	} rows[RESOLVE_MAX];
};

/* Each address once, at most RESOLVE_MAX. Returns getaddrinfo(3)'s error, and then an answer
 * without addresses. */
int resolve_host(const char *name, struct resolved *ret_resolved);

#endif
