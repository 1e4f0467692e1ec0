/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A ruleset with room for its tables: made rule by rule, or at random from a seed. Asserts that
 * its own input is sound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "ruleset_fixture.h"
#include "ruleset_index.h"
#include "util.h"

#define INDEX_FILL 0xa5

void world_index(struct world *world)
{
	struct ruleset *ruleset = &world->ruleset;
	uint8_t *index = (uint8_t *)world->index;
	size_t size, used;

	ruleset->rules = world->rules;
	ruleset->ports = world->ports;
	ruleset->hosts = &world->table;
	size = ruleset_index_size(ruleset);
	assert_true(size <= sizeof(world->index));
	memset(index, INDEX_FILL, sizeof(world->index));
	used = ruleset_index(ruleset, index);
	assert_true(used <= size);
	for (size_t i = size; i < sizeof(world->index); i++)
		assert_int_equal(index[i], INDEX_FILL);
	memset(index + used, ~INDEX_FILL, sizeof(world->index) - used);
}

struct address address_of(const char *text)
{
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	return address;
}

struct rule *world_add(struct world *world, uint8_t protocols, enum target target, uint32_t value)
{
	struct rule *rule = &world->rules[world->ruleset.rule_count++];

	*rule = (struct rule){ .protocols = protocols, .target = (uint8_t)target, .value = value };
	return rule;
}

struct rule *world_add_prefix(struct world *world, uint8_t protocols, const char *text, uint8_t length)
{
	struct rule *rule = world_add(world, protocols, TARGET_PREFIX, 0);

	rule->prefix.address = address_of(text);
	rule->prefix.family = (uint8_t)address_family(&rule->prefix.address);
	rule->prefix.length = length;
	return rule;
}

void rule_add_ports(struct world *world, struct rule *rule, uint16_t low, uint16_t high)
{
	if (rule->ports_count++ == 0)
		rule->ports_first = world->ruleset.port_count;
	world->ports[world->ruleset.port_count++] = (struct port_range){ low, high };
}

uint32_t random_below(uint64_t *seed, uint32_t limit)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return (uint32_t)((*seed * 0x2545f4914f6cdd1dULL) >> 33) % limit;
}

struct address random_address(uint64_t *seed)
{
	static const char *const bases[] = {
		"10.0.0.0",
		"10.255.255.254",
		"11.0.0.0",
		"127.0.0.1",
		"172.16.0.0",
		"192.168.1.1",
		"169.254.169.254",
		"100.64.0.1",
		"0.0.0.0",
		"8.8.8.8",
		"224.0.0.1",
		"255.255.255.255",
		"::",
		"::1",
		"fc00::1",
		"fe80::1",
		"febf::1",
		"ff02::1",
		"2001:db8::1",
		"2001:db8:1::1",
		"::fffe:0:0",
		"64:ff9b::10.0.0.0",
		"64:ff9b::8.8.8.8",
		"2002:a00::",
		"2002:808:808::1",
		"64:ff9b::169.254.169.254",
		"2002:7f00:1::",
		"::8.8.8.8",
		"fec0::1",
		"240.0.0.1",
	};
	struct address address = address_of(bases[random_below(seed, ARRAY_SIZE(bases))]);

	if (random_below(seed, 2))
		address.bytes[15] ^= (uint8_t)random_below(seed, 4);
	if (random_below(seed, 4) == 0)
		address.bytes[12 + random_below(seed, 4)] ^= (uint8_t)(1U << random_below(seed, 8));
	if (random_below(seed, 16) == 0)
		address.bytes[random_below(seed, 16)] ^= (uint8_t)(1U << random_below(seed, 8));
	return address;
}

uint16_t random_port(uint64_t *seed)
{
	static const uint16_t edges[] = { 0, 1, 22, 443, 65534, 65535 };

	if (random_below(seed, 2))
		return edges[random_below(seed, ARRAY_SIZE(edges))];
	return (uint16_t)random_below(seed, 40);
}

static void random_rule(struct world *world, uint64_t *seed)
{
	enum target target = (enum target)random_below(seed, 4);
	uint32_t value = random_below(seed, target == TARGET_CLASS ? CLASS_SPECIAL + 1 : HOSTS);
	struct rule *rule = world_add(world, (uint8_t)(1 + random_below(seed, 7)), target, value);
	uint32_t ports = random_below(seed, 4);

	rule->deny = random_below(seed, 5) == 0;
	if (target == TARGET_PREFIX) {
		struct address address = random_address(seed);
		enum address_family family = address_family(&address);

		rule->prefix.family = (uint8_t)family;
		rule->prefix.length = (uint8_t)random_below(seed, family == FAMILY_INET ? 33 : 129);
		rule->prefix.address = address_mask(&address, rule->prefix.length);
	}
	for (uint32_t i = 0; i < ports; i++) {
		uint16_t a = random_port(seed), b = random_port(seed);

		rule_add_ports(world, rule, a < b ? a : b, a < b ? b : a);
	}
}

void world_answer(struct world *world, uint32_t host, const struct address *address)
{
	if (world->table.capacity == 0)
		host_table_open(&world->table, world->rows, HOSTS * ANSWERS, world->heads, 2);
	assert_true(host_table_add(&world->table, host, address, 0, UINT32_MAX));
}

void random_world(struct world *world, uint64_t *seed)
{
	/* Some with so many rules that keys and ports crowd. */
	uint32_t rules = random_below(seed, random_below(seed, 16) ? 48 : RULES_MAX + 1);

	memset(world, 0, sizeof(*world));
	for (uint32_t i = 0; i < rules; i++)
		random_rule(world, seed);
	for (uint32_t host = 0; host < HOSTS; host++) {
		world->answer_count[host] = random_below(seed, ANSWERS + 1);
		for (uint32_t i = 0; i < world->answer_count[host]; i++)
			world->answers[host][i] = random_address(seed);
		for (uint32_t i = 0; i < world->answer_count[host]; i++)
			world_answer(world, host, &world->answers[host][i]);
	}
	world_index(world);
}
