/*
 * Any bytes as a plan, and then all that a user of an accepted plan would do with it.
 * Run by `make fuzz`.
 * Checks: nothing outside the plan is read, and a decision names a rule that fits it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool sound)
{
	if (!sound)
		__builtin_trap();
}

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

static void check_decision(const struct plan *plan, enum protocol protocol,
			   const struct endpoint *endpoint)
{
	struct verdict verdict = ruleset_decide(&plan->ruleset, protocol, endpoint);

	if (!verdict.rule) {
		demand(verdict.kind == VERDICT_DENY);
		return;
	}
	demand(verdict.rule >= plan->ruleset.rules &&
	       verdict.rule < plan->ruleset.rules + plan->ruleset.rule_count);
	demand(verdict.rule->protocols & protocol);
	demand((verdict.kind == VERDICT_DENY) == (verdict.rule->deny == 1));
	if (verdict.rule->target == TARGET_PREFIX)
		demand(prefix_contains(&verdict.rule->prefix, &endpoint->address));
	if (verdict.rule->target == TARGET_CLASS)
		demand(address_classify(&endpoint->address) == verdict.rule->value);
}

/* At the ends of every entry, so that each rule can decide. */
static void check_decisions(struct plan *plan)
{
	struct host_table table = { 0 };

	plan->ruleset.hosts = &table;
	for (uint32_t i = 0; i < plan->ruleset.entry_count; i++) {
		const struct ruleset_entry *entry = &plan->ruleset.entries[i];
		struct endpoint endpoint = { entry->key, entry->ports.low };

		if (i < plan->header->hosts.count)
			host_table_replace(&table, i, &entry->key, 1);
		check_decision(plan, PROTOCOL_TCP, &endpoint);
		endpoint.port = entry->ports.high;
		check_decision(plan, PROTOCOL_UDP, &endpoint);
		check_decision(plan, PROTOCOL_ICMP, &endpoint);
		ruleset_names_host(&plan->ruleset, PROTOCOL_TCP, endpoint.port);
	}
	ruleset_opens(&plan->ruleset, PROTOCOL_UDP);
	plan_binds(plan, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free struct plan_header *copy = malloc(size > 0 ? size : 1);
	struct plan plan;

	memcpy(copy, data, size);
	if (size >= sizeof(*copy)) {
		/* What is compared with a constant first would stop most inputs. */
		copy->magic = PLAN_MAGIC;
		copy->version = PLAN_VERSION;
		copy->size = (uint32_t)size;
	}
	if (plan_validate(copy, size, &plan) == 0) {
		check_strings(&plan);
		check_decisions(&plan);
	}
	return 0;
}
