/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `sandlockctl test` of connections: the supervisor's own decision, made without a session.
 * Distrusts its operands, and what the network says about names just as the supervisor does.
 */
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>

#include "ctl.h"
#include "resolution.h"
#include "resolve.h"
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

/* One name being asked for, on a thread of its own. */
struct lookup {
	pthread_t thread;
	const char *name;
	bool started;
	int error;
	struct resolution answer;
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

static void *lookup_main(void *context)
{
	struct lookup *lookup = context;

	lookup->error = resolve_host(lookup->name, &lookup->answer);
	return NULL;
}

static void lookup_start(struct lookup *lookup, const char *name)
{
	lookup->name = name;
	lookup->started = pthread_create(&lookup->thread, NULL, lookup_main, lookup) == 0;
	if (!lookup->started)
		lookup_main(lookup);
}

/* Asks for every name of the plan at once, and for the destination's if it is none of them: both
 * must see the same answer. Returns the destination's answer, or NULL after a complaint. */
static const struct resolution *names_resolve(const struct plan *plan, const char *name,
					      struct lookup *lookups)
{
	uint32_t count = plan->header->hosts.count;
	struct lookup *own = &lookups[count];
	struct lookup *wanted = own;

	for (uint32_t i = 0; i < count; i++) {
		lookups[i].answer.host = i;
		lookup_start(&lookups[i], plan_string(plan, plan->hosts[i]));
		if (strcasecmp(lookups[i].name, name) == 0)
			wanted = &lookups[i];
	}
	if (address_parse(name, &own->answer.addresses[0]) == 0)
		own->answer.count = 1;
	else if (wanted == own)
		lookup_start(own, name);
	for (uint32_t i = 0; i <= count; i++) {
		if (lookups[i].started)
			pthread_join(lookups[i].thread, NULL);
	}
	if (wanted->error) {
		ctl_error("%s: %s", name, gai_strerror(wanted->error));
		return NULL;
	}
	return &wanted->answer;
}

static void hosts_fill(const struct lookup *lookups, uint32_t count, struct host_table *table)
{
	for (uint32_t i = 0; i < count; i++) {
		struct resolution answer = lookups[i].answer;

		if (lookups[i].error)
			say(stderr,
			    "sandlockctl: warning: %s: %s; its rules allow nothing until it resolves\n",
			    lookups[i].name, gai_strerror(lookups[i].error));
		resolution_trust(&answer);
		host_table_replace(table, i, answer.addresses, answer.count);
	}
}

/* As the kernel reads a destination of zeros, where the socket is not bound. */
static void address_substitute(struct address *address)
{
	if (address_is_unspecified(address))
		address_parse(address_family(address) == FAMILY_INET ? "127.0.0.1" : "::1", address);
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
	say(stdout, "%s: %s: %s: ", verdict.kind == VERDICT_ALLOW ? "allowed" : "refused",
	    destination->operand, text);
	if (!rule) {
		say(stdout, "no rule matches (default)\n");
		return;
	}
	say(stdout, "rule \"%s\"", plan_string(plan, rule->text));
	if (rule->implicit)
		say(stdout, " (implied)\n");
	else
		say(stdout, " at %s:%u\n", plan_string(plan, rule->file), rule->line);
}

/* A program tries each address of a name, so one that is allowed is a way there. */
static int addresses_judge(const struct plan *plan, const struct destination *destination,
			   const struct resolution *addresses, const struct host_table *hosts)
{
	struct ruleset ruleset = plan->ruleset;
	cleanup_free void *index = malloc(ruleset_index_size(&ruleset));
	int status = CTL_BAD;

	if (!index)
		return ctl_error("%s", strerror(ENOMEM));
	ruleset_index(&ruleset, index);
	ruleset.hosts = hosts;
	for (uint32_t i = 0; i < addresses->count; i++) {
		struct endpoint endpoint = { addresses->addresses[i], destination->port };
		struct verdict verdict;

		address_substitute(&endpoint.address);
		verdict = ruleset_decide(&ruleset, destination->protocol, &endpoint);
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
	uint32_t count = plan->header->hosts.count;
	cleanup_free struct lookup *lookups = calloc(count + 1, sizeof(*lookups));
	cleanup_free struct host_table *hosts = calloc(1, sizeof(*hosts));
	const struct resolution *addresses;

	if (target_parse(target, &destination) < 0)
		return ctl_error("expected HOST:PORT (for icmp HOST), got \"%s\"", target);
	if (!lookups || !hosts)
		return ctl_error("%s", strerror(ENOMEM));
	addresses = names_resolve(plan, destination.host, lookups);
	if (!addresses)
		return CTL_ERROR;
	hosts_fill(lookups, count, hosts);
	return addresses_judge(plan, &destination, addresses, hosts);
}
