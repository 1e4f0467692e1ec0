/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as rules, kind, call, address and option of a request. Run by `make fuzz`. Checks: what
 * judging internet destinations comes to is what a slow oracle says, nothing else that no rule
 * lists is allowed, and nothing beyond the request's address is written to.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "../unit/judge_oracle.h"
#include "fuzz_input.h"
#include "judge.h"
#include "ruleset_index.h"
#include "util.h"

#define FUZZ_RULES 8

/* ---- the rules ---- */

static struct world world;
static struct plan_header header;
static struct plan plan = { .header = &header, .strings = "" };
static struct rules rules = { .plan = &plan, .display = -1 };
static struct copies copies;

static void take_prefix(struct input *input, struct rule *rule)
{
	struct address address;
	uint8_t length = take(input);
	enum address_family family;

	take_bytes(input, address.bytes, sizeof(address.bytes));
	family = address_family(&address);
	rule->prefix.family = (uint8_t)family;
	rule->prefix.length = (uint8_t)(length % (family == FAMILY_INET ? 33 : 129));
	rule->prefix.address = address_mask(&address, rule->prefix.length);
}

static void take_rule(struct input *input, struct rule *rule)
{
	uint8_t what = take(input);
	uint32_t *ports = &world.ruleset.port_count;
	uint32_t values;

	*rule = (struct rule){
		.protocols = (uint8_t)(1 + (what & 7) % 7),
		.target = what >> 3 & 3,
		.deny = what >> 5 & 1,
		.implicit = what >> 6 & 1,
	};
	values = rule->target == TARGET_CLASS ? CLASS_SPECIAL + 1 : HOSTS;
	if (rule->target == TARGET_PREFIX)
		take_prefix(input, rule);
	else
		rule->value = take(input) % values;
	if (what & 0x80) {
		uint16_t low = take_word(input), high = take_word(input);

		rule->ports_first = *ports;
		rule->ports_count = 1;
		world.ports[(*ports)++] = low < high ? (struct port_range){ low, high }
						     : (struct port_range){ high, low };
	}
}

static void take_world(struct input *input)
{
	memset(&world, 0, offsetof(struct world, index));
	memset(&world.table, 0, sizeof(world) - offsetof(struct world, table));
	host_table_open(&world.table, world.rows, HOSTS * ANSWERS, world.heads, 2);
	world.ruleset.rule_count = take(input) % (FUZZ_RULES + 1);
	for (uint32_t i = 0; i < world.ruleset.rule_count; i++)
		take_rule(input, &world.rules[i]);
	for (uint32_t host = take(input) % (HOSTS + 1); host > 0; host--) {
		world.answer_count[host - 1] = 1;
		take_bytes(input, &world.answers[host - 1][0], sizeof(struct address));
		host_table_add(&world.table, host - 1, world.answers[host - 1], 0, UINT32_MAX);
	}
	world.ruleset.rules = world.rules;
	world.ruleset.ports = world.ports;
	world.ruleset.hosts = &world.table;
	demand(ruleset_index_size(&world.ruleset) <= sizeof(world.index));
	ruleset_index(&world.ruleset, world.index);
	rules.ruleset = world.ruleset;
}

/* ---- the request ---- */

/* With what must stay as it is around. */
static struct {
	uint8_t before[64];
	struct request request;
	uint8_t after[64];
} guarded;

static void take_request(struct input *input)
{
	static const int domains[] = { AF_INET, AF_INET6, AF_UNIX, AF_NETLINK };
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET };
	static const int protocols[] = { IPPROTO_TCP,  IPPROTO_UDP,    IPPROTO_UDPLITE,
					 IPPROTO_ICMP, IPPROTO_ICMPV6, 0 };
	struct request *request = &guarded.request;
	uint8_t domain = take(input), type = take(input), protocol = take(input);

	memset(&guarded, 0x5a, sizeof(guarded));
	memset(request, 0, sizeof(*request));
	request->socket_fd = -1;
	request->call.call = take(input) & 1 ? __NR_connect : __NR_sendto;
	request->kind.domain = domain < 0x80 ? domains[domain % ARRAY_SIZE(domains)] : domain;
	request->kind.type = types[type % ARRAY_SIZE(types)];
	request->kind.protocol = protocol < 0x80 ? protocols[protocol % ARRAY_SIZE(protocols)]
						 : protocol;
	for (size_t i = 1; i < ARRAY_SIZE(request->call.arguments); i++)
		request->call.arguments[i] = take_word(input);
	request->length = take(input) % (sizeof(request->address) + 1);
	take_bytes(input, &request->address, request->length);
}

static void nothing_else_changed(const struct request *before)
{
	struct request expected = *before;

	for (size_t i = 0; i < sizeof(guarded.before); i++)
		demand(guarded.before[i] == 0x5a && guarded.after[i] == 0x5a);
	expected.address = guarded.request.address;
	expected.length = guarded.request.length;
	demand(memcmp(&expected, &guarded.request, sizeof(expected)) == 0);
	demand(guarded.request.length <= sizeof(guarded.request.address));
}

typedef void judge_function(struct rules *rules, const struct copies *copies,
			    struct request *request, struct judgement *judgement);

static struct judgement judge(judge_function *function, const struct request *before)
{
	struct judgement judgement = judgement_none;

	guarded.request = *before;
	function(&rules, &copies, &guarded.request, &judgement);
	nothing_else_changed(before);
	demand(judgement.path_fd == -1);
	demand(judgement.kind == JUDGEMENT_ALLOWED || judgement.error > 0);
	demand(memchr(judgement.destination, '\0', sizeof(judgement.destination)) != NULL);
	return judgement;
}

/* ---- the checks ---- */

static void check_inet(const struct request *before)
{
	const struct oracle_answer expected = oracle_judge(&world, before, NULL);
	const bool connects = before->call.call == __NR_connect;
	const struct judgement got = judge(connects ? judge_connect : judge_send, before);
	struct address address;
	uint16_t port;

	demand(got.kind == expected.kind);
	if (!expected.named)
		return;
	demand(got.rule == expected.rule || got.kind == JUDGEMENT_ALLOWED);
	demand(oracle_read(&guarded.request, &address, &port) && port == expected.port &&
	       memcmp(&address, &expected.address, sizeof(address)) == 0);
}

/* No item lists any name, and where the caller is nobody knows: what is allowed is no name, or one
 * that leads nowhere. */
static void check_unix(const struct request *before)
{
	const struct sockaddr_un *address = (const void *)&guarded.request.address;
	const struct judgement got = judge(judge_unix, before);

	demand(got.kind != JUDGEMENT_ALLOWED ||
	       guarded.request.length <= offsetof(struct sockaddr_un, sun_path) ||
	       (address->sun_path[0] == '\0' && address->sun_path[1] == '\0'));
}

static void check_netlink(const struct request *before)
{
	const struct sockaddr_nl *address = (const void *)&guarded.request.address;
	const struct judgement got = judge(judge_connect, before);

	demand(got.kind != JUDGEMENT_ALLOWED || (address->nl_pid == 0 && address->nl_groups == 0) ||
	       before->address.generic.sa_family == AF_UNSPEC);
}

/* No port is listed; bind(2) to port 0 listens nowhere. */
static void check_bind(const struct request *before)
{
	const struct judgement got = judge(judge_bind, before);
	struct address address;
	uint16_t port = 0;

	(void)oracle_read(before, &address, &port);
	demand(before->kind.domain == AF_NETLINK || got.kind != JUDGEMENT_ALLOWED || port == 0 ||
	       before->kind.domain == AF_UNIX || before->kind.protocol != IPPROTO_TCP ||
	       before->kind.type != SOCK_STREAM);
	(void)judge(judge_listen, before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct request before;

	copies_open(&copies, false, 0);
	take_world(&input);
	take_request(&input);
	before = guarded.request;
	switch (before.kind.domain) {
	case AF_INET:
	case AF_INET6:
		check_inet(&before);
		break;
	case AF_UNIX:
		check_unix(&before);
		break;
	case AF_NETLINK:
		check_netlink(&before);
		break;
	default:
		demand(judge(judge_send, &before).kind != JUDGEMENT_ALLOWED || before.length == 0 ||
		       before.kind.type == SOCK_STREAM);
		break;
	}
	check_bind(&before);
	take_bytes(&input, copies.message.control, before.call.arguments[4] % 160);
	before.call.arguments[4] %= 160;
	(void)judge(judge_setsockopt, &before);
	return 0;
}
