/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * resolv.conf, nsswitch.conf and hosts, read as libc reads them. Run by `make unit`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "dns_config.h"
#include "util.h"

#define MISSING "/nowhere/file"

/* The file is there until the next call. */
static const char *file_of(const char *text)
{
	static char path[32];
	int fd;

	if (path[0])
		unlink(path);
	strcpy(path, "/tmp/sandlock-unit-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(0, write_exact(fd, text, strlen(text)));
	close(fd);
	return path;
}

static void missing_files_are_as_libc_has_it(void **state)
{
	struct dns_config config;
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	dns_config_read(MISSING, MISSING, &config);
	assert_int_equal(1, config.server_count);
	address_format(&config.servers[0].address, text);
	assert_string_equal("127.0.0.1", text);
	assert_true(config.hosts_file && config.hosts_file_first && config.dns);
	assert_int_equal(5000, config.timeout_ms);
	assert_int_equal(2, config.attempts);
	assert_int_equal(1, config.ndots);
}

static void resolv_conf_is_read(void **state)
{
	struct dns_config config;
	char text[ADDRESS_TEXT_MAX];
	char name[DNS_NAME_TEXT_MAX];

	(void)state;
	dns_config_read(file_of("# nameserver 192.0.2.9\n"
				"nameserver 192.0.2.1 # the first\n"
				"\tnameserver\t2001:db8::1\n"
				"nameserver nonsense\n"
				"nameserver fe80::1%lo\n"
				"nameserver 192.0.2.4\n"
				"domain old.example\n"
				"search corp.example sub.corp.example.\n"
				"options rotate timeout:2 attempts:9 ndots:3 edns0\n"
				"options use-vc timeout:x\n"),
			MISSING, &config);
	assert_int_equal(3, config.server_count);
	address_format(&config.servers[1].address, text);
	assert_string_equal("2001:db8::1", text);
	assert_int_equal(0, config.servers[1].scope);
	assert_int_equal(1, config.servers[2].scope);
	assert_int_equal(2, config.search_count);
	dns_name_format(&config.search[1], name);
	assert_string_equal("sub.corp.example", name);
	assert_true(config.rotate && config.use_tcp);
	assert_int_equal(2000, config.timeout_ms);
	assert_int_equal(5, config.attempts);
	assert_int_equal(3, config.ndots);
}

static void nsswitch_says_what_counts(void **state)
{
	static const struct {
		const char *text;
		bool files, first, dns;
	} cases[] = {
		{ "hosts: files dns\n", true, true, true },
		{ "hosts:\tdns files # x\n", true, false, true },
		{ "hosts: files\n", true, true, false },
		{ "hosts: files resolve [!UNAVAIL=return] dns\n", true, true, true },
		{ "hosts: resolve\n", false, false, true },
		{ "passwd: files\n", true, true, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dns_config config;

		dns_config_read(MISSING, file_of(cases[i].text), &config);
		assert_int_equal(cases[i].files, config.hosts_file);
		assert_int_equal(cases[i].first, config.hosts_file_first);
		assert_int_equal(cases[i].dns, config.dns);
	}
}

static void add_found(const struct dns_name *name, const struct address *address, void *context)
{
	char text[ADDRESS_TEXT_MAX];
	char host[DNS_NAME_TEXT_MAX];
	char *all = context;

	address_format(address, text);
	dns_name_format(name, host);
	snprintf(all + strlen(all), 2048 - strlen(all), "%s=%s ", host, text);
}

static void hosts_are_read(void **state)
{
	char found[2048] = "";

	(void)state;
	hosts_file_read(file_of("127.0.0.1 localhost\n"
				"  192.0.2.1\tOne.test one # remark two\n"
				"nonsense three\n"
				"::1 six\n"
				"#192.0.2.2 four\n"
				"192.0.2.3\n"),
			add_found, found);
	assert_string_equal("localhost=127.0.0.1 one.test=192.0.2.1 one=192.0.2.1 six=::1 ", found);
	hosts_file_read(MISSING, add_found, found);
	file_of("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(missing_files_are_as_libc_has_it),
		cmocka_unit_test(resolv_conf_is_read),
		cmocka_unit_test(nsswitch_says_what_counts),
		cmocka_unit_test(hosts_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
