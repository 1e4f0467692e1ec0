/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which host names the rules cover. Allocates. Names that are asked about are hostile.
 */
#ifndef SANDLOCK_COVERED_H
#define SANDLOCK_COVERED_H

#include "dns_config.h"

struct plan;

struct covered {
	struct covered_name **buckets;
	uint32_t bits;
};

/* The names of the plan. One with fewer dots than the configuration asks for is also covered in the
 * search domains, as it is looked up there. -ENOMEM. */
int covered_open(struct covered *covered, const struct plan *plan, const struct dns_config *config);
void covered_close(struct covered *covered);

/* The hosts of the plan that cover the name. Returns how many there are in ret_hosts, 0 for a name
 * that no rule covers. */
#define COVERED_HOSTS_MAX 64
uint32_t covered_find(const struct covered *covered, const struct dns_name *name,
		      uint32_t ret_hosts[COVERED_HOSTS_MAX]);

/* True for a name above a covered one: it exists, whatever is known of it. */
bool covered_is_above(const struct covered *covered, const struct dns_name *name);

/* The names of a host that can be looked up: none for *.domain. */
#define COVERED_NAMES_MAX (1 + DNS_SEARCH_MAX)
uint32_t covered_names(const struct plan *plan, uint32_t host, const struct dns_config *config,
		       struct dns_name ret_names[COVERED_NAMES_MAX]);

#endif
