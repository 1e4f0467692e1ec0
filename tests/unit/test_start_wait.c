/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The waits of a start: what comes, what hangs up, what never does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "start_wait.h"

static int ends[2];

static int pair_open(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
}

static int pair_close(void **state)
{
	(void)state;
	close(ends[0]);
	return close(ends[1]);
}

static void silence_times_out(void **state)
{
	int64_t start = start_now_ms();

	(void)state;
	assert_int_equal(-ETIMEDOUT, start_await(ends[0], start_now_ms() + 200));
	assert_in_range(start_now_ms() - start, 199, 10000);
	assert_int_equal(-ETIMEDOUT, start_await(ends[0], 0));
}

static void on_alarm(int number)
{
	(void)number;
}

static void signals_neither_end_nor_prolong_it(void **state)
{
	const struct itimerval often = { { 0, 10000 }, { 0, 10000 } };
	const struct itimerval never = { 0 };
	struct sigaction action = { .sa_handler = on_alarm };
	int64_t start = start_now_ms();

	(void)state;
	assert_int_equal(0, sigaction(SIGALRM, &action, NULL));
	assert_int_equal(0, setitimer(ITIMER_REAL, &often, NULL));
	assert_int_equal(-ETIMEDOUT, start_await(ends[0], start_now_ms() + 200));
	assert_int_equal(0, setitimer(ITIMER_REAL, &never, NULL));
	assert_in_range(start_now_ms() - start, 199, 10000);
}

static void what_came_is_read_whole(void **state)
{
	char text[4] = "";

	(void)state;
	assert_int_equal(3, write(ends[1], "abc", 3));
	assert_int_equal(0, start_await(ends[0], 0));
	assert_int_equal(0, start_read(ends[0], text, 2, start_deadline()));
	assert_string_equal("ab", text);
}

static void early_end_is_told_from_silence(void **state)
{
	char text[4];

	(void)state;
	assert_int_equal(2, write(ends[1], "ab", 2));
	assert_int_equal(0, shutdown(ends[1], SHUT_WR));
	assert_int_equal(0, start_await(ends[0], 0));
	assert_int_equal(-EPIPE, start_read(ends[0], text, sizeof(text), start_deadline()));
}

static void waits_share_one_deadline(void **state)
{
	const int64_t start = start_now_ms();
	char text[2];

	(void)state;
	assert_int_equal(-ETIMEDOUT, start_await(ends[0], start + 200));
	assert_int_equal(1, write(ends[1], "a", 1));
	assert_int_equal(-ETIMEDOUT, start_read(ends[0], text, 2, start + 200));
	assert_int_equal(0, start_left(start));
	assert_in_range(start_now_ms() - start, 199, 390);
}

static void deadline_is_the_bound_from_now(void **state)
{
	(void)state;
	assert_in_range(start_left(start_deadline()), START_WAIT_MS - 1000, START_WAIT_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(silence_times_out, pair_open, pair_close),
		cmocka_unit_test_setup_teardown(signals_neither_end_nor_prolong_it, pair_open,
						pair_close),
		cmocka_unit_test_setup_teardown(what_came_is_read_whole, pair_open, pair_close),
		cmocka_unit_test_setup_teardown(early_end_is_told_from_silence, pair_open, pair_close),
		cmocka_unit_test_setup_teardown(waits_share_one_deadline, pair_open, pair_close),
		cmocka_unit_test(deadline_is_the_bound_from_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
