/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A name looked up once for all who wait for it: from the cache, or from the name servers. What a
 * covered name has answered is reported to the supervisor before anybody is told.
 */
#ifndef SANDLOCK_LOOKUP_H
#define SANDLOCK_LOOKUP_H

#include "cache.h"
#include "covered.h"
#include "host_table.h"
#include "upstream.h"

struct plan;

/* Who waits; part of the waiter's own struct. `answer` NULL: no server had one. It holds only what
 * may be opened, and is good for the call. */
struct waiter {
	struct waiter *next;
	void (*done)(struct waiter *waiter, struct dns_answer *answer, uint32_t age_s);
};

struct lookup {
	bool used;
	struct lookups *lookups;
	struct dns_name name;
	uint16_t type;
	struct waiter *waiters;
};

struct lookups {
	const struct plan *plan;
	const struct covered *covered;
	struct upstream *upstream;
	struct cache cache;
	struct host_table opened; /* what the names have answered, for a day */
	struct lookup lookups[UPSTREAM_QUERIES_MAX];
};

/* -ENOMEM. */
int lookups_open(struct lookups *lookups, const struct plan *plan, const struct covered *covered,
		 struct upstream *upstream);

/* Calls waiter->done, now or later. `anew`: an answer of the last second counts, no older one. */
void lookup_start(struct lookups *lookups, const struct dns_name *name, uint16_t type, bool anew,
		  struct waiter *waiter);

/* Reports the addresses of a host; false where the supervisor did not take them. `listed`: they are
 * in /etc/hosts. */
bool lookups_report(struct lookups *lookups, uint32_t host, const struct address *addresses,
		    const uint32_t *ttls, uint32_t count, bool listed);

#endif
