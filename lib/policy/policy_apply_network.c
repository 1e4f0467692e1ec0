/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the keys of [network] mean; checked at loading, added to a plan.
 * Distrusts the values, and the account they are expanded for.
 */
#include <errno.h>
#include <string.h>

#include "policy_apply.h"
#include "policy_network.h"
#include "policy_unix.h"
#include "public_suffix.h"
#include "user_directories.h"
#include "util.h"

static const struct account *account_of(const struct task *task)
{
	return task->planning ? task->planning->account : NULL;
}

/* `22` after `a:22,` was meant as a second port. */
static bool is_lone_port(const struct item *item)
{
	return item->follows_comma && item->text[strspn(item->text, "0123456789-,")] == '\0';
}

static int parse_rule(const struct task *task, struct net_rule *ret_rule, char why[WHY_MAX])
{
	const struct item *item = task->item;

	if (is_lone_port(item))
		return refuse(why, "space in a list of ports, expected \"%s,%s\"", item[-1].text,
			      item->text);
	return net_rule_parse(item->text, account_of(task), ret_rule, why);
}

static int intern(struct planning *planning, const char *text, uint32_t *ret_offset)
{
	int64_t offset = plan_add_string(planning->builder, text);

	if (offset < 0)
		return (int)offset;
	*ret_offset = (uint32_t)offset;
	return 0;
}

int planning_add_rule(struct planning *planning, struct rule *rule, const char *file,
		      const char *label, const char *text)
{
	int error = intern(planning, file, &rule->file);

	if (error == 0)
		error = intern(planning, label, &rule->label);
	if (error == 0)
		error = intern(planning, text, &rule->text);
	return error < 0 ? error : plan_add_rule(planning->builder, rule);
}

static int add_host(struct planning *planning, const char *name, uint32_t *ret_value)
{
	int64_t host = plan_add_host(planning->builder, name);

	if (host < 0)
		return (int)host;
	planning->names_host = true;
	*ret_value = (uint32_t)host;
	return 0;
}

/* The machine itself, whatever a name server would answer. */
static bool is_localhost(const struct net_rule *rule)
{
	return rule->target == TARGET_HOST && strcmp(rule->host, "localhost") == 0;
}

static int add_localhost(struct planning *planning, struct rule *rule, const char *file,
			 const char *label, const char *text)
{
	static const struct prefix prefixes[] = {
		{ .family = FAMILY_INET, .length = 32 },
		{ .family = FAMILY_INET6, .length = 128 },
	};
	static const char *const addresses[] = { "127.0.0.1", "::1" };
	int error = 0;

	rule->target = TARGET_PREFIX;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes) && error == 0; i++) {
		rule->prefix = prefixes[i];
		error = address_parse(addresses[i], &rule->prefix.address);
		if (error == 0)
			error = planning_add_rule(planning, rule, file, label, text);
	}
	return error;
}

static int add_rule(const struct task *task, const struct net_rule *parsed, uint8_t protocols,
		    bool deny)
{
	struct planning *planning = task->planning;
	struct rule rule = {
		.protocols = protocols,
		.deny = deny,
		.target = (uint8_t)parsed->target,
		.line = (uint16_t)task->item->line,
	};
	const char *label = strchr(task->setting->name, '.') ? task->setting->name : "";
	int64_t ports = plan_add_ports(planning->builder, parsed->ports.ranges, parsed->ports.count);
	int error = 0;

	if (ports < 0)
		return (int)ports;
	rule.ports_first = (uint32_t)ports;
	rule.ports_count = parsed->ports.count;
	if (parsed->target == TARGET_PREFIX)
		rule.prefix = parsed->prefix;
	else if (parsed->target == TARGET_CLASS)
		rule.value = parsed->class;
	else if (parsed->target == TARGET_HOST && !is_localhost(parsed))
		error = add_host(planning, parsed->host, &rule.value);
	if (error < 0)
		return error;
	if (!deny)
		planning->opened |= protocols;
	if (is_localhost(parsed))
		return add_localhost(planning, &rule, task->setting->file, label, task->item->text);
	return planning_add_rule(planning, &rule, task->setting->file, label, task->item->text);
}

static bool is_any_address(const struct net_rule *rule)
{
	return rule->target == TARGET_ANY ||
	       (rule->target == TARGET_PREFIX && rule->prefix.length == 0);
}

/* Whoever registers a name there would be in the rule. */
static int refuse_public_suffix(const struct task *task, const struct net_rule *rule,
				char why[WHY_MAX])
{
	const char *domain = rule->host + 2;

	if (rule->target != TARGET_HOST || rule->host[0] != '*')
		return 0;
	switch (public_suffix_find(PUBLIC_SUFFIX_LIST, domain)) {
	case PUBLIC_SUFFIX_NO:
		return 0;
	case PUBLIC_SUFFIX_YES:
		return refuse(why,
			      "\"%s\" in \"%s\" is a public suffix, below which anybody can "
			      "register a name; expected a domain of one owner",
			      domain, task->item->text);
	case PUBLIC_SUFFIX_UNKNOWN:
		if (task->advice)
			why_write(task->advice,
				  "\"%s\" cannot be looked up among the public suffixes: there is "
				  "no " PUBLIC_SUFFIX_LIST,
				  domain);
		return 0;
	}
	return 0;
}

int apply_net_allow(const struct task *task, char why[WHY_MAX])
{
	const struct planning *planning = task->planning;
	struct net_rule rule;
	uint8_t protocols;

	if (parse_rule(task, &rule, why) < 0 || refuse_public_suffix(task, &rule, why) < 0)
		return -EINVAL;
	if (rule.target == TARGET_OWN && rule.protocols && rule.protocols != PROTOCOL_TCP)
		return refuse(why, "\"%s\": @own is TCP only, expected @own:PORT or tcp://@own:PORT",
			      task->item->text);
	if (task->advice && is_any_address(&rule) && rule.protocols != PROTOCOL_ICMP)
		why_write(task->advice,
			  "\"%s\" includes loopback and the metadata address "
			  "169.254.169.254; @global is the internet only",
			  task->item->text);
	if (!planning)
		return 0;
	if (rule.target == TARGET_HOST && rule.host[0] == '*' && planning->dns_written &&
	    planning->dns != PLAN_DNS_FILTERED)
		return refuse(why,
			      "\"%s\" needs dns = filtered: only then is it known which names "
			      "are looked up",
			      task->item->text);
	protocols = rule.protocols;
	if (!protocols)
		protocols = (uint8_t)(PROTOCOL_TCP | (planning->udp ? PROTOCOL_UDP : 0));
	if (planning->icmp)
		protocols |= PROTOCOL_ICMP;
	if (rule.target == TARGET_OWN)
		protocols = PROTOCOL_TCP;
	return add_rule(task, &rule, protocols, false);
}

int apply_net_deny(const struct task *task, char why[WHY_MAX])
{
	struct net_rule rule;
	uint8_t protocols;

	if (parse_rule(task, &rule, why) < 0)
		return -EINVAL;
	if (rule.target == TARGET_OWN)
		return refuse(why, "\"%s\": @own is for net_allow, expected @loopback",
			      task->item->text);
	if (is_localhost(&rule))
		return refuse(why, "localhost in \"%s\", expected 127.0.0.1 and [::1], or @loopback",
			      task->item->text);
	if (rule.target == TARGET_HOST && rule.host[0])
		return refuse(why,
			      "host name in \"%s\", expected an address, * or a class such as "
			      "@private",
			      task->item->text);
	if (!task->planning)
		return 0;
	protocols = rule.protocols;
	if (!protocols)
		protocols = (uint8_t)(PROTOCOL_TCP | PROTOCOL_UDP |
				      (rule.ports.count == 0 ? PROTOCOL_ICMP : 0));
	return add_rule(task, &rule, protocols, true);
}

static int add_bind(struct planning *planning, const struct net_rule *bind, struct port_range ports)
{
	struct plan_local_bind local = {
		.target = bind->target,
		.ports = ports,
	};

	if (bind->target == TARGET_ANY)
		return plan_add_bind(planning->builder, ports);
	if (bind->target == TARGET_CLASS)
		local.class = bind->class;
	else
		local.prefix = bind->prefix;
	return plan_add_local_bind(planning->builder, &local);
}

int apply_net_bind(const struct task *task, char why[WHY_MAX])
{
	struct planning *planning = task->planning;
	struct net_rule bind;
	int error = net_bind_parse(task->item->text, account_of(task), &bind, why);

	if (error < 0 || !planning)
		return error;
	if (bind.ports.count == 0 && bind.target != TARGET_ANY)
		return add_bind(planning, &bind, (struct port_range){ 0, UINT16_MAX });
	if (bind.ports.count == 0)
		plan_builder_header(planning->builder)->flags |= PLAN_BIND_ANY;
	for (uint32_t i = 0; i < bind.ports.count && error == 0; i++)
		error = add_bind(planning, &bind, bind.ports.ranges[i]);
	return error;
}

/* Sockets that answer are real ones: the rules decide about all others. */
int apply_udp_answer(const struct task *task, char why[WHY_MAX])
{
	struct planning *planning = task->planning;
	struct net_ports ports;
	int error = net_answer_parse(task->item->text, account_of(task), &ports, why);

	if (error < 0 || !planning)
		return error;
	plan_builder_header(planning->builder)->flags |= PLAN_UDP;
	for (uint32_t i = 0; i < ports.count && error == 0; i++)
		error = plan_add_answer(planning->builder, ports.ranges[i]);
	return error;
}

int apply_allow_udp(const struct task *task, char why[WHY_MAX])
{
	bool value;

	if (boolean_parse(task->item->text, &value, why) < 0)
		return -EINVAL;
	if (task->planning)
		task->planning->udp = value;
	return 0;
}

int apply_allow_icmp(const struct task *task, char why[WHY_MAX])
{
	bool value;

	if (boolean_parse(task->item->text, &value, why) < 0)
		return -EINVAL;
	if (task->planning)
		task->planning->icmp = value;
	return 0;
}

int apply_dns(const struct task *task, char why[WHY_MAX])
{
	static const char *const words[] = { "filtered", "system", "hosts", "off", NULL };
	static const enum plan_dns values[] = { PLAN_DNS_FILTERED, PLAN_DNS_SYSTEM, PLAN_DNS_HOSTS,
						PLAN_DNS_OFF };

	if (word_parse("value", task->item->text, words, why) < 0)
		return -EINVAL;
	for (size_t i = 0; task->planning && words[i]; i++) {
		if (strcmp(task->item->text, words[i]) == 0)
			task->planning->dns = values[i];
	}
	if (task->planning)
		task->planning->dns_written = true;
	return 0;
}

int apply_name_addresses(const struct task *task, char why[WHY_MAX])
{
	enum address_class class;

	if (net_class_parse(task->item->text, &class, why) < 0)
		return -EINVAL;
	if (task->planning)
		task->planning->name_classes |= (uint8_t)(1U << class);
	return 0;
}

static int pattern_canonicalise(const struct account *account, char pattern[VALUE_MAX])
{
	char home[VALUE_MAX] = "";
	const struct user_directories directories = { home, account->uid };
	const struct path_untrusted untrusted = user_directories_as_untrusted(&directories);
	int error = account->home[0] == '/' ? path_canonicalise(account->home, NULL, home) : 0;

	return error ? error : path_canonicalise(pattern, &untrusted, pattern);
}

int apply_unix_allow(const struct task *task, char why[WHY_MAX])
{
	struct planning *planning = task->planning;
	struct plan_socket socket = { .line = task->item->line };
	struct unix_item item;
	int error = unix_item_parse(task->item->text, account_of(task), &item, why);

	if (error < 0 || !planning)
		return error;
	planning->unix_listed = true;
	if (item.kind == SOCKET_PATH)
		error = pattern_canonicalise(planning->account, item.pattern);
	if (error < 0)
		return refuse(why, "\"%s\": %s", item.pattern, strerror(-error));
	socket.kind = item.kind;
	error = intern(planning, item.pattern, &socket.pattern);
	if (error == 0)
		error = intern(planning, task->setting->file, &socket.file);
	return error < 0 ? error : plan_add_socket(planning->builder, &socket);
}

int apply_unix_dgram(const struct task *task, char why[WHY_MAX])
{
	bool value;

	if (boolean_parse(task->item->text, &value, why) < 0)
		return -EINVAL;
	if (task->planning)
		task->planning->unix_dgram = value;
	return 0;
}
