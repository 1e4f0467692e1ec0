/*
 * The tables behind a decision: every way in which an index can be unsound, and the answers of names.
 * Run by `make test`.
 * An entry that cannot be found may be the one that denies, so every changed bit must be refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "ruleset.h"
#include "ruleset_world.h"
#include "util.h"

/* For given rules there is one table: whatever byte of it changes, it is refused. */
static void validate_any_changed_byte_of_the_index_is_refused(void **state)
{
	struct world world;
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 100; round++) {
		size_t entry_bytes, group_bytes;

		random_world(&world, &seed);
		entry_bytes = world.ruleset.entry_count * sizeof(*world.entries);
		group_bytes = world.ruleset.group_count * sizeof(*world.groups);
		for (int i = 0; i < 200 && entry_bytes > 0; i++) {
			bool in_entries = random_below(&seed, 3) > 0;
			uint8_t *table = in_entries ? (uint8_t *)world.entries
						    : (uint8_t *)world.groups;
			size_t size = in_entries ? entry_bytes : group_bytes;
			uint8_t *byte = &table[random_below(&seed, (uint32_t)size)];
			uint8_t change = (uint8_t)(1U << random_below(&seed, 8));

			*byte ^= change;
			assert_int_equal(ruleset_validate(&world.ruleset, HOSTS), -EINVAL);
			*byte ^= change;
		}
		assert_int_equal(ruleset_validate(&world.ruleset, HOSTS), 0);
	}
}

static void validate_swapped_entries_are_refused(void **state)
{
	struct world world;
	uint64_t seed = 11;
	uint32_t tried = 0;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct ruleset_entry *a, *b, swap;

		if (round % 20 == 0)
			random_world(&world, &seed);
		if (world.ruleset.entry_count < 2)
			continue;
		a = &world.entries[random_below(&seed, world.ruleset.entry_count)];
		b = &world.entries[random_below(&seed, world.ruleset.entry_count)];
		if (memcmp(a, b, sizeof(*a)) == 0)
			continue;
		swap = *a;
		*a = *b;
		*b = swap;
		assert_int_equal(ruleset_validate(&world.ruleset, HOSTS), -EINVAL);
		*b = *a;
		*a = swap;
		tried++;
	}
	assert_true(tried > 1000);
}

/* ---- one thing wrong at a time ---- */

enum {
	RULE_ANY,
	RULE_CLASS,
	RULE_INET,
	RULE_INET6,
	RULE_HOST
};

static void sound_world(struct world *world)
{
	memset(world, 0, sizeof(*world));
	world_add(world, PROTOCOL_TCP, TARGET_ANY, 0);
	world_add(world, PROTOCOL_UDP, TARGET_CLASS, CLASS_SPECIAL)->deny = 1;
	rule_add_ports(world, world_add_prefix(world, PROTOCOL_TCP, "10.0.0.0", 8), 22, 80);
	rule_add_ports(world, world_add_prefix(world, PROTOCOL_TCP, "2001:db8::", 32), 1, 2);
	world_add(world, PROTOCOL_ICMP, TARGET_HOST, HOSTS - 1)->implicit = 1;
	world_index(world);
}

static void expect_unsound(struct world *world, const char *what)
{
	if (ruleset_validate(&world->ruleset, HOSTS) != -EINVAL)
		fail_msg("accepted: %s", what);
	sound_world(world);
	assert_int_equal(ruleset_validate(&world->ruleset, HOSTS), 0);
}

static void validate_unsound_rule_is_refused(void **state)
{
	struct world world;
	struct rule *rules = world.rules;

	(void)state;
	sound_world(&world);
	rules[RULE_ANY].protocols = 0;
	expect_unsound(&world, "no protocol");
	rules[RULE_ANY].protocols = PROTOCOL_TCP | 8;
	expect_unsound(&world, "unknown protocol");
	rules[RULE_ANY].deny = 2;
	expect_unsound(&world, "deny 2");
	rules[RULE_ANY].implicit = 2;
	expect_unsound(&world, "implicit 2");
	rules[RULE_CLASS].value = CLASS_SPECIAL + 1;
	world_index(&world);
	expect_unsound(&world, "unknown class");
	rules[RULE_HOST].value = HOSTS;
	world_index(&world);
	expect_unsound(&world, "host beyond the table");
	rules[RULE_HOST].target = TARGET_HOST + 1;
	expect_unsound(&world, "unknown target");
	rules[RULE_INET].prefix.length = 33;
	world_index(&world);
	expect_unsound(&world, "IPv4 length 33");
	rules[RULE_INET6].prefix.length = 129;
	world_index(&world);
	expect_unsound(&world, "IPv6 length 129");
	rules[RULE_INET].prefix.length = 6;
	world_index(&world);
	expect_unsound(&world, "host bits beyond the prefix");
	rules[RULE_INET].prefix.family = FAMILY_INET6;
	world_index(&world);
	expect_unsound(&world, "IPv4 as IPv6");
	rules[RULE_INET6].prefix.family = FAMILY_INET;
	world_index(&world);
	expect_unsound(&world, "IPv6 as IPv4");
	rules[RULE_INET].prefix.family = 0;
	world_index(&world);
	expect_unsound(&world, "no family");
}

static void validate_unsound_ports_are_refused(void **state)
{
	struct world world;

	(void)state;
	sound_world(&world);
	world.ports[0] = (struct port_range){ 80, 22 };
	world_index(&world);
	expect_unsound(&world, "reversed range");
	world.rules[RULE_INET].ports_first = world.ruleset.port_count;
	expect_unsound(&world, "range beyond the ports");
	world.rules[RULE_INET].ports_first = UINT32_MAX;
	expect_unsound(&world, "first that overflows");
	world.rules[RULE_INET].ports_count = UINT32_MAX;
	expect_unsound(&world, "count that overflows");
	world.rules[RULE_ANY].ports_first = world.ruleset.port_count + 1;
	expect_unsound(&world, "first beyond the ports, none used");
}

static void validate_unsound_index_is_refused(void **state)
{
	struct world world;
	struct ruleset *ruleset = &world.ruleset;

	(void)state;
	sound_world(&world);
	ruleset->entry_count--;
	expect_unsound(&world, "groups beyond the entries");
	ruleset->entry_count++;
	expect_unsound(&world, "an entry without group");
	ruleset->group_count--;
	expect_unsound(&world, "a group missing at the end");
	ruleset->group_count = 0;
	expect_unsound(&world, "no groups");
	ruleset->group_count = 0;
	ruleset->entry_count = 0;
	expect_unsound(&world, "no index for the rules");
	ruleset->rule_count--;
	expect_unsound(&world, "an entry of a rule beyond the rules");
	world.groups[0].count = 0;
	expect_unsound(&world, "empty group");
	world.groups[ruleset->group_count++] =
		(struct ruleset_group){ .target = TARGET_HOST + 1, .first = ruleset->entry_count };
	expect_unsound(&world, "empty group of an unknown target");
	world.groups[1].count = UINT32_MAX;
	expect_unsound(&world, "huge group");
	world.groups[1].first = 0;
	expect_unsound(&world, "overlapping groups");
	world.groups[1] = world.groups[0];
	expect_unsound(&world, "the same group twice");
	world.groups[0].unused = 1;
	expect_unsound(&world, "unused byte set");
	world.entries[0].rule = UINT32_MAX;
	expect_unsound(&world, "entry of no rule");
	world.entries[0].ports.low = 1;
	expect_unsound(&world, "entry of other ports");
	world.entries[1].key.bytes[15] ^= 1;
	expect_unsound(&world, "entry of another key");
}

/* Each run alone is sound; what is wrong is only where it stands. */
static void validate_runs_out_of_order_are_refused(void **state)
{
	struct world world = { 0 };
	struct ruleset_entry swap;

	(void)state;
	world_add_prefix(&world, PROTOCOL_TCP, "10.0.0.1", 32);
	world_add_prefix(&world, PROTOCOL_TCP, "10.0.0.2", 32)->deny = 1;
	world_add_prefix(&world, PROTOCOL_TCP, "10.0.0.2", 32);
	world_index(&world);
	assert_int_equal(ruleset_validate(&world.ruleset, 0), 0);
	swap = world.entries[0];
	world.entries[0] = world.entries[1];
	world.entries[1] = swap;
	assert_int_equal(ruleset_validate(&world.ruleset, 0), -EINVAL);
	world_index(&world);
	swap = world.entries[1];
	world.entries[1] = world.entries[2];
	world.entries[2] = swap;
	assert_int_equal(ruleset_validate(&world.ruleset, 0), -EINVAL);
	world_index(&world);
	/* The first rule twice and linked soundly, in the place of the one that denies. */
	world.entries[1] = world.entries[0];
	world.entries[1].wider = 0;
	world.entries[2].wider = ENTRY_NONE;
	assert_int_equal(ruleset_validate(&world.ruleset, 0), -EINVAL);
}

static void validate_split_group_is_refused(void **state)
{
	struct world world = { 0 };

	(void)state;
	world_add(&world, PROTOCOL_TCP, TARGET_CLASS, CLASS_PRIVATE);
	world_add(&world, PROTOCOL_TCP, TARGET_CLASS, CLASS_LINKLOCAL)->deny = 1;
	world_index(&world);
	assert_int_equal(ruleset_validate(&world.ruleset, 0), 0);
	world.groups[0].count = 1;
	world.groups[1] = world.groups[0];
	world.groups[1].first = 1;
	world.ruleset.group_count = 2;
	assert_int_equal(ruleset_validate(&world.ruleset, 0), -EINVAL);
}

static void count_entries_beyond_32_bits_is_the_maximum(void **state)
{
	struct rule rules[] = { { .ports_count = UINT32_MAX - 1 }, { 0 }, { 0 } };

	(void)state;
	assert_int_equal(ruleset_count_entries(rules, 0), 0);
	assert_true(ruleset_count_entries(rules, 2) == UINT32_MAX);
	assert_true(ruleset_count_entries(rules, 3) == UINT32_MAX);
	assert_int_equal(ruleset_count_entries(rules + 1, 2), 2);
}

/* ---- the host table ---- */

static struct address numbered_address(uint32_t number)
{
	struct address address = address_of("10.0.0.0");

	address.bytes[14] = (uint8_t)(number >> 8);
	address.bytes[15] = (uint8_t)number;
	return address;
}

static void assert_sorted(const struct host_table *table)
{
	for (uint32_t i = 1; i < table->count; i++) {
		const struct host_address *a = &table->addresses[i - 1];
		const struct host_address *b = &table->addresses[i];
		int order = memcmp(&a->address, &b->address, sizeof(a->address));

		assert_true(order < 0 || (order == 0 && a->host < b->host));
	}
}

static void host_table_random_answers_stay_sorted(void **state)
{
	struct host_table table = { 0 };
	struct address answer[40];
	uint64_t seed = 3;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		uint32_t host = random_below(&seed, 60), count = random_below(&seed, 40);
		uint32_t dropped, held = 0, distinct = 0;

		for (uint32_t i = 0; i < count; i++) {
			answer[i] = numbered_address(random_below(&seed, 100));
			distinct++;
			for (uint32_t j = 0; j < i; j++) {
				if (memcmp(&answer[i], &answer[j], sizeof(*answer)) == 0) {
					distinct--;
					break;
				}
			}
		}
		dropped = host_table_replace(&table, host, answer, count);
		for (uint32_t i = 0; i < table.count; i++)
			held += table.addresses[i].host == host;
		assert_sorted(&table);
		assert_true(held <= HOST_ANSWER_MAX && table.count <= HOST_ADDRESSES_MAX);
		assert_true(dropped > 0 || held == distinct);
	}
}

static void host_table_repeated_address_is_held_once(void **state)
{
	struct host_table table = { 0 };
	struct address answer[] = { numbered_address(1), numbered_address(1), numbered_address(2) };

	(void)state;
	assert_int_equal(host_table_replace(&table, 4, answer, 3), 0);
	assert_int_equal(table.count, 2);
	assert_int_equal(host_table_replace(&table, 4, answer, 1), 0);
	assert_int_equal(table.count, 1);
}

static void host_table_long_answer_is_cut_and_counted(void **state)
{
	struct host_table table = { 0 };
	struct address answer[HOST_ANSWER_MAX + 3];

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(answer); i++)
		answer[i] = numbered_address(ARRAY_SIZE(answer) - i);
	assert_int_equal(host_table_replace(&table, 0, answer, ARRAY_SIZE(answer)), 3);
	assert_int_equal(table.count, HOST_ANSWER_MAX);
	assert_sorted(&table);
}

static void host_table_full_drops_and_keeps_the_others(void **state)
{
	enum {
		FULL = HOST_ADDRESSES_MAX / HOST_ANSWER_MAX
	};
	struct host_table table = { 0 };
	struct address answer[HOST_ANSWER_MAX];

	(void)state;
	for (uint32_t host = 0; host <= FULL; host++) {
		uint32_t dropped = host < FULL ? 0 : HOST_ANSWER_MAX;

		for (uint32_t i = 0; i < HOST_ANSWER_MAX; i++)
			answer[i] = numbered_address(host * HOST_ANSWER_MAX + i);
		assert_int_equal(host_table_replace(&table, host, answer, HOST_ANSWER_MAX), dropped);
	}
	assert_int_equal(table.count, HOST_ADDRESSES_MAX);
	assert_int_equal(table.addresses[HOST_ADDRESSES_MAX - 1].host, FULL - 1);
	assert_int_equal(host_table_replace(&table, 0, NULL, 0), 0);
	assert_int_equal(host_table_replace(&table, FULL, answer, HOST_ANSWER_MAX), 0);
	assert_sorted(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(validate_any_changed_byte_of_the_index_is_refused),
		cmocka_unit_test(validate_swapped_entries_are_refused),
		cmocka_unit_test(validate_unsound_rule_is_refused),
		cmocka_unit_test(validate_unsound_ports_are_refused),
		cmocka_unit_test(validate_unsound_index_is_refused),
		cmocka_unit_test(validate_runs_out_of_order_are_refused),
		cmocka_unit_test(validate_split_group_is_refused),
		cmocka_unit_test(count_entries_beyond_32_bits_is_the_maximum),
		cmocka_unit_test(host_table_random_answers_stay_sorted),
		cmocka_unit_test(host_table_repeated_address_is_held_once),
		cmocka_unit_test(host_table_long_answer_is_cut_and_counted),
		cmocka_unit_test(host_table_full_drops_and_keeps_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
