/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The shape of the resolver's answers.
 * Run by `make test`.
 * Each way in which an answer can be unsound is one test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "resolution.h"

#define HOSTS 3
#define WHOLE .version = RESOLUTION_VERSION, .kind = RESOLUTION_ADDRESSES

static void resolution_whole_is_sound(void **state)
{
	struct resolution answer = { WHOLE, .host = HOSTS - 1 };

	(void)state;
	for (answer.count = 0; answer.count <= RESOLUTION_ADDRESSES_MAX; answer.count++)
		assert_true(resolution_is_sound(&answer, resolution_length(answer.count), HOSTS));
}

static void resolution_full_length_is_the_whole_struct(void **state)
{
	(void)state;
	assert_int_equal(resolution_length(RESOLUTION_ADDRESSES_MAX), sizeof(struct resolution));
}

static void resolution_unknown_host_is_refused(void **state)
{
	struct resolution answer = { WHOLE, .host = HOSTS, .count = 1 };

	(void)state;
	assert_false(resolution_is_sound(&answer, resolution_length(1), HOSTS));
	answer.host = 0;
	assert_false(resolution_is_sound(&answer, resolution_length(1), 0));
}

static void resolution_short_header_is_refused(void **state)
{
	struct resolution answer = { WHOLE };

	(void)state;
	for (size_t length = 0; length < resolution_length(0); length++)
		assert_false(resolution_is_sound(&answer, length, HOSTS));
}

static void resolution_length_beside_count_is_refused(void **state)
{
	struct resolution answer = { WHOLE, .count = 2 };

	(void)state;
	assert_false(resolution_is_sound(&answer, resolution_length(1), HOSTS));
	assert_false(resolution_is_sound(&answer, resolution_length(2) - 1, HOSTS));
	assert_false(resolution_is_sound(&answer, resolution_length(2) + 1, HOSTS));
	assert_false(resolution_is_sound(&answer, sizeof(answer), HOSTS));
}

static void resolution_count_above_maximum_is_refused(void **state)
{
	struct resolution answer = { WHOLE, .count = RESOLUTION_ADDRESSES_MAX + 1 };

	(void)state;
	assert_false(resolution_is_sound(&answer, resolution_length(RESOLUTION_ADDRESSES_MAX + 1),
					 HOSTS));
	answer.count = UINT32_MAX;
	assert_false(resolution_is_sound(&answer, resolution_length(UINT32_MAX), HOSTS));
}

static void resolution_of_another_version_or_kind_is_refused(void **state)
{
	struct resolution answer = { WHOLE };

	(void)state;
	answer.version = 1;
	assert_false(resolution_is_sound(&answer, resolution_length(0), HOSTS));
	answer.version = RESOLUTION_VERSION;
	answer.kind = RESOLUTION_LISTENERS;
	assert_false(resolution_is_sound(&answer, resolution_length(0), HOSTS));
	answer.kind = RESOLUTION_DONE;
	assert_true(resolution_is_sound(&answer, resolution_length(0), HOSTS));
	answer.count = 1;
	assert_false(resolution_is_sound(&answer, resolution_length(1), HOSTS));
	answer = (struct resolution){ WHOLE, .listed = 2 };
	assert_false(resolution_is_sound(&answer, resolution_length(0), HOSTS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resolution_whole_is_sound),
		cmocka_unit_test(resolution_full_length_is_the_whole_struct),
		cmocka_unit_test(resolution_unknown_host_is_refused),
		cmocka_unit_test(resolution_short_header_is_refused),
		cmocka_unit_test(resolution_length_beside_count_is_refused),
		cmocka_unit_test(resolution_of_another_version_or_kind_is_refused),
		cmocka_unit_test(resolution_count_above_maximum_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
