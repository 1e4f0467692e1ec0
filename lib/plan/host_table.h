/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The addresses that host names have answered, of fixed size; pure, no allocation. The addresses
 * are a name server's: hostile. What they may open is the ruleset's to say.
 */
#ifndef SANDLOCK_HOST_TABLE_H
#define SANDLOCK_HOST_TABLE_H

#include <stdint.h>

#include "endpoint.h"

/* The addresses that host names have answered, sorted by (address, host). */
#define HOST_ADDRESSES_MAX 1024 /* of all names together */
#define HOST_ANSWER_MAX    32   /* of one name */
struct host_address {
	struct address address;
	uint32_t host;
};
struct host_table {
	uint32_t count;
	struct host_address addresses[HOST_ADDRESSES_MAX];
};

/* The index of the first entry whose address is not below `address`; `count` where there is none. */
uint32_t host_table_find(const struct host_table *table, const struct address *address);

/* Replaces what `host` answered; addresses beyond the tables' limits are dropped (and so denied).
 * Returns the number dropped. */
uint32_t host_table_replace(struct host_table *table, uint32_t host,
			    const struct address *addresses, uint32_t count);

#endif
