/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is in a group, where the C library's list and the services say different things.
 * Run by `make unit`. Services and list are fake ones; tests/root has real ones.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "accounts.h"
#include "groups.h"
#include "util.h"

/* A service that knows one group, 5000, and may know alice in it. */
struct fake_service {
	const char *name;
	enum nss_status names; /* what its getgrnam_r() says of "students" */
	enum nss_status users; /* and its initgroups_dyn() of alice */
};

static const struct fake_service fakes[] = {
	{ "ignorant", NSS_STATUS_NOTFOUND, NSS_STATUS_NOTFOUND },
	{ "knowing", NSS_STATUS_SUCCESS, NSS_STATUS_SUCCESS },
	{ "names", NSS_STATUS_SUCCESS, NSS_STATUS_NOTFOUND },
	{ "elsewhere", NSS_STATUS_SUCCESS, NSS_STATUS_NOTFOUND },
	{ "users", NSS_STATUS_NOTFOUND, NSS_STATUS_SUCCESS },
	{ "twice", NSS_STATUS_SUCCESS, NSS_STATUS_NOTFOUND },
	{ "unreadable", NSS_STATUS_SUCCESS, NSS_STATUS_NOTFOUND },
	{ "directory", NSS_STATUS_NOTFOUND, NSS_STATUS_NOTFOUND },
	{ "dead", NSS_STATUS_UNAVAIL, NSS_STATUS_UNAVAIL },
	{ "busy", NSS_STATUS_TRYAGAIN, NSS_STATUS_TRYAGAIN },
	{ "dying", NSS_STATUS_SUCCESS, NSS_STATUS_UNAVAIL },
};

static struct {
	const char *group;      /* the lines of nsswitch.conf; NULL: there is none */
	const char *initgroups; /* "?": it cannot be loaded */
	gid_t listed;           /* what getgrouplist(3) adds to the primary group */
	int list_size;          /* so many gids it has; 0: the two */
} machine;

static enum nss_status fake_status(const struct nss_service *service, bool user)
{
	for (size_t i = 0; i < ARRAY_SIZE(fakes); i++)
		if (strcmp(fakes[i].name, service->name) == 0)
			return user ? fakes[i].users : fakes[i].names;
	return NSS_STATUS_NOTFOUND;
}

int nss_database_load(const char *name, struct nss_database *ret_database, char why[NSS_WHY_MAX])
{
	const char *line = strcmp(name, "group") == 0        ? machine.group
			   : strcmp(name, "initgroups") == 0 ? machine.initgroups
							     : NULL;

	snprintf(why, NSS_WHY_MAX, "not loaded");
	*ret_database = (struct nss_database){ .name = name, .listed = line };
	if (line && line[0] == '?')
		return -EIO;
	return line ? nss_services_parse(line, ret_database) : 0;
}

/* Names alone, each with `!` where UNAVAIL and TRYAGAIN are to be passed over, `.` where the search
 * ends after it in any case. */
int nss_services_parse(const char *text, struct nss_database *database)
{
	while (*text) {
		struct nss_service *service = &database->services[database->count++];
		size_t length = strcspn(text, " !.");

		memset(service, 0, sizeof(*service));
		memcpy(service->name, text, length);
		if (text[length] == '!')
			service->actions[0] = service->actions[1] = NSS_CONTINUE;
		if (text[length] == '.')
			memset(service->actions, NSS_RETURN, sizeof(service->actions));
		text += strcspn(text, " ");
		text += *text == ' ';
	}
	return 0;
}

bool nss_is_local(const struct nss_service *service)
{
	return strcmp(service->name, "directory") != 0;
}

enum nss_action nss_action_of(const struct nss_service *service, enum nss_status status)
{
	enum nss_action written = (enum nss_action)service->actions[status - NSS_STATUS_TRYAGAIN];

	if (written != NSS_DEFAULT)
		return written;
	return status == NSS_STATUS_SUCCESS ? NSS_RETURN : NSS_CONTINUE;
}

enum nss_status nss_group_gid(const struct nss_service *service, const char *group, gid_t *ret_gid,
			      int *ret_error)
{
	*ret_error = 0;
	*ret_gid = strcmp(service->name, "elsewhere") == 0 ? 5001 : 5000;
	return strcmp(group, "students") == 0 ? fake_status(service, false) : NSS_STATUS_NOTFOUND;
}

int nss_group_lines(const struct nss_service *service, const char *group, struct nss_gids *gids)
{
	if (strcmp(service->name, "twice") != 0 || strcmp(group, "students") != 0)
		return strcmp(service->name, "unreadable") == 0 ? -EACCES : 0;
	gids->gids = malloc(2 * sizeof(gid_t));
	gids->gids[0] = 5000;
	gids->gids[1] = 5002;
	gids->count = 2;
	return 0;
}

enum nss_status nss_groups_add(const struct nss_service *service, const char *user, gid_t primary,
			       struct nss_gids *gids, int *ret_error)
{
	(void)user;
	(void)primary;
	*ret_error = 0;
	if (fake_status(service, true) == NSS_STATUS_SUCCESS)
		gids->gids[gids->count++] = 5000;
	return fake_status(service, true);
}

int getgrouplist(const char *user, gid_t primary, gid_t *groups, int *count)
{
	int needed = machine.list_size ? machine.list_size : 2;

	(void)user;
	if (*count < needed) {
		*count = needed;
		return -1;
	}
	for (int i = 0; i < needed; i++)
		groups[i] = (gid_t)(100000 + i);
	groups[0] = primary;
	groups[needed - 1] = machine.listed;
	*count = needed;
	return needed;
}

/* As groups_contain() for alice, or what groups_read() says. */
static int asked(const char *group, gid_t primary)
{
	cleanup_groups struct groups groups = { .user = "alice" };
	char why[NSS_WHY_MAX] = "";
	int error = groups_read("alice", primary, &groups, why);

	if (error == 0)
		error = groups_contain(&groups, group, why);
	return error;
}

struct group_case {
	const char *group;
	const char *initgroups;
	gid_t listed;
	int expected;
};

static void cases_try(const struct group_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int got;

		memset(&machine, 0, sizeof(machine));
		machine.group = cases[i].group;
		machine.initgroups = cases[i].initgroups;
		machine.listed = cases[i].listed;
		got = asked("students", 1);
		if (got != cases[i].expected)
			fail_msg("group: %s, initgroups: %s: %d", cases[i].group,
				 cases[i].initgroups, got);
	}
}

static void list_of_the_c_library_decides(void **state)
{
	static const struct group_case cases[] = {
		{ "knowing", NULL, 5000, 1 },
		{ "names", NULL, 5000, 1 }, /* nscd knows */
		{ "names", NULL, 7, 0 },
		{ "ignorant names", NULL, 5000, 1 },
		{ "ignorant", NULL, 5000, -ENOENT },
		{ "names", "ignorant", 7, 0 },
		{ "names", "users", 5000, 1 },
		/* The search ends before the others. */
		{ "names", "ignorant. users", 7, 0 },
		{ "names", "users dead", 5000, 1 },
		{ "ignorant. knowing", NULL, 7, -ENOENT },
	};

	(void)state;
	cases_try(cases, ARRAY_SIZE(cases));
}

static void primary_group_counts(void **state)
{
	(void)state;
	memset(&machine, 0, sizeof(machine));
	machine.group = "names";
	assert_int_equal(1, asked("students", 5000));
	assert_int_equal(0, asked("students", 5001));
	assert_int_equal(-ENOENT, asked("others", 5000));
}

static void service_that_does_not_answer_refuses(void **state)
{
	static const struct group_case cases[] = {
		{ "dead", NULL, 7, -EIO },
		{ "busy", NULL, 7, -EIO },
		{ "names dead", NULL, 7, -EIO },
		{ "names dead", NULL, 5000, -EIO },
		{ "dead names", NULL, 7, -EIO },
		{ "dying", NULL, 7, -EIO },
		{ "names dead.", NULL, 7, -EIO },
		{ "names", "ignorant dead", 7, -EIO },
		{ "names", "dead", 7, -EIO },
		{ "dead names", "ignorant", 7, -EIO },
		{ "?", NULL, 7, -EIO },
		{ "names", "?", 7, -EIO },
		/* nsswitch.conf says what else is to be done. */
		{ "names dead!", NULL, 7, 0 },
		{ "busy! names", NULL, 5000, 1 },
	};

	(void)state;
	cases_try(cases, ARRAY_SIZE(cases));
}

/* It may have lost the network, and remember but a part. */
static void group_that_a_directory_does_not_know_refuses(void **state)
{
	static const struct group_case cases[] = {
		{ "directory", NULL, 7, -EIO },
		{ "ignorant directory", NULL, 7, -EIO },
		{ "directory ignorant", NULL, 7, -EIO },
		{ "directory names", NULL, 5000, 1 },
		{ "directory names", NULL, 7, 0 },
		/* getgrnam(3) does not come to it. */
		{ "ignorant. directory", NULL, 7, -ENOENT },
		{ "ignorant dead!", NULL, 7, -ENOENT },
		{ "ignorant", "directory", 7, -ENOENT },
	};

	(void)state;
	cases_try(cases, ARRAY_SIZE(cases));
}

/* Dead a moment ago, when the list was made. */
static void service_that_says_more_than_the_list_refuses(void **state)
{
	static const struct group_case cases[] = {
		{ "knowing", NULL, 7, -EIO },
		{ "names", "users", 7, -EIO },
		{ "names users", NULL, 7, -EIO },
	};

	(void)state;
	cases_try(cases, ARRAY_SIZE(cases));
}

static void two_groups_of_one_name_refuse_who_is_in_the_hidden_one(void **state)
{
	static const struct group_case cases[] = {
		{ "names elsewhere", NULL, 5001, -EIO },
		{ "names elsewhere", "ignorant", 5001, -EIO },
		{ "elsewhere names", NULL, 5000, -EIO },
		{ "names elsewhere", NULL, 5000, 1 },
		{ "names elsewhere", NULL, 7, 0 },
		{ "elsewhere names", NULL, 5001, 1 },
		/* The other one is on a later line of the same file. */
		{ "twice", NULL, 5000, 1 },
		{ "twice", NULL, 5002, -EIO },
		{ "twice", NULL, 7, 0 },
		{ "unreadable", NULL, 7, -EIO },
	};

	(void)state;
	cases_try(cases, ARRAY_SIZE(cases));
}

static void long_lists_are_read_to_their_end(void **state)
{
	(void)state;
	memset(&machine, 0, sizeof(machine));
	machine.group = "names";
	machine.listed = 5000;
	machine.list_size = 70000;
	assert_int_equal(1, asked("students", 1));
	machine.list_size = 2000000;
	assert_int_equal(-EIO, asked("students", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_of_the_c_library_decides),
		cmocka_unit_test(primary_group_counts),
		cmocka_unit_test(service_that_does_not_answer_refuses),
		cmocka_unit_test(group_that_a_directory_does_not_know_refuses),
		cmocka_unit_test(service_that_says_more_than_the_list_refuses),
		cmocka_unit_test(two_groups_of_one_name_refuse_who_is_in_the_hidden_one),
		cmocka_unit_test(long_lists_are_read_to_their_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
