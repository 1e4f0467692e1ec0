/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any text as a network rule, for an account that is known and for one that is not.
 * Run by `make fuzz`.
 * Checks: what is accepted is well formed, and a known account accepts no more than an unknown one.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "fuzz_input.h"
#include "policy_network.h"

static void check_ports(const struct net_ports *ports)
{
	for (uint32_t i = 0; i < ports->count; i++) {
		demand(ports->ranges[i].low <= ports->ranges[i].high);
		demand(i == 0 || ports->ranges[i].low > ports->ranges[i - 1].high + 1);
	}
}

static void check_rule(const char *text, const struct net_rule *rule)
{
	struct address masked = address_mask(&rule->prefix.address, rule->prefix.length);

	check_ports(&rule->ports);
	demand(rule->ports.count == 0 || rule->ports.ranges[0].low > 0);
	demand(rule->ports.count > 0 || rule->protocols == PROTOCOL_ICMP ||
	       strcmp(text + strlen(text) - 2, ":*") == 0);
	if (rule->target == TARGET_PREFIX)
		demand(memcmp(&masked, &rule->prefix.address, sizeof(masked)) == 0);
	if (rule->target == TARGET_HOST)
		demand(strspn(rule->host, "abcdefghijklmnopqrstuvwxyz0123456789-.*") ==
			       strlen(rule->host) &&
		       rule->host[0]);
	if (rule->target == TARGET_ANY)
		demand(text[0] == '*' || text[0] == ':' || strstr(text, "//*") ||
		       strstr(text, "//:"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct account account = {
		.name = "user", .group = "group", .home = "/home/user", .uid = 1000, .gid = 100
	};
	char text[1024], why[WHY_MAX];
	struct net_rule rule;
	struct net_rule listens;

	if (size >= sizeof(text) || memchr(data, 0, size))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (net_rule_parse(text, &account, &rule, why) == 0) {
		check_rule(text, &rule);
		demand(net_rule_parse(text, NULL, &rule, why) == 0);
	}
	if (net_bind_parse(text, &account, &listens, why) == 0)
		check_ports(&listens.ports);
	return 0;
}
