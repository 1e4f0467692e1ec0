/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules as they come from another process: every way in which they can be unsound.
 * Run by `make test`.
 * What is accepted here is indexed and decided by without another look.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "ruleset.h"
#include "ruleset_fixture.h"

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
	expect_unsound(&world, "unknown class");
	rules[RULE_HOST].value = HOSTS;
	expect_unsound(&world, "host beyond the table");
	rules[RULE_HOST].target = TARGET_OWN + 1;
	expect_unsound(&world, "unknown target");
	rules[RULE_INET].prefix.length = 33;
	expect_unsound(&world, "IPv4 length 33");
	rules[RULE_INET6].prefix.length = 129;
	expect_unsound(&world, "IPv6 length 129");
	rules[RULE_INET].prefix.length = 6;
	expect_unsound(&world, "host bits beyond the prefix");
	rules[RULE_INET].prefix.family = FAMILY_INET6;
	expect_unsound(&world, "IPv4 as IPv6");
	rules[RULE_INET6].prefix.family = FAMILY_INET;
	expect_unsound(&world, "IPv6 as IPv4");
	rules[RULE_INET].prefix.family = 0;
	expect_unsound(&world, "no family");
}

static void validate_unsound_ports_are_refused(void **state)
{
	struct world world;

	(void)state;
	sound_world(&world);
	world.ports[0] = (struct port_range){ 80, 22 };
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

/* Few bytes can ask for much memory: rules that share their ports. */
static void validate_too_many_pairs_are_refused(void **state)
{
	static struct rule rules[RULESET_PAIRS_MAX / PORTS_MAX + 1];
	struct port_range ports[PORTS_MAX] = { { 0 } };
	struct ruleset ruleset = { .rules = rules, .ports = ports, .port_count = PORTS_MAX };

	(void)state;
	while (ruleset.rule_count < RULESET_PAIRS_MAX / PORTS_MAX)
		rules[ruleset.rule_count++] =
			(struct rule){ .protocols = PROTOCOL_TCP, .ports_count = PORTS_MAX };
	assert_int_equal(ruleset_validate(&ruleset, 0), 0);
	rules[ruleset.rule_count++] = (struct rule){ .protocols = PROTOCOL_TCP };
	assert_int_equal(ruleset_validate(&ruleset, 0), -E2BIG);
	ruleset.rule_count--;
	rules[0].protocols |= PROTOCOL_UDP;
	assert_int_equal(ruleset_validate(&ruleset, 0), -E2BIG);
}

static void count_pairs_beyond_32_bits_is_the_maximum(void **state)
{
	const struct rule rules[] = {
		{ .protocols = PROTOCOL_TCP },
		{ .protocols = PROTOCOL_TCP, .ports_count = UINT32_MAX - 2 },
		{ .protocols = PROTOCOL_UDP },
		{ .protocols = PROTOCOL_UDP | PROTOCOL_ICMP, .ports_count = 3 },
	};
	struct ruleset ruleset = { .rules = rules };

	(void)state;
	assert_int_equal(ruleset_count_pairs(&ruleset), 0);
	ruleset.rule_count = 2;
	assert_true(ruleset_count_pairs(&ruleset) == UINT32_MAX - 1);
	ruleset.rule_count = 4;
	assert_true(ruleset_count_pairs(&ruleset) == UINT32_MAX);
	ruleset.rules = &rules[2];
	ruleset.rule_count = 2;
	assert_int_equal(ruleset_count_pairs(&ruleset), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(validate_unsound_rule_is_refused),
		cmocka_unit_test(validate_unsound_ports_are_refused),
		cmocka_unit_test(validate_too_many_pairs_are_refused),
		cmocka_unit_test(count_pairs_beyond_32_bits_is_the_maximum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
