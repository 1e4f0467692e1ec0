/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decides which questions of a session may be asked at all. Distrusts every question.
 */
#include "answer.h"

#include <string.h>

#include "plan.h"

static void reply_none(struct client_question *question, unsigned rcode)
{
	client_reply(question, rcode, DNS_REASON_PROHIBITED, NULL, 0);
}

static void question_answered(struct waiter *waiter, struct dns_answer *answer, uint32_t age)
{
	struct client_question *question = container_of(waiter, struct client_question, waiter);

	if (answer)
		client_reply(question, answer->rcode, DNS_REASON_NONE, answer, age);
	else
		client_reply(question, DNS_SERVFAIL, DNS_REASON_NO_SERVER, NULL, 0);
}

static void look_up(const struct answers *answers, struct client_question *question)
{
	question->waiter.done = question_answered;
	lookup_start(answers->lookups, &question->question.name, question->question.type, false,
		     &question->waiter);
}

static bool is_server(const struct answers *answers, const struct address *address)
{
	for (uint32_t i = 0; i < answers->server_count; i++) {
		if (memcmp(&answers->servers[i], address, sizeof(*address)) == 0)
			return true;
	}
	return false;
}

static bool is_localhost(const struct dns_name *name)
{
	static const uint8_t localhost[] = "\x09localhost";

	return name->length == sizeof(localhost) &&
	       memcmp(name->bytes, localhost, sizeof(localhost)) == 0;
}

/* 127.0.0.1 and ::1, without asking anybody. */
static void reply_localhost(struct client_question *question)
{
	static const uint8_t inet[4] = { 127, 0, 0, 1 };
	static const uint8_t inet6[16] = { [15] = 1 };
	const bool four = question->question.type == DNS_A;
	const uint8_t size = four ? sizeof(inet) : sizeof(inet6);
	const uint8_t head[] = { 0, 1, 0x51, 0x80, 0, size }; /* a day */
	static struct dns_answer answer;

	if (!four && question->question.type != DNS_AAAA) {
		client_reply(question, DNS_NOERROR, DNS_REASON_NONE, NULL, 0);
		return;
	}
	answer.records = 1;
	answer.length = sizeof(head) + size;
	memcpy(answer.bytes, head, sizeof(head));
	memcpy(answer.bytes + sizeof(head), four ? inet : inet6, size);
	client_reply(question, DNS_NOERROR, DNS_REASON_NONE, &answer, 0);
}

static bool rule_covers(const struct rule *rule, const struct address *address)
{
	switch ((enum target)rule->target) {
	case TARGET_ANY:
		return true;
	case TARGET_CLASS:
		return address_classify(address) == rule->value;
	case TARGET_PREFIX:
		return prefix_contains(&rule->prefix, address);
	case TARGET_HOST:
	case TARGET_OWN:
		return false;
	}
	return false;
}

/* Whether some rule allows connections to the address: whoever is asked for its name then learns no
 * more than who is connected to. */
static bool is_open(const struct answers *answers, const struct address *address)
{
	const struct ruleset *ruleset = &answers->plan->ruleset;

	for (uint32_t i = 0; i < ruleset->rule_count; i++) {
		const struct rule *rule = &ruleset->rules[i];

		if (!rule->deny && !rule->implicit && rule_covers(rule, address))
			return true;
	}
	return host_table_find(&answers->lookups->opened, address) != HOST_ROW_NONE;
}

static void answer_covered(const struct answers *answers, struct client_question *question)
{
	switch (question->question.type) {
	case DNS_A:
	case DNS_AAAA:
	case DNS_CNAME:
	case DNS_HTTPS:
	case DNS_SVCB:
		look_up(answers, question);
		break;
	default:
		reply_none(question, DNS_NOERROR);
		break;
	}
}

void answer_question(struct client_question *question, void *context)
{
	const struct answers *answers = context;
	const struct dns_name *name = &question->question.name;
	uint32_t hosts[COVERED_HOSTS_MAX];
	struct address address;

	/* Who asks a server by its address must not be lied to in its name. */
	if (!is_server(answers, &question->asked))
		reply_none(question, DNS_REFUSED);
	else if (is_localhost(name))
		reply_localhost(question);
	else if (dns_name_is_plain(name) && covered_find(answers->covered, name, hosts) > 0)
		answer_covered(answers, question);
	else if (question->question.type == DNS_PTR && dns_name_is_reverse(name, &address) &&
		 is_open(answers, &address))
		look_up(answers, question);
	/* What is above a name exists (RFC 8020). */
	else if (covered_is_above(answers->covered, name))
		reply_none(question, DNS_NOERROR);
	else
		reply_none(question, DNS_NXDOMAIN);
}

void answers_add_servers(struct answers *answers, const struct dns_config *config)
{
	for (uint32_t i = 0; i < config->server_count; i++) {
		const struct address *server = &config->servers[i].address;

		if (answers->server_count < ANSWER_SERVERS_MAX && !is_server(answers, server))
			answers->servers[answers->server_count++] = *server;
	}
}
