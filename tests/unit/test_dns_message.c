/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DNS messages: questions of clients, questions of our own, answers of name servers, replies.
 * Run by `make unit`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "dns_message.h"
#include "util.h"

/* Messages are put together here from nothing, so that a mistake of ours is not made twice. */
static struct {
	uint8_t bytes[8192];
	size_t length;
} message;

static void put(const void *bytes, size_t length)
{
	memcpy(message.bytes + message.length, bytes, length);
	message.length += length;
}

#define PUT(literal) put(literal, sizeof(literal) - 1)

static void put_name(const char *text)
{
	struct dns_name name;

	assert_int_equal(0, dns_name_parse(text, &name));
	put(name.bytes, name.length);
}

static void begin(const char *header, const char *name, uint16_t type)
{
	message.length = 0;
	put(header, 12);
	put_name(name);
	put((uint8_t[]){ (uint8_t)(type >> 8), (uint8_t)type, 0, 1 }, 4);
}

static void put_record(const char *owner, uint16_t type, uint32_t ttl, const void *data, size_t length)
{
	put_name(owner);
	put((uint8_t[]){ (uint8_t)(type >> 8), (uint8_t)type, 0, 1, (uint8_t)(ttl >> 24),
			 (uint8_t)(ttl >> 16), (uint8_t)(ttl >> 8), (uint8_t)ttl,
			 (uint8_t)(length >> 8), (uint8_t)length },
	    10);
	put(data, length);
}

static void put_alias(const char *owner, uint32_t ttl, const char *target)
{
	struct dns_name name;

	assert_int_equal(0, dns_name_parse(target, &name));
	put_record(owner, DNS_CNAME, ttl, name.bytes, name.length);
}

#define QUERY          "\x12\x34\x01\0\0\1\0\0\0\0\0\0"
#define QUERY_EDNS     "\x12\x34\x01\0\0\1\0\0\0\0\0\1"
#define REPLY(answers) "\x12\x34\x81\x80\0\1\0" answers "\0\0\0\0"
#define OPT            "\0\0\x29\x10\0\0\0\x80\0\0\0"

static int parse(struct dns_question *question)
{
	return dns_question_parse(message.bytes, message.length, question);
}

static void question_is_read_with_its_flags(void **state)
{
	struct dns_question question;

	(void)state;
	begin(QUERY, "www.Example.com", DNS_AAAA);
	message.bytes[13] = 'W';
	assert_int_equal(DNS_NOERROR, parse(&question));
	assert_int_equal(0x1234, question.id);
	assert_int_equal(DNS_AAAA, question.type);
	assert_int_equal(DNS_UDP_MIN, question.size);
	assert_true(question.recursion_desired && question.named && !question.edns);
	assert_memory_equal("\3www\7example\3com", question.name.bytes, question.name.length);
	assert_memory_equal("\3Www\7example\3com", question.spelled, question.name.length);
	begin(QUERY_EDNS, "a", DNS_A);
	PUT(OPT);
	assert_int_equal(DNS_NOERROR, parse(&question));
	assert_true(question.edns && question.dnssec_ok);
	assert_int_equal(4096, question.size);
}

static void question_of_another_shape_is_a_format_error(void **state)
{
	struct dns_question question;

	(void)state;
	begin(QUERY, "a", DNS_A);
	PUT("x");
	assert_int_equal(DNS_FORMERR, parse(&question));
	message.length -= 2;
	assert_int_equal(DNS_FORMERR, parse(&question));
	begin("\x12\x34\x01\0\0\2\0\0\0\0\0\0", "a", DNS_A);
	assert_int_equal(DNS_FORMERR, parse(&question));
	begin("\x12\x34\x01\0\0\1\0\1\0\0\0\0", "a", DNS_A);
	put_record("a", DNS_A, 1, "\1\2\3\4", 4);
	assert_int_equal(DNS_FORMERR, parse(&question));
	/* An additional record that is not OPT, or not at the root. */
	begin(QUERY_EDNS, "a", DNS_A);
	put_record(".", DNS_A, 0, "\1\2\3\4", 4);
	assert_int_equal(DNS_FORMERR, parse(&question));
	begin(QUERY_EDNS, "a", DNS_A);
	put_record("a", DNS_OPT, 0, "", 0);
	assert_int_equal(DNS_FORMERR, parse(&question));
	/* A compressed name, into the header. */
	message.length = 0;
	PUT(QUERY "\xc0\4\0\1\0\1");
	assert_int_equal(DNS_FORMERR, parse(&question));
	assert_false(question.named);
}

static void question_of_another_kind_has_its_rcode(void **state)
{
	struct dns_question question;

	(void)state;
	begin("\x12\x34\x28\0\0\1\0\0\0\0\0\0", "a", DNS_A); /* update */
	assert_int_equal(DNS_NOTIMP, parse(&question));
	assert_int_equal(0x1234, question.id);
	begin(QUERY, "version.bind", 16);
	message.bytes[message.length - 1] = 3; /* CHAOS */
	assert_int_equal(DNS_REFUSED, parse(&question));
	begin(QUERY_EDNS, "a", DNS_A);
	PUT("\0\0\x29\x10\0\0\1\0\0\0\0");
	assert_int_equal(DNS_BADVERS, parse(&question));
}

static void question_that_is_none_is_not_answered(void **state)
{
	struct dns_question question;

	(void)state;
	begin(REPLY("\0"), "a", DNS_A);
	assert_int_equal(-EBADMSG, parse(&question));
	assert_int_equal(-EBADMSG, dns_question_parse(message.bytes, 11, &question));
	assert_int_equal(-EBADMSG, dns_question_parse(message.bytes, 0, &question));
}

static void query_holds_nothing_of_the_client(void **state)
{
	uint8_t query[DNS_QUERY_MAX];
	struct dns_name name;
	size_t length;

	(void)state;
	assert_int_equal(0, dns_name_parse("A.Example", &name));
	length = dns_query_build(0xabcd, &name, DNS_A, true, query);
	assert_int_equal(12 + 11 + 4 + 11, length);
	assert_memory_equal("\xab\xcd\1\x20\0\1\0\0\0\0\0\1"
			    "\1a\7example\0\0\1\0\1"
			    "\0\0\x29\4\xd0\0\0\0\0\0\0",
			    query, length);
	assert_int_equal(12 + 11 + 4, dns_query_build(1, &name, DNS_A, false, query));
	assert_int_equal(0, query[11]);
}

static struct dns_answer answer;

static int read_answer(const char *text, uint16_t type)
{
	struct dns_name name;

	assert_int_equal(0, dns_name_parse(text, &name));
	return dns_answer_parse(message.bytes, message.length, 0x1234, &name, type, &answer);
}

/* "1.2.3.4 5.6.7.8": what the answer holds. */
static void assert_addresses(const char *expected)
{
	char text[512] = "";
	uint32_t position = 0;
	struct dns_record record;
	struct address address;

	while (dns_answer_next(&answer, &position, &record)) {
		char one[ADDRESS_TEXT_MAX];

		assert_true(dns_record_address(&record, &address));
		address_format(&address, one);
		strcat(strcat(text, text[0] ? " " : ""), one);
	}
	assert_string_equal(expected, text);
}

static void answer_holds_what_was_asked(void **state)
{
	(void)state;
	begin(REPLY("\2"), "www.example", DNS_A);
	put_record("www.example", DNS_A, 300, "\1\2\3\4", 4);
	put_record("www.example", DNS_A, 200, "\5\6\7\x08", 4);
	assert_int_equal(0, read_answer("www.example", DNS_A));
	assert_int_equal(DNS_NOERROR, answer.rcode);
	assert_int_equal(200, answer.ttl);
	assert_addresses("1.2.3.4 5.6.7.8");
}

static void answer_of_another_question_is_none(void **state)
{
	(void)state;
	begin(REPLY("\1"), "www.example", DNS_A);
	put_record("www.example", DNS_A, 300, "\1\2\3\4", 4);
	assert_int_equal(-EBADMSG, read_answer("ww2.example", DNS_A));
	assert_int_equal(-EBADMSG, read_answer("www.example", DNS_AAAA));
	message.bytes[0] = 0;
	assert_int_equal(-EBADMSG, read_answer("www.example", DNS_A));
	message.bytes[0] = 0x12;
	message.bytes[2] = 1; /* a question */
	assert_int_equal(-EBADMSG, read_answer("www.example", DNS_A));
	message.bytes[2] = 0x83;
	assert_int_equal(-EAGAIN, read_answer("www.example", DNS_A));
	message.bytes[2] = 0x81;
	message.length--;
	assert_int_equal(-EBADMSG, read_answer("www.example", DNS_A));
}

static void aliases_are_followed_from_the_asked_name_only(void **state)
{
	(void)state;
	begin(REPLY("\5"), "www.example", DNS_A);
	/* In an order that no server has, with what nobody asked about. */
	put_record("c.example", DNS_A, 60, "\1\2\3\4", 4);
	put_record("other.example", DNS_A, 60, "\x9\x9\x9\x9", 4);
	put_alias("b.example", 50, "c.example");
	put_alias("www.example", 40, "b.example");
	put_alias("other.example", 40, "b.example");
	assert_int_equal(0, read_answer("www.example", DNS_A));
	assert_int_equal(2, answer.aliases);
	assert_int_equal(40, answer.ttl);
	assert_addresses("1.2.3.4");
}

static void aliases_that_never_end_end(void **state)
{
	(void)state;
	begin(REPLY("\2"), "a.example", DNS_A);
	put_alias("a.example", 40, "b.example");
	put_alias("b.example", 40, "a.example");
	assert_int_equal(0, read_answer("a.example", DNS_A));
	assert_int_equal(DNS_ALIASES_MAX, answer.aliases);
	assert_addresses("");
}

static void alias_that_is_asked_for_is_the_answer(void **state)
{
	struct dns_record record;
	uint32_t position = 0;

	(void)state;
	begin(REPLY("\1"), "a.example", DNS_CNAME);
	put_alias("a.example", 40, "b.example");
	assert_int_equal(0, read_answer("a.example", DNS_CNAME));
	assert_int_equal(0, answer.aliases);
	assert_true(dns_answer_next(&answer, &position, &record));
	assert_memory_equal("\1b\7example", record.data, record.length);
	assert_false(dns_answer_next(&answer, &position, &record));
}

static void negative_answer_is_true_for_as_long_as_the_zone_says(void **state)
{
	static const char soa[] = "\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\x1e";

	(void)state;
	begin("\x12\x34\x81\x83\0\1\0\0\0\1\0\0", "a.example", DNS_A);
	put_record("example", DNS_SOA, 100, soa, sizeof(soa) - 1);
	assert_int_equal(0, read_answer("a.example", DNS_A));
	assert_int_equal(DNS_NXDOMAIN, answer.rcode);
	assert_int_equal(30, answer.ttl);
	assert_int_equal(0, answer.records);
	begin("\x12\x34\x81\x83\0\1\0\0\0\0\0\0", "a.example", DNS_A);
	assert_int_equal(0, read_answer("a.example", DNS_A));
	assert_int_equal(5, answer.ttl);
}

static void address_of_another_size_is_left_out(void **state)
{
	(void)state;
	begin(REPLY("\2"), "a.example", DNS_A);
	put_record("a.example", DNS_A, 1, "\1\2\3\4\5", 5);
	put_record("a.example", DNS_A, 1, "\1\2\3\4", 4);
	assert_int_equal(0, read_answer("a.example", DNS_A));
	assert_addresses("1.2.3.4");
}

static void ttl_with_the_first_bit_is_none(void **state)
{
	(void)state;
	begin(REPLY("\1"), "a.example", DNS_A);
	put_record("a.example", DNS_A, 0x80000001, "\1\2\3\4", 4);
	assert_int_equal(0, read_answer("a.example", DNS_A));
	assert_int_equal(0, answer.ttl);
}

static void service_tells_no_address_and_no_other_name(void **state)
{
	static const char hints[] = "\0\1\0\0\1\0\3\2h2\0\4\0\4\1\2\3\4\0\5\0\1x";
	static const char other[] = "\0\1\1b\0\0\1\0\3\2h2";
	static const char alias[] = "\0\0\1b\0";
	static const char needs[] = "\0\1\0\0\0\0\2\0\4\0\4\0\4\1\2\3\4";
	struct dns_record record;
	uint32_t position = 0;

	(void)state;
	begin(REPLY("\4"), "a.example", DNS_HTTPS);
	put_record("a.example", DNS_HTTPS, 9, other, sizeof(other) - 1);
	put_record("a.example", DNS_HTTPS, 9, hints, sizeof(hints) - 1);
	put_record("a.example", DNS_HTTPS, 9, alias, sizeof(alias) - 1);
	put_record("a.example", DNS_HTTPS, 9, needs, sizeof(needs) - 1);
	assert_int_equal(0, read_answer("a.example", DNS_HTTPS));
	assert_int_equal(1, answer.records);
	assert_true(dns_answer_next(&answer, &position, &record));
	assert_int_equal(15, record.length);
	assert_memory_equal("\0\1\0\0\1\0\3\2h2\0\5\0\1x", record.data, 15);
}

static bool is_first(const struct dns_record *record, void *context)
{
	(void)context;
	return record->data[0] == 1;
}

static void dropped_records_leave_the_others(void **state)
{
	(void)state;
	begin(REPLY("\4"), "a.example", DNS_A);
	put_alias("a.example", 40, "b.example");
	put_record("b.example", DNS_A, 1, "\1\2\3\4", 4);
	put_record("b.example", DNS_A, 1, "\5\6\7\x08", 4);
	put_record("b.example", DNS_A, 1, "\1\2\3\5", 4);
	assert_int_equal(0, read_answer("a.example", DNS_A));
	assert_int_equal(2, dns_answer_drop(&answer, is_first, NULL));
	assert_int_equal(1, answer.records);
	assert_addresses("5.6.7.8");
}

/* What we tell a client is read again as what a server would have answered. */
static void reply_repeats_the_answer(void **state)
{
	struct dns_question question;
	struct dns_answer told;
	uint8_t reply[DNS_UDP_MAX];
	size_t length;

	(void)state;
	begin(REPLY("\3"), "a.example", DNS_A);
	put_alias("a.example", 40, "b.example");
	put_record("b.example", DNS_A, 30, "\1\2\3\4", 4);
	put_record("b.example", DNS_A, 50, "\5\6\7\x08", 4);
	assert_int_equal(0, read_answer("a.example", DNS_A));
	told = answer;
	begin(QUERY_EDNS, "a.example", DNS_A);
	PUT(OPT);
	message.bytes[13] = 'A';
	assert_int_equal(DNS_NOERROR, parse(&question));
	length = dns_reply_build(&question, DNS_NOERROR, DNS_REASON_NONE, &told, 10, reply,
				 sizeof(reply));
	assert_memory_equal("\x12\x34\x81\x80\0\1\0\3\0\0\0\1\1A\7example", reply, 22);
	memcpy(message.bytes, reply, length);
	message.length = length;
	assert_int_equal(0, read_answer("a.example", DNS_A));
	assert_int_equal(1, answer.aliases);
	assert_int_equal(20, answer.ttl);
	assert_addresses("1.2.3.4 5.6.7.8");
}

static void reply_that_does_not_fit_is_cut_off(void **state)
{
	struct dns_question question;
	uint8_t reply[DNS_UDP_MAX];

	(void)state;
	begin(REPLY("\x28"), "a.example", DNS_A);
	for (int i = 0; i < 40; i++)
		put_record("a.example", DNS_A, 30, "\1\2\3\4", 4);
	assert_int_equal(0, read_answer("a.example", DNS_A));
	begin(QUERY, "a.example", DNS_A);
	assert_int_equal(DNS_NOERROR, parse(&question));
	assert_int_equal(27, dns_reply_build(&question, DNS_NOERROR, DNS_REASON_NONE, &answer, 0,
					     reply, question.size));
	assert_memory_equal("\x12\x34\x83\x80\0\1\0\0\0\0\0\0", reply, 12);
	assert_int_equal(27 + 40 * 16, dns_reply_build(&question, DNS_NOERROR, DNS_REASON_NONE,
						       &answer, 0, reply, sizeof(reply)));
	assert_int_equal(0, dns_reply_build(&question, DNS_NOERROR, DNS_REASON_NONE, NULL, 0, reply,
					    20));
}

static void refusal_says_why_to_who_understands(void **state)
{
	struct dns_question question;
	uint8_t reply[DNS_UDP_MIN];
	size_t length;

	(void)state;
	begin(QUERY_EDNS, "a", DNS_A);
	PUT(OPT);
	assert_int_equal(DNS_NOERROR, parse(&question));
	length = dns_reply_build(&question, DNS_NXDOMAIN, DNS_REASON_PROHIBITED, NULL, 0, reply,
				 sizeof(reply));
	assert_int_equal(12 + 7 + 11 + 6, length);
	assert_memory_equal("\x12\x34\x81\x83\0\1\0\0\0\0\0\1\1a\0\0\1\0\1"
			    "\0\0\x29\4\xd0\0\0\x80\0\0\6\0\xf\0\2\0\x12",
			    reply, length);
	begin(QUERY, "a", DNS_A);
	assert_int_equal(DNS_NOERROR, parse(&question));
	assert_int_equal(12 + 7, dns_reply_build(&question, DNS_NXDOMAIN, DNS_REASON_PROHIBITED,
						 NULL, 0, reply, sizeof(reply)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(question_is_read_with_its_flags),
		cmocka_unit_test(question_of_another_shape_is_a_format_error),
		cmocka_unit_test(question_of_another_kind_has_its_rcode),
		cmocka_unit_test(question_that_is_none_is_not_answered),
		cmocka_unit_test(query_holds_nothing_of_the_client),
		cmocka_unit_test(answer_holds_what_was_asked),
		cmocka_unit_test(answer_of_another_question_is_none),
		cmocka_unit_test(aliases_are_followed_from_the_asked_name_only),
		cmocka_unit_test(aliases_that_never_end_end),
		cmocka_unit_test(alias_that_is_asked_for_is_the_answer),
		cmocka_unit_test(negative_answer_is_true_for_as_long_as_the_zone_says),
		cmocka_unit_test(address_of_another_size_is_left_out),
		cmocka_unit_test(ttl_with_the_first_bit_is_none),
		cmocka_unit_test(service_tells_no_address_and_no_other_name),
		cmocka_unit_test(dropped_records_leave_the_others),
		cmocka_unit_test(reply_repeats_the_answer),
		cmocka_unit_test(reply_that_does_not_fit_is_cut_off),
		cmocka_unit_test(refusal_says_why_to_who_understands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
