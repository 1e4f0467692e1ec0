/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which multicast groups the rules cover.
 */
#include "multicast.h"

#define INET_GROUPS      0xe0 /* 224.0.0.0/4 */
#define INET_GROUPS_MASK 0xf0
#define INET6_GROUPS     0xff /* ff00::/8 */
#define FIRST_OF_INET    12   /* of a mapped address */

static const struct address first_groups[] = {
	{ .bytes = { [10] = 0xff, 0xff, INET_GROUPS } },
	{ .bytes = { INET6_GROUPS } },
};

bool address_is_multicast(const struct address *address)
{
	if (address_family(address) == FAMILY_INET)
		return (address->bytes[FIRST_OF_INET] & INET_GROUPS_MASK) == INET_GROUPS;
	return address->bytes[0] == INET6_GROUPS;
}

static bool prefix_covers_groups(const struct prefix *prefix)
{
	return address_is_multicast(&prefix->address) || prefix_contains(prefix, &first_groups[0]) ||
	       prefix_contains(prefix, &first_groups[1]);
}

static bool rule_covers_groups(const struct rule *rule)
{
	if (rule->deny || !(rule->protocols & PROTOCOL_UDP))
		return false;
	switch ((enum target)rule->target) {
	case TARGET_ANY:
		return true;
	case TARGET_CLASS: /* no word means groups */
	case TARGET_OWN:
	case TARGET_HOST: /* no name stands for one */
		return false;
	case TARGET_PREFIX:
		return prefix_covers_groups(&rule->prefix);
	}
	return false;
}

bool multicast_is_open(const struct ruleset *ruleset)
{
	for (uint32_t i = 0; i < ruleset->rule_count; i++)
		if (rule_covers_groups(&ruleset->rules[i]))
			return true;
	return false;
}

static bool allows_port(const struct ruleset *ruleset, const struct address *group, uint16_t port)
{
	const struct endpoint endpoint = { *group, port };

	return ruleset_decide(ruleset, PROTOCOL_UDP, &endpoint).kind == VERDICT_ALLOW;
}

/* Of a rule with several ports the first of each range and the last one are tested. */
static bool rule_allows(const struct ruleset *ruleset, const struct rule *rule,
			const struct address *group)
{
	if (rule->ports_count == 0)
		return allows_port(ruleset, group, 1) || allows_port(ruleset, group, UINT16_MAX);
	for (uint32_t i = 0; i < rule->ports_count; i++) {
		const struct port_range *ports = &ruleset->ports[rule->ports_first + i];

		if (allows_port(ruleset, group, ports->low) ||
		    allows_port(ruleset, group, ports->high))
			return true;
	}
	return false;
}

bool multicast_allows(const struct ruleset *ruleset, const struct address *group)
{
	if (!address_is_multicast(group))
		return false;
	for (uint32_t i = 0; i < ruleset->rule_count; i++)
		if (rule_covers_groups(&ruleset->rules[i]) &&
		    rule_allows(ruleset, &ruleset->rules[i], group))
			return true;
	return false;
}
