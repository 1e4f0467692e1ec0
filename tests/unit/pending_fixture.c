/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls that wait, with hooks that only keep a record.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pending_fixture.h"

struct pending_world world;

static struct outcome serve_call(struct pending *pending, struct request *request)
{
	const uint64_t id = request->call.id;

	assert_ptr_equal(&world.pending, pending);
	assert_false(world.answered[id]);
	world.served[id]++;
	world.interrupted[id] = request->interrupted;
	if (world.order_count < ORDER)
		world.order[world.order_count++] = id;
	if (world.more[id] > 0) {
		world.more[id]--;
		return (struct outcome){ .kind = OUTCOME_MORE };
	}
	return world.next[id];
}

static void answer_call(struct pending *pending, struct request *request,
			const struct outcome *outcome)
{
	(void)pending;
	assert_false(world.answered[request->call.id]);
	world.answered[request->call.id] = true;
	world.outcome[request->call.id] = *outcome;
}

static bool call_is_valid(struct pending *pending, const struct request *request)
{
	(void)pending;
	return !world.invalid[request->call.id];
}

int pending_test_open(void **state)
{
	static const struct pending_hooks hooks = { serve_call, answer_call, call_is_valid };

	(void)state;
	memset(&world, 0, sizeof(world));
	assert_int_equal(0, loop_open(&world.loop));
	return pending_open(&world.pending, &world.loop, &hooks);
}

int pending_test_close(void **state)
{
	(void)state;
	close(world.pending.timer.fd);
	close(world.pending.sockets.epoll);
	close(world.loop.epoll);
	return 0;
}

struct request request_of(uint64_t id, pid_t thread, int fd)
{
	return (struct request){ .call = { .id = id, .thread = thread }, .socket_fd = fd };
}

void add(uint64_t id, int fd, enum outcome_kind kind)
{
	const struct request request = request_of(id, getpid(), fd);

	assert_true(pending_add(&world.pending, &request, kind));
}

void turn(void)
{
	assert_int_equal(0, loop_round(&world.loop));
	if (world.loop.turns)
		world.loop.turns->ready(world.loop.turns, 0);
}

void run_ms(uint64_t ms)
{
	const uint64_t end = clock_now_ns() + ms * NS_PER_MS;

	while (clock_now_ns() < end) {
		turn();
		usleep(500);
	}
}

void run_until_answered(uint64_t id)
{
	const uint64_t end = clock_now_ns() + PATIENCE;

	while (!world.answered[id] && clock_now_ns() < end) {
		turn();
		usleep(500);
	}
	assert_true(world.answered[id]);
}

void assert_outcome(uint64_t id, enum outcome_kind kind, int error)
{
	assert_true(world.answered[id]);
	assert_int_equal(kind, world.outcome[id].kind);
	assert_int_equal(error, world.outcome[id].error);
}

int full_socket(int *ret_other)
{
	static const char bytes[4096];
	int ends[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	while (send(ends[0], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	*ret_other = ends[1];
	return ends[0];
}

void empty_socket(int other)
{
	char bytes[4096];

	while (recv(other, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}
