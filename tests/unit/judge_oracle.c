/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What judging an internet destination must come to, by hand.
 */
#include "judge_oracle.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/syscall.h>

#include "ruleset_oracle.h"
#include "util.h"

static bool is_zero(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static struct address mapped(const uint8_t bytes[4])
{
	struct address address = { .bytes = { [10] = 0xff, 0xff } };

	memcpy(address.bytes + 12, bytes, 4);
	return address;
}

bool oracle_read(const struct request *request, struct address *ret_address, uint16_t *ret_port)
{
	const uint8_t *bytes = (const uint8_t *)&request->address;
	const struct socket_kind *kind = &request->kind;
	sa_family_t family;

	memcpy(&family, bytes, sizeof(family));
	*ret_port = (uint16_t)(bytes[2] << 8 | bytes[3]);
	if (family == AF_INET && request->length >= 16 &&
	    (kind->domain == AF_INET || kind->type != SOCK_STREAM)) {
		*ret_address = mapped(bytes + 4);
		return true;
	}
	if (family == AF_INET6 && request->length >= 24 && kind->domain == AF_INET6) {
		memcpy(ret_address->bytes, bytes + 8, 16);
		return true;
	}
	return false;
}

static struct address stands_for(const struct address *address, const struct address *bound)
{
	const bool bound_inet = bound && oracle_is_inet(bound) && !is_zero(bound->bytes + 12, 4);

	if (oracle_is_inet(address) && is_zero(address->bytes + 12, 4))
		return bound_inet ? *bound : mapped((const uint8_t[]){ 127, 0, 0, 1 });
	if (is_zero(address->bytes, 16))
		return bound_inet ? mapped((const uint8_t[]){ 127, 0, 0, 1 })
				  : (struct address){ .bytes = { [15] = 1 } };
	return *address;
}

/* 0: no rule can be about it. */
static enum protocol protocol_of(const struct socket_kind *kind)
{
	const bool inet = kind->domain == AF_INET;

	if (kind->type == SOCK_STREAM && kind->protocol == IPPROTO_TCP)
		return PROTOCOL_TCP;
	if (kind->type == SOCK_DGRAM &&
	    (kind->protocol == IPPROTO_UDP || kind->protocol == IPPROTO_UDPLITE))
		return PROTOCOL_UDP;
	if ((kind->type == SOCK_DGRAM || kind->type == SOCK_RAW) &&
	    kind->protocol == (inet ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return PROTOCOL_ICMP;
	return (enum protocol)0;
}

static bool names(const struct world *world, const struct rule *rule, enum protocol protocol,
		  uint16_t port)
{
	return rule->target == TARGET_HOST && (rule->protocols & protocol) &&
	       (protocol == PROTOCOL_ICMP || oracle_port(world, rule, port));
}

static bool name_is_denied(const struct world *world, uint32_t host, enum protocol protocol,
			   uint16_t port)
{
	for (uint32_t i = 0; i < world->ruleset.rule_count; i++) {
		const struct rule *rule = &world->rules[i];

		if (rule->deny && rule->value == host && names(world, rule, protocol, port))
			return true;
	}
	return false;
}

/* A name that may get other addresses would allow it. */
static bool may_come(const struct world *world, enum protocol protocol, uint16_t port)
{
	for (uint32_t i = 0; i < world->ruleset.rule_count; i++) {
		const struct rule *rule = &world->rules[i];

		if (!rule->deny && names(world, rule, protocol, port) &&
		    !name_is_denied(world, rule->value, protocol, port))
			return true;
	}
	return false;
}

static bool udp_is_written(const struct world *world)
{
	for (uint32_t i = 0; i < world->ruleset.rule_count; i++) {
		const struct rule *rule = &world->rules[i];

		if (!rule->deny && !rule->implicit && (rule->protocols & PROTOCOL_UDP))
			return true;
	}
	return false;
}

static struct oracle_answer decide(const struct world *world, const struct request *request,
				   const struct address *address, uint16_t port)
{
	const enum protocol protocol = protocol_of(&request->kind);
	struct oracle_answer answer = { .named = true, .address = *address, .port = port };
	struct endpoint endpoint = { *address, port };
	struct verdict verdict = { VERDICT_DENY, NULL };

	if (protocol)
		verdict = oracle_decide(world, protocol, &endpoint);
	answer.rule = verdict.rule;
	if (verdict.kind == VERDICT_ALLOW)
		answer.kind = JUDGEMENT_ALLOWED;
	else if (protocol && !verdict.rule && may_come(world, protocol, port))
		answer.kind = JUDGEMENT_LATER;
	answer.minor = answer.kind != JUDGEMENT_ALLOWED && request->call.call == __NR_connect &&
		       protocol == PROTOCOL_UDP && !udp_is_written(world);
	return answer;
}

struct oracle_answer oracle_judge(const struct world *world, const struct request *request,
				  const struct address *bound)
{
	const struct oracle_answer allowed = { .kind = JUDGEMENT_ALLOWED };
	const bool connects = request->call.call == __NR_connect;
	struct request meant = *request;
	struct oracle_answer invalid = { .kind = JUDGEMENT_ALLOWED, .invalid = true };
	struct address address;
	uint16_t port;

	if (!connects && (meant.kind.type == SOCK_STREAM || meant.length == 0))
		return allowed;
	if (meant.length >= sizeof(sa_family_t) && meant.address.generic.sa_family == AF_UNSPEC) {
		if (connects || meant.kind.domain == AF_INET6)
			return allowed;
		meant.address.generic.sa_family = AF_INET;
	}
	if (!oracle_read(&meant, &address, &port))
		return invalid;
	address = stands_for(&address, bound);
	return decide(world, &meant, &address, port);
}
