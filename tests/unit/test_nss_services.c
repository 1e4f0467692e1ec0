/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lines of nsswitch.conf, as the C library reads them, and the services that every machine has.
 * Run by `make unit`. Libraries of all kinds are tried by tests/root.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "nss_services.h"
#include "util.h"

/* Each service as `name:` and what follows TRYAGAIN, UNAVAIL, NOTFOUND and SUCCESS. */
static const char *parsed(const char *line)
{
	static const char letters[] = { [NSS_CONTINUE] = 'c', [NSS_RETURN] = 'r', [NSS_MERGE] = 'm' };
	static char text[1024];
	struct nss_database database = { .name = "group" };
	size_t used = 0;

	if (nss_services_parse(line, &database) < 0)
		return "malformed";
	text[0] = '\0';
	for (size_t i = 0; i < database.count; i++) {
		const struct nss_service *service = &database.services[i];

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s:", service->name);
		for (int s = NSS_STATUS_TRYAGAIN; s <= NSS_STATUS_SUCCESS; s++)
			text[used++] = letters[nss_action_of(service, (enum nss_status)s)];
		text[used++] = ' ';
		text[used] = '\0';
	}
	return text;
}

static void lines_read_as_the_c_library_does(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ " \t\n", "" },
		{ "files", "files:cccr " },
		{ " files\tsss \n", "files:cccr sss:cccr " },
		{ "files [NOTFOUND=return] sss", "files:ccrr sss:cccr " },
		{ "files[success=merge]sss", "files:cccm sss:cccr " },
		{ "files [ SUCCESS = Merge  UNAVAIL=return ] sss", "files:crcm sss:cccr " },
		{ "files [!UNAVAIL=return] sss", "files:rcrr sss:cccr " },
		{ "files [SUCCESS=merge SUCCESS=continue]", "files:cccc " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(cases[i][1], parsed(cases[i][0]));
}

static void malformed_lines_refused(void **state)
{
	static const char *const cases[] = {
		"[NOTFOUND=return] files",
		"files [NOTFOUND=return",
		"files [NOTFOUND]",
		"files []",
		"files [NOTFOUND=stop]",
		"files [FOUND=return]",
		"files [NOTFOUND=return] [UNAVAIL=return] sss",
		"a-service-whose-name-is-longer-than-that-of-any-service-that-was-ever-made",
		"a b c d e f g h i j k l m n o p q",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal("malformed", parsed(cases[i]));
}

static void files_of_the_machine_asked(void **state)
{
	struct nss_service service = { .name = "files" };
	struct nss_gids gids = { NULL, 0, 0 };
	gid_t gid = 1;
	int error;

	(void)state;
	assert_int_equal(NSS_STATUS_SUCCESS, nss_group_gid(&service, "root", &gid, &error));
	assert_int_equal(0, gid);
	assert_int_equal(NSS_STATUS_NOTFOUND, nss_group_gid(&service, "no-such-group", &gid, &error));
	assert_true(nss_groups_add(&service, "root", 0, &gids, &error) >= NSS_STATUS_NOTFOUND);
	free(gids.gids);
}

static void database_without_a_line_is_empty(void **state)
{
	struct nss_database database;
	char why[NSS_WHY_MAX];

	(void)state;
	assert_int_equal(0, nss_database_load("no-such-database", &database, why));
	assert_int_equal(0, database.count);
	assert_false(database.listed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_read_as_the_c_library_does),
		cmocka_unit_test(malformed_lines_refused),
		cmocka_unit_test(files_of_the_machine_asked),
		cmocka_unit_test(database_without_a_line_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
