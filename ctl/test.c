/*
 * `sandlockctl test`: the supervisor's own decision, made for a user without a session.
 * Called by sandlockctl.
 * Distrusts its operands, and what the network says about names just as the supervisor does.
 */
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>

#include "ctl.h"
#include "resolution.h"
#include "resolve.h"
#include "util.h"

#define HOST_NAME_MAX_TEXT 256

struct scheme {
	const char *prefix;
	enum protocol protocol;
};
static const struct scheme schemes[] = {
	{ "tcp://", PROTOCOL_TCP },
	{ "udp://", PROTOCOL_UDP },
};
static const char bind_prefix[] = "bind:";

/* What the second operand means; `host` is a name or an address. */
struct destination {
	const struct scheme *scheme; /* NULL: a TCP port to be bound */
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

static int port_parse(const char *text, uint64_t *ret_port)
{
	return parse_unsigned(text, UINT16_MAX, ret_port);
}

/* host:port or [v6]:port */
static int host_port_parse(const char *text, struct destination *destination, uint64_t *ret_port)
{
	const char *colon = strrchr(text, ':');
	size_t length;

	if (!colon || port_parse(colon + 1, ret_port) < 0 || *ret_port == 0)
		return -EINVAL;
	length = (size_t)(colon - text);
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

static int destination_parse(const char *text, struct destination *ret_destination)
{
	struct destination destination = { 0 };
	uint64_t port;
	int error = -EINVAL;

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		size_t length = strlen(schemes[i].prefix);

		if (strncmp(text, schemes[i].prefix, length) == 0) {
			destination.scheme = &schemes[i];
			error = host_port_parse(text + length, &destination, &port);
		}
	}
	if (!destination.scheme && strncmp(text, bind_prefix, strlen(bind_prefix)) == 0)
		error = port_parse(text + strlen(bind_prefix), &port);
	if (error < 0)
		return error;
	destination.port = (uint16_t)port;
	*ret_destination = destination;
	return 0;
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
			fprintf(stderr, "sandlockctl: warning: %s: %s; its rules wait\n",
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

	endpoint_format(endpoint, text);
	printf("%s: %s%s: ", verdict.kind == VERDICT_ALLOW ? "allowed" : "refused",
	       destination->scheme->prefix, text);
	if (!rule) {
		printf("no rule matches (default)\n");
		return;
	}
	printf("rule \"%s\"", plan_string(plan, rule->text));
	if (rule->implicit)
		printf(" (implied)\n");
	else
		printf(" at %s:%u\n", plan_string(plan, rule->file), rule->line);
}

/* A program tries each address of a name, so one that is allowed is a way there. */
static int addresses_judge(const struct plan *plan, const struct destination *destination,
			   const struct resolution *addresses, const struct host_table *hosts)
{
	struct ruleset ruleset = plan->ruleset;
	int status = CTL_BAD;

	ruleset.hosts = hosts;
	for (uint32_t i = 0; i < addresses->count; i++) {
		struct endpoint endpoint = { addresses->addresses[i], destination->port };
		struct verdict verdict;

		address_substitute(&endpoint.address);
		verdict = ruleset_decide(&ruleset, destination->scheme->protocol, &endpoint);
		verdict_print(plan, destination, &endpoint, verdict);
		if (verdict.kind == VERDICT_ALLOW)
			status = CTL_GOOD;
	}
	return status;
}

static int connect_judge(const struct plan *plan, const struct destination *destination)
{
	uint32_t count = plan->header->hosts.count;
	cleanup_free struct lookup *lookups = calloc(count + 1, sizeof(*lookups));
	cleanup_free struct host_table *hosts = calloc(1, sizeof(*hosts));
	const struct resolution *addresses;

	if (!lookups || !hosts)
		return ctl_error("%s", strerror(ENOMEM));
	addresses = names_resolve(plan, destination->host, lookups);
	if (!addresses)
		return CTL_ERROR;
	hosts_fill(lookups, count, hosts);
	return addresses_judge(plan, destination, addresses, hosts);
}

static int bind_judge(const struct plan *plan, uint16_t port)
{
	bool allowed = plan_binds(plan, port);

	printf("%s: bind:%u: net_bind %s it\n", allowed ? "allowed" : "refused", port,
	       allowed ? "lists" : "does not list");
	return allowed ? CTL_GOOD : CTL_BAD;
}

int test_main(const struct ctl_options *options, int argc, char **argv)
{
	cleanup_person struct person person = { 0 };
	struct destination destination;
	struct plan plan;
	int error;

	(void)argc;
	if (destination_parse(argv[1], &destination) < 0)
		return ctl_error("expected tcp://HOST:PORT, udp://HOST:PORT or bind:PORT, got \"%s\"",
				 argv[1]);
	error = person_find(argv[0], 0, &person);
	if (error < 0)
		return ctl_error("user \"%s\": %s", argv[0],
				 error == -ENOENT ? "unknown" : strerror(-error));
	if (plan_load(options, &person.account, &plan) != CTL_GOOD)
		return CTL_ERROR;
	if (destination.scheme)
		return connect_judge(&plan, &destination);
	return bind_judge(&plan, destination.port);
}
