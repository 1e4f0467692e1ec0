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
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "judge_fixture.h"
#include "message.h"
#include "util.h"

#define NOWHERE_READABLE 4096 /* an address that nothing is mapped at */
#define INTS_MAX         256

static struct copies copies;
static struct request request;
static struct wire_header header;
static struct iovec vectors[MESSAGE_VECTORS + 1];
static unsigned char control[2 * MESSAGE_CONTROL] __attribute__((aligned(8)));
static size_t control_used;
static unsigned char bytes[64];

static int open_test(void **state)
{
	(void)state;
	memset(&copies, 0, sizeof(copies));
	copies_open(&copies, false, getgid());
	memset(&request, 0, sizeof(request));
	request.call.thread = getpid();
	request.socket_fd = -1;
	memset(&header, 0, sizeof(header));
	memset(control, 0, sizeof(control));
	control_used = 0;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	vectors[0] = (struct iovec){ bytes, sizeof(bytes) };
	header.vectors = (uintptr_t)vectors;
	header.vector_count = 1;
	return 0;
}

static int close_test(void **state)
{
	(void)state;
	copies_forget(&copies);
	for (size_t i = 0; i < PIDFD_CACHE_SIZE; i++)
		if (copies.pidfds.slots[i].thread)
			close(copies.pidfds.slots[i].pidfd);
	return 0;
}

static void set_kind(int domain, int type, int protocol)
{
	request.kind = (struct socket_kind){ domain, type, protocol };
}

static int copy(void)
{
	return message_copy(&copies, &request, &header);
}

/* Adds a control message; its place. */
static struct cmsghdr *add_control(int level, int type, const void *data, size_t length)
{
	struct cmsghdr *added = (void *)(control + control_used);

	added->cmsg_level = level;
	added->cmsg_type = type;
	added->cmsg_len = CMSG_LEN(length);
	memcpy(CMSG_DATA(added), data, length);
	control_used += CMSG_ALIGN(added->cmsg_len);
	header.control = (uintptr_t)control;
	header.control_length = control_used;
	return added;
}

static void add_rights(int fd, size_t count)
{
	int numbers[INTS_MAX];

	for (size_t i = 0; i < count; i++)
		numbers[i] = fd;
	add_control(SOL_SOCKET, SCM_RIGHTS, numbers, count * sizeof(int));
}

/* What the kernel calls malformed is sent along, for it comes to that later. */
static void assert_spoilt(void)
{
	struct cmsghdr first;

	assert_int_equal(sizeof(first), copies.message.control_length);
	memcpy(&first, copies.message.control, sizeof(first));
	assert_true(first.cmsg_len < sizeof(first));
}

/* ---- the name ---- */

static void copy_takes_the_name_and_the_payload(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(53) };

	(void)state;
	set_kind(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	header.name = (uintptr_t)&in;
	header.name_length = sizeof(in);
	assert_int_equal(0, copy());
	assert_int_equal(sizeof(in), request.length);
	assert_memory_equal(&in, &request.address, sizeof(in));
	assert_int_equal(sizeof(bytes), copies.message.total);
	assert_int_equal(sizeof(bytes), copies.message.payload_length);
	assert_memory_equal(bytes, copies.message.payload, sizeof(bytes));
	assert_false(copies.message.unreadable);
}

static void copy_of_no_name_is_none(void **state)
{
	(void)state;
	set_kind(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	request.length = 16;
	header.name_length = 16;
	assert_int_equal(0, copy());
	assert_int_equal(0, request.length);
	header.name = (uintptr_t)bytes;
	header.name_length = 0;
	assert_int_equal(0, copy());
	assert_int_equal(0, request.length);
}

static void copy_of_a_bad_name_fails(void **state)
{
	(void)state;
	set_kind(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	header.name = (uintptr_t)bytes;
	header.name_length = -1;
	assert_int_equal(EINVAL, copy());
	header.name_length = INT32_MIN;
	assert_int_equal(EINVAL, copy());
	header.name = NOWHERE_READABLE;
	header.name_length = 16;
	assert_int_equal(EFAULT, copy());
}

static void copy_cuts_a_long_name(void **state)
{
	static const unsigned char name[1024];

	(void)state;
	set_kind(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	header.name = (uintptr_t)name;
	header.name_length = sizeof(name);
	assert_int_equal(0, copy());
	assert_int_equal(sizeof(request.address), request.length);
	header.name_length = INT32_MAX;
	assert_int_equal(0, copy());
	assert_int_equal(sizeof(request.address), request.length);
}

/* ---- vectors and payload ---- */

static void vectors_beyond_the_limit_fail(void **state)
{
	(void)state;
	set_kind(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	header.vector_count = MESSAGE_VECTORS + 1;
	assert_int_equal(EMSGSIZE, copy());
	header.vector_count = UINT64_MAX;
	assert_int_equal(EMSGSIZE, copy());
	header.vector_count = UINT64_MAX / sizeof(struct iovec) + 2;
	assert_int_equal(EMSGSIZE, copy());
}

static void vectors_of_the_most_are_gathered(void **state)
{
	(void)state;
	set_kind(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	for (size_t i = 0; i < MESSAGE_VECTORS; i++)
		vectors[i] = (struct iovec){ bytes + i % sizeof(bytes), 1 };
	header.vector_count = MESSAGE_VECTORS;
	assert_int_equal(0, copy());
	assert_int_equal(MESSAGE_VECTORS, copies.message.payload_length);
	for (size_t i = 0; i < MESSAGE_VECTORS; i++)
		assert_int_equal(i % sizeof(bytes), copies.message.payload[i]);
}

static void vectors_that_cannot_be_read_fail(void **state)
{
	(void)state;
	set_kind(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	header.vectors = NOWHERE_READABLE;
	assert_int_equal(EFAULT, copy());
	header.vector_count = 0;
	assert_int_equal(0, copy());
	assert_int_equal(0, copies.message.total);
}

static void vector_of_a_negative_length_fails(void **state)
{
	(void)state;
	set_kind(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	vectors[0].iov_len = (size_t)SSIZE_MAX + 1;
	assert_int_equal(EINVAL, copy());
	vectors[0].iov_len = SIZE_MAX;
	assert_int_equal(EINVAL, copy());
}

static void vectors_together_are_cut_at_int_max(void **state)
{
	(void)state;
	set_kind(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	vectors[1] = (struct iovec){ bytes, SSIZE_MAX };
	vectors[2] = (struct iovec){ bytes, 1 };
	header.vector_count = 3;
	assert_int_equal(0, copy());
	assert_int_equal(INT_MAX, copies.message.total);
}

static void payload_that_cannot_be_read_is_no_error(void **state)
{
	(void)state;
	set_kind(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	vectors[1] = (struct iovec){ (void *)NOWHERE_READABLE, 36 };
	header.vector_count = 2;
	assert_int_equal(0, copy());
	assert_true(copies.message.unreadable);
	assert_int_equal(sizeof(bytes) + 36, copies.message.payload_length);
}

static void payload_of_a_long_datagram_is_not_copied(void **state)
{
	static unsigned char large[MESSAGE_PAYLOAD + 1];

	(void)state;
	set_kind(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	vectors[0] = (struct iovec){ large, MESSAGE_PAYLOAD };
	assert_int_equal(0, copy());
	assert_false(copies.message.unreadable);
	assert_int_equal(MESSAGE_PAYLOAD, copies.message.payload_length);
	copies_forget_message(&copies);
	vectors[0].iov_len++;
	assert_int_equal(0, copy());
	assert_true(copies.message.unreadable);
	assert_int_equal(MESSAGE_PAYLOAD + 1, copies.message.total);
}

static void payload_of_a_stream_goes_in_parts(void **state)
{
	static unsigned char large[MESSAGE_PAYLOAD + 100];

	(void)state;
	memset(large, 'a', MESSAGE_PAYLOAD);
	memset(large + MESSAGE_PAYLOAD, 'b', 100);
	set_kind(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	vectors[0] = (struct iovec){ large, 10 };
	vectors[1] = (struct iovec){ large + 10, sizeof(large) - 10 };
	header.vector_count = 2;
	assert_int_equal(0, copy());
	assert_int_equal(MESSAGE_PAYLOAD, copies.message.payload_length);
	assert_int_equal(sizeof(large), copies.message.total);
	request.progress = MESSAGE_PAYLOAD - 1;
	assert_int_equal(0, copy());
	assert_int_equal(101, copies.message.payload_length);
	assert_int_equal('a', copies.message.payload[0]);
	assert_int_equal('b', copies.message.payload[1]);
	assert_int_equal('b', copies.message.payload[100]);
	request.progress = sizeof(large);
	assert_int_equal(0, copy());
	assert_int_equal(0, copies.message.payload_length);
}

/* The kernel ignores where a datagram stands. */
static void payload_of_a_datagram_is_whole_whatever_the_progress(void **state)
{
	(void)state;
	set_kind(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	request.progress = 10;
	assert_int_equal(0, copy());
	assert_int_equal(sizeof(bytes), copies.message.payload_length);
}

/* ---- descriptors ---- */

static void rights_become_copies_that_are_closed_again(void **state)
{
	cleanup_fd int file = memfd_create("file", MFD_CLOEXEC);
	struct stat ours, copied;
	size_t before;
	int number;

	(void)state;
	set_kind(AF_UNIX, SOCK_STREAM, 0);
	add_rights(file, 2);
	assert_int_equal(0, copy()); /* keeps a pidfd */
	copies_forget_message(&copies);
	before = descriptors_count();
	assert_int_equal(0, copy());
	assert_int_equal(2, copies.message.descriptor_count);
	assert_int_equal(before + 2, descriptors_count());
	assert_int_equal(control_used, copies.message.control_length);
	memcpy(&number, CMSG_DATA((struct cmsghdr *)copies.message.control), sizeof(number));
	assert_int_not_equal(file, number);
	assert_int_equal(copies.message.descriptors[0], number);
	assert_int_equal(0, fstat(file, &ours) || fstat(number, &copied));
	assert_int_equal(ours.st_ino, copied.st_ino);
	assert_true(fcntl(number, F_GETFD) & FD_CLOEXEC);
	copies_forget_message(&copies);
	assert_int_equal(before, descriptors_count());
	assert_int_equal(0, copies.message.descriptor_count);
}

static void rights_of_a_bad_number_leak_no_others(void **state)
{
	static const int bad[] = { -1, INT_MAX, 1 << 20, -100 };
	cleanup_fd int file = memfd_create("file", MFD_CLOEXEC);
	size_t before = 0;

	(void)state;
	set_kind(AF_UNIX, SOCK_STREAM, 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		control_used = 0;
		add_rights(file, 3);
		add_control(SOL_SOCKET, SCM_RIGHTS, &bad[i], sizeof(int));
		assert_int_equal(EBADF, copy());
		copies_forget_message(&copies);
		if (i > 0)
			assert_int_equal(before, descriptors_count());
		before = descriptors_count();
	}
}

static void rights_beyond_the_kernels_limit_are_malformed(void **state)
{
	cleanup_fd int file = memfd_create("file", MFD_CLOEXEC);
	size_t before;

	(void)state;
	set_kind(AF_UNIX, SOCK_STREAM, 0);
	add_rights(file, MESSAGE_DESCRIPTORS);
	assert_int_equal(0, copy());
	assert_int_equal(MESSAGE_DESCRIPTORS, copies.message.descriptor_count);
	copies_forget_message(&copies);
	before = descriptors_count();
	add_rights(file, 1);
	assert_int_equal(0, copy());
	assert_spoilt();
	copies_forget_message(&copies);
	assert_int_equal(before, descriptors_count());
}

static void rights_of_an_internet_socket_are_not_copied(void **state)
{
	(void)state;
	set_kind(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	add_rights(0, 3);
	assert_int_equal(0, copy());
	assert_int_equal(0, copies.message.descriptor_count);
	assert_int_equal(0, copies.message.control_length);
}

/* They have gone with the first byte. */
static void rights_of_a_stream_that_goes_on_are_not_copied_again(void **state)
{
	(void)state;
	set_kind(AF_UNIX, SOCK_STREAM, 0);
	add_rights(0, 3);
	request.progress = 1;
	assert_int_equal(0, copy());
	assert_int_equal(0, copies.message.descriptor_count);
	assert_int_equal(0, copies.message.control_length);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_test, close_test)

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
		TEST(rights_become_copies_that_are_closed_again),
		TEST(rights_of_a_bad_number_leak_no_others),
		TEST(rights_beyond_the_kernels_limit_are_malformed),
		TEST(rights_of_an_internet_socket_are_not_copied),
		TEST(rights_of_a_stream_that_goes_on_are_not_copied_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
