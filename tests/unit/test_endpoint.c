/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses, prefixes and endpoints: text, classes, masks and what a sockaddr holds.
 * Run by `make test`.
 * Every spelling that another parser would take for an address is here as a refusal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "endpoint.h"
#include "util.h"

static struct address address_of(const char *text)
{
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	return address;
}

static struct prefix prefix_of(const char *text, uint8_t length)
{
	struct prefix prefix = { .address = address_of(text), .length = length };

	prefix.family = (uint8_t)address_family(&prefix.address);
	return prefix;
}

static bool is_unspecified(const char *text)
{
	struct address address = address_of(text);

	return address_is_unspecified(&address);
}

static bool prefix_holds(const struct prefix *prefix, const char *text)
{
	struct address address = address_of(text);

	return prefix_contains(prefix, &address);
}

/* ---- text ---- */

static void address_malformed_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"1",
		"1.2",
		"1.2.3",
		"10.1",
		"127.1",
		"1.2.3.4.5",
		"1.2.3.",
		".1.2.3",
		"1..2.3",
		"1.2.3.256",
		"1.2.3.999",
		"01.2.3.4",
		"010.0.0.1",
		"1.2.3.00",
		"1.2.3.04",
		"0x7f.0.0.1",
		"0x7f000001",
		"2130706433",
		"1.2.3.-4",
		"1.2.3.+4",
		"1.2.3.4 ",
		" 1.2.3.4",
		"1.2.3.4/8",
		"1.2.3.4:80",
		"1.2.3.4%lo",
		"1.2.3.a",
		"1,2,3,4",
		"*",
		"localhost",
		"[::1]",
		"[::1",
		"::1]",
		":",
		":::",
		"::1::",
		"1::2::3",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"1:2:3:4:5:6:7:",
		":1:2:3:4:5:6:7",
		"::12345",
		"::g",
		"::1%lo",
		"fe80::1%1",
		"::1/128",
		"::ffff:1.2.3",
		"::ffff:1.2.3.256",
		"::ffff:01.2.3.4",
		"::1.2.3.4.5",
		"1.2.3.4::",
		"::1 ",
		" ::1",
		"::-1",
		"::0x1",
		"1:2:3:4:5:6:7:1.2.3.4",
	};
	struct address before = address_of("9.9.9.9");
	struct address address = before;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (address_parse(texts[i], &address) != -EINVAL)
			fail_msg("accepted: \"%s\"", texts[i]);
	}
	assert_memory_equal(&address, &before, sizeof(address));
}

static void address_text_comes_back_in_one_form(void **state)
{
	static const struct {
		const char *text;
		const char *form;
		enum address_family family;
	} rows[] = {
		{ "0.0.0.0", "0.0.0.0", FAMILY_INET },
		{ "255.255.255.255", "255.255.255.255", FAMILY_INET },
		{ "10.20.0.15", "10.20.0.15", FAMILY_INET },
		{ "::ffff:10.20.0.15", "10.20.0.15", FAMILY_INET },
		{ "::FFFF:0a14:000f", "10.20.0.15", FAMILY_INET },
		{ "0:0:0:0:0:ffff:1.2.3.4", "1.2.3.4", FAMILY_INET },
		{ "::ffff:0:0", "0.0.0.0", FAMILY_INET },
		{ "::", "::", FAMILY_INET6 },
		{ "::1", "::1", FAMILY_INET6 },
		{ "2001:DB8:0:0::1", "2001:db8::1", FAMILY_INET6 },
		{ "64:ff9b::1.2.3.4", "64:ff9b::102:304", FAMILY_INET6 },
		{ "::fffe:1.2.3.4", "::fffe:102:304", FAMILY_INET6 },
		{ "1::ffff:1.2.3.4", "1::ffff:102:304", FAMILY_INET6 },
	};
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct address address = address_of(rows[i].text);

		assert_int_equal(address_family(&address), rows[i].family);
		address_format(&address, text);
		assert_string_equal(text, rows[i].form);
	}
}

static void endpoint_text_brackets_ipv6(void **state)
{
	static const struct {
		const char *address;
		uint16_t port;
		const char *text;
	} rows[] = {
		{ "1.2.3.4", 0, "1.2.3.4:0" },
		{ "255.255.255.255", 65535, "255.255.255.255:65535" },
		{ "::ffff:1.2.3.4", 22, "1.2.3.4:22" },
		{ "::1", 443, "[::1]:443" },
		{ "1111:2222:3333:4444:5555:6666:7777:8888", 65535,
		  "[1111:2222:3333:4444:5555:6666:7777:8888]:65535" },
	};
	char text[ENDPOINT_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct endpoint endpoint = { address_of(rows[i].address), rows[i].port };

		endpoint_format(&endpoint, text);
		assert_string_equal(text, rows[i].text);
	}
}

/* ---- classes: both ends of each range, and what lies next to them ---- */

static void address_class_ends_where_it_should(void **state)
{
	static const struct {
		const char *text;
		enum address_class class;
	} rows[] = {
		{ "126.255.255.255", CLASS_GLOBAL },
		{ "127.0.0.0", CLASS_LOOPBACK },
		{ "127.255.255.255", CLASS_LOOPBACK },
		{ "128.0.0.0", CLASS_GLOBAL },
		{ "9.255.255.255", CLASS_GLOBAL },
		{ "10.0.0.0", CLASS_PRIVATE },
		{ "10.255.255.255", CLASS_PRIVATE },
		{ "11.0.0.0", CLASS_GLOBAL },
		{ "172.15.255.255", CLASS_GLOBAL },
		{ "172.16.0.0", CLASS_PRIVATE },
		{ "172.31.255.255", CLASS_PRIVATE },
		{ "172.32.0.0", CLASS_GLOBAL },
		{ "192.167.255.255", CLASS_GLOBAL },
		{ "192.168.0.0", CLASS_PRIVATE },
		{ "192.168.255.255", CLASS_PRIVATE },
		{ "192.169.0.0", CLASS_GLOBAL },
		{ "169.253.255.255", CLASS_GLOBAL },
		{ "169.254.0.0", CLASS_LINKLOCAL },
		{ "169.254.169.254", CLASS_LINKLOCAL },
		{ "169.254.255.255", CLASS_LINKLOCAL },
		{ "169.255.0.0", CLASS_GLOBAL },
		{ "100.63.255.255", CLASS_GLOBAL },
		{ "100.64.0.0", CLASS_PRIVATE },
		{ "100.127.255.255", CLASS_PRIVATE },
		{ "100.128.0.0", CLASS_GLOBAL },
		{ "223.255.255.255", CLASS_GLOBAL },
		{ "224.0.0.0", CLASS_SPECIAL },
		{ "239.255.255.255", CLASS_SPECIAL },
		{ "240.0.0.0", CLASS_SPECIAL },
		{ "255.255.255.254", CLASS_SPECIAL },
		{ "255.255.255.255", CLASS_SPECIAL },
		{ "0.0.0.0", CLASS_SPECIAL },
		{ "0.0.0.1", CLASS_SPECIAL },
		{ "0.255.255.255", CLASS_SPECIAL },
		{ "1.0.0.0", CLASS_GLOBAL },
		{ "::ffff:127.0.0.1", CLASS_LOOPBACK },
		{ "::", CLASS_SPECIAL },
		{ "::1", CLASS_LOOPBACK },
		{ "::2", CLASS_SPECIAL },
		{ "::127.0.0.1", CLASS_SPECIAL },
		{ "fbff:ffff::", CLASS_GLOBAL },
		{ "fc00::", CLASS_PRIVATE },
		{ "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", CLASS_PRIVATE },
		{ "fe00::", CLASS_GLOBAL },
		{ "fe7f:ffff::", CLASS_GLOBAL },
		{ "fe80::", CLASS_LINKLOCAL },
		{ "febf:ffff::", CLASS_LINKLOCAL },
		{ "fec0::", CLASS_SPECIAL },
		{ "feff:ffff::", CLASS_SPECIAL },
		{ "::255.255.255.255", CLASS_SPECIAL },
		{ "::1:0:0", CLASS_GLOBAL },
		{ "::fffe:7f00:1", CLASS_GLOBAL },
		{ "64:ff9b::127.0.0.1", CLASS_LOOPBACK },
		{ "64:ff9b::10.0.0.1", CLASS_PRIVATE },
		{ "64:ff9b::100.64.0.1", CLASS_PRIVATE },
		{ "64:ff9b::169.254.169.254", CLASS_LINKLOCAL },
		{ "64:ff9b::192.0.2.1", CLASS_GLOBAL },
		{ "64:ff9b::", CLASS_SPECIAL },
		{ "64:ff9b::240.0.0.1", CLASS_SPECIAL },
		{ "64:ff9b::1:7f00:1", CLASS_GLOBAL },
		{ "64:ff9b:1::127.0.0.1", CLASS_GLOBAL },
		{ "64:ff9a::127.0.0.1", CLASS_GLOBAL },
		{ "2002:7f00:1::", CLASS_LOOPBACK },
		{ "2002:a9fe:a9fe:ffff:ffff:ffff:ffff:ffff", CLASS_LINKLOCAL },
		{ "2002:c0a8:101::1", CLASS_PRIVATE },
		{ "2002:e000:1::1", CLASS_SPECIAL },
		{ "2002::", CLASS_SPECIAL },
		{ "2002:c000:201::1", CLASS_GLOBAL },
		{ "2003:7f00:1::", CLASS_GLOBAL },
		{ "ff00::", CLASS_SPECIAL },
		{ "ffff::", CLASS_SPECIAL },
		{ "2001:db8::1", CLASS_GLOBAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct address address = address_of(rows[i].text);

		if (address_classify(&address) != rows[i].class)
			fail_msg("%s is of class %d", rows[i].text, address_classify(&address));
	}
}

static void address_unspecified_is_only_all_zero(void **state)
{
	static const char *const zero[] = { "0.0.0.0", "::", "::ffff:0.0.0.0" };
	static const char *const other[] = { "0.0.0.1", "::1", "1::", "0.1.0.0", "::fffe:0:0" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(zero); i++)
		assert_true(is_unspecified(zero[i]));
	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		assert_false(is_unspecified(other[i]));
}

/* ---- masks and prefixes ---- */

static void mask_counts_the_bits_of_the_family(void **state)
{
	static const struct {
		const char *text;
		uint8_t length;
		const char *masked;
	} rows[] = {
		{ "255.255.255.255", 0, "0.0.0.0" },
		{ "255.255.255.255", 1, "128.0.0.0" },
		{ "255.255.255.255", 15, "255.254.0.0" },
		{ "255.255.255.255", 31, "255.255.255.254" },
		{ "255.255.255.255", 32, "255.255.255.255" },
		{ "255.255.255.255", 255, "255.255.255.255" },
		{ "ffff:ffff::ffff", 0, "::" },
		{ "ffff:ffff::ffff", 17, "ffff:8000::" },
		{ "ffff:ffff::ffff", 127, "ffff:ffff::fffe" },
		{ "ffff:ffff::ffff", 128, "ffff:ffff::ffff" },
		{ "ffff:ffff::ffff", 255, "ffff:ffff::ffff" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct address address = address_of(rows[i].text);
		struct address expected = address_of(rows[i].masked);
		struct address masked = address_mask(&address, rows[i].length);

		assert_memory_equal(&masked, &expected, sizeof(masked));
	}
}

static void prefix_holds_its_range_and_no_more(void **state)
{
	struct prefix prefix = prefix_of("10.20.16.0", 20);

	(void)state;
	assert_false(prefix_holds(&prefix, "10.20.15.255"));
	assert_true(prefix_holds(&prefix, "10.20.16.0"));
	assert_true(prefix_holds(&prefix, "10.20.31.255"));
	assert_false(prefix_holds(&prefix, "10.20.32.0"));
	prefix = prefix_of("2001:db8::", 33);
	assert_true(prefix_holds(&prefix, "2001:db8:7fff::"));
	assert_false(prefix_holds(&prefix, "2001:db8:8000::"));
}

static void prefix_of_all_holds_one_family(void **state)
{
	struct prefix inet = prefix_of("0.0.0.0", 0);
	struct prefix inet6 = prefix_of("::", 0);
	struct address mapped = address_of("::ffff:8.8.8.8");
	struct address other = address_of("2001:db8::1");

	(void)state;
	assert_true(prefix_contains(&inet, &mapped));
	assert_false(prefix_contains(&inet, &other));
	assert_true(prefix_contains(&inet6, &other));
	assert_false(prefix_contains(&inet6, &mapped));
}

/* ---- sockaddr ---- */

static void sockaddr_inet_is_mapped(void **state)
{
	struct sockaddr_storage storage = { 0 };
	struct sockaddr_in inet = { .sin_family = AF_INET, .sin_port = htons(443) };
	struct endpoint endpoint;
	char text[ENDPOINT_TEXT_MAX];

	(void)state;
	inet_pton(AF_INET, "10.1.2.3", &inet.sin_addr);
	memcpy(&storage, &inet, sizeof(inet));
	assert_int_equal(endpoint_from_sockaddr(&storage, sizeof(inet), &endpoint), 0);
	endpoint_format(&endpoint, text);
	assert_string_equal(text, "10.1.2.3:443");
	assert_int_equal(endpoint_from_sockaddr(&storage, sizeof(storage), &endpoint), 0);
}

static void sockaddr_inet6_is_read_and_mapped_is_inet(void **state)
{
	struct sockaddr_storage storage = { 0 };
	struct sockaddr_in6 inet6 = { .sin6_family = AF_INET6,
				      .sin6_port = htons(22),
				      .sin6_flowinfo = 1,
				      .sin6_scope_id = 2 };
	struct endpoint endpoint;
	char text[ENDPOINT_TEXT_MAX];

	(void)state;
	inet_pton(AF_INET6, "fe80::1", &inet6.sin6_addr);
	memcpy(&storage, &inet6, sizeof(inet6));
	assert_int_equal(endpoint_from_sockaddr(&storage, sizeof(inet6), &endpoint), 0);
	endpoint_format(&endpoint, text);
	assert_string_equal(text, "[fe80::1]:22");
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &inet6.sin6_addr);
	memcpy(&storage, &inet6, sizeof(inet6));
	assert_int_equal(endpoint_from_sockaddr(&storage, sizeof(inet6), &endpoint), 0);
	assert_int_equal(address_family(&endpoint.address), FAMILY_INET);
	assert_int_equal(address_classify(&endpoint.address), CLASS_LOOPBACK);
}

static void sockaddr_short_is_invalid(void **state)
{
	struct sockaddr_storage storage = { .ss_family = AF_INET };
	struct endpoint endpoint = { .port = 7 };
	socklen_t length;

	(void)state;
	for (length = 0; length < sizeof(struct sockaddr_in); length++)
		assert_int_equal(endpoint_from_sockaddr(&storage, length, &endpoint), -EINVAL);
	storage.ss_family = AF_INET6;
	for (length = 0; length < sizeof(struct sockaddr_in6); length++)
		assert_int_equal(endpoint_from_sockaddr(&storage, length, &endpoint), -EINVAL);
	assert_int_equal(endpoint.port, 7);
}

static void sockaddr_other_family_is_not_supported(void **state)
{
	static const sa_family_t families[] = { AF_UNSPEC, AF_UNIX, AF_NETLINK, AF_PACKET, 0xffff };
	struct endpoint endpoint;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct sockaddr_storage storage = { .ss_family = families[i] };

		assert_int_equal(endpoint_from_sockaddr(&storage, sizeof(storage), &endpoint),
				 -EAFNOSUPPORT);
		assert_int_equal(endpoint_from_sockaddr(&storage, sizeof(sa_family_t), &endpoint),
				 -EAFNOSUPPORT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(address_malformed_is_refused),
		cmocka_unit_test(address_text_comes_back_in_one_form),
		cmocka_unit_test(endpoint_text_brackets_ipv6),
		cmocka_unit_test(address_class_ends_where_it_should),
		cmocka_unit_test(address_unspecified_is_only_all_zero),
		cmocka_unit_test(mask_counts_the_bits_of_the_family),
		cmocka_unit_test(prefix_holds_its_range_and_no_more),
		cmocka_unit_test(prefix_of_all_holds_one_family),
		cmocka_unit_test(sockaddr_inet_is_mapped),
		cmocka_unit_test(sockaddr_inet6_is_read_and_mapped_is_inet),
		cmocka_unit_test(sockaddr_short_is_invalid),
		cmocka_unit_test(sockaddr_other_family_is_not_supported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
