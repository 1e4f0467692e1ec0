/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables of a ruleset, shared by ruleset_index, which builds them, and ruleset, which searches
 * them.
 */
#ifndef SANDLOCK_RULESET_TABLES_H
#define SANDLOCK_RULESET_TABLES_H

#include <stdint.h>

#include "endpoint.h"

/* Of two rules the one with the smaller rank decides: denials come first, then the order in the
 * policy. */
#define RANK_ALLOW (1U << 31)
#define RANK_NONE  UINT32_MAX

/* The ports of one key at which one rule decides. Of one key no two entries meet. */
struct ruleset_entry {
	struct address_bits key; /* a masked address, or the number of a class or host */
	struct port_range ports;
	uint32_t rank;
};

/* All keys of one kind, spread over buckets by a hash. The entries of a bucket, and so of a table,
 * follow one another in the order of (key, port), up to the first entry of the next bucket. */
struct ruleset_table {
	uint8_t protocol;         /* enum protocol */
	uint8_t target;           /* enum target */
	uint8_t family;           /* of TARGET_PREFIX, else 0 */
	uint8_t bits;             /* there are 2^bits buckets, at least 2 */
	uint32_t first;           /* bucket */
	struct address_bits mask; /* of TARGET_PREFIX: the bits of an address that are the key */
};

/* A bucket is the number of its first entry and, in the top bits, the set of the marks of its keys.
 * Most absent keys have another mark, so that no entry is read. */
#define BUCKET_ENTRY ((1U << 24) - 1)
#define BUCKET_MARK  24

/* The factors are odd and without pattern; each bit of the key reaches the top ones. */
static inline uint64_t ruleset_hash(struct address_bits key)
{
	return key.high * 0x9e3779b97f4a7c15ULL + key.low * 0xc2b2ae3d27d4eb4fULL;
}

static inline uint32_t ruleset_bucket(const struct ruleset_table *table, uint64_t hash)
{
	return table->first + (uint32_t)(hash >> (64 - table->bits));
}

/* One of the eight bits of the set, by the next three of the hash. */
static inline uint32_t ruleset_mark(const struct ruleset_table *table, uint64_t hash)
{
	return 1U << (BUCKET_MARK + (hash << table->bits >> 61));
}

#endif
