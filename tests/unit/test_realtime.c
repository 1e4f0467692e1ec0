/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The budget of a supervisor that runs as a real-time process. Run by `make unit`; needs no root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "realtime.h"

#define MS 1000000ULL

static void use_within_the_budget_changes_nothing(void **state)
{
	struct realtime realtime = { .wanted = true, .active = true };
	uint64_t used = 0;

	(void)state;
	/* A fifth of a processor, for ten seconds. */
	for (uint64_t now = 0; now < 10000 * MS; now += 5 * MS) {
		assert_int_equal(REALTIME_NONE, realtime_account(&realtime, now, used));
		used += MS;
	}
}

static void use_above_the_budget_is_normal_for_a_second(void **state)
{
	struct realtime realtime = { .wanted = true, .active = true };

	(void)state;
	assert_int_equal(REALTIME_NONE, realtime_account(&realtime, 20 * MS, 20 * MS));
	assert_int_equal(REALTIME_PAUSE, realtime_account(&realtime, 21 * MS, 21 * MS));
	assert_int_equal(REALTIME_NONE, realtime_account(&realtime, 22 * MS, 22 * MS));
	assert_int_equal(REALTIME_NONE, realtime_account(&realtime, 1020 * MS, 900 * MS));
	assert_int_equal(REALTIME_RESUME, realtime_account(&realtime, 1021 * MS, 900 * MS));
	assert_int_equal(REALTIME_NONE, realtime_account(&realtime, 1041 * MS, 920 * MS));
	assert_int_equal(REALTIME_PAUSE, realtime_account(&realtime, 1042 * MS, 921 * MS));
}

static void use_of_a_long_time_is_not_that_of_a_short_one(void **state)
{
	struct realtime realtime = { .wanted = true, .active = true };

	(void)state;
	assert_int_equal(REALTIME_NONE, realtime_account(&realtime, 1000 * MS, 199 * MS));
	assert_int_equal(REALTIME_NONE, realtime_account(&realtime, 2000 * MS, 398 * MS));
	assert_int_equal(REALTIME_PAUSE, realtime_account(&realtime, 2100 * MS, 419 * MS));
}

static void process_that_is_ordinary_stays_so(void **state)
{
	struct realtime realtime = { 0 };

	(void)state;
	realtime_check(&realtime);
	assert_false(realtime.active);
	assert_int_equal(0, realtime.looked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(use_within_the_budget_changes_nothing),
		cmocka_unit_test(use_above_the_budget_is_normal_for_a_second),
		cmocka_unit_test(use_of_a_long_time_is_not_that_of_a_short_one),
		cmocka_unit_test(process_that_is_ordinary_stays_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
