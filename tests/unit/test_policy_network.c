/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The grammar of network rules: what each form means, and why each other one is refused.
 * Run by `make unit`.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy_network.h"
#include "util.h"

#define TCP  PROTOCOL_TCP
#define UDP  PROTOCOL_UDP
#define ICMP PROTOCOL_ICMP

static const struct account alice = {
	.name = "alice", .group = "staff", .home = "/home/alice", .uid = 1234, .gid = 100
};

/* A rule as one line: "tcp|-  target  ports". */
static const char *describe(const struct net_rule *rule, char text[512])
{
	static const char *const classes[] = { "@global", "@loopback", "@private", "@linklocal" };
	char address[ADDRESS_TEXT_MAX];
	char target[300] = "*";
	size_t used;

	if (rule->target == TARGET_CLASS)
		snprintf(target, sizeof(target), "%s", classes[rule->class]);
	if (rule->target == TARGET_HOST)
		snprintf(target, sizeof(target), "host %s", rule->host);
	if (rule->target == TARGET_PREFIX) {
		address_format(&rule->prefix.address, address);
		snprintf(target, sizeof(target), "v%u %s/%u", rule->prefix.family, address,
			 rule->prefix.length);
	}
	snprintf(text, 512, "%s %s",
		 rule->protocols == TCP    ? "tcp"
		 : rule->protocols == UDP  ? "udp"
		 : rule->protocols == ICMP ? "icmp"
					   : "-",
		 target);
	for (uint32_t i = 0; i < rule->ports.count; i++) {
		used = strlen(text);
		snprintf(text + used, 512 - used, " %u-%u", rule->ports.ranges[i].low,
			 rule->ports.ranges[i].high);
	}
	return text;
}

static void rule_good_parsed(void **state)
{
	static const char *const cases[][2] = {
		{ "github.com:22,443", "- host github.com 22-22 443-443" },
		{ "GitHub.COM:22", "- host github.com 22-22" },
		{ "localhost:80", "- host localhost 80-80" },
		{ "a-1.b2:80", "- host a-1.b2 80-80" },
		{ "1a:80", "- host 1a 80-80" },
		{ "3.example:80", "- host 3.example 80-80" },
		{ "*.Example.com:443", "- host *.example.com 443-443" },
		{ "udp://*.example.com:*", "udp host *.example.com" },
		{ "*.%u.example.com:1", "- host *.alice.example.com 1-1" },
		{ ":8080", "- * 8080-8080" },
		{ "*:8080", "- * 8080-8080" },
		{ "*:*", "- *" },
		{ ":*", "- *" },
		{ "10.20.0.15:5432", "- v4 10.20.0.15/32 5432-5432" },
		{ "10.20.0.0/16:1-65535", "- v4 10.20.0.0/16 1-65535" },
		{ "0.0.0.0/0:80", "- v4 0.0.0.0/0 80-80" },
		{ "[::1]:80", "- v6 ::1/128 80-80" },
		{ "[2001:db8::/32]:80", "- v6 2001:db8::/32 80-80" },
		{ "[::/0]:80", "- v6 ::/0 80-80" },
		{ "[::ffff:10.0.0.1]:80", "- v4 10.0.0.1/32 80-80" },
		{ "[::ffff:10.0.0.0/104]:80", "- v4 10.0.0.0/8 80-80" },
		{ "@loopback:*", "- @loopback" },
		{ "@private:80", "- @private 80-80" },
		{ "@linklocal:80", "- @linklocal 80-80" },
		{ "@global:443", "- @global 443-443" },
		{ "tcp://a:1", "tcp host a 1-1" },
		{ "udp://a:53", "udp host a 53-53" },
		{ "udp://:53", "udp * 53-53" },
		{ "icmp://a", "icmp host a" },
		{ "icmp://*", "icmp *" },
		{ "icmp://10.0.0.0/8", "icmp v4 10.0.0.0/8" },
		{ "icmp://[::1]", "icmp v6 ::1/128" },
		{ "icmp://@private", "icmp @private" },
		{ "a:443,80,81,82-90,80", "- host a 80-90 443-443" },
		{ "a:5-9,1-6,65535,65534", "- host a 1-9 65534-65535" },
		{ "%u.example.com:22", "- host alice.example.com 22-22" },
		{ "%g:%U", "- host staff 1234-1234" },
		{ "a:%U-2000", "- host a 1234-2000" },
		{ "10.0.0.%U/32:80", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char why[WHY_MAX], text[512];
		struct net_rule rule;
		int error = net_rule_parse(cases[i][0], &alice, &rule, why);

		assert_int_equal(cases[i][1] ? 0 : -EINVAL, error);
		if (cases[i][1])
			assert_string_equal(cases[i][1], describe(&rule, text));
	}
}

static void rule_bad_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "a", "expected host:port or :port, got \"a\"" },
		{ "127.0.0.1", "expected host:port or :port, got \"127.0.0.1\"" },
		{ "a:", "expected host:port or :port, got \"a:\"" },
		{ ":", "expected host:port or :port, got \":\"" },
		{ "[::1]", "expected host:port or :port, got \"[::1]\"" },
		{ "tcp://a", "expected host:port or :port, got \"tcp://a\"" },
		{ "a:0", "port 0 in \"a:0\", expected 1 to 65535" },
		{ "a:0-10", "port 0 in \"a:0-10\", expected 1 to 65535" },
		{ "a:65536", "port 65536 is above 65535 in \"a:65536\"" },
		{ "a:99999999999999999999", "port 99999999999999999999 is above 65535 in" },
		{ "a:10-5", "reversed range 10-5 in \"a:10-5\", expected the lower port first" },
		{ "a:22,", "trailing comma in \"a:22,\", expected a port after it" },
		{ "a:22,,23", "no port before a comma in \"a:22,,23\"" },
		{ "a:,22", "no port before a comma in \"a:,22\"" },
		{ "a:22,*", "* among other ports in \"a:22,*\", expected it alone" },
		{ "a:ssh", "bad port \"ssh\" in \"a:ssh\", expected a number, lo-hi or *" },
		{ "a:022", "bad port \"022\" in" },
		{ "a:-5", "bad port \"\" in" },
		{ "a:5-", "bad port \"\" in" },
		{ "a:1-2-3", "bad port \"2-3\" in" },
		{ "a:+5", "bad port \"+5\" in" },
		{ "a:*-5", "bad port \"*\" in" },
		{ "a:%q", "unknown \"%q\", expected %u %U %g %h or %%" },
		{ "a:%", "unknown \"%\", expected %u %U %g %h or %%" },
		{ "::1:22", "IPv6 without brackets in \"::1:22\", expected [address]:port" },
		{ "2001:db8::1:443", "IPv6 without brackets in" },
		{ "fe80::/10:80", "IPv6 without brackets in" },
		{ "[::1]22", "bad brackets in \"[::1]22\", expected [address]:port" },
		{ "[::1:22", "bad brackets in" },
		{ "[]:22", "bad IPv6 address \"\" in" },
		{ "[10.0.0.1]:22", "bad IPv6 address \"10.0.0.1\" in" },
		{ "[a]:22", "bad IPv6 address \"a\" in" },
		{ "[fe80::1%eth0]:22", "unknown \"%e\"" },
		{ "[::1]:22:23", "IPv6 without brackets in" },
		{ "10.0.0.1/8:22",
		  "host bits beyond the prefix in \"10.0.0.1/8:22\", expected 10.0.0.0/8" },
		{ "[2001:db8::1/32]:22",
		  "host bits beyond the prefix in \"[2001:db8::1/32]:22\", expected "
		  "2001:db8::/32" },
		{ "[::ffff:10.0.0.1/104]:22", "host bits beyond the prefix in" },
		{ "[::ffff:0:0/95]:22", "host bits beyond /95 in" },
		{ "10.0.0.0/33:22", "prefix length 33 in \"10.0.0.0/33:22\", expected 0 to 32" },
		{ "10.0.0.0/08:22", "bad prefix length \"08\" in" },
		{ "10.0.0.0/:22", "bad prefix length \"\" in" },
		{ "10.0.0.0/8/8:22", "bad prefix length \"8/8\" in" },
		{ "[::/129]:22", "bad prefix length \"129\" in" },
		{ "a/8:22", "/ in \"a/8:22\", expected address/length" },
		{ "*/8:22",
		  "wildcard in the host name \"*/8\", expected a whole name, *.domain or *" },
		{ "*.*.example.com:443", "wildcard in the host name \"*.*.example.com\"" },
		{ "*.:443", "bad host name \"\" in" },
		{ "*.10.0.0.1:443", "address after the wildcard in \"*.10.0.0.1:443\"" },
		{ "*..com:443", "bad host name" },
		{ "*.a_b.com:443", "bad host name" },
		{ "a*.example.com:443", "wildcard in the host name" },
		{ "a.*:443", "wildcard in the host name" },
		{ "10.1:22",
		  "malformed address \"10.1\" in \"10.1:22\", expected four decimal numbers" },
		{ "010.0.0.1:22", "malformed address \"010.0.0.1\"" },
		{ "10.0.0.256:22", "malformed address \"10.0.0.256\"" },
		{ "1.2.3.4.5:22", "malformed address \"1.2.3.4.5\"" },
		{ "0x7f.1:22", "malformed address \"0x7f.1\"" },
		{ "a.0x1:22", "malformed address \"a.0x1\"" },
		{ "0X7F000001:22", "malformed address \"0X7F000001\"" },
		{ "2130706433:22", "malformed address \"2130706433\"" },
		{ "a..b:22", "bad host name \"a..b\" in" },
		{ ".a:22", "bad host name" },
		{ "a.:22", "bad host name" },
		{ "-a:22", "bad host name" },
		{ "a-:22", "bad host name" },
		{ "a_b:22", "bad host name" },
		{ "a@b:22", "bad host name" },
		{ "a\\x2e:22", "bad host name" },
		{ "m\xc3\xbc:22", "bad host name" },
		{ "a]:22", "bad host name" },
		{ "@globl:22", "unknown target \"@globl\", did you mean \"@global\"?" },
		{ "@:22",
		  "unknown target \"@\", expected one of: @global @loopback @private @linklocal @own" },
		{ "@owm:22", "unknown target \"@owm\", did you mean \"@own\"?" },
		{ "@%u:22", "unknown target \"@%u\"" },
		{ "http://a:80", "unknown scheme \"http\", " },
		{ "TCP://a:80", "unknown scheme \"TCP\", " },
		{ "tpc://a:80", "unknown scheme \"tpc\", did you mean \"tcp\"?" },
		{ "://a:80", "unknown scheme \"\", " },
		{ "icmp://a:22", "ports in \"icmp://a:22\", expected icmp://host alone" },
		{ "icmp://a:", "ports in \"icmp://a:\", expected icmp://host alone" },
		{ "icmp://", "expected icmp://host, got \"icmp://\"" },
		{ "udp://tcp://a:1", "IPv6 without brackets in" },
	};
	static char label[70], name[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char why[WHY_MAX] = "";
		struct net_rule rule;

		assert_int_equal(-EINVAL, net_rule_parse(cases[i][0], &alice, &rule, why));
		if (!strstr(why, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], why);
	}
	for (size_t length = 63; length <= 64; length++) {
		char why[WHY_MAX];
		struct net_rule rule;

		snprintf(label, sizeof(label), "%0*d.a:1", (int)length, 0);
		assert_int_equal(length == 63 ? 0 : -EINVAL,
				 net_rule_parse(label, &alice, &rule, why));
	}
	for (size_t length = 253; length <= 254; length++) {
		char why[WHY_MAX];
		struct net_rule rule;

		for (size_t i = 0; i < length; i++)
			name[i] = i % 2 ? '.' : 'a';
		memcpy(name + length - 2, "aa:1", 5);
		if (length % 2 == 1)
			name[length - 2] = '.';
		assert_int_equal(length == 253 ? 0 : -EINVAL,
				 net_rule_parse(name, &alice, &rule, why));
	}
}

/* An account whose name looks like syntax is refused, or stands for itself; it never widens. */
static void rule_expansion_stays_literal(void **state)
{
	static const struct {
		const char *text;
		const char *name;
		const char *expected; /* NULL: refused */
	} cases[] = {
		{ "%u:22", "*", NULL },
		{ "%u:22", "@global", NULL },
		{ "%u:22", "0.0.0.0/0", NULL },
		{ "%u:22", "[::1]", NULL },
		{ "%u:22", "a:1", NULL },
		{ "%u:22", "a b", NULL },
		{ "%u:22", "", NULL },
		{ "%u.b:22", "*", NULL },
		{ "a:%u", "*", NULL },
		{ "a:%u", "1-65535", NULL },
		{ "a:%u", "1,2", NULL },
		{ "10.0.0.0/%u:1", "0", NULL },
		{ "%u://a:1", "udp", NULL },
		{ "a:%u", "22", "- host a 22-22" },
		{ "%u:22", "a.b", "- host a.b 22-22" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct account account = { .name = cases[i].name, .group = "g", .home = "/h" };
		char why[WHY_MAX], text[512];
		struct net_rule rule;
		int error = net_rule_parse(cases[i].text, &account, &rule, why);

		assert_int_equal(cases[i].expected ? 0 : -EINVAL, error);
		if (cases[i].expected)
			assert_string_equal(cases[i].expected, describe(&rule, text));
	}
}

/* What cannot be judged without a uid waits; what can, does not. */
static void rule_without_account_judged(void **state)
{
	static const struct {
		const char *text;
		int expected;
	} cases[] = {
		{ "%u.example.com:22", 0 }, { "a:%U", 0 },       { "10.0.0.%U:80", 0 },
		{ "10.0.0.0/%U:80", 0 },    { "[::%U]:1", 0 },   { "[::%U/12]:80", 0 },
		{ "%h:80", -EINVAL },       { "a:%u", -EINVAL }, { "a:%x", -EINVAL },
		{ "a:%U,0", -EINVAL },      { "%U", -EINVAL },   { "a_%u:1", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char why[WHY_MAX];
		struct net_rule rule;

		if (net_rule_parse(cases[i].text, NULL, &rule, why) != cases[i].expected)
			fail_msg("%s", cases[i].text);
	}
}

static void bind_items_judged(void **state)
{
	static const struct {
		const char *text;
		int expected;
		uint32_t count;
		uint16_t low, high;
	} cases[] = {
		{ "8080", 0, 1, 8080, 8080 },
		{ "9000-9005", 0, 1, 9000, 9005 },
		{ "0", 0, 1, 0, 0 },
		{ "0-5", 0, 1, 0, 5 },
		{ "8080,8081", 0, 1, 8080, 8081 },
		{ "*", 0, 0, 0, 0 },
		{ "a:80", -EINVAL, 0, 0, 0 },
		{ "70000", -EINVAL, 0, 0, 0 },
		{ "5-1", -EINVAL, 0, 0, 0 },
		{ "80,", -EINVAL, 0, 0, 0 },
		{ "80,*", -EINVAL, 0, 0, 0 },
		{ "http", -EINVAL, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char why[WHY_MAX];
		struct net_rule bind;
		const struct net_ports *ports = &bind.ports;

		assert_int_equal(cases[i].expected,
				 net_bind_parse(cases[i].text, &alice, &bind, why));
		if (cases[i].expected < 0)
			continue;
		assert_int_equal(cases[i].count, ports->count);
		if (ports->count == 0)
			continue;
		assert_int_equal(cases[i].low, ports->ranges[0].low);
		assert_int_equal(cases[i].high, ports->ranges[0].high);
	}
}

static void bind_address_limits_the_ports(void **state)
{
	struct net_rule bind;
	char why[WHY_MAX];

	(void)state;
	assert_int_equal(0, net_bind_parse("@loopback:8000-9000", &alice, &bind, why));
	assert_int_equal(TARGET_CLASS, bind.target);
	assert_int_equal(CLASS_LOOPBACK, bind.class);
	assert_int_equal(8000, bind.ports.ranges[0].low);
	assert_int_equal(0, net_bind_parse("[::1]:8080", &alice, &bind, why));
	assert_int_equal(TARGET_PREFIX, bind.target);
	assert_int_equal(128, bind.prefix.length);
	assert_int_equal(0, net_bind_parse("*:0", &alice, &bind, why));
	assert_int_equal(TARGET_ANY, bind.target);
	assert_int_equal(-EINVAL, net_bind_parse("localhost:80", &alice, &bind, why));
	assert_int_equal(-EINVAL, net_bind_parse("@own:80", &alice, &bind, why));
	assert_int_equal(-EINVAL, net_bind_parse("@:80", &alice, &bind, why));
	assert_string_equal("unknown target \"@\", expected one of: @global @loopback @private "
			    "@linklocal",
			    why);
	assert_int_equal(-EINVAL, net_bind_parse("127.0.0.1:", &alice, &bind, why));
	assert_int_equal(-EINVAL, net_bind_parse("127.0.0.1", &alice, &bind, why));
}

static void answer_names_ports_alone(void **state)
{
	struct net_ports ports;
	char why[WHY_MAX];

	(void)state;
	assert_int_equal(0, net_answer_parse("60000-61000", &alice, &ports, why));
	assert_int_equal(61000, ports.ranges[0].high);
	assert_int_equal(-EINVAL, net_answer_parse("*", &alice, &ports, why));
	assert_int_equal(-EINVAL, net_answer_parse("0", &alice, &ports, why));
	assert_int_equal(-EINVAL, net_answer_parse("127.0.0.1:60000", &alice, &ports, why));
}

static void rule_too_many_ports_refused(void **state)
{
	static char text[VALUE_MAX + 8];
	char why[WHY_MAX];
	struct net_rule rule;
	size_t used = (size_t)snprintf(text, sizeof(text), "a:1");

	(void)state;
	for (int i = 1; i < NET_PORTS_MAX; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, ",%d", 2 * i + 1);
	assert_int_equal(0, net_rule_parse(text, &alice, &rule, why));
	assert_int_equal(NET_PORTS_MAX, rule.ports.count);
	snprintf(text + used, sizeof(text) - used, ",9");
	assert_int_equal(-EINVAL, net_rule_parse(text, &alice, &rule, why));
	memset(text, 'a', sizeof(text) - 1);
	assert_int_equal(-EINVAL, net_rule_parse(text, &alice, &rule, why));
	assert_string_equal("too long", why);
	assert_int_equal(-EINVAL, net_bind_parse(text, &alice, &rule, why));
	assert_string_equal("too long", why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule_good_parsed),
		cmocka_unit_test(rule_bad_refused),
		cmocka_unit_test(rule_expansion_stays_literal),
		cmocka_unit_test(rule_without_account_judged),
		cmocka_unit_test(bind_items_judged),
		cmocka_unit_test(bind_address_limits_the_ports),
		cmocka_unit_test(answer_names_ports_alone),
		cmocka_unit_test(rule_too_many_ports_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
