/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The decision of the rules once more, slow and obvious.
 */
#include "ruleset_oracle.h"

#include <string.h>

bool oracle_is_inet(const struct address *address)
{
	for (int i = 0; i < 12; i++) {
		if (address->bytes[i] != (i < 10 ? 0 : 0xff))
			return false;
	}
	return true;
}

static uint32_t oracle_inet(const struct address *address)
{
	const uint8_t *b = address->bytes + 12;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static bool oracle_all_zero(const struct address *address)
{
	uint8_t sum = 0;

	for (int i = 0; i < 15; i++)
		sum |= address->bytes[i];
	return sum == 0;
}

/* The four bytes behind 64:ff9b::/96 or 2002::/16, as an IPv4 address. */
static bool oracle_embedded(const struct address *address, struct address *ret_inner)
{
	static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };
	const uint8_t *inner = NULL;

	if (memcmp(address->bytes, nat64, sizeof(nat64)) == 0)
		inner = address->bytes + 12;
	if (address->bytes[0] == 0x20 && address->bytes[1] == 2)
		inner = address->bytes + 2;
	if (!inner)
		return false;
	*ret_inner = (struct address){ .bytes = { [10] = 0xff, 0xff } };
	memcpy(ret_inner->bytes + 12, inner, 4);
	return true;
}

static enum address_class oracle_class(const struct address *address)
{
	uint32_t a = oracle_inet(address);
	struct address inner;
	bool low = true;

	if (oracle_is_inet(address)) {
		if (a >> 24 == 127)
			return CLASS_LOOPBACK;
		if (a >> 24 == 10 || (a >= 0xac100000 && a <= 0xac1fffff) || a >> 16 == 0xc0a8 ||
		    (a >= 0x64400000 && a <= 0x647fffff))
			return CLASS_PRIVATE;
		if (a >> 16 == 0xa9fe)
			return CLASS_LINKLOCAL;
		return a >> 24 == 0 || a >= 0xe0000000 ? CLASS_SPECIAL : CLASS_GLOBAL;
	}
	if (oracle_embedded(address, &inner))
		return oracle_class(&inner);
	if (oracle_all_zero(address) && address->bytes[15] == 1)
		return CLASS_LOOPBACK;
	for (int i = 0; i < 12; i++)
		low = low && address->bytes[i] == 0;
	if (low)
		return CLASS_SPECIAL;
	if (address->bytes[0] == 0xfc || address->bytes[0] == 0xfd)
		return CLASS_PRIVATE;
	if (address->bytes[0] == 0xfe && address->bytes[1] >= 0x80 && address->bytes[1] <= 0xbf)
		return CLASS_LINKLOCAL;
	if (address->bytes[0] == 0xfe && address->bytes[1] >= 0xc0)
		return CLASS_SPECIAL;
	return address->bytes[0] == 0xff ? CLASS_SPECIAL : CLASS_GLOBAL;
}

static bool oracle_prefix(const struct prefix *prefix, const struct address *address)
{
	bool inet = oracle_is_inet(address);
	int first = inet ? 96 : 0;

	if (inet != (prefix->family == FAMILY_INET))
		return false;
	for (int bit = first; bit < first + prefix->length; bit++) {
		int mask = 0x80 >> bit % 8;

		if ((address->bytes[bit / 8] ^ prefix->address.bytes[bit / 8]) & mask)
			return false;
	}
	return true;
}

static bool oracle_host(const struct world *world, uint32_t host, const struct address *address)
{
	if (oracle_all_zero(address) && address->bytes[15] == 0)
		return false;
	if (oracle_is_inet(address) && oracle_inet(address) == 0)
		return false;
	for (uint32_t i = 0; i < world->answer_count[host]; i++) {
		if (memcmp(&world->answers[host][i], address, sizeof(*address)) == 0)
			return true;
	}
	return false;
}

static bool oracle_target(const struct world *world, const struct rule *rule,
			  const struct address *address)
{
	switch ((enum target)rule->target) {
	case TARGET_ANY:
		return true;
	case TARGET_CLASS:
		return oracle_class(address) == rule->value;
	case TARGET_PREFIX:
		return oracle_prefix(&rule->prefix, address);
	case TARGET_HOST:
		return oracle_host(world, rule->value, address);
	case TARGET_OWN: /* who listens decides, not the ruleset */
		return false;
	}
	return false;
}

bool oracle_port(const struct world *world, const struct rule *rule, uint16_t port)
{
	for (uint32_t i = 0; i < rule->ports_count; i++) {
		const struct port_range *range = &world->ports[rule->ports_first + i];

		if (range->low <= port && port <= range->high)
			return true;
	}
	return rule->ports_count == 0;
}

struct verdict oracle_decide(const struct world *world, enum protocol protocol,
			     const struct endpoint *endpoint)
{
	struct verdict verdict = { VERDICT_DENY, NULL };

	for (uint32_t i = 0; i < world->ruleset.rule_count; i++) {
		const struct rule *rule = &world->rules[i];
		struct address inner;
		bool here = oracle_target(world, rule, &endpoint->address);

		if (rule->deny && oracle_embedded(&endpoint->address, &inner))
			here = here || oracle_target(world, rule, &inner);
		if (!(rule->protocols & protocol) || !here ||
		    (protocol != PROTOCOL_ICMP && !oracle_port(world, rule, endpoint->port)))
			continue;
		if (rule->deny)
			return (struct verdict){ VERDICT_DENY, rule };
		if (!verdict.rule)
			verdict = (struct verdict){ VERDICT_ALLOW, rule };
	}
	return verdict;
}
