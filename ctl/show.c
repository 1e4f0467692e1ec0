/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `sandlockctl show`: the policy that holds for a user, each value with the line that says so.
 * Distrusts the policy as a login does: what a login would refuse is refused here.
 */
#include <string.h>

#include "ctl.h"
#include "host_answers.h"
#include "util.h"

#define PLACE_MAX 4200
#define IMPLIED   "(implied)"
#define IN_FORCE  "(in force)"
#define NOW       "(now)"

/* The line form of every complaint: where, then what. */
static void value_print(const char *place, const char *section, const char *key, const char *text)
{
	say(stdout, "%s: [%s] %s = %s\n", place, section, key, text);
}

static void value_show(const struct policy_value *value, void *context)
{
	char place[PLACE_MAX];

	(void)context;
	snprintf(place, sizeof(place), "%s:%u", value->file, value->line);
	value_print(place, value->section, value->key, value->text);
}

static void ports_print(const struct plan *plan, const struct rule *rule)
{
	for (uint32_t i = 0; i < rule->ports_count; i++) {
		const struct port_range *range = &plan->ruleset.ports[rule->ports_first + i];

		say(stdout, "%s%u", i > 0 ? "," : "", range->low);
		if (range->high != range->low)
			say(stdout, "-%u", range->high);
	}
}

/* The rules that nobody wrote, by the word that brought them. */
static void rules_show(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->ruleset.rule_count; i++) {
		const struct rule *rule = &plan->ruleset.rules[i];
		char address[ADDRESS_TEXT_MAX];

		if (!rule->implicit)
			continue;
		address_format(&rule->prefix.address, address);
		say(stdout, IMPLIED ": [network] %s: %s%s%s ", plan_string(plan, rule->text),
		    rule->protocols & PROTOCOL_TCP ? "tcp " : "",
		    rule->protocols & PROTOCOL_UDP ? "udp " : "", address);
		ports_print(plan, rule);
		putchar('\n');
	}
}

static const char *socket_text(const struct plan *plan, const struct plan_socket *item)
{
	switch ((enum plan_socket_kind)item->kind) {
	case SOCKET_OWN:
		return "own";
	case SOCKET_X11:
		return "x11";
	case SOCKET_PATH:
	case SOCKET_ABSTRACT:
		return plan_string(plan, item->pattern);
	}
	return "";
}

static void sockets_show(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->header->sockets.count; i++) {
		const struct plan_socket *item = &plan->sockets[i];

		if (item->line == 0)
			value_print(IMPLIED, "network", "unix_allow", socket_text(plan, item));
	}
}

static const char *dns_text(const struct plan *plan)
{
	switch ((enum plan_dns)plan->header->dns) {
	case PLAN_DNS_FILTERED:
		return plan->header->flags & PLAN_DNS ? "system, since filtered is not available here"
						      : "filtered";
	case PLAN_DNS_SYSTEM:
		return "system";
	case PLAN_DNS_HOSTS:
		return "hosts";
	case PLAN_DNS_OFF:
		return "off";
	}
	return "";
}

static void implied_show(const struct plan *plan)
{
	value_print(IN_FORCE, "session", "shell", plan_string(plan, plan->header->shell));
	/* sandlock-shell sets it always. */
	value_print(IN_FORCE, "session", "no_new_privs",
		    plan->header->flags & PLAN_SETUID ? "no, in a session of pam_sandlock" : "yes");
	value_print(IN_FORCE, "network", "dns", dns_text(plan));
	rules_show(plan);
	sockets_show(plan);
	if (!(plan->header->flags & PLAN_FILES))
		say(stdout, IMPLIED ": [filesystem] files are not restricted\n");
}

static int links_warn(void *context)
{
	plan_warn_links(context, false);
	return CTL_GOOD;
}

/* Every name that rules name, with its addresses. */
static int names_show(const struct plan *plan)
{
	struct host_answers answers;
	int error = host_answers_get(&answers, plan, NULL);

	if (error)
		return ctl_error("%s", strerror(-error));
	for (uint32_t i = 0; i < answers.count; i++) {
		const struct host_answer *answer = &answers.rows[i];

		for (uint32_t row = 0; answer->name && row < answer->resolved.count; row++) {
			const struct address *address = &answer->resolved.rows[row].address;
			char text[ADDRESS_TEXT_MAX];

			address_format(address, text);
			say(stdout, NOW ": [network] %s: %s %s%s\n", answer->name, text,
			    address_class_text(address),
			    !host_answer_opens(plan, answer, row) ? ", not opened"
			    : answer->resolved.rows[row].listed   ? ", in /etc/hosts"
								  : "");
		}
	}
	host_answers_warn(&answers, plan);
	host_answers_free(&answers);
	return CTL_GOOD;
}

int show_main(const struct ctl_options *options, int argc, char **argv)
{
	cleanup_person struct person person = { 0 };
	struct policy *policy;
	struct plan plan;

	(void)argc;
	if (operand_load(options, argv[0], &person, &policy, &plan) != CTL_GOOD)
		return CTL_ERROR;
	say(stdout, "%s: applies to %s (uid %u)\n", plan_string(&plan, plan.header->policy),
	    person.account.name, person.account.uid);
	policy_each(policy, &person.account, value_show, NULL);
	policy_free(policy);
	implied_show(&plan);
	if (reader_run(READER_USER, &person, links_warn, &plan) != CTL_GOOD)
		return CTL_ERROR;
	return names_show(&plan);
}
