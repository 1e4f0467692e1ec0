/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Builds the tables by which a ruleset decides: sorts what the rules say about each key, and
 * computes which of them decides at which ports. The memory that they need is bounded.
 */
#include "ruleset_index.h"

#include <string.h>

#include "ruleset_tables.h"
#include "util.h"

/* Of each protocol: any address, classes, hosts, and every length of a prefix. */
#define TABLES_MAX (PROTOCOL_COUNT * (3U + (INET_BITS + 1) + (ADDRESS_BITS + 1)))

/* At most; at least half as many, so that what is not there is mostly not looked at. */
#define BUCKETS_A_PAIR 4U

static const struct port_range every_port = { 0, UINT16_MAX };

/* What a rule says about one port range under one protocol, and its place in the tables. */
struct pair {
	struct ruleset_entry entry;
	uint32_t bucket;
	uint32_t mark;
};

/* The ports from `first` up to the next segment. */
struct segment {
	uint32_t first;
	uint32_t rank; /* RANK_NONE: no rule decides here yet */
	uint32_t next; /* itself while no rule decides, else a later one */
};

/* ---- memory ---- */

/* Offsets; the tables come first, what stays before what is scratch. */
struct layout {
	size_t buckets;
	size_t entries;
	size_t pairs;
	size_t sorted;
	size_t segments;
	size_t size;
};

static size_t align(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

static struct layout layout_of(const struct ruleset *ruleset)
{
	size_t pairs = ruleset_count_pairs(ruleset);
	size_t tables = pairs < TABLES_MAX ? pairs : TABLES_MAX;
	struct layout layout;

	layout.buckets = align(tables * sizeof(struct ruleset_table));
	layout.entries = layout.buckets + align((BUCKETS_A_PAIR * pairs + 1) * sizeof(uint32_t));
	/* The ranges of a key have two ends each, and so fewer segments than twice as many. */
	layout.pairs = layout.entries + 2 * pairs * sizeof(struct ruleset_entry);
	layout.sorted = layout.pairs + pairs * sizeof(struct pair);
	layout.segments = layout.sorted + pairs * sizeof(struct pair);
	layout.size = layout.segments + 2 * pairs * sizeof(struct segment);
	return layout;
}

size_t ruleset_index_size(const struct ruleset *ruleset)
{
	return layout_of(ruleset).size;
}

struct builder {
	struct ruleset *ruleset;
	struct ruleset_table *tables;
	uint32_t *buckets;
	struct ruleset_entry *entries;
	struct pair *pairs;
	struct pair *sorted;
	struct segment *segments;
	uint32_t pair_count;
	uint32_t bucket_count;
	uint32_t entry_count;
};

/* ---- pairs and tables ---- */

static bool tables_agree(const struct ruleset_table *left, const struct ruleset_table *right)
{
	return left->protocol == right->protocol && left->target == right->target &&
	       left->family == right->family && left->mask.high == right->mask.high &&
	       left->mask.low == right->mask.low;
}

/* The table of the rule's kind of key, created where there is none. `first` counts its pairs for
 * now. */
static uint32_t table_of(struct builder *builder, const struct rule *rule, enum protocol protocol)
{
	struct ruleset_table wanted = { .protocol = (uint8_t)protocol, .target = rule->target };
	uint32_t i = 0;

	if (rule->target == TARGET_PREFIX) {
		wanted.family = rule->prefix.family;
		wanted.mask = address_bits_mask((struct address_bits){ UINT64_MAX, UINT64_MAX },
						prefix_bits(&rule->prefix));
	}
	while (i < builder->ruleset->table_count && !tables_agree(&builder->tables[i], &wanted))
		i++;
	if (i == builder->ruleset->table_count)
		builder->tables[builder->ruleset->table_count++] = wanted;
	return i;
}

static struct address_bits rule_key(const struct rule *rule)
{
	switch ((enum target)rule->target) {
	case TARGET_ANY:
	case TARGET_OWN:
		break;
	case TARGET_CLASS:
	case TARGET_HOST:
		return (struct address_bits){ 0, rule->value };
	case TARGET_PREFIX:
		return address_bits(&rule->prefix.address);
	}
	return (struct address_bits){ 0, 0 };
}

static void pairs_add(struct builder *builder, uint32_t index, enum protocol protocol)
{
	const struct rule *rule = &builder->ruleset->rules[index];
	const struct port_range *ports = &builder->ruleset->ports[rule->ports_first];
	uint32_t table = table_of(builder, rule, protocol);
	uint32_t count = rule->ports_count;

	/* An ICMP rule has no ports, whatever its other protocols. */
	if (protocol == PROTOCOL_ICMP || count == 0) {
		ports = &every_port;
		count = 1;
	}
	for (uint32_t i = 0; i < count; i++) {
		builder->pairs[builder->pair_count++] = (struct pair){
			.entry = { rule_key(rule), ports[i], index | (rule->deny ? 0 : RANK_ALLOW) },
			.bucket = table,
		};
	}
	builder->tables[table].first += count;
}

static void pairs_make(struct builder *builder)
{
	struct ruleset *ruleset = builder->ruleset;

	for (uint32_t i = 0; i < ruleset->rule_count; i++) {
		const struct rule *rule = &ruleset->rules[i];

		for (uint32_t protocol = 1; protocol <= rule->protocols; protocol <<= 1) {
			if (rule->protocols & protocol)
				pairs_add(builder, i, (enum protocol)protocol);
		}
		if (!rule->deny && !rule->implicit)
			ruleset->written |= rule->protocols;
	}
}

/* Gives each table its buckets, and each pair its bucket. */
static void buckets_place(struct builder *builder)
{
	for (uint32_t i = 0; i < builder->ruleset->table_count; i++) {
		struct ruleset_table *table = &builder->tables[i];

		while (1U << table->bits < 2 * table->first)
			table->bits++;
		table->first = builder->bucket_count;
		builder->bucket_count += 1U << table->bits;
	}
	for (uint32_t i = 0; i < builder->pair_count; i++) {
		struct pair *pair = &builder->pairs[i];
		const struct ruleset_table *table = &builder->tables[pair->bucket];
		uint64_t hash = ruleset_hash(pair->entry.key);

		pair->bucket = ruleset_bucket(table, hash);
		pair->mark = ruleset_mark(table, hash);
	}
}

/* Brings the pairs of each bucket together; the bucket is then the number of the first of them. */
static void pairs_sort(struct builder *builder)
{
	uint32_t *buckets = builder->buckets;

	memset(buckets, 0, builder->bucket_count * sizeof(*buckets));
	for (uint32_t i = 0; i < builder->pair_count; i++)
		buckets[builder->pairs[i].bucket]++;
	for (uint32_t i = 1; i < builder->bucket_count; i++)
		buckets[i] += buckets[i - 1];
	for (uint32_t i = builder->pair_count; i-- > 0;)
		builder->sorted[--buckets[builder->pairs[i].bucket]] = builder->pairs[i];
	buckets[builder->bucket_count] = builder->pair_count;
}

/* ---- entries ---- */

static int number_compare(uint64_t left, uint64_t right)
{
	return (left > right) - (left < right);
}

static int key_compare(struct address_bits left, struct address_bits right)
{
	int order = number_compare(left.high, right.high);

	return order != 0 ? order : number_compare(left.low, right.low);
}

/* The pairs of one key are adjacent, those that decide before others first. */
static int pair_compare(const void *left, const void *right)
{
	const struct pair *a = left;
	const struct pair *b = right;
	int order = key_compare(a->entry.key, b->entry.key);

	return order != 0 ? order : number_compare(a->entry.rank, b->entry.rank);
}

static int segment_compare(const void *left, const void *right)
{
	const struct segment *a = left;
	const struct segment *b = right;

	return number_compare(a->first, b->first);
}

/* One segment between each two ends of the pairs' ranges, and one after them all. */
static uint32_t segments_make(struct segment *segments, const struct pair *pairs, uint32_t count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		segments[2 * i].first = pairs[i].entry.ports.low;
		segments[2 * i + 1].first = pairs[i].entry.ports.high + 1U;
	}
	qsort(segments, 2 * (size_t)count, sizeof(*segments), segment_compare);
	for (uint32_t i = 0; i < 2 * count; i++) {
		if (i > 0 && segments[i].first == segments[kept - 1].first)
			continue;
		segments[kept] = (struct segment){ segments[i].first, RANK_NONE, kept };
		kept++;
	}
	return kept;
}

/* The first undecided segment from `i` on; shortens the path for the next search. */
static uint32_t segment_open(struct segment *segments, uint32_t i)
{
	while (segments[i].next != i) {
		segments[i].next = segments[segments[i].next].next;
		i = segments[i].next;
	}
	return i;
}

/* The rule decides wherever in its ports none does yet. */
static void segments_settle(struct segment *segments, uint32_t count,
			    const struct ruleset_entry *entry)
{
	const struct segment wanted = { .first = entry->ports.low };
	const struct segment *found =
		bsearch(&wanted, segments, count, sizeof(wanted), segment_compare);
	uint32_t i = segment_open(segments, (uint32_t)(found - segments));

	while (segments[i].first <= entry->ports.high) {
		segments[i].rank = entry->rank;
		segments[i].next = i + 1;
		i = segment_open(segments, i);
	}
}

/* The entries of one key, whose `count` pairs are sorted. */
static void entries_add(struct builder *builder, const struct pair *pairs, uint32_t count)
{
	struct segment *segments = builder->segments;
	uint32_t segment_count = segments_make(segments, pairs, count);
	struct ruleset_entry *last = NULL;

	for (uint32_t i = 0; i < count; i++)
		segments_settle(segments, segment_count, &pairs[i].entry);
	for (uint32_t i = 0; i + 1 < segment_count; i++) {
		struct port_range ports = { (uint16_t)segments[i].first,
					    (uint16_t)(segments[i + 1].first - 1) };

		if (segments[i].rank == RANK_NONE)
			continue;
		if (last && last->rank == segments[i].rank && last->ports.high + 1 == ports.low) {
			last->ports.high = ports.high;
			continue;
		}
		last = &builder->entries[builder->entry_count++];
		*last = (struct ruleset_entry){ pairs->entry.key, ports, segments[i].rank };
	}
}

/* The entries of one bucket, whose pairs are given. */
static void bucket_make(struct builder *builder, uint32_t *bucket, struct pair *pairs, uint32_t count)
{
	qsort(pairs, count, sizeof(*pairs), pair_compare);
	*bucket = builder->entry_count;
	for (uint32_t i = 0, end; i < count; i = end) {
		end = i + 1;
		while (end < count && key_compare(pairs[i].entry.key, pairs[end].entry.key) == 0)
			end++;
		*bucket |= pairs[i].mark;
		entries_add(builder, &pairs[i], end - i);
	}
}

static void entries_make(struct builder *builder)
{
	uint32_t *buckets = builder->buckets;

	for (uint32_t i = 0; i < builder->bucket_count; i++)
		bucket_make(builder, &buckets[i], &builder->sorted[buckets[i]],
			    buckets[i + 1] - buckets[i]);
	buckets[builder->bucket_count] = builder->entry_count;
}

size_t ruleset_index(struct ruleset *ruleset, void *memory)
{
	struct layout layout = layout_of(ruleset);
	char *start = memory;
	struct builder builder = {
		.ruleset = ruleset,
		.tables = memory,
		.buckets = (void *)(start + layout.buckets),
		.entries = (void *)(start + layout.entries),
		.pairs = (void *)(start + layout.pairs),
		.sorted = (void *)(start + layout.sorted),
		.segments = (void *)(start + layout.segments),
	};

	ruleset->table_count = 0;
	ruleset->written = 0;
	pairs_make(&builder);
	buckets_place(&builder);
	pairs_sort(&builder);
	entries_make(&builder);
	ruleset->tables = builder.tables;
	ruleset->buckets = builder.buckets;
	ruleset->entries = builder.entries;
	return layout.entries + builder.entry_count * sizeof(*builder.entries);
}
