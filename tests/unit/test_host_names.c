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

static struct address missed;

static int open_plan(void **state)
{
	(void)state;
	memset(&fixture, 0, sizeof(fixture));
	log_open(-1);
	fixture.header.hosts.count = HOSTS;
	fixture.header.name_classes = 1U << CLASS_GLOBAL;
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

static struct resolution resolution_of(uint32_t host)
{
	return (struct resolution){
		.version = RESOLUTION_VERSION,
		.kind = RESOLUTION_ADDRESSES,
		.host = host,
	};
}

static void add(struct resolution *resolution, const char *text, uint32_t ttl)
{
	resolution->addresses[resolution->count++] =
		(struct resolution_address){ address_of(text), ttl };
}

static void answer(uint32_t host, const char *text)
{
	struct resolution resolution = resolution_of(host);

	if (text)
		add(&resolution, text, 1);
	answer_bytes(&resolution, resolution_length(resolution.count));
}

static void done(void)
{
	const struct resolution resolution = { .version = RESOLUTION_VERSION,
					       .kind = RESOLUTION_DONE };

	answer_bytes(&resolution, resolution_length(0));
}

static uint32_t row_of(uint32_t host, const char *text)
{
	const struct host_table *table = &fixture.host_names.table;
	struct address address = address_of(text);
	uint32_t row = host_table_find(table, &address);

	while (row != HOST_ROW_NONE && table->rows[row].host != host)
		row = host_table_next(table, row);
	return row;
}

static bool has(uint32_t host, const char *text)
{
	return row_of(host, text) != HOST_ROW_NONE;
}

/* For how long, in seconds. */
static uint32_t kept(uint32_t host, const char *text)
{
	const struct host_row *row = &fixture.host_names.table.rows[row_of(host, text)];

	return row->until - (uint32_t)(clock_now_ns() / NS_PER_S);
}

static void time_passes(uint64_t ms)
{
	fixture.host_names.refreshed -= ms * NS_PER_MS;
}

/* How many requests have come, each about the address. */
static uint32_t requests_take(void)
{
	struct resolution_request request;
	uint32_t count = 0;
	ssize_t length;

	while ((length = recv(fixture.resolver, &request, sizeof(request), MSG_DONTWAIT)) > 0) {
		assert_int_equal(sizeof(request), length);
		assert_int_equal(RESOLUTION_VERSION, request.version);
		assert_int_equal(RESOLUTION_REFRESH, request.kind);
		assert_memory_equal(&missed, &request.address, sizeof(missed));
		count++;
	}
	return count;
}

static void open_without_a_resolver_awaits_nothing(void **state)
{
	(void)state;
	assert_int_equal(0, host_names_open(&fixture.host_names, &fixture.loop, &fixture.plan, -1));
	assert_false(host_names_are_awaited(&fixture.host_names));
	assert_false(host_names_refresh(&fixture.host_names, &missed));
	host_names_await(&fixture.host_names);
}

static void open_awaits_the_names_unasked(void **state)
{
	(void)state;
	assert_true(host_names_are_awaited(&fixture.host_names));
	assert_int_equal(0, requests_take());
	answer(0, "8.8.8.8");
	answer(1, NULL);
	answer(2, "2001:4860:4860::8888");
	assert_true(host_names_are_awaited(&fixture.host_names));
	done();
	assert_false(host_names_are_awaited(&fixture.host_names));
	assert_true(has(0, "8.8.8.8"));
	assert_true(has(2, "2001:4860:4860::8888"));
	assert_int_equal(2, fixture.host_names.table.count);
}

static void answers_add_up(void **state)
{
	(void)state;
	answer(0, "8.8.8.8");
	answer(1, "8.8.8.8");
	answer(0, "9.9.9.9");
	answer(0, NULL);
	assert_true(has(0, "8.8.8.8"));
	assert_true(has(1, "8.8.8.8"));
	assert_true(has(0, "9.9.9.9"));
	assert_int_equal(3, fixture.host_names.table.count);
}

static void answer_is_kept_for_its_ttl_and_the_grace(void **state)
{
	struct resolution resolution = resolution_of(0);
	struct address address = address_of("8.8.8.8");

	(void)state;
	add(&resolution, "8.8.8.8", 300);
	add(&resolution, "9.9.9.9", UINT32_MAX);
	answer_bytes(&resolution, resolution_length(2));
	assert_in_range(kept(0, "8.8.8.8"), 359, 360);
	assert_in_range(kept(0, "9.9.9.9"), 86459, 86460);
	host_names_keep(&fixture.host_names, &address);
	assert_in_range(kept(0, "8.8.8.8"), 86399, 86400);
}

static void address_that_is_over_is_forgotten(void **state)
{
	struct host_table *table = &fixture.host_names.table;

	(void)state;
	answer(0, "8.8.8.8");
	answer(1, "9.9.9.9");
	table->rows[row_of(0, "8.8.8.8")].until = 0;
	table->earliest = 0;
	host_names_update(&fixture.host_names);
	assert_false(has(0, "8.8.8.8"));
	assert_true(has(1, "9.9.9.9"));
}

static void answer_of_another_class_opens_nothing(void **state)
{
	static const char *const closed[] = {
		"127.0.0.1",
		"::1",
		"169.254.169.254",
		"fe80::1",
		"::ffff:127.0.0.1",
		"0.0.0.0",
		"::",
		"224.0.0.1",
		"ff02::1",
		"255.255.255.255",
		"64:ff9b::127.0.0.1",
		"64:ff9b::a9fe:a9fe",
		"2002:7f00:1::",
		"2002:a9fe:a9fe::1",
	};
	struct resolution resolution = resolution_of(1);

	(void)state;
	fixture.header.name_classes = 1U << CLASS_GLOBAL | 1U << CLASS_PRIVATE;
	for (size_t i = 0; i < ARRAY_SIZE(closed); i++) {
		answer(0, closed[i]);
		assert_int_equal(0, fixture.host_names.table.count);
	}
	/* The others of the same answer are opened. */
	add(&resolution, "127.0.0.1", 1);
	add(&resolution, "10.0.0.1", 1);
	answer_bytes(&resolution, resolution_length(2));
	assert_true(has(1, "10.0.0.1"));
	assert_int_equal(1, fixture.host_names.table.count);
	fixture.header.name_classes = 1U << CLASS_GLOBAL;
	answer(1, "10.0.0.2");
	assert_int_equal(1, fixture.host_names.table.count);
}

/* Root wrote it. */
static void listed_address_opens_whatever_its_class(void **state)
{
	struct resolution resolution = resolution_of(0);

	(void)state;
	fixture.header.name_classes = 1U << CLASS_GLOBAL;
	resolution.listed = 1;
	add(&resolution, "127.0.0.1", 1);
	add(&resolution, "fe80::1", 1);
	add(&resolution, "0.0.0.0", 1);
	add(&resolution, "224.0.0.1", 1);
	answer_bytes(&resolution, resolution_length(4));
	assert_true(has(0, "127.0.0.1"));
	assert_true(has(0, "fe80::1"));
	assert_int_equal(2, fixture.host_names.table.count);
}

static void answer_of_most_addresses_is_taken_whole(void **state)
{
	struct resolution resolution = resolution_of(2);

	(void)state;
	for (uint8_t i = 0; i < RESOLUTION_ADDRESSES_MAX; i++) {
		add(&resolution, "8.8.8.0", 1);
		resolution.addresses[i].address.bytes[15] = i;
	}
	answer_bytes(&resolution, sizeof(resolution));
	assert_int_equal(RESOLUTION_ADDRESSES_MAX, fixture.host_names.table.count);
}

/* Neither taken nor counted as an answer. */
static void message_that_is_not_sound_is_ignored(void **state)
{
	struct {
		struct resolution resolution;
		char more[64];
	} bytes = { .resolution = resolution_of(0) };
	struct resolution *resolution = &bytes.resolution;
	const size_t whole = resolution_length(1);

	(void)state;
	add(resolution, "8.8.8.8", 1);
	for (size_t length = 1; length < whole; length++)
		answer_bytes(&bytes, length);
	answer_bytes(&bytes, whole + 1);
	answer_bytes(&bytes, resolution_length(2));
	resolution->host = HOSTS;
	answer_bytes(&bytes, whole);
	resolution->host = 0;
	resolution->version++;
	answer_bytes(&bytes, whole);
	resolution->version--;
	resolution->kind = RESOLUTION_DONE;
	answer_bytes(&bytes, whole);
	resolution->kind = RESOLUTION_REFRESH;
	answer_bytes(&bytes, whole);
	resolution->kind = RESOLUTION_ADDRESSES;
	resolution->listed = 2;
	answer_bytes(&bytes, whole);
	resolution->listed = 0;
	resolution->count = RESOLUTION_ADDRESSES_MAX + 1;
	answer_bytes(&bytes, sizeof(*resolution));
	answer_bytes(&bytes, resolution_length(RESOLUTION_ADDRESSES_MAX + 1));
	resolution->count = UINT32_MAX;
	answer_bytes(&bytes, sizeof(*resolution));
	answer_bytes(&bytes, sizeof(bytes));
	assert_int_equal(0, fixture.host_names.table.count);
	assert_true(fixture.host_names.awaited);
	assert_true(fixture.host_names.resolver.fd >= 0);
}

static void wait_for_answers_ends(void **state)
{
	(void)state;
	time_passes(HOST_NAMES_WAIT_MS - 50);
	assert_true(host_names_are_awaited(&fixture.host_names));
	host_names_await(&fixture.host_names);
	assert_false(host_names_are_awaited(&fixture.host_names));
	assert_true(fixture.host_names.awaited);
}

static void wait_takes_the_answers_that_are_there(void **state)
{
	struct resolution resolution = resolution_of(0);

	(void)state;
	add(&resolution, "8.8.8.8", 1);
	for (resolution.host = 0; resolution.host < HOSTS; resolution.host++)
		assert_true(send(fixture.resolver, &resolution, resolution_length(1), 0) > 0);
	resolution = (struct resolution){ .version = RESOLUTION_VERSION, .kind = RESOLUTION_DONE };
	assert_true(send(fixture.resolver, &resolution, resolution_length(0), 0) > 0);
	host_names_await(&fixture.host_names);
	assert_false(fixture.host_names.awaited);
	assert_int_equal(HOSTS, fixture.host_names.table.count);
}

/* What was told before somebody was answered is known before the answer is acted upon. */
static void update_takes_all_that_was_sent(void **state)
{
	struct resolution resolution = resolution_of(0);

	(void)state;
	add(&resolution, "8.8.8.8", 1);
	for (uint8_t i = 0; i < 100; i++) {
		resolution.addresses[0].address.bytes[15] = i;
		assert_true(send(fixture.resolver, &resolution, resolution_length(1), 0) > 0);
	}
	host_names_update(&fixture.host_names);
	assert_int_equal(100, fixture.host_names.table.count);
}

static void listeners_are_handed_on(void **state)
{
	struct resolution_request request;
	char control[CMSG_SPACE(8 * sizeof(int))];
	struct iovec part = { &request, sizeof(request) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	int listeners[RESOLUTION_LISTENERS_COUNT] = { 0, 1, 2, 0 };
	int received[RESOLUTION_LISTENERS_COUNT];
	struct cmsghdr *header;

	(void)state;
	assert_int_equal(0, host_names_listen(&fixture.host_names, listeners));
	assert_int_equal(sizeof(request), recvmsg(fixture.resolver, &message, MSG_CMSG_CLOEXEC));
	assert_int_equal(RESOLUTION_LISTENERS, request.kind);
	header = CMSG_FIRSTHDR(&message);
	assert_non_null(header);
	if (!header)
		return;
	assert_int_equal(CMSG_LEN(sizeof(received)), header->cmsg_len);
	memcpy(received, CMSG_DATA(header), sizeof(received));
	for (size_t i = 0; i < ARRAY_SIZE(received); i++)
		close(received[i]);
}

static void ask_while_awaited_asks_nobody(void **state)
{
	(void)state;
	assert_true(host_names_refresh(&fixture.host_names, &missed));
	time_passes(HOST_NAMES_WAIT_MS / 2);
	assert_true(host_names_refresh(&fixture.host_names, &missed));
	assert_int_equal(0, requests_take());
}

static void ask_is_at_most_once_a_second(void **state)
{
	(void)state;
	time_passes(HOST_NAMES_WAIT_MS + 100);
	assert_false(host_names_refresh(&fixture.host_names, &missed));
	assert_int_equal(0, requests_take());
	time_passes(HOST_NAMES_REFRESH_MS);
	for (int i = 0; i < 5; i++)
		assert_true(host_names_refresh(&fixture.host_names, &missed));
	assert_int_equal(1, requests_take());
	answer(0, "8.8.8.8");
	done();
	for (int i = 0; i < 5; i++)
		assert_false(host_names_refresh(&fixture.host_names, &missed));
	assert_int_equal(0, requests_take());
	time_passes(HOST_NAMES_REFRESH_MS);
	assert_true(host_names_refresh(&fixture.host_names, &missed));
	assert_int_equal(1, requests_take());
}

/* It may not read what is sent to it. */
static void ask_of_a_resolver_that_is_stuck_never_waits(void **state)
{
	const struct resolution_request request = { .version = RESOLUTION_VERSION };
	const uint64_t before = clock_now_ns();

	(void)state;
	while (send(fixture.host_names.resolver.fd, &request, sizeof(request), MSG_DONTWAIT) > 0)
		;
	assert_int_equal(EAGAIN, errno);
	time_passes(HOST_NAMES_REFRESH_MS);
	assert_false(host_names_refresh(&fixture.host_names, &missed));
	assert_true(clock_now_ns() - before < NS_PER_S);
	/* And it is not tried again at once. */
	assert_false(host_names_refresh(&fixture.host_names, &missed));
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
	assert_false(host_names_refresh(&fixture.host_names, &missed));
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
		TEST(open_awaits_the_names_unasked),
		TEST(answers_add_up),
		TEST(answer_is_kept_for_its_ttl_and_the_grace),
		TEST(address_that_is_over_is_forgotten),
		TEST(answer_of_another_class_opens_nothing),
		TEST(listed_address_opens_whatever_its_class),
		TEST(answer_of_most_addresses_is_taken_whole),
		TEST(message_that_is_not_sound_is_ignored),
		TEST(update_takes_all_that_was_sent),
		TEST(listeners_are_handed_on),
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
