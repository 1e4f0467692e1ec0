/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The decision: may this (protocol, address, port) be reached, and which rule decides. Distrusts
 * the rules in ruleset_validate only; all else runs on validated ones.
 */
#include "ruleset.h"

#include <errno.h>
#include <string.h>

#include "ruleset_tables.h"
#include "util.h"

#define PROTOCOLS (PROTOCOL_TCP | PROTOCOL_UDP | PROTOCOL_ICMP)

/* ---- decide ---- */

struct query {
	const struct ruleset *ruleset;
	const struct address *address;
	struct address_bits bits; /* of the address */
	uint8_t family;
	uint16_t port;
};

static bool bits_are_equal(struct address_bits left, struct address_bits right)
{
	return ((left.high ^ right.high) | (left.low ^ right.low)) == 0;
}

static bool entry_is_above(const struct ruleset_entry *entry, struct address_bits key, uint16_t port)
{
	if (entry->key.high != key.high)
		return entry->key.high > key.high;
	if (entry->key.low != key.low)
		return entry->key.low > key.low;
	return entry->ports.low > port;
}

/* The rank of the rule that decides at a port of a key, which the bucket may contain. It has about
 * one entry; where there are more, as when one key has many ports, they are halved. */
static uint32_t bucket_rank(const struct ruleset *ruleset, const uint32_t *bucket,
			    struct address_bits key, uint16_t port)
{
	const struct ruleset_entry *entry = &ruleset->entries[*bucket & BUCKET_ENTRY];
	uint32_t count = (bucket[1] & BUCKET_ENTRY) - (*bucket & BUCKET_ENTRY);

	for (; count > 1; count -= count / 2)
		entry += entry_is_above(&entry[count / 2], key, port) ? 0 : count / 2;
	if (!bits_are_equal(entry->key, key) || port < entry->ports.low || port > entry->ports.high)
		return RANK_NONE;
	return entry->rank;
}

static inline uint32_t table_rank(const struct ruleset *ruleset, const struct ruleset_table *table,
				  struct address_bits key, uint16_t port)
{
	uint64_t hash = ruleset_hash(key);
	const uint32_t *bucket = &ruleset->buckets[ruleset_bucket(table, hash)];

	return *bucket & ruleset_mark(table, hash) ? bucket_rank(ruleset, bucket, key, port)
						   : RANK_NONE;
}

/* Whether any port of the key is allowed. */
static bool table_covers(const struct ruleset *ruleset, const struct ruleset_table *table,
			 struct address_bits key)
{
	uint64_t hash = ruleset_hash(key);
	const uint32_t *bucket = &ruleset->buckets[ruleset_bucket(table, hash)];

	if (!(*bucket & ruleset_mark(table, hash)))
		return false;
	for (uint32_t i = *bucket & BUCKET_ENTRY; i < (bucket[1] & BUCKET_ENTRY); i++) {
		const struct ruleset_entry *entry = &ruleset->entries[i];

		if (bits_are_equal(entry->key, key) && (entry->rank & RANK_ALLOW))
			return true;
	}
	return false;
}

static uint32_t hosts_rank(const struct query *query, const struct ruleset_table *table)
{
	const struct host_table *hosts = query->ruleset->hosts;
	uint32_t best = RANK_NONE;

	/* 0.0.0.0 reaches this machine, whatever a name server answers. */
	if (!hosts || address_is_unspecified(query->address))
		return best;
	for (uint32_t row = host_table_find(hosts, query->address); row != HOST_ROW_NONE;
	     row = host_table_next(hosts, row)) {
		const struct address_bits key = { 0, hosts->rows[row].host };
		uint32_t rank = table_rank(query->ruleset, table, key, query->port);

		best = rank < best ? rank : best;
	}
	return best;
}

/* The key under which a table knows the address, which is no host's; false where it cannot. */
static bool query_key(const struct query *query, const struct ruleset_table *table,
		      struct address_bits *ret_key)
{
	struct address_bits key = { 0, 0 };

	if (table->target == TARGET_CLASS) {
		key.low = address_classify(query->address);
	} else if (table->target == TARGET_PREFIX) {
		if (table->family != query->family)
			return false;
		key.high = query->bits.high & table->mask.high;
		key.low = query->bits.low & table->mask.low;
	}
	*ret_key = key;
	return true;
}

static uint32_t query_rank(const struct query *query, const struct ruleset_table *table)
{
	struct address_bits key;

	if (table->target == TARGET_HOST)
		return hosts_rank(query, table);
	/* Who listens decides: ruleset_own_rule. */
	if (table->target == TARGET_OWN)
		return RANK_NONE;
	return query_key(query, table, &key) ? table_rank(query->ruleset, table, key, query->port)
					     : RANK_NONE;
}

/* The best rank of the rules for an address; RANK_NONE where there is none. */
static uint32_t address_rank(const struct ruleset *ruleset, enum protocol protocol,
			     const struct address *address, uint16_t port)
{
	const struct query query = {
		.ruleset = ruleset,
		.address = address,
		.bits = address_bits(address),
		.family = (uint8_t)address_family(address),
		.port = port,
	};
	uint32_t best = RANK_NONE;

	for (uint32_t i = 0; i < ruleset->table_count; i++) {
		uint32_t rank;

		if (ruleset->tables[i].protocol != protocol)
			continue;
		rank = query_rank(&query, &ruleset->tables[i]);
		best = rank < best ? rank : best;
	}
	return best;
}

static bool hosts_cover(const struct query *query, const struct ruleset_table *table)
{
	const struct host_table *hosts = query->ruleset->hosts;
	uint32_t row = hosts ? host_table_find(hosts, query->address) : HOST_ROW_NONE;

	for (; row != HOST_ROW_NONE; row = host_table_next(hosts, row))
		if (table_covers(query->ruleset, table,
				 (struct address_bits){ 0, hosts->rows[row].host }))
			return true;
	return false;
}

bool ruleset_covers_address(const struct ruleset *ruleset, const struct address *address)
{
	const struct query query = {
		.ruleset = ruleset,
		.address = address,
		.bits = address_bits(address),
		.family = (uint8_t)address_family(address),
	};

	for (uint32_t i = 0; i < ruleset->table_count; i++) {
		const struct ruleset_table *table = &ruleset->tables[i];
		struct address_bits key;

		if (table->target == TARGET_HOST
			    ? hosts_cover(&query, table)
			    : query_key(&query, table, &key) && table_covers(ruleset, table, key))
			return true;
	}
	return false;
}

struct verdict ruleset_decide(const struct ruleset *ruleset, enum protocol protocol,
			      const struct endpoint *endpoint)
{
	uint16_t port = protocol == PROTOCOL_ICMP ? 0 : endpoint->port;
	uint32_t best = address_rank(ruleset, protocol, &endpoint->address, port);
	struct address inet;

	/* For the address that it embeds only denials count; their ranks are the smaller ones. */
	if (address_embeds(&endpoint->address, &inet)) {
		uint32_t rank = address_rank(ruleset, protocol, &inet, port);

		if (!(rank & RANK_ALLOW) && rank < best)
			best = rank;
	}
	if (best == RANK_NONE)
		return (struct verdict){ VERDICT_DENY, NULL };
	return (struct verdict){ best & RANK_ALLOW ? VERDICT_ALLOW : VERDICT_DENY,
				 &ruleset->rules[best & ~RANK_ALLOW] };
}

const struct rule *ruleset_own_rule(const struct ruleset *ruleset, const struct endpoint *endpoint)
{
	const struct address_bits any = { 0, 0 };
	uint32_t best = RANK_NONE;

	if (address_classify(&endpoint->address) != CLASS_LOOPBACK)
		return NULL;
	for (uint32_t i = 0; i < ruleset->table_count; i++) {
		uint32_t rank;

		if (ruleset->tables[i].target != TARGET_OWN)
			continue;
		rank = table_rank(ruleset, &ruleset->tables[i], any, endpoint->port);
		best = rank < best ? rank : best;
	}
	return best == RANK_NONE ? NULL : &ruleset->rules[best & ~RANK_ALLOW];
}

static bool table_allows_somewhere(const struct ruleset *ruleset, const struct ruleset_table *table,
				   uint16_t port)
{
	const uint32_t *buckets = &ruleset->buckets[table->first];
	uint32_t end = buckets[1U << table->bits] & BUCKET_ENTRY;

	for (uint32_t i = buckets[0] & BUCKET_ENTRY; i < end; i++) {
		const struct ruleset_entry *entry = &ruleset->entries[i];

		if (entry->ports.low <= port && port <= entry->ports.high &&
		    (entry->rank & RANK_ALLOW))
			return true;
	}
	return false;
}

bool ruleset_names_host(const struct ruleset *ruleset, enum protocol protocol, uint16_t port)
{
	for (uint32_t i = 0; i < ruleset->table_count; i++) {
		const struct ruleset_table *table = &ruleset->tables[i];

		if (table->protocol == protocol && table->target == TARGET_HOST &&
		    table_allows_somewhere(ruleset, table, protocol == PROTOCOL_ICMP ? 0 : port))
			return true;
	}
	return false;
}

/* ---- validate ---- */

uint32_t ruleset_count_pairs(const struct ruleset *ruleset)
{
	uint64_t pairs = 0;

	for (uint32_t i = 0; i < ruleset->rule_count; i++) {
		const struct rule *rule = &ruleset->rules[i];
		uint64_t ranges = rule->ports_count > 0 ? rule->ports_count : 1;

		pairs += ranges * (uint32_t)__builtin_popcount(rule->protocols);
	}
	return pairs < UINT32_MAX ? (uint32_t)pairs : UINT32_MAX;
}

bool prefix_is_sound(const struct prefix *prefix)
{
	struct address masked = address_mask(&prefix->address, prefix->length);

	return prefix->family == address_family(&prefix->address) &&
	       prefix->length <= (prefix->family == FAMILY_INET ? INET_BITS : ADDRESS_BITS) &&
	       memcmp(&masked, &prefix->address, sizeof(masked)) == 0;
}

static bool target_is_sound(const struct rule *rule, uint32_t host_count)
{
	if (rule->target > TARGET_OWN)
		return false;
	switch ((enum target)rule->target) {
	case TARGET_ANY:
		return true;
	case TARGET_CLASS:
		return rule->value <= CLASS_SPECIAL;
	case TARGET_PREFIX:
		return prefix_is_sound(&rule->prefix);
	case TARGET_HOST:
		return rule->value < host_count;
	case TARGET_OWN:
		return rule->protocols == PROTOCOL_TCP && !rule->deny;
	}
	return false;
}

static bool rule_is_sound(const struct ruleset *ruleset, const struct rule *rule, uint32_t host_count)
{
	return rule->protocols != 0 && (rule->protocols & ~PROTOCOLS) == 0 && rule->deny <= 1 &&
	       rule->implicit <= 1 && target_is_sound(rule, host_count) &&
	       rule->ports_first <= ruleset->port_count &&
	       rule->ports_count <= ruleset->port_count - rule->ports_first;
}

int ruleset_validate(const struct ruleset *ruleset, uint32_t host_count)
{
	for (uint32_t i = 0; i < ruleset->port_count; i++) {
		if (ruleset->ports[i].low > ruleset->ports[i].high)
			return -EINVAL;
	}
	for (uint32_t i = 0; i < ruleset->rule_count; i++) {
		if (!rule_is_sound(ruleset, &ruleset->rules[i], host_count))
			return -EINVAL;
	}
	return ruleset_count_pairs(ruleset) <= RULESET_PAIRS_MAX ? 0 : -E2BIG;
}
