/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loop: who is called for what, and who no longer.
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

#include "loop.h"

struct owner {
	struct watch watch;
	struct loop *loop;
	struct owner *removes; /* when it is called */
	int peer;
	int called;
	bool stops;
};

static void owner_ready(struct watch *watch, uint32_t events)
{
	struct owner *owner = container_of(watch, struct owner, watch);
	char byte;

	(void)events;
	owner->called++;
	(void)!recv(watch->fd, &byte, 1, MSG_DONTWAIT);
	if (owner->removes)
		loop_remove(owner->loop, &owner->removes->watch);
	if (owner->stops)
		loop_stop(owner->loop);
}

static void owner_open(struct owner *owner, struct loop *loop)
{
	int pair[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	*owner = (struct owner){ { pair[0], owner_ready }, loop, NULL, pair[1], 0, false };
	assert_int_equal(0, loop_add(loop, &owner->watch, EPOLLIN));
}

static void owner_close(struct owner *owner)
{
	close(owner->watch.fd);
	close(owner->peer);
}

static void say(const struct owner *owner, size_t bytes)
{
	assert_int_equal(bytes, send(owner->peer, "abc", bytes, 0));
}

static void only_who_is_ready_is_called_until_it_stops(void **state)
{
	struct loop loop;
	struct owner one, two;

	(void)state;
	assert_int_equal(0, loop_open(&loop));
	owner_open(&one, &loop);
	owner_open(&two, &loop);
	say(&one, 1);
	one.stops = true;
	assert_int_equal(0, loop_run(&loop));
	assert_int_equal(1, one.called);
	assert_int_equal(0, two.called);
	owner_close(&one);
	owner_close(&two);
	close(loop.epoll);
}

static void who_was_removed_is_not_called_again(void **state)
{
	struct loop loop;
	struct owner one, two;

	(void)state;
	assert_int_equal(0, loop_open(&loop));
	owner_open(&one, &loop);
	owner_open(&two, &loop);
	/* Another descriptor for the same file keeps it in the set unless it is removed by name. */
	close(dup(two.watch.fd));
	say(&one, 3);
	one.removes = &two;
	one.stops = true;
	assert_int_equal(0, loop_run(&loop));
	say(&two, 1);
	loop.stopped = false;
	assert_int_equal(0, loop_run(&loop));
	assert_int_equal(2, one.called);
	assert_int_equal(0, two.called);
	owner_close(&one);
	owner_close(&two);
	close(loop.epoll);
}

static void descriptor_that_cannot_be_watched_is_told(void **state)
{
	struct watch watch = { -1, owner_ready };
	struct loop loop;

	(void)state;
	assert_int_equal(0, loop_open(&loop));
	assert_int_equal(-EBADF, loop_add(&loop, &watch, EPOLLIN));
	close(loop.epoll);
	assert_int_equal(-EBADF, loop_run(&loop));
}

static struct owner *told;

static void tell(int number)
{
	(void)number;
	(void)!send(told->peer, "", 1, 0);
}

static void signal_does_not_end_the_loop(void **state)
{
	const struct sigaction action = { .sa_handler = tell };
	const struct itimerval timer = { { 0, 0 }, { 0, 20000 } };
	struct loop loop;
	struct owner one;

	(void)state;
	assert_int_equal(0, loop_open(&loop));
	owner_open(&one, &loop);
	one.stops = true;
	told = &one;
	assert_int_equal(0, sigaction(SIGALRM, &action, NULL));
	assert_int_equal(0, setitimer(ITIMER_REAL, &timer, NULL));
	assert_int_equal(0, loop_run(&loop));
	assert_int_equal(1, one.called);
	owner_close(&one);
	close(loop.epoll);
}

/* The other has something to do from the first turn on. */
static void turn_ready(struct watch *watch, uint32_t events)
{
	struct owner *turns = container_of(watch, struct owner, watch);

	(void)events;
	if (++turns->called == 1) {
		say(told, 1);
	} else {
		assert_int_equal(1, told->called);
		loop_take_turns(turns->loop, NULL);
		told->stops = true;
		say(told, 1);
	}
}

static void who_takes_turns_does_not_wait_and_others_come_between(void **state)
{
	struct loop loop;
	struct owner one;
	struct owner turns = { { -1, turn_ready }, &loop, NULL, -1, 0, false };

	(void)state;
	assert_int_equal(0, loop_open(&loop));
	owner_open(&one, &loop);
	told = &one;
	loop_take_turns(&loop, &turns.watch);
	assert_int_equal(0, loop_run(&loop));
	assert_int_equal(2, one.called);
	assert_int_equal(2, turns.called);
	owner_close(&one);
	close(loop.epoll);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_who_is_ready_is_called_until_it_stops),
		cmocka_unit_test(who_was_removed_is_not_called_again),
		cmocka_unit_test(descriptor_that_cannot_be_watched_is_told),
		cmocka_unit_test(signal_does_not_end_the_loop),
		cmocka_unit_test(who_takes_turns_does_not_wait_and_others_come_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
