/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How calls wait, and the table of them. Run by `make unit`; needs no root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "pending_fixture.h"
#include "util.h"

/* ---- how a call waits ---- */

static void outcomes_that_wait_are_told(void **state)
{
	static const struct {
		enum outcome_kind kind;
		bool waits;
	} cases[] = {
		{ OUTCOME_ANSWER, false },   { OUTCOME_GONE, false }, { OUTCOME_WRITABLE, true },
		{ OUTCOME_RETRY, true },     { OUTCOME_MORE, true },  { OUTCOME_NEXT, false },
		{ OUTCOME_CONTINUE, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(cases[i].waits,
				 pending_waits(&(struct outcome){ .kind = cases[i].kind }));
}

static void writable_call_is_served_when_its_socket_is_writable(void **state)
{
	int other;
	int fd = full_socket(&other);

	(void)state;
	world.next[1] = outcome_value(7);
	add(1, fd, OUTCOME_WRITABLE);
	run_ms(60);
	assert_int_equal(0, world.served[1]);
	empty_socket(other);
	run_until_answered(1);
	assert_outcome(1, OUTCOME_ANSWER, 0);
	assert_int_equal(7, world.outcome[1].value);
	assert_int_equal(1, world.served[1]);
	assert_int_equal(0, world.pending.count);
	close(fd);
	close(other);
}

static void writable_call_may_wait_once_more(void **state)
{
	int other;
	int fd = full_socket(&other);

	(void)state;
	world.next[1] = (struct outcome){ .kind = OUTCOME_WRITABLE };
	add(1, fd, OUTCOME_WRITABLE);
	empty_socket(other);
	run_ms(5);
	assert_true(world.served[1] > 1);
	assert_false(world.answered[1]);
	world.next[1] = outcome_error(EPIPE);
	run_until_answered(1);
	assert_outcome(1, OUTCOME_ANSWER, EPIPE);
	close(fd);
	close(other);
}

static void call_that_cannot_be_watched_is_served_by_the_sweep(void **state)
{
	cleanup_fd int file = memfd_create("file", MFD_CLOEXEC);

	(void)state;
	add(1, file, OUTCOME_WRITABLE);
	run_until_answered(1);
	assert_int_equal(1, world.served[1]);
}

static void retry_is_served_by_each_sweep(void **state)
{
	(void)state;
	world.next[1] = (struct outcome){ .kind = OUTCOME_RETRY };
	add(1, -1, OUTCOME_RETRY);
	run_ms(110);
	assert_in_range(world.served[1], 2, 6);
	world.next[1] = outcome_value(0);
	run_until_answered(1);
}

static void retry_of_many_calls_serves_all_alike(void **state)
{
	uint32_t least = UINT32_MAX, most = 0;

	(void)state;
	for (uint64_t id = 0; id < 300; id++) {
		world.next[id] = (struct outcome){ .kind = OUTCOME_RETRY };
		add(id, -1, OUTCOME_RETRY);
	}
	run_ms(400);
	for (uint64_t id = 0; id < 300; id++) {
		least = world.served[id] < least ? world.served[id] : least;
		most = world.served[id] > most ? world.served[id] : most;
	}
	assert_true(least > 0 && most - least <= 1);
}

static void calls_that_go_on_take_turns(void **state)
{
	static const uint64_t expected[] = { 1, 2, 3, 1, 2, 3, 1, 2, 1 };

	(void)state;
	world.more[1] = 3;
	world.more[2] = 2;
	world.more[3] = 1;
	for (uint64_t id = 1; id <= 3; id++)
		add(id, -1, OUTCOME_MORE);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		turn();
	assert_int_equal(ARRAY_SIZE(expected), world.order_count);
	assert_memory_equal(expected, world.order, sizeof(expected));
	assert_int_equal(0, world.pending.count);
	assert_null(world.loop.turns);
}

/* Else whoever goes on for long is served before the sockets of others. */
static void sockets_have_their_round_between_two_turns(void **state)
{
	int other;
	int fd = full_socket(&other);

	(void)state;
	world.more[1] = 1000;
	add(1, -1, OUTCOME_MORE);
	add(2, fd, OUTCOME_WRITABLE);
	empty_socket(other);
	turn();
	turn();
	assert_true(world.answered[2]);
	assert_false(world.answered[1]);
	close(fd);
	close(other);
}

static void call_that_goes_on_may_wait_for_its_socket(void **state)
{
	int other;
	int fd = full_socket(&other);

	(void)state;
	world.more[1] = 1;
	world.next[1] = (struct outcome){ .kind = OUTCOME_WRITABLE };
	add(1, fd, OUTCOME_MORE);
	turn();
	turn();
	assert_int_equal(2, world.served[1]);
	assert_null(world.loop.turns);
	world.next[1] = outcome_value(0);
	run_ms(50);
	assert_false(world.answered[1]);
	empty_socket(other);
	run_until_answered(1);
	close(fd);
	close(other);
}

static void deadline_in_the_past_is_served_though_nothing_is_writable(void **state)
{
	struct request request;
	int other;
	int fd = full_socket(&other);

	(void)state;
	request = request_of(1, getpid(), fd);
	request.deadline = 1;
	world.next[1] = outcome_error(EAGAIN);
	assert_true(pending_add(&world.pending, &request, OUTCOME_WRITABLE));
	run_until_answered(1);
	assert_outcome(1, OUTCOME_ANSWER, EAGAIN);
	close(fd);
	close(other);
}

/* ---- the table ---- */

static bool timer_is_set(void)
{
	struct itimerspec value;

	assert_int_equal(0, timerfd_gettime(world.pending.timer.fd, &value));
	return value.it_interval.tv_nsec != 0;
}

static void table_is_full_after_so_many(void **state)
{
	const struct request one_more = request_of(PENDING_MAX, getpid(), -1);

	(void)state;
	assert_false(timer_is_set());
	for (uint64_t id = 0; id < PENDING_MAX; id++)
		add(id, -1, OUTCOME_RETRY);
	assert_true(timer_is_set());
	assert_int_equal(PENDING_MAX, world.pending.count);
	assert_false(pending_add(&world.pending, &one_more, OUTCOME_RETRY));
	assert_int_equal(PENDING_MAX, world.pending.count);
	run_until_answered(0);
	assert_true(pending_add(&world.pending, &one_more, OUTCOME_RETRY));
	run_until_answered(PENDING_MAX);
	for (uint64_t id = 0; id <= PENDING_MAX; id++)
		run_until_answered(id);
	assert_int_equal(0, world.pending.count);
	assert_false(timer_is_set());
}

static void slots_are_used_again(void **state)
{
	(void)state;
	for (uint64_t id = 0; id < PENDING_MAX; id += 2) {
		add(id, -1, OUTCOME_MORE);
		add(id + 1, -1, OUTCOME_MORE);
		turn();
		turn();
		assert_true(world.answered[id] && world.answered[id + 1]);
	}
	assert_int_equal(2, world.pending.fresh);
	assert_int_equal(0, world.pending.count);
}

/* The slot of a call that ended while it was queued has the turn of that call. */
static void slot_queued_from_its_last_call_has_one_turn(void **state)
{
	const pid_t nobody = 0x7ffffff;
	const struct request gone = request_of(1, nobody, -1);

	(void)state;
	world.invalid[1] = true;
	world.more[1] = 1000;
	assert_true(pending_add(&world.pending, &gone, OUTCOME_MORE));
	usleep(25000);
	assert_int_equal(0, loop_round(&world.loop)); /* the sweep, and no turn */
	assert_outcome(1, OUTCOME_GONE, 0);
	assert_non_null(world.loop.turns);

	world.more[2] = 1;
	add(2, -1, OUTCOME_MORE);
	world.more[3] = 1;
	add(3, -1, OUTCOME_MORE);
	for (int i = 0; i < 4; i++)
		turn();
	assert_int_equal(4, world.order_count);
	assert_memory_equal(((uint64_t[]){ 2, 3, 2, 3 }), world.order, 4 * sizeof(uint64_t));
	assert_null(world.loop.turns);
	assert_int_equal(2, world.pending.fresh);
}

static void slot_queued_from_its_last_call_serves_no_call_that_waits(void **state)
{
	const struct request gone = request_of(1, 0x7ffffff, -1);
	int other;
	int fd = full_socket(&other);

	(void)state;
	world.invalid[1] = true;
	assert_true(pending_add(&world.pending, &gone, OUTCOME_MORE));
	usleep(25000);
	assert_int_equal(0, loop_round(&world.loop));
	add(2, fd, OUTCOME_WRITABLE);
	turn();
	turn();
	assert_int_equal(0, world.served[2]);
	assert_null(world.loop.turns);
	close(fd);
	close(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pending_test_open, pending_test_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(outcomes_that_wait_are_told),
		TEST(writable_call_is_served_when_its_socket_is_writable),
		TEST(writable_call_may_wait_once_more),
		TEST(call_that_cannot_be_watched_is_served_by_the_sweep),
		TEST(retry_is_served_by_each_sweep),
		TEST(retry_of_many_calls_serves_all_alike),
		TEST(calls_that_go_on_take_turns),
		TEST(sockets_have_their_round_between_two_turns),
		TEST(call_that_goes_on_may_wait_for_its_socket),
		TEST(deadline_in_the_past_is_served_though_nothing_is_writable),
		TEST(table_is_full_after_so_many),
		TEST(slots_are_used_again),
		TEST(slot_queued_from_its_last_call_has_one_turn),
		TEST(slot_queued_from_its_last_call_serves_no_call_that_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
