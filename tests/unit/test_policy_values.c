/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Items, expansions, numbers, paths and the items of unix_allow.
 * Run by `make unit`.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "policy_fixture.h"
#include "policy_unix.h"
#include "policy_values.h"
#include "util.h"

static const struct account alice = {
	.name = "alice", .group = "staff", .home = "/home/alice", .uid = 1234, .gid = 100
};

static void items_split_at_blanks_and_commas(void **state)
{
	static const struct {
		const char *value;
		const char *expected; /* TEXT@LINE, + where it follows a comma */
	} cases[] = {
		{ "a", "a@7 " },
		{ "  a\tb ", "a@7 b@7 " },
		{ "a:22, b:80", "a:22@7 b:80@7+ " },
		{ "a:22,23 b", "a:22,23@7 b@7 " },
		{ "a,, b", "a,@7 b@7+ " },
		{ "a \n b\n\tc", "a@7 b@8 c@9 " },
		{ "a\nb c", "ab@7 c@8 " },
		{ "\n a", "a@8 " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char why[WHY_MAX], text[256] = "";
		struct item *items;
		size_t count;

		assert_int_equal(0, items_split(cases[i].value, 7, &items, &count, why));
		for (size_t j = 0; j < count; j++) {
			size_t used = strlen(text);

			snprintf(text + used, sizeof(text) - used, "%s@%u%s ", items[j].text,
				 items[j].line, items[j].follows_comma ? "+" : "");
		}
		assert_string_equal(cases[i].expected, text);
		items_free(items, count);
	}
}

static void items_with_stray_commas_refused(void **state)
{
	static const char *const cases[][2] = {
		{ ", a", "comma with no item before it" },
		{ "a , b", "comma with no item before it" },
		{ "a,", "trailing comma in \"a,\", expected an item after it" },
		{ ",", "trailing comma in \",\", expected an item after it" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char why[WHY_MAX];
		struct item *items;
		size_t count;

		assert_int_equal(-EINVAL, items_split(cases[i][0], 1, &items, &count, why));
		assert_string_equal(cases[i][1], why);
	}
}

static void value_expanded_or_refused(void **state)
{
	static const struct {
		const char *text;
		unsigned flags;
		const char *expected; /* NULL: refused */
	} cases[] = {
		{ "%u %U %g %h %%", 0, "alice 1234 staff /home/alice %" },
		{ "%%u", 0, "%u" },
		{ "a\\x20b", EXPAND_ESCAPES, "a b" },
		{ "a\\x2ab\\x2Ac", EXPAND_ESCAPES, "a*b*c" },
		{ "a\\x25u", EXPAND_ESCAPES, "a%u" },
		{ "a\\x20b", 0, "a\\x20b" },
		{ "a*", EXPAND_PATTERN, "a*" },
		{ "a\\x2a", EXPAND_ESCAPES | EXPAND_PATTERN, NULL },
		{ "%x", 0, NULL },
		{ "%h/%u-%U.x", EXPAND_PATH, "/home/alice/alice-1234.x" },
		{ "%u\\x61", EXPAND_ESCAPES, "alicea" },
		/* That would be another's home. */
		{ "%home", EXPAND_PATH, NULL },
		{ "%h2/x", EXPAND_PATH, NULL },
		{ "%user", 0, NULL },
		{ "%uid", 0, NULL },
		{ "%", 0, NULL },
		{ "\\x00", EXPAND_ESCAPES, NULL },
		{ "\\x2", EXPAND_ESCAPES, NULL },
		{ "\\xg0", EXPAND_ESCAPES, NULL },
		{ "\\n", EXPAND_ESCAPES, NULL },
		{ "\\", EXPAND_ESCAPES, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[VALUE_MAX], why[WHY_MAX];
		int error = value_expand(cases[i].text, &alice, cases[i].flags, text, why);

		assert_int_equal(cases[i].expected ? 0 : -EINVAL, error);
		if (cases[i].expected)
			assert_string_equal(cases[i].expected, text);
	}
}

static void expansion_that_cannot_stand_refused(void **state)
{
	static const struct {
		struct account account;
		const char *text;
		const char *expected;
	} cases[] = {
		{ { "a", "g", "/home/a*", 1, 1, NULL, false },
		  "%h/x",
		  "%h is \"/home/a*\", whose * would be a wildcard" },
		{ { "*", "g", "/home/a", 1, 1, NULL, false },
		  "/tmp/%u",
		  "%u is \"*\", whose * would be a wildcard" },
		{ { "a", "*", "/home/a", 1, 1, NULL, false },
		  "/tmp/%g",
		  "%g is \"*\", whose * would be a wildcard" },
		{ { "a", "", "/home/a", 1, 1, NULL, false }, "/tmp/%g", "%g is empty for this account" },
		{ { ".", "g", "/home/a", 1, 1, NULL, false },
		  "/srv/%u",
		  "%u is \".\", which cannot be one name in a path" },
		{ { "a", "..", "/home/a", 1, 1, NULL, false },
		  "/srv/%g",
		  "%g is \"..\", which cannot be one name in a path" },
		{ { "a/b", "g", "/home/a", 1, 1, NULL, false },
		  "/srv/%u",
		  "%u is \"a/b\", which cannot be one name in a path" },
		{ { "a", "g", "//", 1, 1, NULL, false },
		  "%h/x",
		  "%h is \"//\", expected a home directory below /" },
		{ { "a", "g", "/./", 1, 1, NULL, false },
		  "%h",
		  "%h is \"/./\", expected a home directory below /" },
		{ { "a", "g", "/..", 1, 1, NULL, false },
		  "%h",
		  "%h is \"/..\", expected a home directory below /" },
		{ { "a", "g", "/", 1, 1, NULL, false },
		  "%h/x",
		  "%h is \"/\", expected a home directory below /" },
		{ { "a", "g", "", 1, 1, NULL, false },
		  "%h/x",
		  "%h is \"\", expected a home directory below /" },
		{ { "a", "g", "home", 1, 1, NULL, false },
		  "%h/x",
		  "%h is \"home\", expected a home directory below /" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[VALUE_MAX], why[WHY_MAX] = "";

		assert_int_equal(-EINVAL, value_expand(cases[i].text, &cases[i].account,
						       EXPAND_PATTERN | EXPAND_PATH, text, why));
		assert_string_equal(cases[i].expected, why);
	}
}

static void value_too_long_refused(void **state)
{
	static char home[VALUE_MAX];
	struct account account = alice;
	char text[VALUE_MAX], why[WHY_MAX];

	(void)state;
	memset(home, 'a', sizeof(home) - 1);
	home[0] = '/';
	account.home = home;
	assert_int_equal(0, value_expand("%h", &account, 0, text, why));
	assert_int_equal(-EINVAL, value_expand("%h/", &account, 0, text, why));
}

static void boolean_words_parsed(void **state)
{
	static const char *const yes[] = { "yes", "true", "on", "1" };
	static const char *const no[] = { "no", "false", "off", "0" };
	static const char *const bad[] = { "y", "YES", "2", "01", "yes ", "enabled" };
	char why[WHY_MAX];
	bool value;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		assert_int_equal(0, boolean_parse(yes[i], &value, why));
		assert_true(value);
		assert_int_equal(0, boolean_parse(no[i], &value, why));
		assert_false(value);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(-EINVAL, boolean_parse(bad[i], &value, why));
	assert_string_equal("expected yes or no, got \"enabled\"", why);
}

static void amounts_parsed_or_refused(void **state)
{
	static const struct {
		const char *text;
		bool sized;
		int error;
		uint64_t value;
	} cases[] = {
		{ "0", false, 0, 0 },
		{ "200", false, 0, 200 },
		{ "64M", true, 0, 64ULL << 20 },
		{ "1K", true, 0, 1024 },
		{ "2G", true, 0, 2ULL << 30 },
		{ "0K", true, 0, 0 },
		{ "18446744073709551614", true, 0, UINT64_MAX - 1 },
		{ "18446744073709551615", true, -EINVAL, 0 },
		{ "99999999999999999999999999", true, -EINVAL, 0 },
		{ "17179869184G", true, -EINVAL, 0 },
		{ "64M", false, -EINVAL, 0 },
		{ "010", false, -EINVAL, 0 },
		{ "01M", true, -EINVAL, 0 },
		{ "-1", false, -EINVAL, 0 },
		{ "+1", false, -EINVAL, 0 },
		{ "0x10", false, -EINVAL, 0 },
		{ "M", true, -EINVAL, 0 },
		{ "1m", true, -EINVAL, 0 },
		{ "1MB", true, -EINVAL, 0 },
		{ "1 M", true, -EINVAL, 0 },
		{ "1T", true, -EINVAL, 0 },
		{ "unlimited", true, -EINVAL, 0 },
		{ "%U", false, -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char why[WHY_MAX];
		uint64_t value = 0;

		if (amount_parse(cases[i].text, cases[i].sized, &value, why) != cases[i].error ||
		    value != cases[i].value)
			fail_msg("%s", cases[i].text);
	}
}

static void path_made_plain_or_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "/a/b", "/a/b" },
		{ "//a///b//", "/a/b" },
		{ "/./a/.", "/a" },
		{ "/", "/" },
		{ "%h/x", "/home/alice/x" },
		{ "/a\\x20b", "/a b" },
		{ "/run/%u", "/run/alice" },
		{ "/..a/b..", "/..a/b.." },
		{ "a/b", NULL },
		{ "%u/b", NULL },
		{ "./a", NULL },
		{ "/a/../b", NULL },
		{ "/..", NULL },
		{ "/a/\\x2e.", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char path[VALUE_MAX], why[WHY_MAX];
		int error = path_parse(cases[i][0], &alice, 0, path, why);

		assert_int_equal(cases[i][1] ? 0 : -EINVAL, error);
		if (cases[i][1])
			assert_string_equal(cases[i][1], path);
	}
}

static void unix_item_parsed_or_refused(void **state)
{
	static const struct {
		const char *text;
		int kind; /* -1: refused */
		const char *expected;
	} cases[] = {
		{ "own", SOCKET_OWN, "" },
		{ "x11", SOCKET_X11, "" },
		{ "/run/*.sock", SOCKET_PATH, "/run/*.sock" },
		{ "%h/*", SOCKET_PATH, "/home/alice/*" },
		{ "/a\\x20b", SOCKET_PATH, "/a b" },
		{ "\\x2fa", SOCKET_PATH, "/a" },
		{ "@name", SOCKET_ABSTRACT, "name" },
		{ "@/tmp/.X11-unix/*", SOCKET_ABSTRACT, "/tmp/.X11-unix/*" },
		{ "@%u", SOCKET_ABSTRACT, "alice" },
		{ "@", -1, "expected @name, got \"@\"" },
		{ "@\\x2a", -1, "\\x2a in a pattern, which cannot contain a literal *" },
		{ "own2", -1, "unknown item \"own2\", did you mean \"own\"?" },
		{ "run/x", -1, "expected /path, @name, own or x11, got \"run/x\"" },
		{ "*", -1, "expected /path, @name, own or x11, got \"*\"" },
		{ "%u", -1, "expected an absolute path, got \"%u\"" },
		{ "/a/../b", -1, "\"..\" in the path \"/a/../b\", expected none" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char why[WHY_MAX];
		struct unix_item item;
		int error = unix_item_parse(cases[i].text, &alice, &item, why);

		assert_int_equal(cases[i].kind < 0 ? -EINVAL : 0, error);
		assert_string_equal(cases[i].expected, error < 0 ? why : item.pattern);
		if (error == 0)
			assert_int_equal(cases[i].kind, item.kind);
	}
}

static void home_with_blanks_stays_one_pattern(void **state)
{
	const struct account account = { .name = "a", .group = "g", .home = "/home/a b, @c" };
	struct unix_item item;
	char why[WHY_MAX];

	(void)state;
	assert_int_equal(0, unix_item_parse("%h/x*", &account, &item, why));
	assert_string_equal("/home/a b, @c/x*", item.pattern);
}

/* Only links that root made in root's directories are followed. */
static void path_canonical_by_roots_links_only(void **state)
{
	char *directory = directory_make();
	char link[128], path[VALUE_MAX], expected[VALUE_MAX + 32], real[VALUE_MAX];

	(void)state;
	assert_int_equal(0, path_canonicalise("/var/run/x.sock", NULL, path));
	assert_non_null(realpath("/var/run", real));
	snprintf(expected, sizeof(expected), "%s/x.sock", real);
	assert_string_equal(expected, path);
	assert_int_equal(0, path_canonicalise("/var/run/nowhere/d/*.sock", NULL, path));
	snprintf(expected, sizeof(expected), "%s/nowhere/d/*.sock", real);
	assert_string_equal(expected, path);
	assert_int_equal(0, path_canonicalise("/var/ru*/x", NULL, path));
	assert_string_equal("/var/ru*/x", path);
	assert_int_equal(0, path_canonicalise("/", NULL, path));
	assert_string_equal("/", path);
	assert_int_equal(0, path_canonicalise("/*", NULL, path));
	assert_string_equal("/*", path);

	/* /tmp is everybody's: a link there is nobody's word, whoever owns it. */
	snprintf(link, sizeof(link), "%s/link", directory);
	assert_int_equal(0, symlink("/run", link));
	snprintf(expected, sizeof(expected), "%s/link/*", directory);
	assert_int_equal(0, path_canonicalise(expected, NULL, path));
	assert_string_equal(expected, path);
	unlink(link);
	directory_remove(directory);
}

/* What becomes of DIRECTORY/`rest`, behind DIRECTORY where it stays below it. */
static const char *canonical_below(const char *directory, const char *rest, char path[VALUE_MAX])
{
	char text[VALUE_MAX];

	snprintf(text, sizeof(text), "%s/%s", directory, rest);
	assert_int_equal(0, path_canonicalise(text, NULL, path));
	return strncmp(path, directory, strlen(directory)) == 0 ? path + strlen(directory) : path;
}

static void path_canonical_follows_chains(void **state)
{
	char *directory, *name;
	char path[VALUE_MAX], link[VALUE_MAX];

	(void)state;
	if (getuid() != 0) {
		print_message("skipped: only root has directories that root alone may write\n");
		skip();
	}
	directory = directory_make_below("/var/lib");
	name = strrchr(directory, '/') + 1;
	snprintf(path, sizeof(path), "%s/real", directory);
	assert_int_equal(0, mkdir(path, 0755));
	snprintf(path, sizeof(path), "%s/up", directory);
	snprintf(link, sizeof(link), "../%s/./real", name);
	assert_int_equal(0, symlink(link, path));
	snprintf(link, sizeof(link), "%s/absolute", directory);
	assert_int_equal(0, symlink(path, link));
	snprintf(path, sizeof(path), "%s/loop", directory);
	assert_int_equal(0, symlink("loop", path));
	snprintf(link, sizeof(link), "%s/out", directory);
	assert_int_equal(0, symlink("/tmp/nowhere", link));
	assert_string_equal("/real/a*b", canonical_below(directory, "absolute/a*b", path));
	assert_string_equal("/real", canonical_below(directory, "up", path));
	assert_string_equal("/tmp/nowhere/x", canonical_below(directory, "out/x", path));
	snprintf(link, sizeof(link), "%s/loop/x", directory);
	assert_int_equal(-ELOOP, path_canonicalise(link, NULL, path));
	assert_int_equal(0, chmod(directory, 0777));
	assert_string_equal("/up/x", canonical_below(directory, "up/x", path));
	directory_remove(directory);
}

static void path_too_long_refused(void **state)
{
	static char path[2 * VALUE_MAX];
	char canonical[VALUE_MAX];

	(void)state;
	memset(path, 'a', VALUE_MAX);
	path[0] = '/';
	assert_int_equal(-ENAMETOOLONG, path_canonicalise(path, NULL, canonical));
	path[VALUE_MAX - 1] = '\0';
	assert_int_equal(0, path_canonicalise(path, NULL, canonical));
	assert_string_equal(path, canonical);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_split_at_blanks_and_commas),
		cmocka_unit_test(items_with_stray_commas_refused),
		cmocka_unit_test(value_expanded_or_refused),
		cmocka_unit_test(expansion_that_cannot_stand_refused),
		cmocka_unit_test(value_too_long_refused),
		cmocka_unit_test(boolean_words_parsed),
		cmocka_unit_test(amounts_parsed_or_refused),
		cmocka_unit_test(path_made_plain_or_refused),
		cmocka_unit_test(unix_item_parsed_or_refused),
		cmocka_unit_test(home_with_blanks_stays_one_pattern),
		cmocka_unit_test(path_canonical_by_roots_links_only),
		cmocka_unit_test(path_canonical_follows_chains),
		cmocka_unit_test(path_too_long_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
