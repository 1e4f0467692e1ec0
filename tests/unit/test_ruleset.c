/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The decision, case by case and against a slow oracle that walks the rules.
 * Run by `make test`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ruleset.h"
#include "ruleset_fixture.h"
#include "ruleset_oracle.h"
#include "util.h"

static struct verdict decide(const struct world *world, enum protocol protocol, const char *text,
			     uint16_t port)
{
	struct endpoint endpoint = { address_of(text), port };

	return ruleset_decide(&world->ruleset, protocol, &endpoint);
}

/* `rule` is the index of the deciding rule, -1 for none. */
static void expect(const struct world *world, enum protocol protocol, const char *text,
		   uint16_t port, enum verdict_kind kind, int rule)
{
	struct verdict verdict = decide(world, protocol, text, port);

	assert_int_equal(verdict.kind, kind);
	assert_ptr_equal(verdict.rule, rule < 0 ? NULL : &world->rules[rule]);
}

/* ---- single decisions ---- */

static void decide_without_rules_denies(void **state)
{
	struct world world = { 0 };

	(void)state;
	world_index(&world);
	expect(&world, PROTOCOL_TCP, "127.0.0.1", 22, VERDICT_DENY, -1);
	expect(&world, PROTOCOL_ICMP, "::1", 0, VERDICT_DENY, -1);
}

static void decide_host_and_port_travel_as_a_pair(void **state)
{
	struct world world = { 0 };

	(void)state;
	rule_add_ports(&world, world_add_prefix(&world, PROTOCOL_TCP, "10.0.0.1", 32), 22, 22);
	rule_add_ports(&world, world_add_prefix(&world, PROTOCOL_TCP, "10.0.0.2", 32), 80, 80);
	world_index(&world);
	expect(&world, PROTOCOL_TCP, "10.0.0.1", 22, VERDICT_ALLOW, 0);
	expect(&world, PROTOCOL_TCP, "10.0.0.2", 80, VERDICT_ALLOW, 1);
	expect(&world, PROTOCOL_TCP, "10.0.0.1", 80, VERDICT_DENY, -1);
	expect(&world, PROTOCOL_TCP, "10.0.0.2", 22, VERDICT_DENY, -1);
	expect(&world, PROTOCOL_UDP, "10.0.0.1", 22, VERDICT_DENY, -1);
}

static void decide_deny_wins_wherever_it_stands(void **state)
{
	struct world world = { 0 };

	(void)state;
	world_add_prefix(&world, PROTOCOL_TCP, "10.0.0.1", 32);
	world_add(&world, PROTOCOL_TCP, TARGET_ANY, 0);
	world_add(&world, PROTOCOL_TCP, TARGET_CLASS, CLASS_PRIVATE)->deny = 1;
	world_add_prefix(&world, PROTOCOL_TCP, "10.0.0.0", 8)->deny = 1;
	world_index(&world);
	expect(&world, PROTOCOL_TCP, "10.0.0.1", 22, VERDICT_DENY, 2);
	expect(&world, PROTOCOL_TCP, "8.8.8.8", 22, VERDICT_ALLOW, 1);
}

static void decide_among_equals_names_the_first(void **state)
{
	struct world world = { 0 };

	(void)state;
	world_add_prefix(&world, PROTOCOL_TCP, "10.0.0.0", 8);
	world_add_prefix(&world, PROTOCOL_TCP, "10.0.0.0", 8);
	world_add_prefix(&world, PROTOCOL_TCP, "10.1.0.0", 16);
	world_add(&world, PROTOCOL_TCP, TARGET_ANY, 0);
	world_index(&world);
	expect(&world, PROTOCOL_TCP, "10.1.0.1", 22, VERDICT_ALLOW, 0);
	expect(&world, PROTOCOL_TCP, "11.1.0.1", 22, VERDICT_ALLOW, 3);
}

static void decide_port_range_includes_both_ends(void **state)
{
	struct world world = { 0 };
	struct rule *rule = world_add(&world, PROTOCOL_TCP | PROTOCOL_UDP, TARGET_ANY, 0);

	(void)state;
	rule_add_ports(&world, rule, 1000, 1002);
	rule_add_ports(&world, rule, 65535, 65535);
	rule_add_ports(&world, rule, 1, 1);
	world_index(&world);
	expect(&world, PROTOCOL_TCP, "::1", 999, VERDICT_DENY, -1);
	expect(&world, PROTOCOL_TCP, "::1", 1000, VERDICT_ALLOW, 0);
	expect(&world, PROTOCOL_UDP, "::1", 1002, VERDICT_ALLOW, 0);
	expect(&world, PROTOCOL_TCP, "::1", 1003, VERDICT_DENY, -1);
	expect(&world, PROTOCOL_TCP, "::1", 65535, VERDICT_ALLOW, 0);
	expect(&world, PROTOCOL_TCP, "::1", 1, VERDICT_ALLOW, 0);
	expect(&world, PROTOCOL_TCP, "::1", 0, VERDICT_DENY, -1);
}

static void decide_rule_without_ports_is_every_port(void **state)
{
	struct world world = { 0 };

	(void)state;
	world_add(&world, PROTOCOL_TCP, TARGET_ANY, 0);
	world_index(&world);
	expect(&world, PROTOCOL_TCP, "1.2.3.4", 0, VERDICT_ALLOW, 0);
	expect(&world, PROTOCOL_TCP, "1.2.3.4", 65535, VERDICT_ALLOW, 0);
}

static void decide_icmp_ignores_ports(void **state)
{
	struct world world = { 0 };
	struct rule *rule = world_add(&world, PROTOCOL_TCP | PROTOCOL_ICMP, TARGET_ANY, 0);

	(void)state;
	rule_add_ports(&world, rule, 443, 443);
	world_index(&world);
	expect(&world, PROTOCOL_ICMP, "1.2.3.4", 0, VERDICT_ALLOW, 0);
	expect(&world, PROTOCOL_TCP, "1.2.3.4", 0, VERDICT_DENY, -1);
}

static void decide_prefix_holds_for_its_family_only(void **state)
{
	struct world world = { 0 };

	(void)state;
	world_add_prefix(&world, PROTOCOL_TCP, "0.0.0.0", 0);
	world_add_prefix(&world, PROTOCOL_UDP, "::", 0);
	world_index(&world);
	expect(&world, PROTOCOL_TCP, "::ffff:8.8.8.8", 1, VERDICT_ALLOW, 0);
	expect(&world, PROTOCOL_TCP, "2001:db8::1", 1, VERDICT_DENY, -1);
	expect(&world, PROTOCOL_UDP, "2001:db8::1", 1, VERDICT_ALLOW, 1);
	expect(&world, PROTOCOL_UDP, "::ffff:8.8.8.8", 1, VERDICT_DENY, -1);
}

static void decide_host_by_every_name_of_the_address(void **state)
{
	struct address shared = address_of("192.0.2.1");
	struct world world = { 0 };

	(void)state;
	rule_add_ports(&world, world_add(&world, PROTOCOL_TCP, TARGET_HOST, 5), 80, 80);
	rule_add_ports(&world, world_add(&world, PROTOCOL_TCP, TARGET_HOST, 0), 22, 22);
	world_index(&world);
	expect(&world, PROTOCOL_TCP, "192.0.2.1", 22, VERDICT_DENY, -1);
	world_answer(&world, 0, &shared);
	world_answer(&world, 5, &shared);
	expect(&world, PROTOCOL_TCP, "192.0.2.1", 80, VERDICT_ALLOW, 0);
	expect(&world, PROTOCOL_TCP, "192.0.2.1", 22, VERDICT_ALLOW, 1);
	expect(&world, PROTOCOL_TCP, "192.0.2.2", 22, VERDICT_DENY, -1);
	world.table = (struct host_table){ 0 };
	expect(&world, PROTOCOL_TCP, "192.0.2.1", 22, VERDICT_DENY, -1);
	expect(&world, PROTOCOL_TCP, "192.0.2.1", 80, VERDICT_DENY, -1);
	world_answer(&world, 5, &shared);
	world.ruleset.hosts = NULL;
	expect(&world, PROTOCOL_TCP, "192.0.2.1", 80, VERDICT_DENY, -1);
}

/* A name server that answers 0.0.0.0 must not open loopback. */
static void decide_unspecified_is_no_answer_of_a_name(void **state)
{
	struct address zero[] = { address_of("0.0.0.0"), address_of("::") };
	struct world world = { 0 };

	(void)state;
	world_add(&world, PROTOCOL_TCP, TARGET_HOST, 0);
	world_add(&world, PROTOCOL_UDP, TARGET_CLASS, CLASS_SPECIAL);
	world_index(&world);
	world_answer(&world, 0, &zero[0]);
	world_answer(&world, 0, &zero[1]);
	expect(&world, PROTOCOL_TCP, "0.0.0.0", 22, VERDICT_DENY, -1);
	expect(&world, PROTOCOL_TCP, "::", 22, VERDICT_DENY, -1);
	expect(&world, PROTOCOL_UDP, "::", 22, VERDICT_ALLOW, 1);
}

static void decide_many_ports_of_one_key(void **state)
{
	struct world world = { 0 };

	(void)state;
	for (uint16_t port = 1; port < 1000; port += 2)
		rule_add_ports(&world, world_add(&world, PROTOCOL_TCP, TARGET_ANY, 0), port, port);
	world_index(&world);
	for (uint16_t port = 1; port < 1000; port += 2) {
		expect(&world, PROTOCOL_TCP, "1.2.3.4", port, VERDICT_ALLOW, port / 2);
		expect(&world, PROTOCOL_TCP, "1.2.3.4", port + 1, VERDICT_DENY, -1);
	}
}

static void decide_without_an_index_denies(void **state)
{
	struct world world = { 0 };
	const struct endpoint endpoint = { address_of("1.2.3.4"), 22 };
	struct ruleset ruleset;

	(void)state;
	world_add(&world, PROTOCOL_TCP, TARGET_ANY, 0);
	world_index(&world);
	ruleset = (struct ruleset){ .rules = world.rules, .rule_count = 1 };
	assert_int_equal(ruleset_decide(&ruleset, PROTOCOL_TCP, &endpoint).kind, VERDICT_DENY);
	expect(&world, PROTOCOL_TCP, "1.2.3.4", 22, VERDICT_ALLOW, 0);
}

static void written_are_the_protocols_of_written_allow_rules(void **state)
{
	struct world world = { 0 };

	(void)state;
	world_add(&world, PROTOCOL_UDP, TARGET_ANY, 0)->deny = 1;
	world_add(&world, PROTOCOL_UDP, TARGET_ANY, 0)->implicit = 1;
	world_add(&world, PROTOCOL_TCP, TARGET_ANY, 0);
	world_index(&world);
	assert_int_equal(world.ruleset.written, PROTOCOL_TCP);
	world_add(&world, PROTOCOL_UDP | PROTOCOL_ICMP, TARGET_HOST, 0);
	world_index(&world);
	assert_int_equal(world.ruleset.written, PROTOCOL_TCP | PROTOCOL_UDP | PROTOCOL_ICMP);
}

static void names_host_only_by_an_allow_rule_of_the_port(void **state)
{
	struct world world = { 0 };
	struct rule *rule;

	(void)state;
	world_add(&world, PROTOCOL_TCP, TARGET_ANY, 0);
	world_add(&world, PROTOCOL_TCP, TARGET_HOST, 1)->deny = 1;
	world_index(&world);
	assert_false(ruleset_names_host(&world.ruleset, PROTOCOL_TCP, 22));
	rule = world_add(&world, PROTOCOL_TCP | PROTOCOL_ICMP, TARGET_HOST, 0);
	rule_add_ports(&world, rule, 22, 23);
	rule_add_ports(&world, rule, 80, 80);
	world_index(&world);
	world_index(&world);
	assert_true(ruleset_names_host(&world.ruleset, PROTOCOL_TCP, 22));
	assert_true(ruleset_names_host(&world.ruleset, PROTOCOL_TCP, 80));
	assert_false(ruleset_names_host(&world.ruleset, PROTOCOL_TCP, 24));
	assert_false(ruleset_names_host(&world.ruleset, PROTOCOL_TCP, 0));
	assert_false(ruleset_names_host(&world.ruleset, PROTOCOL_UDP, 22));
	assert_true(ruleset_names_host(&world.ruleset, PROTOCOL_ICMP, 7));
}

static void embedded_address_denied_with_the_one_it_embeds(void **state)
{
	static const char *const inside[] = { "64:ff9b::192.0.2.7", "2002:c000:207::1",
					      "2002:c000:207:ffff:ffff:ffff:ffff:ffff" };
	static const char *const outside[] = { "64:ff9b::192.0.3.7", "2002:c000:307::1",
					       "64:ff9b::1:c000:207", "2001:db8::c000:207" };
	struct world world = { 0 };

	(void)state;
	world_add_prefix(&world, PROTOCOL_TCP, "::", 0);
	world_add_prefix(&world, PROTOCOL_TCP, "192.0.2.0", 24)->deny = 1;
	/* To IPv4 alone. */
	world_add_prefix(&world, PROTOCOL_UDP, "192.0.2.0", 24);
	world_index(&world);
	for (size_t i = 0; i < ARRAY_SIZE(inside); i++) {
		struct endpoint endpoint = { address_of(inside[i]), 80 };

		assert_ptr_equal(&world.rules[1],
				 ruleset_decide(&world.ruleset, PROTOCOL_TCP, &endpoint).rule);
		assert_null(ruleset_decide(&world.ruleset, PROTOCOL_UDP, &endpoint).rule);
	}
	for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
		struct endpoint endpoint = { address_of(outside[i]), 80 };

		assert_int_equal(VERDICT_ALLOW,
				 ruleset_decide(&world.ruleset, PROTOCOL_TCP, &endpoint).kind);
	}
}

/* ---- random worlds ---- */

static void decide_random_agrees_with_the_oracle(void **state)
{
	static const enum protocol protocols[] = { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP };
	struct world world;
	uint64_t seed = 20261124;
	uint32_t allowed = 0, denied = 0, unnamed = 0;

	(void)state;
	for (int round = 0; round < 400; round++) {
		random_world(&world, &seed);
		assert_int_equal(ruleset_validate(&world.ruleset, HOSTS), 0);
		for (int i = 0; i < 250; i++) {
			struct endpoint endpoint = { random_address(&seed), random_port(&seed) };
			enum protocol protocol = protocols[random_below(&seed, 3)];
			struct verdict got = ruleset_decide(&world.ruleset, protocol, &endpoint);
			struct verdict expected = oracle_decide(&world, protocol, &endpoint);

			assert_int_equal(got.kind, expected.kind);
			assert_ptr_equal(got.rule, expected.rule);
			allowed += got.kind == VERDICT_ALLOW;
			denied += got.kind == VERDICT_DENY && got.rule;
			unnamed += !got.rule;
		}
	}
	/* Each outcome is common enough for the agreement to mean something. */
	assert_true(allowed > 20000 && denied > 20000 && unnamed > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decide_without_rules_denies),
		cmocka_unit_test(decide_host_and_port_travel_as_a_pair),
		cmocka_unit_test(decide_deny_wins_wherever_it_stands),
		cmocka_unit_test(decide_among_equals_names_the_first),
		cmocka_unit_test(decide_port_range_includes_both_ends),
		cmocka_unit_test(decide_rule_without_ports_is_every_port),
		cmocka_unit_test(decide_icmp_ignores_ports),
		cmocka_unit_test(decide_prefix_holds_for_its_family_only),
		cmocka_unit_test(decide_host_by_every_name_of_the_address),
		cmocka_unit_test(decide_unspecified_is_no_answer_of_a_name),
		cmocka_unit_test(decide_many_ports_of_one_key),
		cmocka_unit_test(decide_without_an_index_denies),
		cmocka_unit_test(written_are_the_protocols_of_written_allow_rules),
		cmocka_unit_test(names_host_only_by_an_allow_rule_of_the_port),
		cmocka_unit_test(embedded_address_denied_with_the_one_it_embeds),
		cmocka_unit_test(decide_random_agrees_with_the_oracle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
