/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Groups against rules: which rules cover any, and which group may be joined.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "multicast.h"
#include "ruleset_fixture.h"

static bool is_multicast(const char *text)
{
	struct address address = address_of(text);

	return address_is_multicast(&address);
}

static bool allows(struct world *world, const char *text)
{
	struct address address = address_of(text);

	world_index(world);
	return multicast_allows(&world->ruleset, &address);
}

static void groups_are_those_of_both_families(void **state)
{
	(void)state;
	assert_true(is_multicast("224.0.0.0"));
	assert_true(is_multicast("239.255.255.255"));
	assert_true(is_multicast("::ffff:224.0.0.251"));
	assert_true(is_multicast("ff00::"));
	assert_true(is_multicast("ff02::fb"));
	assert_false(is_multicast("223.255.255.255"));
	assert_false(is_multicast("240.0.0.0"));
	assert_false(is_multicast("fe80::1"));
	assert_false(is_multicast("::"));
}

static bool prefix_opens(uint8_t protocols, const char *text, uint8_t length)
{
	static struct world world;

	memset(&world, 0, sizeof(world));
	world_add_prefix(&world, protocols, text, length);
	world_index(&world);
	return multicast_is_open(&world.ruleset);
}

static void rule_covers_groups_where_its_addresses_meet_theirs(void **state)
{
	(void)state;
	assert_true(prefix_opens(PROTOCOL_UDP, "224.0.0.251", 32));
	assert_true(prefix_opens(PROTOCOL_UDP | PROTOCOL_TCP, "239.0.0.0", 8));
	assert_true(prefix_opens(PROTOCOL_UDP, "128.0.0.0", 1));
	assert_true(prefix_opens(PROTOCOL_UDP, "0.0.0.0", 0));
	assert_true(prefix_opens(PROTOCOL_UDP, "ff02::", 16));
	assert_true(prefix_opens(PROTOCOL_UDP, "::", 0));
	assert_false(prefix_opens(PROTOCOL_UDP, "192.0.2.1", 32));
	assert_false(prefix_opens(PROTOCOL_UDP, "0.0.0.0", 1));
	assert_false(prefix_opens(PROTOCOL_UDP, "fe80::", 10));
	assert_false(prefix_opens(PROTOCOL_TCP | PROTOCOL_ICMP, "224.0.0.0", 4));
}

static void words_and_names_cover_no_group_and_every_address_does(void **state)
{
	static struct world world;

	(void)state;
	for (uint32_t class = CLASS_GLOBAL; class <= CLASS_SPECIAL; class ++)
		world_add(&world, PROTOCOL_UDP, TARGET_CLASS, class);
	world_add(&world, PROTOCOL_UDP, TARGET_HOST, 0);
	world_add(&world, PROTOCOL_UDP, TARGET_ANY, 0)->deny = 1;
	world_index(&world);
	assert_false(multicast_is_open(&world.ruleset));
	assert_false(allows(&world, "224.0.0.251"));
	memset(&world, 0, sizeof(world));
	world_add(&world, PROTOCOL_UDP, TARGET_ANY, 0);
	world_index(&world);
	assert_true(multicast_is_open(&world.ruleset));
	assert_true(allows(&world, "224.0.0.251"));
	assert_false(allows(&world, "192.0.2.1"));
}

static void group_is_allowed_by_some_port_of_it(void **state)
{
	static struct world world;
	struct rule *rule;

	(void)state;
	rule = world_add_prefix(&world, PROTOCOL_UDP, "239.83.76.0", 24);
	rule_add_ports(&world, rule, 5353, 5353);
	rule_add_ports(&world, rule, 6000, 6010);
	rule_add_ports(&world, world_add_prefix(&world, PROTOCOL_UDP, "ff0e::1", 128), 1900, 1900);
	world_add_prefix(&world, PROTOCOL_TCP, "239.83.77.1", 32);
	assert_true(allows(&world, "239.83.76.67"));
	assert_true(allows(&world, "ff0e::1"));
	assert_false(allows(&world, "239.83.77.1"));
	assert_false(allows(&world, "239.83.78.1"));
	assert_false(allows(&world, "ff0e::2"));
	rule = world_add_prefix(&world, PROTOCOL_UDP, "239.83.76.67", 32);
	rule->deny = 1;
	rule_add_ports(&world, rule, 5353, 5353);
	assert_true(allows(&world, "239.83.76.67"));
	rule_add_ports(&world, rule, 6000, 6010);
	assert_false(allows(&world, "239.83.76.67"));
	assert_true(allows(&world, "239.83.76.68"));
}

/* Without an index nothing is decided. */
static void nothing_is_allowed_without_an_index(void **state)
{
	static struct world world;
	struct address group = address_of("224.0.0.251");

	(void)state;
	world_add(&world, PROTOCOL_UDP, TARGET_ANY, 0);
	world_index(&world);
	world.ruleset.table_count = 0;
	assert_true(multicast_is_open(&world.ruleset));
	assert_false(multicast_allows(&world.ruleset, &group));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_are_those_of_both_families),
		cmocka_unit_test(rule_covers_groups_where_its_addresses_meet_theirs),
		cmocka_unit_test(words_and_names_cover_no_group_and_every_address_does),
		cmocka_unit_test(group_is_allowed_by_some_port_of_it),
		cmocka_unit_test(nothing_is_allowed_without_an_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
