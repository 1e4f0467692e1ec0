/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The addresses of host names, with a fake resolver at the other end of a socket pair. Time passes
 * by setting back when it was asked last. Run by `make unit`; needs no root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "host_names.h"
#include "log.h"
#include "resolution.h"
#include "util.h"

#define HOSTS 3

static const char strings[] = "\0one.example\0two.example\0three.example";
static const uint32_t hosts[HOSTS] = { 1, 13, 25 };

static struct {
	struct host_names host_names;
	struct loop loop;
	struct plan_header header;
	struct plan plan;
	int resolver; /* the other end */
} fixture;

static int open_plan(void **state)
{
	(void)state;
	memset(&fixture, 0, sizeof(fixture));
	log_open(-1);
	fixture.header.hosts.count = HOSTS;
	fixture.plan = (struct plan){
		.header = &fixture.header,
		.strings = strings,
		.hosts = hosts,
	};
	fixture.resolver = -1;
	return loop_open(&fixture.loop);
}

static int open_names(void **state)
{
	int ends[2];

	open_plan(state);
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	fixture.resolver = ends[1];
	return host_names_open(&fixture.host_names, &fixture.loop, &fixture.plan, ends[0]);
}

static int close_names(void **state)
{
	(void)state;
	if (fixture.host_names.resolver.fd >= 0)
		close(fixture.host_names.resolver.fd);
	if (fixture.resolver >= 0)
		close(fixture.resolver);
	close(fixture.loop.epoll);
	return 0;
}

static struct address address_of(const char *text)
{
	struct address address;

	assert_int_equal(0, address_parse(text, &address));
	return address;
}

static void answer_bytes(const void *bytes, size_t length)
{
	assert_int_equal(length, send(fixture.resolver, bytes, length, MSG_NOSIGNAL));
	assert_int_equal(0, loop_round(&fixture.loop));
}

static void answer(uint32_t host, const char *text)
{
	struct resolution resolution = { .host = host };

	if (text)
		resolution.addresses[resolution.count++] = address_of(text);
	answer_bytes(&resolution, resolution_length(resolution.count));
}

static bool has(uint32_t host, const char *text)
{
	const struct host_table *table = &fixture.host_names.table;
	struct address address = address_of(text);
	uint32_t i = host_table_find(table, &address);

	for (; i < table->count && !memcmp(&table->addresses[i].address, &address, sizeof(address));
	     i++)
		if (table->addresses[i].host == host)
			return true;
	return false;
}

static void time_passes(uint64_t ms)
{
	fixture.host_names.refreshed -= ms * NS_PER_MS;
}

/* How many requests have come, each for all names. */
static uint32_t requests_take(void)
{
	uint32_t host;
	uint32_t count = 0;
	ssize_t length;

	while ((length = recv(fixture.resolver, &host, sizeof(host), MSG_DONTWAIT)) > 0) {
		assert_int_equal(sizeof(host), length);
		assert_int_equal(RESOLUTION_ALL, host);
		count++;
	}
	return count;
}

static void open_without_a_resolver_awaits_nothing(void **state)
{
	(void)state;
	assert_int_equal(0, host_names_open(&fixture.host_names, &fixture.loop, &fixture.plan, -1));
	assert_false(host_names_are_awaited(&fixture.host_names));
	assert_false(host_names_refresh(&fixture.host_names));
	host_names_await(&fixture.host_names);
}

static void open_awaits_every_name_unasked(void **state)
{
	(void)state;
	assert_true(host_names_are_awaited(&fixture.host_names));
	assert_int_equal(0, requests_take());
	answer(0, "8.8.8.8");
	answer(1, NULL);
	assert_true(host_names_are_awaited(&fixture.host_names));
	answer(2, "2001:4860:4860::8888");
	assert_false(host_names_are_awaited(&fixture.host_names));
	assert_true(has(0, "8.8.8.8"));
	assert_true(has(2, "2001:4860:4860::8888"));
	assert_int_equal(2, fixture.host_names.table.count);
}

static void answer_replaces_all_addresses_of_its_name(void **state)
{
	(void)state;
	answer(0, "8.8.8.8");
	answer(1, "8.8.8.8");
	answer(0, "9.9.9.9");
	assert_false(has(0, "8.8.8.8"));
	assert_true(has(1, "8.8.8.8"));
	assert_true(has(0, "9.9.9.9"));
	answer(0, NULL);
	assert_false(has(0, "9.9.9.9"));
	assert_int_equal(1, fixture.host_names.table.count);
}

static void answer_that_is_not_global_opens_nothing(void **state)
{
	static const char *const inner[] = {
		"127.0.0.1", "10.0.0.1",   "192.168.1.1",       "169.254.169.254", "0.0.0.0",
		"::",        "::1",        "fe80::1",           "fc00::1",         "224.0.0.1",
		"ff02::1",   "100.64.0.1", "64:ff9b::10.0.0.1", "2002:7f00:1::",
	};
	struct resolution resolution = { .host = 1 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(inner); i++) {
		answer(0, inner[i]);
		assert_int_equal(0, fixture.host_names.table.count);
	}
	/* The others of the same answer stay. */
	resolution.addresses[resolution.count++] = address_of("10.0.0.1");
	resolution.addresses[resolution.count++] = address_of("8.8.8.8");
	answer_bytes(&resolution, resolution_length(resolution.count));
	assert_true(has(1, "8.8.8.8"));
	assert_int_equal(1, fixture.host_names.table.count);
}

static void answer_of_most_addresses_is_taken_whole(void **state)
{
	struct resolution resolution = { .host = 2, .count = HOST_ANSWER_MAX };

	(void)state;
	for (uint8_t i = 0; i < HOST_ANSWER_MAX; i++) {
		resolution.addresses[i] = address_of("8.8.8.0");
		resolution.addresses[i].bytes[15] = i;
	}
	answer_bytes(&resolution, sizeof(resolution));
	assert_int_equal(HOST_ANSWER_MAX, fixture.host_names.table.count);
}

/* Neither taken nor counted as an answer. */
static void answer_that_is_not_sound_is_ignored(void **state)
{
	struct {
		struct resolution resolution;
		char more[64];
	} bytes = { .resolution = { .host = 0, .count = 1 } };
	struct resolution *resolution = &bytes.resolution;
	const size_t whole = resolution_length(1);
	const uint32_t awaited = fixture.host_names.awaited;

	(void)state;
	resolution->addresses[0] = address_of("8.8.8.8");
	for (size_t length = 1; length < whole; length++)
		answer_bytes(&bytes, length);
	answer_bytes(&bytes, whole + 1);
	answer_bytes(&bytes, resolution_length(2));
	resolution->host = HOSTS;
	answer_bytes(&bytes, whole);
	resolution->host = RESOLUTION_ALL;
	answer_bytes(&bytes, whole);
	resolution->host = 0;
	resolution->count = HOST_ANSWER_MAX + 1;
	answer_bytes(&bytes, sizeof(*resolution));
	answer_bytes(&bytes, resolution_length(HOST_ANSWER_MAX + 1));
	resolution->count = UINT32_MAX;
	answer_bytes(&bytes, sizeof(*resolution));
	answer_bytes(&bytes, sizeof(bytes));
	assert_int_equal(0, fixture.host_names.table.count);
	assert_int_equal(awaited, fixture.host_names.awaited);
	assert_true(fixture.host_names.resolver.fd >= 0);
}

static void answers_beyond_those_due_await_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 2 * HOSTS; i++)
		answer(0, "8.8.8.8");
	assert_int_equal(0, fixture.host_names.awaited);
	assert_false(host_names_are_awaited(&fixture.host_names));
}

static void wait_for_answers_ends(void **state)
{
	(void)state;
	time_passes(HOST_NAMES_WAIT_MS - 50);
	assert_true(host_names_are_awaited(&fixture.host_names));
	host_names_await(&fixture.host_names);
	assert_false(host_names_are_awaited(&fixture.host_names));
	assert_int_equal(HOSTS, fixture.host_names.awaited);
}

static void wait_takes_the_answers_that_are_there(void **state)
{
	struct resolution resolution = { .count = 1 };

	(void)state;
	resolution.addresses[0] = address_of("8.8.8.8");
	for (resolution.host = 0; resolution.host < HOSTS; resolution.host++)
		assert_true(send(fixture.resolver, &resolution, resolution_length(1), 0) > 0);
	host_names_await(&fixture.host_names);
	assert_int_equal(0, fixture.host_names.awaited);
	assert_int_equal(HOSTS, fixture.host_names.table.count);
}

static void ask_while_awaited_asks_nobody(void **state)
{
	(void)state;
	assert_true(host_names_refresh(&fixture.host_names));
	time_passes(HOST_NAMES_WAIT_MS / 2);
	assert_true(host_names_refresh(&fixture.host_names));
	assert_int_equal(0, requests_take());
}

static void ask_is_at_most_once_a_second(void **state)
{
	(void)state;
	time_passes(HOST_NAMES_WAIT_MS + 100);
	assert_false(host_names_refresh(&fixture.host_names));
	assert_int_equal(0, requests_take());
	time_passes(HOST_NAMES_REFRESH_MS);
	for (int i = 0; i < 5; i++)
		assert_true(host_names_refresh(&fixture.host_names));
	assert_int_equal(1, requests_take());
	for (uint32_t host = 0; host < HOSTS; host++)
		answer(host, "8.8.8.8");
	for (int i = 0; i < 5; i++)
		assert_false(host_names_refresh(&fixture.host_names));
	assert_int_equal(0, requests_take());
	time_passes(HOST_NAMES_REFRESH_MS);
	assert_true(host_names_refresh(&fixture.host_names));
	assert_int_equal(1, requests_take());
}

/* It may not read what is sent to it. */
static void ask_of_a_resolver_that_is_stuck_never_waits(void **state)
{
	const uint32_t all = RESOLUTION_ALL;
	const uint64_t before = clock_now_ns();

	(void)state;
	while (send(fixture.host_names.resolver.fd, &all, sizeof(all), MSG_DONTWAIT) > 0)
		;
	assert_int_equal(EAGAIN, errno);
	time_passes(HOST_NAMES_REFRESH_MS);
	assert_false(host_names_refresh(&fixture.host_names));
	assert_true(clock_now_ns() - before < NS_PER_S);
	/* And it is not tried again at once. */
	assert_false(host_names_refresh(&fixture.host_names));
}

static void resolver_that_dies_leaves_its_addresses(void **state)
{
	(void)state;
	answer(0, "8.8.8.8");
	close(fixture.resolver);
	fixture.resolver = -1;
	assert_int_equal(0, loop_round(&fixture.loop));
	assert_int_equal(-1, fixture.host_names.resolver.fd);
	assert_true(has(0, "8.8.8.8"));
	assert_false(host_names_are_awaited(&fixture.host_names));
	time_passes(2 * HOST_NAMES_REFRESH_MS);
	assert_false(host_names_refresh(&fixture.host_names));
	host_names_await(&fixture.host_names);
	assert_int_equal(0, loop_round(&fixture.loop));
}

static void resolver_that_dies_ends_the_wait(void **state)
{
	const uint64_t before = clock_now_ns();

	(void)state;
	close(fixture.resolver);
	fixture.resolver = -1;
	host_names_await(&fixture.host_names);
	assert_int_equal(-1, fixture.host_names.resolver.fd);
	assert_true(clock_now_ns() - before < HOST_NAMES_WAIT_MS * NS_PER_MS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_names, close_names)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(open_without_a_resolver_awaits_nothing, open_plan,
						close_names),
		TEST(open_awaits_every_name_unasked),
		TEST(answer_replaces_all_addresses_of_its_name),
		TEST(answer_that_is_not_global_opens_nothing),
		TEST(answer_of_most_addresses_is_taken_whole),
		TEST(answer_that_is_not_sound_is_ignored),
		TEST(answers_beyond_those_due_await_nothing),
		TEST(wait_for_answers_ends),
		TEST(wait_takes_the_answers_that_are_there),
		TEST(ask_while_awaited_asks_nobody),
		TEST(ask_is_at_most_once_a_second),
		TEST(ask_of_a_resolver_that_is_stuck_never_waits),
		TEST(resolver_that_dies_leaves_its_addresses),
		TEST(resolver_that_dies_ends_the_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
