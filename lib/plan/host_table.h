/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The addresses that host names have answered, each until its time has passed; in memory that its
 * user gives, no allocation. The addresses are a name server's: hostile. What they may open is the
 * ruleset's to say.
 */
#ifndef SANDLOCK_HOST_TABLE_H
#define SANDLOCK_HOST_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "endpoint.h"

/* One address of one name. Times are seconds on whatever clock the user has. */
struct host_row {
	struct address address;
	uint32_t host;
	uint32_t since;
	uint32_t until; /* it is the name's as long as that has not passed */
	uint32_t next;  /* private */
};

/* Only as much of the memory is touched as there are rows. */
struct host_table {
	struct host_row *rows;
	uint32_t *heads; /* of the rows whose addresses have one hash: number + 1, or 0 */
	uint32_t capacity;
	uint32_t count;
	uint32_t bits;     /* 2^bits heads are in use */
	uint32_t bits_max; /* at most */
	uint32_t earliest; /* nothing is over before that */
};

#define HOST_ADDRESSES_MAX 100000U /* of all names of a session together */
#define HOST_HEADS_BITS    17U
#define HOST_ROW_NONE      UINT32_MAX

/* `rows` has room for `capacity`, `heads` for 2^bits_max, at least 2. */
void host_table_open(struct host_table *table, struct host_row *rows, uint32_t capacity,
		     uint32_t *heads, uint32_t bits_max);

/* The address is the name's until `until`, or for longer where it has been already; false where
 * there is no room. */
bool host_table_add(struct host_table *table, uint32_t host, const struct address *address,
		    uint32_t now, uint32_t until);

/* The numbers of the rows of an address, in no order, up to HOST_ROW_NONE. They are good until the
 * table changes. */
uint32_t host_table_find(const struct host_table *table, const struct address *address);
uint32_t host_table_next(const struct host_table *table, uint32_t row);

/* Every name of the address keeps it until `until` at least. */
void host_table_extend(struct host_table *table, const struct address *address, uint32_t until);

/* Removes what has passed before `now`. Returns how many. */
uint32_t host_table_expire(struct host_table *table, uint32_t now);

#endif
