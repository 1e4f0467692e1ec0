/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copying control messages out of their sender, who is this very process. Run by `make unit`; needs
 * no root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "judge_fixture.h"
#include "message_fixture.h"
#include "util.h"

#define NOWHERE_READABLE 4096 /* an address that nothing is mapped at */
#define INTS_MAX         256

static struct message_fixture fixture;

static void add_rights(int fd, size_t count)
{
	int numbers[INTS_MAX] = { 0 };

	for (size_t i = 0; i < count; i++)
		numbers[i] = fd;
	message_fixture_add(&fixture, SOL_SOCKET, SCM_RIGHTS, numbers, count * sizeof(int));
}

/* What the kernel calls malformed is sent along, for it comes to that later. */
static void assert_spoilt(void)
{
	struct cmsghdr first;

	assert_int_equal(sizeof(first), fixture.copies.message.control_length);
	memcpy(&first, fixture.copies.message.control, sizeof(first));
	assert_true(first.cmsg_len < sizeof(first));
}

/* ---- descriptors ---- */

static void rights_become_copies_that_are_closed_again(void **state)
{
	cleanup_fd int file = memfd_create("file", MFD_CLOEXEC);
	struct stat ours, copied;
	size_t before;
	int number;

	(void)state;
	message_fixture_kind(&fixture, AF_UNIX, SOCK_STREAM, 0);
	add_rights(file, 2);
	assert_int_equal(0, message_fixture_copy(&fixture)); /* keeps a pidfd */
	copies_forget_message(&fixture.copies);
	before = descriptors_count();
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_int_equal(2, fixture.copies.message.descriptor_count);
	assert_int_equal(before + 2, descriptors_count());
	assert_int_equal(fixture.control_used, fixture.copies.message.control_length);
	memcpy(&number, CMSG_DATA((struct cmsghdr *)fixture.copies.message.control), sizeof(number));
	assert_int_not_equal(file, number);
	assert_int_equal(fixture.copies.message.descriptors[0], number);
	assert_int_equal(0, fstat(file, &ours) || fstat(number, &copied));
	assert_int_equal(ours.st_ino, copied.st_ino);
	assert_true(fcntl(number, F_GETFD) & FD_CLOEXEC);
	copies_forget_message(&fixture.copies);
	assert_int_equal(before, descriptors_count());
	assert_int_equal(0, fixture.copies.message.descriptor_count);
}

static void rights_of_a_bad_number_leak_no_others(void **state)
{
	static const int bad[] = { -1, INT_MAX, 1 << 20, -100 };
	cleanup_fd int file = memfd_create("file", MFD_CLOEXEC);
	size_t before = 0;

	(void)state;
	message_fixture_kind(&fixture, AF_UNIX, SOCK_STREAM, 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		message_fixture_empty(&fixture);
		add_rights(file, 3);
		message_fixture_add(&fixture, SOL_SOCKET, SCM_RIGHTS, &bad[i], sizeof(int));
		assert_int_equal(EBADF, message_fixture_copy(&fixture));
		copies_forget_message(&fixture.copies);
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
	message_fixture_kind(&fixture, AF_UNIX, SOCK_STREAM, 0);
	add_rights(file, MESSAGE_DESCRIPTORS);
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_int_equal(MESSAGE_DESCRIPTORS, fixture.copies.message.descriptor_count);
	copies_forget_message(&fixture.copies);
	before = descriptors_count();
	add_rights(file, 1);
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_spoilt();
	copies_forget_message(&fixture.copies);
	assert_int_equal(before, descriptors_count());
}

static void rights_of_an_internet_socket_are_not_copied(void **state)
{
	(void)state;
	message_fixture_kind(&fixture, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	add_rights(0, 3);
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_int_equal(0, fixture.copies.message.descriptor_count);
	assert_int_equal(0, fixture.copies.message.control_length);
}

/* They have gone with the first byte. */
static void rights_of_a_stream_that_goes_on_are_not_copied_again(void **state)
{
	(void)state;
	message_fixture_kind(&fixture, AF_UNIX, SOCK_STREAM, 0);
	add_rights(0, 3);
	fixture.request.progress = 1;
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_int_equal(0, fixture.copies.message.descriptor_count);
	assert_int_equal(0, fixture.copies.message.control_length);
}

static void rights_of_no_or_half_a_number_are_kept_as_they_are(void **state)
{
	static const unsigned char half[2];

	(void)state;
	message_fixture_kind(&fixture, AF_UNIX, SOCK_STREAM, 0);
	add_rights(0, 0);
	message_fixture_add(&fixture, SOL_SOCKET, SCM_RIGHTS, half, sizeof(half));
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_int_equal(0, fixture.copies.message.descriptor_count);
	message_fixture_assert_copied(&fixture, fixture.control_used);
}

/* ---- credentials ---- */

static void add_credentials(pid_t pid, uid_t uid, gid_t gid)
{
	const struct ucred claimed = { .pid = pid, .uid = uid, .gid = gid };

	message_fixture_empty(&fixture);
	message_fixture_add(&fixture, SOL_SOCKET, SCM_CREDENTIALS, &claimed, sizeof(claimed));
}

static void credentials_of_the_sender_are_left_to_the_kernel(void **state)
{
	(void)state;
	message_fixture_kind(&fixture, AF_UNIX, SOCK_STREAM, 0);
	add_credentials(getpid(), getuid(), getgid());
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_int_equal(0, fixture.copies.message.control_length);
}

static void credentials_of_another_are_refused(void **state)
{
	const struct {
		pid_t pid;
		uid_t uid;
		gid_t gid;
	} others[] = {
		{ getppid(), getuid(), getgid() }, { 0, getuid(), getgid() },
		{ -1, getuid(), getgid() },        { getpid(), getuid() + 1, getgid() },
		{ getpid(), (uid_t)-1, getgid() }, { getpid(), getuid(), getgid() + 1 },
		{ getpid(), getuid(), (gid_t)-1 },
	};

	(void)state;
	message_fixture_kind(&fixture, AF_UNIX, SOCK_DGRAM, 0);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		add_credentials(others[i].pid, others[i].uid, others[i].gid);
		assert_int_equal(EPERM, message_fixture_copy(&fixture));
	}
}

static void credentials_of_another_size_are_malformed(void **state)
{
	const unsigned char zeroes[2 * sizeof(struct ucred)] = { 0 };

	(void)state;
	message_fixture_kind(&fixture, AF_UNIX, SOCK_STREAM, 0);
	for (size_t length = 0; length <= sizeof(zeroes); length++) {
		if (length == sizeof(struct ucred))
			continue;
		message_fixture_empty(&fixture);
		message_fixture_add(&fixture, SOL_SOCKET, SCM_CREDENTIALS, zeroes, length);
		assert_int_equal(0, message_fixture_copy(&fixture));
		assert_spoilt();
	}
}

static void credentials_amid_rights_are_taken_out(void **state)
{
	const struct ucred own = { .pid = getpid(), .uid = getuid(), .gid = getgid() };
	struct cmsghdr *second;

	(void)state;
	message_fixture_kind(&fixture, AF_UNIX, SOCK_STREAM, 0);
	add_rights(0, 1);
	message_fixture_add(&fixture, SOL_SOCKET, SCM_CREDENTIALS, &own, sizeof(own));
	add_rights(0, 2);
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_int_equal(3, fixture.copies.message.descriptor_count);
	assert_int_equal(2 * CMSG_SPACE(2 * sizeof(int)), fixture.copies.message.control_length);
	second = (void *)(fixture.copies.message.control + CMSG_SPACE(sizeof(int)));
	assert_int_equal(CMSG_LEN(2 * sizeof(int)), second->cmsg_len);
	assert_memory_equal(&fixture.copies.message.descriptors[1], CMSG_DATA(second),
			    2 * sizeof(int));
}

/* ---- which are kept ---- */

static void control_that_is_harmless_is_kept(void **state)
{
	static const struct {
		int domain;
		int level;
		int type;
	} harmless[] = {
		{ AF_INET, IPPROTO_IP, IP_TTL },         { AF_INET, IPPROTO_IP, IP_TOS },
		{ AF_INET, IPPROTO_UDP, UDP_SEGMENT },   { AF_INET6, IPPROTO_IPV6, IPV6_HOPLIMIT },
		{ AF_INET6, IPPROTO_IPV6, IPV6_TCLASS }, { AF_INET6, IPPROTO_IP, IP_TTL },
	};
	const int value = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++) {
		message_fixture_kind(&fixture, harmless[i].domain, SOCK_DGRAM, IPPROTO_UDP);
		message_fixture_empty(&fixture);
		message_fixture_add(&fixture, harmless[i].level, harmless[i].type, &value,
				    sizeof(value));
		assert_int_equal(0, message_fixture_copy(&fixture));
		message_fixture_assert_copied(&fixture, fixture.control_used);
	}
}

/* Source routes lead elsewhere. */
static void control_that_may_redirect_is_refused(void **state)
{
	static const struct {
		int domain;
		int level;
		int type;
		int error;
	} bad[] = {
		{ AF_INET, IPPROTO_IP, IP_RETOPTS, EPERM },
		{ AF_INET6, IPPROTO_IP, IP_RETOPTS, EPERM },
		{ AF_INET6, IPPROTO_IPV6, IPV6_RTHDR, EPERM },
		{ AF_INET6, IPPROTO_IPV6, IPV6_2292PKTINFO, EPERM },
		{ AF_INET6, IPPROTO_IPV6, IPV6_HOPOPTS, EPERM },
		{ AF_INET, SOL_SOCKET, SO_MARK, EPERM },
		{ AF_INET, IPPROTO_UDP, UDP_SEGMENT + 1, EPERM },
	};
	const int value = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		message_fixture_kind(&fixture, bad[i].domain, SOCK_DGRAM, IPPROTO_UDP);
		message_fixture_empty(&fixture);
		message_fixture_add(&fixture, bad[i].level, bad[i].type, &value, sizeof(value));
		assert_int_equal(bad[i].error, message_fixture_copy(&fixture));
	}
}

static void control_that_the_kernel_ignores_is_dropped(void **state)
{
	static const struct {
		int domain;
		int type;
		int level;
		int control;
	} ignored[] = {
		{ AF_INET, SOCK_DGRAM, IPPROTO_IPV6, IPV6_RTHDR },
		{ AF_INET, SOCK_DGRAM, 4711, 1 },
		{ AF_INET, SOCK_STREAM, IPPROTO_IP, IP_RETOPTS },
		{ AF_INET6, SOCK_STREAM, IPPROTO_IPV6, IPV6_RTHDR },
		{ AF_NETLINK, SOCK_RAW, IPPROTO_IP, IP_RETOPTS },
		{ AF_UNIX, SOCK_DGRAM, IPPROTO_IP, IP_RETOPTS },
	};
	const int value = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++) {
		message_fixture_kind(&fixture, ignored[i].domain, ignored[i].type, 0);
		message_fixture_empty(&fixture);
		message_fixture_add(&fixture, ignored[i].level, ignored[i].control, &value,
				    sizeof(value));
		assert_int_equal(0, message_fixture_copy(&fixture));
		assert_int_equal(0, fixture.copies.message.control_length);
	}
}

static void control_that_unix_does_not_know_is_malformed(void **state)
{
	const int value = 7;

	(void)state;
	message_fixture_kind(&fixture, AF_UNIX, SOCK_STREAM, 0);
	add_rights(0, 1);
	message_fixture_add(&fixture, SOL_SOCKET, SO_TIMESTAMPING, &value, sizeof(value));
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_spoilt();
}

static void rights_of_a_netlink_socket_are_malformed(void **state)
{
	(void)state;
	message_fixture_kind(&fixture, AF_NETLINK, SOCK_RAW, 0);
	add_rights(0, 1);
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_spoilt();
	assert_int_equal(0, fixture.copies.message.descriptor_count);
}

/* ---- lengths ---- */

/* Behind a message that is whole. */
static void length_that_is_none_spoils_them_all(void **state)
{
	static const int domains[] = { AF_UNIX, AF_INET };
	const size_t header = sizeof(struct cmsghdr);
	const uint64_t lengths[] = {
		0,
		1,
		header - 1,
		CMSG_LEN(sizeof(int)) + 5, /* beyond the buffer */
		UINT32_MAX,
		UINT64_MAX,
		(uint64_t)1 << 63,
		((uint64_t)1 << 32) + CMSG_LEN(sizeof(int)),
	};
	const int value = 0;

	(void)state;
	for (size_t d = 0; d < ARRAY_SIZE(domains); d++) {
		message_fixture_kind(&fixture, domains[d], SOCK_DGRAM, 0);
		for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
			struct cmsghdr *bad;

			message_fixture_empty(&fixture);
			message_fixture_add(&fixture, domains[d] == AF_UNIX ? SOL_SOCKET : IPPROTO_IP,
					    domains[d] == AF_UNIX ? SCM_RIGHTS : IP_TTL, &value,
					    sizeof(value));
			bad = message_fixture_add(&fixture, SOL_SOCKET, SCM_RIGHTS, &value,
						  sizeof(value));
			memcpy(bad, &lengths[i], sizeof(lengths[i]));
			assert_int_equal(0, message_fixture_copy(&fixture));
			assert_spoilt();
			copies_forget_message(&fixture.copies);
		}
	}
}

/* The next one begins where the length says, amid the data: a number of 0 there is no length. */
static void length_that_overlaps_the_next_is_followed(void **state)
{
	const int numbers[8] = { 0 };
	struct cmsghdr *first;
	struct cmsghdr inner = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	int number = 0;

	(void)state;
	message_fixture_kind(&fixture, AF_UNIX, SOCK_STREAM, 0);
	first = message_fixture_add(&fixture, SOL_SOCKET, SCM_RIGHTS, numbers, sizeof(numbers));
	first->cmsg_len = CMSG_LEN(sizeof(int));
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_spoilt();
	copies_forget_message(&fixture.copies);
	/* A whole one in there is one more. */
	inner.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(fixture.control + CMSG_SPACE(sizeof(int)), &inner, sizeof(inner));
	memcpy(fixture.control + CMSG_SPACE(sizeof(int)) + sizeof(inner), &number, sizeof(number));
	fixture.header.control_length = 2 * CMSG_SPACE(sizeof(int));
	assert_int_equal(0, message_fixture_copy(&fixture));
	assert_int_equal(2, fixture.copies.message.descriptor_count);
	assert_int_equal(2 * CMSG_SPACE(sizeof(int)), fixture.copies.message.control_length);
}

/* It hides the header of the next one, which is data then. */
static void length_over_the_next_makes_it_data(void **state)
{
	const int bad = -1;
	struct cmsghdr *first;

	(void)state;
	message_fixture_kind(&fixture, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	first = message_fixture_add(&fixture, IPPROTO_IP, IP_TTL, &bad, sizeof(bad));
	message_fixture_add(&fixture, IPPROTO_IP, IP_RETOPTS, &bad, sizeof(bad));
	assert_int_equal(EPERM, message_fixture_copy(&fixture));
	first->cmsg_len = fixture.control_used;
	assert_int_equal(0, message_fixture_copy(&fixture));
	message_fixture_assert_copied(&fixture, fixture.control_used);
}

static void length_that_is_not_aligned_is_rounded_up(void **state)
{
	static const unsigned char value[5] = { 7 };

	(void)state;
	message_fixture_kind(&fixture, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	message_fixture_add(&fixture, IPPROTO_IP, IP_TTL, value, sizeof(value));
	message_fixture_add(&fixture, IPPROTO_IP, IP_TOS, value, 1);
	/* Nothing fills up the last one, and a part of a header after it is none. */
	fixture.header.control_length = CMSG_SPACE(sizeof(value)) + CMSG_LEN(1);
	assert_int_equal(0, message_fixture_copy(&fixture));
	message_fixture_assert_copied(&fixture, fixture.header.control_length);
	fixture.header.control_length = fixture.control_used + sizeof(struct cmsghdr) - 1;
	assert_int_equal(0, message_fixture_copy(&fixture));
	message_fixture_assert_copied(&fixture, fixture.control_used);
}

static void control_that_is_too_large_fails(void **state)
{
	const unsigned char zeroes[MESSAGE_CONTROL - CMSG_LEN(0)] = { 0 };

	(void)state;
	message_fixture_kind(&fixture, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	message_fixture_add(&fixture, IPPROTO_IP, IP_TTL, zeroes, sizeof(zeroes));
	assert_int_equal(0, message_fixture_copy(&fixture));
	message_fixture_assert_copied(&fixture, MESSAGE_CONTROL);
	fixture.header.control_length++;
	assert_int_equal(ENOBUFS, message_fixture_copy(&fixture));
	fixture.header.control_length = UINT64_MAX;
	assert_int_equal(ENOBUFS, message_fixture_copy(&fixture));
}

static void control_that_cannot_be_read_fails(void **state)
{
	(void)state;
	message_fixture_kind(&fixture, AF_UNIX, SOCK_STREAM, 0);
	fixture.header.control = NOWHERE_READABLE;
	fixture.header.control_length = 1;
	assert_int_equal(EFAULT, message_fixture_copy(&fixture));
	fixture.header.control_length = 0;
	assert_int_equal(0, message_fixture_copy(&fixture));
}

#define TEST(name)                                                           \
	cmocka_unit_test_prestate_setup_teardown(name, message_fixture_open, \
						 message_fixture_close, &fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rights_become_copies_that_are_closed_again),
		TEST(rights_of_a_bad_number_leak_no_others),
		TEST(rights_beyond_the_kernels_limit_are_malformed),
		TEST(rights_of_an_internet_socket_are_not_copied),
		TEST(rights_of_a_stream_that_goes_on_are_not_copied_again),
		TEST(rights_of_no_or_half_a_number_are_kept_as_they_are),
		TEST(credentials_of_the_sender_are_left_to_the_kernel),
		TEST(credentials_of_another_are_refused),
		TEST(credentials_of_another_size_are_malformed),
		TEST(credentials_amid_rights_are_taken_out),
		TEST(control_that_is_harmless_is_kept),
		TEST(control_that_may_redirect_is_refused),
		TEST(control_that_the_kernel_ignores_is_dropped),
		TEST(control_that_unix_does_not_know_is_malformed),
		TEST(rights_of_a_netlink_socket_are_malformed),
		TEST(length_that_is_none_spoils_them_all),
		TEST(length_that_overlaps_the_next_is_followed),
		TEST(length_over_the_next_makes_it_data),
		TEST(length_that_is_not_aligned_is_rounded_up),
		TEST(control_that_is_too_large_fails),
		TEST(control_that_cannot_be_read_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
