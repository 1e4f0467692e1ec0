/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copying a message out of its sender, who is this very process. Run by `make unit`; needs no root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>

#include "message_fixture.h"

#define NOWHERE_READABLE 4096 /* an address that nothing is mapped at */

static struct message_fixture fixture;

/* ---- the name ---- */

static void copy_takes_the_name_and_the_payload(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(53) };

	(void)state;
	message_fixture_kind(&fixture, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	fixture.header.name = (uintptr_t)&in;
	fixture.header.name_length = sizeof(in);
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_int_equal(sizeof(in), fixture.request.length);
	assert_memory_equal(&in, &fixture.request.address, sizeof(in));
	assert_int_equal(sizeof(fixture.bytes), fixture.copies.message.total);
	assert_int_equal(sizeof(fixture.bytes), fixture.copies.message.payload_length);
	assert_memory_equal(fixture.bytes, fixture.copies.message.payload, sizeof(fixture.bytes));
	assert_false(fixture.copies.message.unreadable);
}

static void copy_of_no_name_is_none(void **state)
{
	(void)state;
	message_fixture_kind(&fixture, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	fixture.request.length = 16;
	fixture.header.name_length = 16;
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_int_equal(0, fixture.request.length);
	fixture.header.name = (uintptr_t)fixture.bytes;
	fixture.header.name_length = 0;
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_int_equal(0, fixture.request.length);
}

static void copy_of_a_bad_name_fails(void **state)
{
	(void)state;
	message_fixture_kind(&fixture, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	fixture.header.name = (uintptr_t)fixture.bytes;
	fixture.header.name_length = -1;
	assert_int_equal(EINVAL, message_fixture_copy(&fixture));
	fixture.header.name_length = INT32_MIN;
	assert_int_equal(EINVAL, message_fixture_copy(&fixture));
	fixture.header.name = NOWHERE_READABLE;
	fixture.header.name_length = 16;
	assert_int_equal(EFAULT, message_fixture_copy(&fixture));
}

static void copy_cuts_a_long_name(void **state)
{
	static const unsigned char name[1024];

	(void)state;
	message_fixture_kind(&fixture, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	fixture.header.name = (uintptr_t)name;
	fixture.header.name_length = sizeof(name);
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_int_equal(sizeof(fixture.request.address), fixture.request.length);
	fixture.header.name_length = INT32_MAX;
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_int_equal(sizeof(fixture.request.address), fixture.request.length);
}

/* ---- vectors and payload ---- */

static void vectors_beyond_the_limit_fail(void **state)
{
	(void)state;
	message_fixture_kind(&fixture, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	fixture.header.vector_count = MESSAGE_VECTORS + 1;
	assert_int_equal(EMSGSIZE, message_fixture_copy(&fixture));
	fixture.header.vector_count = UINT64_MAX;
	assert_int_equal(EMSGSIZE, message_fixture_copy(&fixture));
	fixture.header.vector_count = UINT64_MAX / sizeof(struct iovec) + 2;
	assert_int_equal(EMSGSIZE, message_fixture_copy(&fixture));
}

static void vectors_of_the_most_are_gathered(void **state)
{
	(void)state;
	message_fixture_kind(&fixture, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	for (size_t i = 0; i < MESSAGE_VECTORS; i++)
		fixture.vectors[i] = (struct iovec){ fixture.bytes + i % sizeof(fixture.bytes), 1 };
	fixture.header.vector_count = MESSAGE_VECTORS;
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_int_equal(MESSAGE_VECTORS, fixture.copies.message.payload_length);
	for (size_t i = 0; i < MESSAGE_VECTORS; i++)
		assert_int_equal(i % sizeof(fixture.bytes), fixture.copies.message.payload[i]);
}

static void vectors_that_cannot_be_read_fail(void **state)
{
	(void)state;
	message_fixture_kind(&fixture, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	fixture.header.vectors = NOWHERE_READABLE;
	assert_int_equal(EFAULT, message_fixture_copy(&fixture));
	fixture.header.vector_count = 0;
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_int_equal(0, fixture.copies.message.total);
}

static void vector_of_a_negative_length_fails(void **state)
{
	(void)state;
	message_fixture_kind(&fixture, AF_INET, SOCK_STREAM, IPPROTO_TCP);
	fixture.vectors[0].iov_len = (size_t)SSIZE_MAX + 1;
	assert_int_equal(EINVAL, message_fixture_copy(&fixture));
	fixture.vectors[0].iov_len = SIZE_MAX;
	assert_int_equal(EINVAL, message_fixture_copy(&fixture));
}

static void vectors_together_are_cut_at_int_max(void **state)
{
	(void)state;
	message_fixture_kind(&fixture, AF_INET, SOCK_STREAM, IPPROTO_TCP);
	fixture.vectors[1] = (struct iovec){ fixture.bytes, SSIZE_MAX };
	fixture.vectors[2] = (struct iovec){ fixture.bytes, 1 };
	fixture.header.vector_count = 3;
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_int_equal(INT_MAX, fixture.copies.message.total);
}

static void payload_that_cannot_be_read_is_no_error(void **state)
{
	(void)state;
	message_fixture_kind(&fixture, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	fixture.vectors[1] = (struct iovec){ (void *)NOWHERE_READABLE, 36 };
	fixture.header.vector_count = 2;
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_true(fixture.copies.message.unreadable);
	assert_int_equal(sizeof(fixture.bytes) + 36, fixture.copies.message.payload_length);
}

static void payload_of_a_long_datagram_is_not_copied(void **state)
{
	static unsigned char large[MESSAGE_PAYLOAD + 1];

	(void)state;
	message_fixture_kind(&fixture, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	fixture.vectors[0] = (struct iovec){ large, MESSAGE_PAYLOAD };
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_false(fixture.copies.message.unreadable);
	assert_int_equal(MESSAGE_PAYLOAD, fixture.copies.message.payload_length);
	copies_forget_message(&fixture.copies);
	fixture.vectors[0].iov_len++;
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_true(fixture.copies.message.unreadable);
	assert_int_equal(MESSAGE_PAYLOAD + 1, fixture.copies.message.total);
}

static void payload_of_a_stream_goes_in_parts(void **state)
{
	static unsigned char large[MESSAGE_PAYLOAD + 100];

	(void)state;
	memset(large, 'a', MESSAGE_PAYLOAD);
	memset(large + MESSAGE_PAYLOAD, 'b', 100);
	message_fixture_kind(&fixture, AF_INET, SOCK_STREAM, IPPROTO_TCP);
	fixture.vectors[0] = (struct iovec){ large, 10 };
	fixture.vectors[1] = (struct iovec){ large + 10, sizeof(large) - 10 };
	fixture.header.vector_count = 2;
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_int_equal(MESSAGE_PAYLOAD, fixture.copies.message.payload_length);
	assert_int_equal(sizeof(large), fixture.copies.message.total);
	fixture.request.progress = MESSAGE_PAYLOAD - 1;
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_int_equal(101, fixture.copies.message.payload_length);
	assert_int_equal('a', fixture.copies.message.payload[0]);
	assert_int_equal('b', fixture.copies.message.payload[1]);
	assert_int_equal('b', fixture.copies.message.payload[100]);
	fixture.request.progress = sizeof(large);
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_int_equal(0, fixture.copies.message.payload_length);
}

/* The kernel ignores where a datagram stands. */
static void payload_of_a_datagram_is_whole_whatever_the_progress(void **state)
{
	(void)state;
	message_fixture_kind(&fixture, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	fixture.request.progress = 10;
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_int_equal(sizeof(fixture.bytes), fixture.copies.message.payload_length);
}

#define TEST(name)                                                           \
	cmocka_unit_test_prestate_setup_teardown(name, message_fixture_open, \
						 message_fixture_close, &fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(copy_takes_the_name_and_the_payload),
		TEST(copy_of_no_name_is_none),
		TEST(copy_of_a_bad_name_fails),
		TEST(copy_cuts_a_long_name),
		TEST(vectors_beyond_the_limit_fail),
		TEST(vectors_of_the_most_are_gathered),
		TEST(vectors_that_cannot_be_read_fail),
		TEST(vector_of_a_negative_length_fails),
		TEST(vectors_together_are_cut_at_int_max),
		TEST(payload_that_cannot_be_read_is_no_error),
		TEST(payload_of_a_long_datagram_is_not_copied),
		TEST(payload_of_a_stream_goes_in_parts),
		TEST(payload_of_a_datagram_is_whole_whatever_the_progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
