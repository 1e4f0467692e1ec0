/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Accounts of the machine, whatever the databases answer. Run by `make unit`.
 * The databases are fake ones: what a real one says of a full table or a dead server is theirs.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "accounts.h"
#include "util.h"

/* What the databases answer, and how much room they need for it. */
static struct {
	int error;
	size_t needed;
	unsigned asked;
	bool known;
} database;

static int answer(char *buffer, size_t size)
{
	database.asked++;
	if (database.error)
		return database.error;
	if (database.known && size < database.needed)
		return ERANGE;
	if (database.known)
		memset(buffer, 'x', database.needed); /* the sanitizer knows how large it is */
	return 0;
}

int getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size,
	       struct passwd **result)
{
	int error = answer(buffer, size);

	entry->pw_name = (char *)(uintptr_t)name;
	entry->pw_uid = 1;
	*result = error == 0 && database.known ? entry : NULL;
	return error;
}

int getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t size, struct passwd **result)
{
	int error = answer(buffer, size);

	entry->pw_uid = uid;
	*result = error == 0 && database.known ? entry : NULL;
	return error;
}

int getgrgid_r(gid_t gid, struct group *entry, char *buffer, size_t size, struct group **result)
{
	int error = answer(buffer, size);

	entry->gr_gid = gid;
	*result = error == 0 && database.known ? entry : NULL;
	return error;
}

static int reset(void **state)
{
	(void)state;
	memset(&database, 0, sizeof(database));
	return 0;
}

static void user_with_a_large_entry_is_found(void **state)
{
	cleanup_free char *storage = NULL;
	struct passwd entry;

	(void)state;
	database.known = true;
	database.needed = 1U << 20;
	assert_int_equal(0, user_by_uid(0, &entry, &storage));
	assert_int_equal(0, entry.pw_uid);
	assert_int_equal('x', storage[database.needed - 1]);
	assert_true(database.asked > 1);
}

static void group_with_an_endless_entry_is_an_error(void **state)
{
	char *storage = NULL;
	struct group entry;

	(void)state;
	database.error = ERANGE;
	assert_int_equal(-ERANGE, group_by_gid(5, &entry, &storage));
	assert_null(storage);
	assert_true(database.asked < 20);
}

static void name_that_nobody_has_is_absent(void **state)
{
	char *storage = NULL;
	struct passwd entry;

	(void)state;
	assert_int_equal(-ENOENT, user_by_name("nobody-has-it", &entry, &storage));
	assert_null(storage);
	assert_int_equal(1, database.asked);
}

static void dead_database_makes_nobody_absent(void **state)
{
	static const int errors[] = { ENOENT, EIO, ESRCH, ECONNREFUSED };
	char *storage = NULL;
	struct passwd entry;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		int error;

		database.error = errors[i];
		error = user_by_name("somebody", &entry, &storage);
		assert_true(error < 0 && error != -ENOENT);
		assert_null(storage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(user_with_a_large_entry_is_found, reset),
		cmocka_unit_test_setup(group_with_an_endless_entry_is_an_error, reset),
		cmocka_unit_test_setup(name_that_nobody_has_is_absent, reset),
		cmocka_unit_test_setup(dead_database_makes_nobody_absent, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
