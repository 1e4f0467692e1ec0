/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whose file a policy may be, and which file decides.
 * Run by `make unit`; what needs two users is skipped without root. The group database is a fake one.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "groups.h"
#include "policy_file.h"
#include "policy_fixture.h"
#include "util.h"

#define NOBODY 65534

/* What the group database answers: a gid and a member, or an error. */
static const struct fake_group {
	const char *name;
	gid_t gid;
	const char *member;
	int error;
} fake_groups[] = {
	{ "students", 5000, "alice", 0 },
	{ "staff", 5001, "bob", 0 },
	{ "broken", 0, NULL, -EIO },
};
static unsigned group_lookups;

int groups_read(const char *user, gid_t primary, struct groups *ret_groups, char why[NSS_WHY_MAX])
{
	group_lookups++;
	*ret_groups = (struct groups){ .user = user, .listed = { .count = primary } };
	snprintf(why, NSS_WHY_MAX, "dead");
	return strcmp(user, "lost") == 0 ? -EIO : 0;
}

int groups_contain(const struct groups *groups, const char *group, char why[NSS_WHY_MAX])
{
	for (size_t i = 0; i < ARRAY_SIZE(fake_groups); i++) {
		const struct fake_group *fake = &fake_groups[i];

		if (strcmp(fake->name, group) != 0)
			continue;
		snprintf(why, NSS_WHY_MAX, "dead");
		if (fake->error)
			return fake->error;
		return fake->gid == (gid_t)groups->listed.count ||
		       strcmp(fake->member, groups->user) == 0;
	}
	return -ENOENT;
}

void groups_free(struct groups *groups)
{
	(void)groups;
}

/* dana has several spellings; one name nobody can look up. */
int getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size,
	       struct passwd **result)
{
	static const char *const spelled[] = { "dana", "AD\\dana", "Dana", "dana@corp", "smith" };

	(void)buffer;
	(void)size;
	*result = NULL;
	*entry = (struct passwd){ .pw_name = (char *)(uintptr_t) "dana" };
	for (size_t i = 0; i < ARRAY_SIZE(spelled); i++)
		if (strcmp(name, spelled[i]) == 0)
			*result = entry;
	return strcmp(name, "unknowable-dana") == 0 ? EIO : 0;
}

struct place {
	char *directory;
	char *path;
};

static int place_make(void **state)
{
	static struct place place;

	place.directory = directory_make();
	place.path = file_make(place.directory, "alice.conf", "[network]\n", 10);
	*state = &place;
	return 0;
}

static int place_remove(void **state)
{
	struct place *place = *state;

	directory_remove(place->directory);
	free(place->path);
	return 0;
}

/* All that is complained about `path`; "" where it was read. */
static const char *complaint(const char *path, unsigned flags)
{
	static struct collected collected;
	struct reporter reporter = { collect, &collected, flags, 0, false };
	char *bytes = NULL;
	size_t length;

	collected = (struct collected){ 0 };
	if (policy_file_read(path, NULL, 0, &reporter, &bytes, &length) == 0)
		assert_int_equal(0, collected.errors);
	else
		assert_int_equal(1, collected.errors);
	free(bytes);
	return collected.text;
}

static void need_root(void)
{
	if (getuid() == 0)
		return;
	print_message("skipped: only root can give files away\n");
	skip();
}

static void file_of_root_read(void **state)
{
	const struct place *place = *state;

	assert_string_equal("", complaint(place->path, getuid() == 0 ? 0 : POLICY_OWN));
}

static void file_bytes_returned(void **state)
{
	const struct place *place = *state;
	struct collected collected = { 0 };
	struct reporter reporter = { collect, &collected, POLICY_OWN, 0, false };
	char *bytes;
	size_t length;

	assert_int_equal(0, policy_file_read(place->path, NULL, 0, &reporter, &bytes, &length));
	assert_int_equal(10, length);
	assert_memory_equal("[network]\n", bytes, length);
	free(bytes);
}

static void file_missing_refused(void **state)
{
	const struct place *place = *state;

	unlink(place->path);
	assert_string_equal("error alice.conf:0: No such file or directory\n",
			    complaint(place->path, POLICY_OWN));
	rmdir(place->directory);
	assert_string_equal("error alice.conf:0: No such file or directory\n",
			    complaint(place->path, POLICY_OWN));
}

static void file_that_is_a_link_refused(void **state)
{
	const struct place *place = *state;
	char target[256];

	snprintf(target, sizeof(target), "%s/target", place->directory);
	assert_int_equal(0, rename(place->path, target));
	assert_int_equal(0, symlink(target, place->path));
	assert_string_equal("error alice.conf:0: symbolic link, expected a regular file\n",
			    complaint(place->path, POLICY_OWN));
}

static void file_that_is_none_refused(void **state)
{
	const struct place *place = *state;

	unlink(place->path);
	assert_int_equal(0, mkfifo(place->path, 0644));
	assert_string_equal("error alice.conf:0: not a regular file\n",
			    complaint(place->path, POLICY_OWN));
	unlink(place->path);
	assert_int_equal(0, mkdir(place->path, 0755));
	assert_string_equal("error alice.conf:0: not a regular file\n",
			    complaint(place->path, POLICY_OWN));
}

static void file_writable_by_others_refused(void **state)
{
	static const mode_t modes[] = { 0664, 0646, 0666 };
	const struct place *place = *state;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		char expected[128];

		assert_int_equal(0, chmod(place->path, modes[i]));
		snprintf(expected, sizeof(expected),
			 "error alice.conf:0: writable by others (mode %04o), should be 0644\n",
			 modes[i]);
		assert_string_equal(expected, complaint(place->path, POLICY_OWN));
	}
}

static void path_too_long_refused(void **state)
{
	static char path[2 * PATH_MAX];

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	assert_non_null(strstr(complaint(path, POLICY_OWN), ":0: File name too long\n"));
}

static void file_too_large_refused(void **state)
{
	const struct place *place = *state;

	assert_int_equal(0, truncate(place->path, POLICY_SIZE_MAX));
	assert_string_equal("", complaint(place->path, POLICY_OWN));
	assert_int_equal(0, truncate(place->path, POLICY_SIZE_MAX + 1));
	assert_string_equal("error alice.conf:0: larger than 256 KiB, expected less\n",
			    complaint(place->path, POLICY_OWN));
}

static void file_of_another_refused(void **state)
{
	const struct place *place = *state;

	need_root();
	assert_int_equal(0, chown(place->path, NOBODY, 0));
	assert_string_equal("error alice.conf:0: owned by uid 65534, should be 0\n",
			    complaint(place->path, POLICY_OWN));
	assert_string_equal("error alice.conf:0: owned by uid 65534, should be 0\n",
			    complaint(place->path, 0));
}

static void directory_of_another_refused(void **state)
{
	const struct place *place = *state;
	const char *name = strrchr(place->directory, '/') + 1;
	char expected[128];

	need_root();
	assert_int_equal(0, chown(place->directory, NOBODY, 0));
	snprintf(expected, sizeof(expected), "error %s:0: owned by uid 65534, should be 0\n", name);
	assert_string_equal(expected, complaint(place->path, 0));
}

static void directory_writable_by_others_refused_unless_sticky(void **state)
{
	const struct place *place = *state;
	const char *name = strrchr(place->directory, '/') + 1;
	unsigned flags = getuid() == 0 ? 0 : POLICY_OWN;
	char expected[128];

	assert_int_equal(0, chmod(place->directory, 0775));
	snprintf(expected, sizeof(expected),
		 "error %s:0: writable by others (mode 0775), should be 0755\n", name);
	assert_string_equal(expected, complaint(place->path, flags));
	assert_int_equal(0, chmod(place->directory, 01777));
	assert_string_equal("", complaint(place->path, flags));
}

/* The directory above counts as much: who may write it may put another one there. */
static void directory_above_judged_too(void **state)
{
	const struct place *place = *state;
	char below[256], path[300], expected[128];

	snprintf(below, sizeof(below), "%s/policy.d", place->directory);
	assert_int_equal(0, mkdir(below, 0755));
	snprintf(path, sizeof(path), "%s/alice.conf", below);
	assert_int_equal(0, rename(place->path, path));
	assert_string_equal("", complaint(path, POLICY_OWN));
	assert_int_equal(0, chmod(place->directory, 0777));
	snprintf(expected, sizeof(expected),
		 "error %s:0: writable by others (mode 0777), should be 0755\n",
		 strrchr(place->directory, '/') + 1);
	assert_string_equal(expected, complaint(path, POLICY_OWN));
	unlink(path);
}

/* Runs as nobody in a child; true where `path` is complained about with `expected`. */
static bool nobody_is_told(const char *path, unsigned flags, const char *expected)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(setgid(NOBODY) < 0 || setuid(NOBODY) < 0 ||
		      strcmp(expected, complaint(path, flags)) != 0);
	assert_int_equal(child, waitpid(child, &status, 0));
	return status == 0;
}

static void draft_of_the_caller_read_only_where_asked(void **state)
{
	const struct place *place = *state;

	need_root();
	assert_int_equal(0, chown(place->path, NOBODY, 0));
	assert_int_equal(0, chown(place->directory, NOBODY, 0));
	assert_true(nobody_is_told(place->path, POLICY_OWN, ""));
	assert_true(nobody_is_told(place->path, 0,
				   "error alice.conf:0: owned by uid 65534, should be 0\n"));
	assert_int_equal(0, chown(place->path, NOBODY - 1, 0));
	assert_true(nobody_is_told(place->path, POLICY_OWN,
				   "error alice.conf:0: owned by uid 65533, should be 0\n"));
}

static void file_that_the_user_cannot_read_named(void **state)
{
	const struct place *place = *state;
	char expected[2 * PATH_MAX];

	need_root();
	assert_int_equal(0, chmod(place->path, 0600));
	snprintf(expected, sizeof(expected),
		 "error alice.conf:0: Permission denied: nobody (uid 65534) may not read it, expected mode 0644: chmod 0644 %s\n",
		 place->path);
	assert_true(nobody_is_told(place->path, 0, expected));
	assert_int_equal(0, chmod(place->path, 0644));
	assert_int_equal(0, chmod(place->directory, 0700));
	snprintf(expected, sizeof(expected),
		 "error alice.conf:0: Permission denied: nobody (uid 65534) may not enter %s, expected mode 0755: chmod 0755 %s\n",
		 place->directory, place->directory);
	assert_true(nobody_is_told(place->path, 0, expected));
}

static void dash_is_standard_input_for_drafts_only(void **state)
{
	const struct place *place = *state;
	int saved = dup(STDIN_FILENO);
	int fd = open(place->path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO);
	assert_string_equal("", complaint("-", POLICY_OWN));
	assert_string_equal("error -:0: No such file or directory\n", complaint("-", 0));
	assert_true(dup2(saved, STDIN_FILENO) == STDIN_FILENO);
	close(saved);
	close(fd);
}

/* Which file decides ---------------------------------------------------------- */

struct find_case {
	const char *files; /* separated by blanks */
	const char *user;
	gid_t gid;
	int expected;
	const char *name;
};

static void find_check(const struct find_case *find)
{
	const struct account account = { .name = find->user, .gid = find->gid };
	char *directory = directory_make();
	char *names = strdup(find->files), *next = names, *file;
	char name[POLICY_NAME_MAX];

	while ((file = strsep(&next, " ")))
		if (*file)
			free(file_make(directory, file, "", 0));
	if (policy_find(directory, &account, name) != find->expected)
		fail_msg("%s for %s", find->files, find->user);
	if (find->name)
		assert_string_equal(find->name, name);
	directory_remove(directory);
	free(names);
}

static void deciding_file_found(void **state)
{
	static const struct find_case cases[] = {
		{ "alice.conf @students.conf default.conf", "alice", 1, 0, "alice.conf" },
		{ "@students.conf default.conf", "alice", 1, 0, "@students.conf" },
		{ "@students.conf default.conf", "carol", 5000, 0, "@students.conf" },
		{ "@students.conf default.conf", "carol", 1, 0, "default.conf" },
		{ "@staff.conf @students.conf", "alice", 5001, 0, "@staff.conf" },
		{ "@students.conf", "carol", 1, -ENOENT, NULL },
		{ "", "alice", 1, -ENOENT, NULL },
		{ "bob.conf alice.inc alice alice.conf.bak Alice.conf", "alice", 1, -ENOENT, NULL },
		{ "@.conf @students.inc students.conf", "alice", 1, -ENOENT, NULL },
		{ "@nosuch.conf default.conf", "alice", 1, 0, "default.conf" },
		{ "@students.conf", "@students", 1, -ENOENT, NULL },
		{ ".conf", "", 1, -ENOENT, NULL },
		{ "default.conf", "../alice", 1, 0, "default.conf" },
		{ "default.conf", "default", 1, 0, "default.conf" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		find_check(&cases[i]);
}

static void group_that_cannot_be_looked_up_refuses(void **state)
{
	static const struct find_case cases[] = {
		{ "@broken.conf default.conf", "alice", 1, -EIO, "@broken.conf" },
		{ "@students.conf default.conf", "lost", 1, -EIO, "@students.conf" },
		{ "lost.conf @students.conf default.conf", "lost", 1, 0, "lost.conf" },
		{ "@broken.conf @students.conf", "alice", 1, -EIO, "@broken.conf" },
		/* What decides earlier needs no answer. */
		{ "alice.conf @broken.conf", "alice", 1, 0, "alice.conf" },
		{ "@students.conf @zz.conf", "alice", 1, 0, "@students.conf" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		find_check(&cases[i]);
}

static void groups_not_looked_up_without_group_files(void **state)
{
	static const struct find_case none = { "default.conf", "alice", 1, 0, "default.conf" };

	(void)state;
	group_lookups = 0;
	find_check(&none);
	assert_int_equal(0, group_lookups);
}

static void directory_that_cannot_be_read_refuses(void **state)
{
	const struct account account = { .name = "alice" };
	char name[POLICY_NAME_MAX];

	(void)state;
	assert_int_equal(-EIO, policy_find("/nonexistent/policy.d", &account, name));
	assert_string_equal("/nonexistent/policy.d", name);
	assert_int_equal(-EIO, policy_find("/dev/null", &account, name));
}

static void broken_link_decides_and_is_refused_later(void **state)
{
	const struct place *place = *state;
	const struct account account = { .name = "alice" };
	char name[POLICY_NAME_MAX];

	unlink(place->path);
	assert_int_equal(0, symlink("nowhere", place->path));
	assert_int_equal(0, policy_find(place->directory, &account, name));
	assert_string_equal("alice.conf", name);
}

/* What is told of a search for `account` among `files`, each made of its own name. */
static const char *told(const char *files, const struct account *account, int expected)
{
	static struct collected collected;
	char *directory = directory_make();
	char *names = strdup(files), *next = names, *file;
	char name[POLICY_NAME_MAX];

	collected.text[0] = '\0';
	while ((file = strsep(&next, " ")))
		free(file_make(directory, file, "", 0));
	assert_int_equal(expected, policy_search(directory, account, collect, &collected, name));
	directory_remove(directory);
	free(names);
	return collected.text;
}

static void group_that_is_not_there_told(void **state)
{
	const struct account account = { .name = "carol" };
	const char *text = told("@nosuch.conf @students.conf default.conf", &account, 0);

	(void)state;
	assert_non_null(strstr(text, "warning "));
	assert_non_null(strstr(text, "@nosuch.conf:0: there is no group \"nosuch\""));
	assert_null(strstr(text, "students"));
}

static void reason_of_a_failed_lookup_told(void **state)
{
	const struct account carol = { .name = "carol" };
	const struct account lost = { .name = "lost" };

	(void)state;
	assert_non_null(strstr(told("@broken.conf", &carol, -EIO),
			       "@broken.conf:0: the group cannot be looked up: dead"));
	assert_non_null(strstr(told("@students.conf", &lost, -EIO),
			       "the groups of lost cannot be looked up: dead"));
}

static void file_by_another_spelling_of_the_name_refuses(void **state)
{
	static const char *const spelled[] = { "AD\\dana", "Dana", "dana@corp", "smith" };
	const struct account account = { .name = "dana", .login = "smith" };

	(void)state;
	assert_string_equal("", told("default.conf bob.conf jordana.conf", &account, 0));
	for (size_t i = 0; i < ARRAY_SIZE(spelled); i++) {
		char files[256];

		snprintf(files, sizeof(files), "dana.conf %s.conf", spelled[i]);
		assert_string_equal("", told(files, &account, 0));
		snprintf(files, sizeof(files), "default.conf %s.conf", spelled[i]);
		assert_non_null(strstr(told(files, &account, -EIO), "expected the file dana.conf"));
	}
	assert_non_null(strstr(told("unknowable-dana.conf", &account, -EIO), "cannot be looked up"));
}

#define place_test(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(file_of_root_read),
		place_test(file_bytes_returned),
		place_test(file_missing_refused),
		place_test(file_that_is_a_link_refused),
		place_test(file_that_is_none_refused),
		place_test(file_writable_by_others_refused),
		cmocka_unit_test(path_too_long_refused),
		place_test(file_too_large_refused),
		place_test(file_of_another_refused),
		place_test(directory_of_another_refused),
		place_test(directory_writable_by_others_refused_unless_sticky),
		place_test(directory_above_judged_too),
		place_test(draft_of_the_caller_read_only_where_asked),
		place_test(file_that_the_user_cannot_read_named),
		place_test(dash_is_standard_input_for_drafts_only),
		cmocka_unit_test(deciding_file_found),
		cmocka_unit_test(group_that_cannot_be_looked_up_refuses),
		cmocka_unit_test(groups_not_looked_up_without_group_files),
		cmocka_unit_test(group_that_is_not_there_told),
		cmocka_unit_test(reason_of_a_failed_lookup_told),
		cmocka_unit_test(file_by_another_spelling_of_the_name_refuses),
		cmocka_unit_test(directory_that_cannot_be_read_refuses),
		place_test(broken_link_decides_and_is_refused_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
