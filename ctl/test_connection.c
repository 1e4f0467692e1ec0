/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `sandlockctl test` of connections: the supervisor's own decision, made without a session.
 * Distrusts its operands, and what the network says about names just as the supervisor does.
 */
#include <errno.h>
#include <netdb.h>
#include <string.h>

#include "ctl.h"
#include "host_answers.h"
#include "ruleset_index.h"
#include "util.h"

#define HOST_NAME_MAX_TEXT 256

/* Where to; `host` is a name or an address. */
struct destination {
	const char *operand; /* as given */
	enum protocol protocol;
	char host[HOST_NAME_MAX_TEXT];
	uint16_t port;
};

/* The host of "name", "a.b.c.d" or "[v6]"; `length` bytes of `text`. */
static int host_parse(const char *text, size_t length, struct destination *destination)
{
	if (length > 2 && text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	} else if (memchr(text, ':', length)) {
		return -EINVAL;
	}
	if (length == 0 || length >= sizeof(destination->host))
		return -EINVAL;
	memcpy(destination->host, text, length);
	destination->host[length] = '\0';
	return 0;
}

/* host:port; ICMP has no ports. */
static int target_parse(const char *text, struct destination *destination)
{
	const char *colon = strrchr(text, ':');
	uint64_t port;

	if (destination->protocol == PROTOCOL_ICMP)
		return host_parse(text, strlen(text), destination);
	if (!colon || parse_unsigned(colon + 1, UINT16_MAX, &port) < 0 || port == 0)
		return -EINVAL;
	destination->port = (uint16_t)port;
	return host_parse(text, (size_t)(colon - text), destination);
}

/* As the kernel reads a destination of zeros, where the socket is not bound. */
static void address_substitute(struct address *address)
{
	if (address_is_unspecified(address))
		address_parse(address_family(address) == FAMILY_INET ? "127.0.0.1" : "::1", address);
}

static bool answers_may_send(const struct plan *plan, const struct destination *destination,
			     const struct endpoint *endpoint)
{
	return destination->protocol == PROTOCOL_UDP && plan->header->answers.count > 0 &&
	       address_classify(&endpoint->address) != CLASS_SPECIAL;
}

/* A rule may name the host, and the address be of a class that no name opens. */
static void closed_print(const struct plan *plan, const struct destination *destination,
			 const struct endpoint *endpoint)
{
	const struct rule *rule = host_rule_find(plan, destination->host);
	bool opens = plan->header->name_classes >> address_classify(&endpoint->address) & 1;

	if (rule && !opens)
		say(stdout, "rule \"%s\" at %s:%u names it, but name_addresses does not have %s\n",
		    plan_string(plan, rule->text), plan_string(plan, rule->file), rule->line,
		    address_class_text(&endpoint->address));
	else
		say(stdout, "no rule matches%s\n",
		    answers_may_send(plan, destination, endpoint)
			    ? "; a socket bound to a port of udp_answer may send there"
			    : " (default)");
}

static const char *verdict_text(const struct verdict *verdict)
{
	if (verdict->kind != VERDICT_ALLOW)
		return "refused";
	return verdict->rule && verdict->rule->target == TARGET_OWN
		       ? "allowed if a program in a session of the same user listens there"
		       : "allowed";
}

static void verdict_print(const struct plan *plan, const struct destination *destination,
			  const struct endpoint *endpoint, struct verdict verdict)
{
	const struct rule *rule = verdict.rule;
	char text[ENDPOINT_TEXT_MAX];

	if (destination->protocol == PROTOCOL_ICMP)
		address_format(&endpoint->address, text);
	else
		endpoint_format(endpoint, text);
	say(stdout, "%s: %s: %s: ", verdict_text(&verdict), destination->operand, text);
	if (!rule) {
		closed_print(plan, destination, endpoint);
		return;
	}
	say(stdout, "rule \"%s\"", plan_string(plan, rule->text));
	if (rule->implicit)
		say(stdout, " (implied)\n");
	else
		say(stdout, " at %s:%u\n", plan_string(plan, rule->file), rule->line);
}

/* Where no rule decides, @own does by who listens: that is only known in a session. */
static struct verdict decide(const struct ruleset *ruleset, enum protocol protocol,
			     const struct endpoint *endpoint)
{
	struct verdict verdict = ruleset_decide(ruleset, protocol, endpoint);
	const struct rule *own = NULL;

	if (!verdict.rule && protocol == PROTOCOL_TCP)
		own = ruleset_own_rule(ruleset, endpoint);
	return own ? (struct verdict){ VERDICT_ALLOW, own } : verdict;
}

/* A program tries each address of a name, so one that is allowed is a way there. */
static int addresses_judge(const struct plan *plan, const struct destination *destination,
			   const struct host_answers *answers)
{
	const struct resolved *resolved = &host_answers_find(answers, destination->host)->resolved;
	struct ruleset ruleset = plan->ruleset;
	cleanup_free void *index = malloc(ruleset_index_size(&ruleset));
	int status = CTL_BAD;

	if (!index)
		return ctl_error("%s", strerror(ENOMEM));
	ruleset_index(&ruleset, index);
	ruleset.hosts = &answers->table;
	for (uint32_t i = 0; i < resolved->count; i++) {
		struct endpoint endpoint = { resolved->rows[i].address, destination->port };
		struct verdict verdict;

		address_substitute(&endpoint.address);
		verdict = decide(&ruleset, destination->protocol, &endpoint);
		verdict_print(plan, destination, &endpoint, verdict);
		if (verdict.kind == VERDICT_ALLOW)
			status = CTL_GOOD;
	}
	return status;
}

int test_connection(const struct plan *plan, enum protocol protocol, const char *operand,
		    const char *target)
{
	struct destination destination = { .operand = operand, .protocol = protocol };
	struct host_answers answers;
	int status = CTL_ERROR;
	int error;

	if (target_parse(target, &destination) < 0)
		return ctl_error("expected HOST:PORT (for icmp HOST), got \"%s\"", target);
	error = host_answers_get(&answers, plan, destination.host);
	if (error)
		return ctl_error("%s", strerror(-error));
	error = host_answers_find(&answers, destination.host)->error;
	if (error) {
		ctl_error("%s: %s", destination.host, gai_strerror(error));
	} else {
		host_answers_warn(&answers, plan);
		status = addresses_judge(plan, &destination, &answers);
	}
	host_answers_free(&answers);
	return status;
}
