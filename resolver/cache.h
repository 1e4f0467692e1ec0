/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What name servers have answered, negative answers and failures too. Allocates, within bounds.
 * Entries stay after their time: they tell which names once had an address.
 */
#ifndef SANDLOCK_CACHE_H
#define SANDLOCK_CACHE_H

#include "dns_message.h"

#define CACHE_BITS        10U
#define CACHE_ENTRIES_MAX 4096U
#define CACHE_BYTES_MAX   (2U << 20)

struct cache_entry {
	struct cache_entry *next;  /* of the bucket */
	struct cache_entry *newer; /* of all, by age */
	struct cache_entry *older;
	struct dns_name name;
	uint16_t type;
	uint64_t stored_ms;
	struct dns_answer *answer; /* as much of it as it needs; NULL: no server had one */
};

struct cache {
	struct cache_entry *buckets[1U << CACHE_BITS];
	struct cache_entry *newest;
	struct cache_entry *oldest;
	uint32_t entries;
	size_t bytes;
};

/* The entry, whether its time is over or not; NULL. */
struct cache_entry *cache_find(const struct cache *cache, const struct dns_name *name, uint16_t type);

/* How old the entry is, in seconds, where it may be told at `now_ms`; false where its time is over. */
bool cache_is_fresh(const struct cache_entry *entry, uint64_t now_ms, uint32_t *ret_age_s);

/* Keeps a copy of the answer, NULL for none, in the place of what was there. Where there is no
 * memory it keeps nothing. */
void cache_store(struct cache *cache, const struct dns_name *name, uint16_t type,
		 const struct dns_answer *answer, uint64_t now_ms);

/* Forgets what was not answered: the servers are others now. */
void cache_forget_failures(struct cache *cache);

/* True where the entry has the address. */
bool cache_entry_has(const struct cache_entry *entry, const struct address *address);

#endif
