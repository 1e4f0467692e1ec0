/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plan's host names, looked up without anybody asking: at the start, as they age, and when a
 * connection has been missed; and what /etc/hosts says of them. So programs that use addresses
 * directly work too.
 */
#ifndef SANDLOCK_REFRESH_H
#define SANDLOCK_REFRESH_H

#include "log_limit.h"
#include "lookup.h"

struct refresh;

/* What is going on with one host. */
struct refresh_host {
	bool due;         /* to be looked up, as soon as there is room */
	bool in_batch;    /* its end is awaited */
	bool found;       /* some answer of this round had an address */
	bool failed;      /* no server had an answer */
	bool listed;      /* in /etc/hosts */
	bool was_missing; /* after the round before */
	uint32_t pending; /* answers that are due */
	uint32_t ttl;     /* the least of this round */
	uint64_t next_ms;
};

struct refresh {
	const struct plan *plan;
	const struct dns_config *config;
	const struct covered *covered;
	struct lookups *lookups;
	struct refresh_host *hosts;
	uint32_t listed; /* addresses of /etc/hosts */
	uint32_t at;     /* where to look on for what is due */
	uint32_t batch;  /* hosts whose end is awaited */
	bool announces;  /* RESOLUTION_DONE, when the batch is at its end */
	uint32_t in_flight;
	struct log_limit limit;
};

/* All hosts are due. -ENOMEM. */
int refresh_open(struct refresh *refresh, const struct plan *plan, const struct dns_config *config,
		 const struct covered *covered, struct lookups *lookups);

/* Reads /etc/hosts and reports what it says of the hosts. */
void refresh_hosts_file(struct refresh *refresh, const char *path);

/* All hosts are due again. `missed`: those first that once had the address; NULL: in their order. */
void refresh_all(struct refresh *refresh, const struct address *missed);

/* Looks up what is due, as far as there is room. Returns when it is to be called again. */
uint64_t refresh_tick(struct refresh *refresh);

#endif
