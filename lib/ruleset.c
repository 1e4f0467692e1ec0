/*
 * The decision: may this (protocol, address, port) be reached, and which rule says so.
 * Called by the supervisor and sandlockctl (decide), the plan builder (index) and plan_map
 * (validate). Distrusts the tables in ruleset_validate only; all else runs on validated ones.
 */
#include "ruleset.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "util.h"

#define PROTOCOLS (PROTOCOL_TCP | PROTOCOL_UDP | PROTOCOL_ICMP)
#define KEY_BITS  128U
#define INET_BITS 32U

static const struct port_range every_port = { 0, UINT16_MAX };

/* Classes and hosts are searched by number: as an address whose order is the number's. */
static struct address key_from_number(uint32_t number)
{
	struct address key = { { 0 } };

	for (size_t i = 0; i < sizeof(number); i++)
		key.bytes[sizeof(key.bytes) - 1 - i] = (uint8_t)(number >> (8 * i));
	return key;
}

static struct address rule_key(const struct rule *rule)
{
	switch ((enum target)rule->target) {
	case TARGET_ANY:
		break;
	case TARGET_CLASS:
	case TARGET_HOST:
		return key_from_number(rule->value);
	case TARGET_PREFIX:
		return rule->prefix.address;
	}
	return key_from_number(0);
}

/* How many bits of its key a rule is about: all of a number. */
static uint32_t rule_length(const struct rule *rule)
{
	if (rule->target == TARGET_ANY)
		return 0;
	if (rule->target != TARGET_PREFIX)
		return KEY_BITS;
	if (rule->prefix.family == FAMILY_INET)
		return KEY_BITS - INET_BITS + rule->prefix.length;
	return rule->prefix.length;
}

static struct ruleset_group rule_group(const struct rule *rule)
{
	struct ruleset_group group = { .target = rule->target };

	if (rule->target == TARGET_PREFIX)
		group.family = rule->prefix.family;
	return group;
}

static uint32_t rule_entries(const struct rule *rule)
{
	return rule->ports_count > 0 ? rule->ports_count : 1;
}

/* The entry of one port range of a rule, as yet without what is wider. */
static struct ruleset_entry rule_entry(const struct rule *rules, uint32_t rule,
				       const struct port_range *ports, uint32_t index)
{
	const struct rule *owner = &rules[rule];

	return (struct ruleset_entry){
		.key = rule_key(owner),
		.ports = owner->ports_count > 0 ? ports[owner->ports_first + index] : every_port,
		.rule = rule,
		.wider = ENTRY_NONE,
		.length = rule_length(owner),
	};
}

static int key_compare(const struct address *left, const struct address *right)
{
	return memcmp(left->bytes, right->bytes, sizeof(left->bytes));
}

/* The order of the groups; what a group spans does not matter. */
static int group_compare(const struct ruleset_group *left, const struct ruleset_group *right)
{
	if (left->target != right->target)
		return left->target < right->target ? -1 : 1;
	return (left->family > right->family) - (left->family < right->family);
}

/* ---- keys as two words: what is searched most is compared without a call or a branch ---- */

static uint64_t key_word(const struct address *key, size_t word)
{
	uint64_t bits;

	memcpy(&bits, key->bytes + word * sizeof(bits), sizeof(bits));
	return be64toh(bits);
}

static bool key_is_above(const struct address *left, const struct address *right)
{
	uint64_t a = key_word(left, 0), b = key_word(right, 0);

	return (a > b) | ((a == b) & (key_word(left, 1) > key_word(right, 1)));
}

static bool words_agree(uint64_t left, uint64_t right, uint32_t bits)
{
	return bits < 64 ? (left ^ right) >> 1 >> (63 - bits) == 0 : left == right;
}

static bool entry_holds(const struct ruleset_entry *entry, const struct address *key)
{
	uint32_t beyond = entry->length > 64 ? entry->length - 64 : 0;

	return words_agree(key_word(&entry->key, 0), key_word(key, 0), entry->length) &&
	       words_agree(key_word(&entry->key, 1), key_word(key, 1), beyond);
}

/* ---- decide ---- */

struct query {
	const struct ruleset *ruleset;
	enum protocol protocol;
	uint16_t port;
	const struct rule *denied; /* the first rule of each kind that matched so far */
	const struct rule *allowed;
};

static void query_note(struct query *query, const struct rule *rule)
{
	const struct rule **first = rule->deny ? &query->denied : &query->allowed;

	if (!*first || rule < *first)
		*first = rule;
}

/* The index of the last entry of `group` whose key is not above `key`. */
static uint32_t group_find(const struct ruleset *ruleset, const struct ruleset_group *group,
			   const struct address *key)
{
	const struct ruleset_entry *entries = ruleset->entries;
	uint32_t found = group->first;

	if (key_is_above(&entries[found].key, key))
		return ENTRY_NONE;
	for (uint32_t count = group->count; count > 1; count -= count / 2)
		found += key_is_above(&entries[found + count / 2].key, key) ? 0 : count / 2;
	return found;
}

static bool entry_matches(const struct ruleset *ruleset, const struct ruleset_entry *entry,
			  enum protocol protocol, uint16_t port)
{
	if (protocol != PROTOCOL_ICMP && (port < entry->ports.low || port > entry->ports.high))
		return false;
	return (ruleset->rules[entry->rule].protocols & protocol) != 0;
}

/* Prefixes nest or are apart: what holds `key` is the last entry before it, or is wider than that. */
static void query_key(struct query *query, const struct ruleset_group *group,
		      const struct address *key)
{
	const struct ruleset *ruleset = query->ruleset;
	const struct ruleset_entry *entry;

	for (uint32_t i = group_find(ruleset, group, key); i != ENTRY_NONE; i = entry->wider) {
		entry = &ruleset->entries[i];
		if (entry_holds(entry, key) &&
		    entry_matches(ruleset, entry, query->protocol, query->port))
			query_note(query, &ruleset->rules[entry->rule]);
	}
}

static void query_hosts(struct query *query, const struct ruleset_group *group,
			const struct address *address)
{
	const struct host_table *table = query->ruleset->hosts;

	/* 0.0.0.0 reaches this machine, whatever a name server says it means. */
	if (!table || address_is_unspecified(address))
		return;
	for (uint32_t i = host_table_find(table, address); i < table->count; i++) {
		const struct host_address *row = &table->addresses[i];
		struct address key = key_from_number(row->host);

		if (key_compare(&row->address, address) != 0)
			return;
		query_key(query, group, &key);
	}
}

static void query_group(struct query *query, const struct ruleset_group *group,
			const struct address *address)
{
	struct address key = key_from_number(0);

	switch ((enum target)group->target) {
	case TARGET_ANY:
		break;
	case TARGET_CLASS:
		key = key_from_number(address_classify(address));
		break;
	case TARGET_PREFIX:
		if (group->family != address_family(address))
			return;
		key = *address;
		break;
	case TARGET_HOST:
		query_hosts(query, group, address);
		return;
	}
	query_key(query, group, &key);
}

struct verdict ruleset_decide(const struct ruleset *ruleset, enum protocol protocol,
			      const struct endpoint *endpoint)
{
	struct verdict verdict = { VERDICT_DENY, NULL };
	struct query query = { ruleset, protocol, endpoint->port, NULL, NULL };

	for (uint32_t i = 0; i < ruleset->group_count; i++)
		query_group(&query, &ruleset->groups[i], &endpoint->address);
	if (query.denied) {
		verdict.rule = query.denied;
	} else if (query.allowed) {
		verdict.kind = VERDICT_ALLOW;
		verdict.rule = query.allowed;
	}
	return verdict;
}

bool ruleset_opens(const struct ruleset *ruleset, enum protocol protocol)
{
	for (uint32_t i = 0; i < ruleset->rule_count; i++) {
		if (!ruleset->rules[i].deny && (ruleset->rules[i].protocols & protocol))
			return true;
	}
	return false;
}

static bool group_names_host(const struct ruleset *ruleset, const struct ruleset_group *group,
			     enum protocol protocol, uint16_t port)
{
	if (group->target != TARGET_HOST)
		return false;
	for (uint32_t i = group->first; i < group->first + group->count; i++) {
		const struct ruleset_entry *entry = &ruleset->entries[i];

		if (entry_matches(ruleset, entry, protocol, port) && !ruleset->rules[entry->rule].deny)
			return true;
	}
	return false;
}

bool ruleset_names_host(const struct ruleset *ruleset, enum protocol protocol, uint16_t port)
{
	for (uint32_t i = 0; i < ruleset->group_count; i++) {
		if (group_names_host(ruleset, &ruleset->groups[i], protocol, port))
			return true;
	}
	return false;
}

/* ---- index ---- */

uint32_t ruleset_count_entries(const struct rule *rules, uint32_t rule_count)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < rule_count; i++) {
		if (__builtin_add_overflow(count, rule_entries(&rules[i]), &count))
			return UINT32_MAX;
	}
	return count;
}

/* The order within a group. */
static int entry_order(const struct ruleset_entry *left, const struct ruleset_entry *right)
{
	int order = key_compare(&left->key, &right->key);

	if (order == 0)
		order = (left->length > right->length) - (left->length < right->length);
	if (order == 0)
		order = (left->rule > right->rule) - (left->rule < right->rule);
	return order;
}

static int entry_compare(const void *left, const void *right, void *rules)
{
	const struct ruleset_entry *a = left;
	const struct ruleset_entry *b = right;
	struct ruleset_group group_a = rule_group((const struct rule *)rules + a->rule);
	struct ruleset_group group_b = rule_group((const struct rule *)rules + b->rule);
	int order = group_compare(&group_a, &group_b);

	return order != 0 ? order : entry_order(a, b);
}

/* Makes one entry a port range of one entry a rule, from the end, so that none is overwritten unread. */
static void entries_expand(const struct rule *rules, uint32_t rule_count,
			   const struct port_range *ports, struct ruleset_entry *entries)
{
	uint32_t end = ruleset_count_entries(rules, rule_count);

	for (uint32_t i = rule_count; i-- > 0;) {
		uint32_t rule = entries[i].rule;

		for (uint32_t j = rule_entries(&rules[rule]); j-- > 0;)
			entries[--end] = rule_entry(rules, rule, ports, j);
	}
}

/* The entry next before `i` in the group, which begins with `first`, that holds its key. */
static uint32_t entry_wider(const struct ruleset_entry *entries, uint32_t first, uint32_t i)
{
	uint32_t wider = i > first ? i - 1 : ENTRY_NONE;

	while (wider != ENTRY_NONE && !entry_holds(&entries[wider], &entries[i].key))
		wider = entries[wider].wider;
	return wider;
}

static uint32_t groups_fill(const struct rule *rules, struct ruleset_entry *entries,
			    uint32_t entry_count, struct ruleset_group *groups)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < entry_count; i++) {
		struct ruleset_group group = rule_group(&rules[entries[i].rule]);

		if (count == 0 || group_compare(&groups[count - 1], &group) != 0) {
			group.first = i;
			groups[count++] = group;
		}
		groups[count - 1].count++;
		entries[i].wider = entry_wider(entries, groups[count - 1].first, i);
	}
	return count;
}

void ruleset_index(const struct rule *rules, uint32_t rule_count, const struct port_range *ports,
		   struct ruleset_entry *entries, struct ruleset_group *groups,
		   uint32_t *ret_group_count)
{
	uint32_t entry_count = ruleset_count_entries(rules, rule_count);

	for (uint32_t i = 0; i < rule_count; i++)
		entries[i] = rule_entry(rules, i, ports, 0);
	qsort_r(entries, rule_count, sizeof(*entries), entry_compare, (void *)(uintptr_t)rules);
	entries_expand(rules, rule_count, ports, entries);
	*ret_group_count = groups_fill(rules, entries, entry_count, groups);
}

/* ---- validate ---- */

static bool prefix_is_sound(const struct prefix *prefix)
{
	struct address masked = address_mask(&prefix->address, prefix->length);

	return prefix->family == address_family(&prefix->address) &&
	       prefix->length <= (prefix->family == FAMILY_INET ? 32 : 128) &&
	       key_compare(&masked, &prefix->address) == 0;
}

static bool target_is_sound(const struct rule *rule, uint32_t host_count)
{
	if (rule->target > TARGET_HOST)
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

/* A rule's entries are one run, its port ranges in its own order; those before it in the group,
 * which begins with `first`, are sound. */
static bool run_is_sound(const struct ruleset *ruleset, uint32_t first, uint32_t run)
{
	uint32_t rule = ruleset->entries[run].rule;

	for (uint32_t i = 0; i < rule_entries(&ruleset->rules[rule]); i++) {
		struct ruleset_entry entry = rule_entry(ruleset->rules, rule, ruleset->ports, i);

		entry.wider = entry_wider(ruleset->entries, first, run + i);
		if (memcmp(&entry, &ruleset->entries[run + i], sizeof(entry)) != 0)
			return false;
	}
	return true;
}

/* Counts the runs of a group; -EINVAL unless they fill it exactly, in order, each belonging there.
 * A run that is out of order could not be found, and may be the one that denies. */
static int64_t group_count_runs(const struct ruleset *ruleset, const struct ruleset_group *group)
{
	uint32_t end = group->first + group->count;
	const struct ruleset_entry *previous = NULL;
	int64_t runs = 0;

	for (uint32_t i = group->first; i < end; runs++) {
		const struct ruleset_entry *run = &ruleset->entries[i];
		const struct rule *rule;
		struct ruleset_group own;

		if (run->rule >= ruleset->rule_count)
			return -EINVAL;
		rule = &ruleset->rules[run->rule];
		own = rule_group(rule);
		if (group_compare(&own, group) != 0 || rule_entries(rule) > end - i ||
		    !run_is_sound(ruleset, group->first, i) ||
		    (previous && entry_order(previous, run) >= 0))
			return -EINVAL;
		previous = run;
		i += rule_entries(rule);
	}
	return runs;
}

/* No rule has two runs, so as many runs as rules means that each rule has its own. */
static int index_validate(const struct ruleset *ruleset)
{
	const struct ruleset_group *groups = ruleset->groups;
	uint32_t next = 0;
	int64_t runs = 0;

	for (uint32_t i = 0; i < ruleset->group_count; i++) {
		int64_t found;

		if (groups[i].first != next || groups[i].unused != 0 ||
		    groups[i].count > ruleset->entry_count - next ||
		    (i > 0 && group_compare(&groups[i - 1], &groups[i]) >= 0))
			return -EINVAL;
		found = group_count_runs(ruleset, &groups[i]);
		if (found <= 0)
			return -EINVAL;
		runs += found;
		next += groups[i].count;
	}
	return next == ruleset->entry_count && runs == ruleset->rule_count ? 0 : -EINVAL;
}

int ruleset_validate_rules(const struct ruleset *ruleset, uint32_t host_count)
{
	for (uint32_t i = 0; i < ruleset->port_count; i++) {
		if (ruleset->ports[i].low > ruleset->ports[i].high)
			return -EINVAL;
	}
	for (uint32_t i = 0; i < ruleset->rule_count; i++) {
		if (!rule_is_sound(ruleset, &ruleset->rules[i], host_count))
			return -EINVAL;
	}
	return 0;
}

int ruleset_validate(const struct ruleset *ruleset, uint32_t host_count)
{
	int error = ruleset_validate_rules(ruleset, host_count);

	return error < 0 ? error : index_validate(ruleset);
}
