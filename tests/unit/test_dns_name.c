/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Domain names in wire form: text, messages, what is below what. Run by `make unit`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "dns_name.h"
#include "util.h"

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(0, dns_name_parse(text, &name));
	return name;
}

static void parse_makes_lower_case_labels(void **state)
{
	static const uint8_t wire[] = "\3www\7example\3com";
	struct dns_name name = name_of("WWW.Example.com.");
	char text[DNS_NAME_TEXT_MAX];

	(void)state;
	assert_int_equal(sizeof(wire), name.length);
	assert_memory_equal(wire, name.bytes, sizeof(wire));
	dns_name_format(&name, text);
	assert_string_equal("www.example.com", text);
	name = name_of(".");
	assert_int_equal(1, name.length);
	dns_name_format(&name, text);
	assert_string_equal(".", text);
}

static void parse_refuses_empty_and_long_labels_and_names(void **state)
{
	char label[DNS_LABEL_MAX + 2];
	char longest[300] = "";
	struct dns_name name;

	(void)state;
	assert_int_equal(-EINVAL, dns_name_parse("", &name));
	assert_int_equal(-EINVAL, dns_name_parse("a..b", &name));
	assert_int_equal(-EINVAL, dns_name_parse(".a", &name));
	assert_int_equal(-EINVAL, dns_name_parse("..", &name));
	memset(label, 'x', sizeof(label));
	label[DNS_LABEL_MAX] = '\0';
	assert_int_equal(0, dns_name_parse(label, &name));
	label[DNS_LABEL_MAX] = 'x';
	label[DNS_LABEL_MAX + 1] = '\0';
	assert_int_equal(-EINVAL, dns_name_parse(label, &name));
	for (int i = 0; i < 127; i++)
		strcat(longest, "a.");
	assert_int_equal(0, dns_name_parse(longest, &name));
	assert_int_equal(DNS_NAME_MAX, name.length);
	strcat(longest, "a");
	assert_int_equal(-EINVAL, dns_name_parse(longest, &name));
}

static void below_counts_whole_labels_only(void **state)
{
	struct dns_name above = name_of("example.com");
	static const struct {
		const char *name;
		bool below;
	} cases[] = {
		{ "www.example.com", true },
		{ "a.b.example.com", true },
		{ "example.com", false },
		{ "badexample.com", false },
		{ "com", false },
		{ "www.example.org", false },
		{ "example.com.org", false },
		{ ".", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dns_name name = name_of(cases[i].name);

		assert_int_equal(cases[i].below, dns_name_is_below(&name, &above));
	}
	above = name_of(".");
	assert_true(dns_name_is_below(&(struct dns_name){ 3, "\1a" }, &above));
	assert_false(dns_name_is_below(&above, &above));
}

/* The bytes of a label can look like labels. */
static void below_is_not_fooled_by_bytes_of_a_label(void **state)
{
	struct dns_name above = name_of("example.com");
	struct dns_name name = { 15, "\x0c"
				     "\7example\3com" };

	(void)state;
	assert_false(dns_name_is_below(&name, &above));
}

static void read_follows_pointers_back_only(void **state)
{
	static const uint8_t message[] = "\3com\0\7example\xc0\0\3www\xc0\5\xc0\x16";
	struct dns_name expected = name_of("www.example.com");
	struct dns_name name;
	size_t at = 15;

	(void)state;
	assert_int_equal(0, dns_name_read(message, sizeof(message) - 1, &at, &name));
	assert_true(dns_name_equals(&expected, &name));
	assert_int_equal(21, at);
	/* To itself. */
	assert_int_equal(-EBADMSG,
			 dns_name_read((const uint8_t *)"\xc0\0", 2, &(size_t){ 0 }, &name));
	/* Forwards. */
	at = 21;
	assert_int_equal(-EBADMSG, dns_name_read(message, sizeof(message) - 1, &at, &name));
	assert_int_equal(21, at);
}

static void read_refuses_what_is_cut_off_or_of_another_kind(void **state)
{
	struct dns_name name;

	(void)state;
	assert_int_equal(-EBADMSG, dns_name_read((const uint8_t *)"", 0, &(size_t){ 0 }, &name));
	assert_int_equal(-EBADMSG, dns_name_read((const uint8_t *)"\3ab", 3, &(size_t){ 0 }, &name));
	assert_int_equal(-EBADMSG, dns_name_read((const uint8_t *)"\2ab", 3, &(size_t){ 0 }, &name));
	assert_int_equal(-EBADMSG, dns_name_read((const uint8_t *)"\x40", 2, &(size_t){ 0 }, &name));
	assert_int_equal(-EBADMSG, dns_name_read((const uint8_t *)"\x80", 2, &(size_t){ 0 }, &name));
	assert_int_equal(-EBADMSG, dns_name_read((const uint8_t *)"\xc0", 1, &(size_t){ 0 }, &name));
}

static void plain_names_have_no_odd_bytes(void **state)
{
	struct dns_name name = name_of("_srv-1.example");

	(void)state;
	assert_true(dns_name_is_plain(&name));
	name = name_of("a b.example");
	assert_false(dns_name_is_plain(&name));
	name = name_of("caf\xc3\xa9.example");
	assert_false(dns_name_is_plain(&name));
}

static void reverse_names_are_addresses(void **state)
{
	static const struct {
		const char *name;
		const char *address;
	} cases[] = {
		{ "4.3.2.1.in-addr.arpa", "1.2.3.4" },
		{ "255.0.10.192.in-addr.arpa", "192.10.0.255" },
		{ "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa",
		  "4321:0:1:2:3:4:567:89ab" },
		{ "256.3.2.1.in-addr.arpa", NULL },
		{ "04.3.2.1.in-addr.arpa", NULL },
		{ "3.2.1.in-addr.arpa", NULL },
		{ "5.4.3.2.1.in-addr.arpa", NULL },
		{ "4.3.2.1.in-addr.arpa.example", NULL },
		{ "4.3.2.1.ip6.arpa", NULL },
		{ "www.example.com", NULL },
		{ ".", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dns_name name = name_of(cases[i].name);
		struct address address, expected;
		bool found = dns_name_is_reverse(&name, &address);

		assert_int_equal(cases[i].address != NULL, found);
		if (!found)
			continue;
		assert_int_equal(0, address_parse(cases[i].address, &expected));
		assert_memory_equal(&expected, &address, sizeof(address));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_makes_lower_case_labels),
		cmocka_unit_test(parse_refuses_empty_and_long_labels_and_names),
		cmocka_unit_test(below_counts_whole_labels_only),
		cmocka_unit_test(below_is_not_fooled_by_bytes_of_a_label),
		cmocka_unit_test(read_follows_pointers_back_only),
		cmocka_unit_test(read_refuses_what_is_cut_off_or_of_another_kind),
		cmocka_unit_test(plain_names_have_no_odd_bytes),
		cmocka_unit_test(reverse_names_are_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
