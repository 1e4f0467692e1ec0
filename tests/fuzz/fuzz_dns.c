/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a client's question, and as a name server's answer to the question that it repeats.
 * Run by `make fuzz`.
 * Checks: names are whole, and a reply of ours reads as the answer that it was made of.
 */
#include <errno.h>
#include <string.h>

#include "dns_message.h"
#include "fuzz_input.h"

static void check_name(const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_MAX];
	size_t at = 0;

	while (name->bytes[at] != 0) {
		at += name->bytes[at] + 1U;
		demand(at < name->length);
	}
	demand(at + 1 == name->length);
	dns_name_format(name, text);
	demand(strlen(text) < sizeof(text));
	demand(!dns_name_is_below(name, name));
}

static void check_question(const uint8_t *data, size_t size)
{
	struct dns_question question;
	uint8_t reply[DNS_UDP_MIN];
	int rcode = dns_question_parse(data, size, &question);
	struct address address;
	size_t length;

	if (rcode < 0)
		return;
	demand(question.size >= DNS_UDP_MIN);
	if (question.named) {
		check_name(&question.name);
		(void)dns_name_is_reverse(&question.name, &address);
	}
	length = dns_reply_build(&question, (unsigned)rcode, DNS_REASON_PROHIBITED, NULL, 0, reply,
				 sizeof(reply));
	demand(length >= DNS_HEADER_SIZE && reply[0] == data[0] && reply[1] == data[1]);
}

static bool is_loopback(const struct dns_record *record, void *context)
{
	struct address address;

	(void)context;
	return dns_record_address(record, &address) && address_classify(&address) == CLASS_LOOPBACK;
}

/* Nothing is told that the other reading would not tell. */
static void check_reply(const struct dns_question *question, struct dns_answer *answer)
{
	static uint8_t reply[DNS_TCP_MAX];
	static struct dns_answer again;
	size_t length = dns_reply_build(question, answer->rcode, DNS_REASON_NONE, answer, 0, reply,
					sizeof(reply));

	demand(length > 0);
	demand(dns_answer_parse(reply, length, question->id, &question->name, question->type,
				&again) == 0);
	demand(again.aliases == answer->aliases && again.records == answer->records &&
	       again.length == answer->length &&
	       memcmp(again.bytes, answer->bytes, answer->length) == 0);
}

static void check_answer(const uint8_t *data, size_t size)
{
	static struct dns_answer answer;
	struct dns_question question = { .size = DNS_UDP_MIN,
					 .recursion_desired = true,
					 .named = true };
	size_t at = DNS_HEADER_SIZE;
	uint32_t position = 0, before = 0;
	struct dns_record record;

	if (size < DNS_HEADER_SIZE || dns_name_read(data, size, &at, &question.name) || size - at < 4)
		return;
	check_name(&question.name);
	question.id = (uint16_t)(data[0] << 8 | data[1]);
	question.type = (uint16_t)(data[at] << 8 | data[at + 1]);
	memcpy(question.spelled, question.name.bytes, question.name.length);
	if (dns_answer_parse(data, size, question.id, &question.name, question.type, &answer))
		return;
	while (dns_answer_next(&answer, &position, &record))
		before++;
	demand(before == answer.records && answer.aliases <= DNS_ALIASES_MAX &&
	       answer.length <= DNS_ANSWER_MAX);
	check_reply(&question, &answer);
	(void)dns_answer_drop(&answer, is_loopback, NULL);
	check_reply(&question, &answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_question(data, size);
	check_answer(data, size);
	return 0;
}
