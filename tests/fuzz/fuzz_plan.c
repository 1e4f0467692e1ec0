/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as the making of a plan and then as damage to it; what is accepted is used in every way.
 * Run by `make fuzz`.
 * Checks: what is sealed is accepted, nothing outside is read, and no rule that was accepted is missed.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "fuzz_input.h"
#include "plan_build.h"
#include "ruleset_index.h"
#include "util.h"

#define HOSTS 5 /* as many as there are classes */

/* ---- the bytes ---- */

/* Half of them IPv4, and few of them, so that rules and questions meet. */
static struct address take_address(struct input *input)
{
	struct address address = { .bytes = { [10] = 0xff, [11] = 0xff } };

	if (take(input) & 1)
		memset(address.bytes, take(input), 12);
	for (size_t i = 12; i < sizeof(address.bytes); i++)
		address.bytes[i] = take(input);
	return address;
}

/* ---- the making ---- */

static uint32_t take_string(struct input *input, struct plan_builder *builder)
{
	char text[4] = { '/', (char)take(input), (char)take(input), '\0' };

	return (uint32_t)plan_add_string(builder, text);
}

/* Sound unless its ports or its prefix are not, so that whole plans are. */
static void take_rule(struct input *input, struct plan_builder *builder)
{
	uint8_t bits = take(input), length = take(input);
	struct rule rule = { .deny = bits & 1, .implicit = bits >> 1 & 1, .target = bits >> 2 & 3 };
	struct port_range ports[3];

	rule.protocols = (uint8_t)(1 + take(input) % 7);
	rule.value = take(input) % HOSTS;
	rule.prefix.address = take_address(input);
	rule.prefix.family = (uint8_t)address_family(&rule.prefix.address);
	rule.prefix.length = length % (rule.prefix.family == FAMILY_INET ? 33 : 129);
	if (bits >> 4 & 3)
		rule.prefix.address = address_mask(&rule.prefix.address, rule.prefix.length);
	rule.ports_count = bits >> 6;
	for (uint32_t i = 0; i < rule.ports_count; i++) {
		ports[i].low = take_word(input);
		ports[i].high = (uint16_t)(ports[i].low + take(input));
	}
	rule.ports_first = (uint32_t)plan_add_ports(builder, ports, rule.ports_count);
	rule.text = take_string(input, builder);
	plan_add_rule(builder, &rule);
}

static void take_part(struct input *input, struct plan_builder *builder)
{
	uint8_t a = take(input), b = take(input);
	uint32_t string = take_string(input, builder);

	switch (b % 5) {
	case 0:
		plan_add_bind(builder, (struct port_range){ a, take_word(input) });
		break;
	case 1:
		plan_add_socket(builder, &(struct plan_socket){ a % 5, string, string, 1 });
		break;
	case 2:
		plan_add_file(builder, &(struct plan_file){ .path = string, .rights = a % 9 });
		break;
	case 3:
		plan_add_limit(builder, &(struct plan_limit){ a % 17, 0, b });
		break;
	case 4:
		plan_add_call(builder, &(struct plan_call){ a, b / 5 % 3 });
		break;
	}
}

static struct plan_builder *take_plan(struct input *input)
{
	struct plan_builder *builder = plan_builder_new();
	struct plan_header *header = plan_builder_header(builder);
	uint8_t rules = take(input) % 16, parts = take(input) % 16;

	header->flags = take(input);
	header->shell = take_string(input, builder);
	for (int i = 0; i < HOSTS; i++)
		plan_add_host(builder, (char[]){ (char)('a' + i), '\0' });
	while (parts-- > 0)
		take_part(input, builder);
	while (rules-- > 0)
		take_rule(input, builder);
	return builder;
}

/* ---- the use ---- */

static void check_string(const struct plan *plan, uint32_t offset)
{
	const char *text = plan_string(plan, offset);

	demand(text + strlen(text) < plan->strings + plan->header->strings.count);
}

static void check_strings(const struct plan *plan)
{
	const struct plan_header *header = plan->header;

	check_string(plan, header->user);
	check_string(plan, header->home);
	check_string(plan, header->shell);
	check_string(plan, header->policy);
	for (uint32_t i = 0; i < header->hosts.count; i++)
		check_string(plan, plan->hosts[i]);
	for (uint32_t i = 0; i < header->sockets.count; i++) {
		check_string(plan, plan->sockets[i].pattern);
		check_string(plan, plan->sockets[i].file);
	}
	for (uint32_t i = 0; i < header->files.count; i++)
		check_string(plan, plan->files[i].path);
	for (uint32_t i = 0; i < header->rules.count; i++) {
		check_string(plan, plan->ruleset.rules[i].text);
		check_string(plan, plan->ruleset.rules[i].label);
		check_string(plan, plan->ruleset.rules[i].file);
	}
}

/* `host` is the one name that has answered, with the address in question. */
static bool rule_fits(const struct ruleset *ruleset, const struct rule *rule,
		      enum protocol protocol, const struct endpoint *endpoint, uint32_t host)
{
	const struct address *address = &endpoint->address;
	bool every_port = rule->ports_count == 0 || protocol == PROTOCOL_ICMP;
	bool here = rule->target == TARGET_ANY;

	if (rule->target == TARGET_CLASS)
		here = address_classify(address) == rule->value;
	if (rule->target == TARGET_PREFIX)
		here = prefix_contains(&rule->prefix, address);
	if (rule->target == TARGET_HOST)
		here = rule->value == host && !address_is_unspecified(address);
	if (!here || !(rule->protocols & protocol))
		return false;
	for (uint32_t i = 0; i < rule->ports_count && !every_port; i++) {
		const struct port_range *range = &ruleset->ports[rule->ports_first + i];

		every_port = range->low <= endpoint->port && endpoint->port <= range->high;
	}
	return every_port;
}

static void check_decision(const struct plan *plan, enum protocol protocol,
			   const struct endpoint *endpoint, uint32_t host)
{
	const struct ruleset *ruleset = &plan->ruleset;
	struct verdict verdict = ruleset_decide(ruleset, protocol, endpoint);
	const struct rule *first[2] = { NULL, NULL };
	struct endpoint inner = *endpoint;
	bool embeds = address_embeds(&endpoint->address, &inner.address);

	for (uint32_t i = ruleset->rule_count; i-- > 0;) {
		const struct rule *rule = &ruleset->rules[i];
		bool fits = rule_fits(ruleset, rule, protocol, endpoint, host);

		/* The one name has not answered the embedded address. */
		if (embeds && rule->deny && rule->target != TARGET_HOST)
			fits = fits || rule_fits(ruleset, rule, protocol, &inner, host);
		if (fits)
			first[rule->deny] = rule;
	}
	demand(verdict.rule == (first[1] ? first[1] : first[0]));
	demand(verdict.kind == (!first[1] && first[0] ? VERDICT_ALLOW : VERDICT_DENY));
}

static void check_decisions(struct plan *plan, struct input questions)
{
	struct host_row row;
	uint32_t heads[2];
	struct host_table table;
	cleanup_free void *index = malloc(ruleset_index_size(&plan->ruleset));

	ruleset_index(&plan->ruleset, index);
	plan->ruleset.hosts = &table;
	for (uint32_t i = 0; i < 8; i++) {
		struct endpoint endpoint = { .address = take_address(&questions) };

		endpoint.port = take_word(&questions);
		if (i < plan->ruleset.rule_count && plan->ruleset.rules[i].target == TARGET_PREFIX)
			endpoint.address = plan->ruleset.rules[i].prefix.address;
		host_table_open(&table, &row, 1, heads, 1);
		host_table_add(&table, i, &endpoint.address, 0, UINT32_MAX);
		check_decision(plan, PROTOCOL_TCP, &endpoint, i);
		check_decision(plan, PROTOCOL_UDP, &endpoint, i);
		check_decision(plan, PROTOCOL_ICMP, &endpoint, i);
		ruleset_names_host(&plan->ruleset, PROTOCOL_TCP, endpoint.port);
		plan_binds(plan, endpoint.port);
	}
}

/* ---- the damage ---- */

static void damage(const struct plan *sealed, struct input *input)
{
	size_t size = sealed->header->size - take(input) % 8;
	cleanup_free struct plan_header *copy = malloc(size);
	struct plan plan;

	memcpy(copy, sealed->header, size);
	copy->size = (uint32_t)size;
	while (input->size > 2) {
		size_t place = take_word(input) % size;

		((uint8_t *)copy)[place] ^= take(input);
	}
	if (plan_validate(copy, size, &plan) == 0) {
		check_strings(&plan);
		check_decisions(&plan, *input);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	cleanup_fd int fd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct plan_builder *builder = take_plan(&input);
	int error = plan_seal(builder, fd);
	struct plan plan;

	plan_builder_free(builder);
	demand(error == 0 || error == -EINVAL);
	if (error < 0)
		return 0;
	demand(plan_map(fd, &plan) == 0);
	check_strings(&plan);
	check_decisions(&plan, input);
	damage(&plan, &input);
	plan_unmap(&plan);
	return 0;
}
