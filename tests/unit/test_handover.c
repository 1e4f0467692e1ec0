/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both ends of a start: what arrives as it was sent, and what is not accepted. The module is
 * included, so that messages can be made that it would not send.
 */
#include "../../lib/session/handover.c"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "plan_fixture.h"

#define SHORT_MS 100
#define LONG_MS  10000

static int ends[2];

static int pair_open(void **state)
{
	(void)state;
	return handover_pair(ends);
}

static int pair_close(void **state)
{
	(void)state;
	close(ends[0]);
	close(ends[1]);
	return 0;
}

/* The start message ------------------------------------------------------------------------- */

static const struct start_message shell = {
	.version = START_VERSION, .mode = START_SHELL, .child = 77, .display = -1, .deadline_ms = 9
};
static const struct start_message gate = { .version = START_VERSION,
					   .mode = START_GATE,
					   .child = 78,
					   .display = 10,
					   .service_uid = 990,
					   .deadline_ms = INT64_MAX };

/* Files that can be told apart. */
static void fds_make(int fds[START_FDS], bool child)
{
	for (int i = 0; i < START_FDS; i++)
		fds[i] = i == START_CHILD && !child ? -1 : dup(ends[0]);
	close(fds[START_PLAN]);
	fds[START_PLAN] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(fds[START_AGENT]);
	fds[START_AGENT] = -1;
}

static void fds_close(int fds[START_FDS])
{
	for (int i = 0; i < START_FDS; i++)
		util_cleanup_fd(&fds[i]);
}

static bool is_same_file(int one, int other)
{
	struct stat first;
	struct stat second;

	return fstat(one, &first) == 0 && fstat(other, &second) == 0 &&
	       first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

static void start_message_arrives_with_its_descriptors(void **state)
{
	const struct start_message *messages[] = { &shell, &gate };

	(void)state;
	for (size_t m = 0; m < ARRAY_SIZE(messages); m++) {
		struct start_message message;
		int sent[START_FDS];
		int came[START_FDS];
		int packed;

		fds_make(sent, messages[m]->mode == START_SHELL);
		assert_int_equal(0, start_message_pack(messages[m], sent, &packed));
		assert_int_equal(0, start_message_open(packed, &message, came));
		assert_int_equal(messages[m]->mode, message.mode);
		assert_int_equal(messages[m]->child, message.child);
		assert_int_equal(messages[m]->display, message.display);
		assert_int_equal(messages[m]->service_uid, message.service_uid);
		assert_true(messages[m]->deadline_ms == message.deadline_ms);
		for (int i = 0; i < START_FDS; i++) {
			assert_int_equal(sent[i] < 0, came[i] < 0);
			if (sent[i] < 0)
				continue;
			assert_true(is_same_file(sent[i], came[i]));
			assert_int_equal(FD_CLOEXEC, fcntl(came[i], F_GETFD));
		}
		/* There is one message, and nobody to send another. */
		assert_int_equal(-EPROTO, start_message_open(packed, &message, came));
		close(packed);
		fds_close(sent);
	}
}

static void names_are_cut_to_their_room(void **state)
{
	char text[START_CLIENT_MAX + 2] = "";
	struct start_message message;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	start_message_name(&message, "sshd", text);
	assert_string_equal("sshd", message.service);
	assert_int_equal(START_CLIENT_MAX - 1, strlen(message.client));
	start_message_name(&message, NULL, NULL);
	assert_string_equal("", message.service);
	assert_string_equal("", message.client);
}

static void descriptor_that_is_not_open_is_not_packed(void **state)
{
	int fds[START_FDS];
	int packed = -1;

	(void)state;
	for (int i = 0; i < START_FDS; i++)
		fds[i] = -1;
	fds[START_PLAN] = 9999;
	assert_int_equal(-EBADF, start_message_pack(&shell, fds, &packed));
	assert_int_equal(-1, packed);
}

static int lowest_free(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

#define DESCRIPTORS_MAX (START_FDS + 3) /* more than there is room for: the kernel cuts them off */

/* What is not accepted leaves no descriptor open. */
static void expect_refused(const void *bytes, size_t length, size_t count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec vector = { (void *)(uintptr_t)bytes, length };
	struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };
	struct start_message message = { .child = 1 };
	int fds[START_FDS] = { 7 };
	int before;

	if (count > 0) {
		for (size_t i = 0; i < count; i++)
			memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &ends[0], sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		header.msg_control = control.bytes;
		header.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	before = lowest_free();
	assert_int_equal(length, sendmsg(ends[1], &header, 0));
	assert_int_equal(-EPROTO, start_message_open(ends[0], &message, fds));
	assert_int_equal(before, lowest_free());
	/* Nothing was written. */
	assert_int_equal(1, message.child);
	assert_int_equal(7, fds[0]);
}

static uint32_t fds_of(bool child)
{
	return 1U << START_PLAN | 1U << START_PARENT | (child ? 1U << START_CHILD : 0);
}

static void start_message_that_is_not_sound_refused(void **state)
{
	struct start_message message;

	(void)state;
#define REFUSED(base, count, field, bad)                           \
	do {                                                       \
		message = base;                                    \
		message.fds = fds_of(message.mode == START_SHELL); \
		message.field = bad;                               \
		expect_refused(&message, sizeof(message), count);  \
	} while (0)
	REFUSED(shell, 3, version, 0);
	REFUSED(shell, 3, version, START_VERSION + 1);
	REFUSED(shell, 3, mode, 0);
	REFUSED(shell, 3, mode, START_GATE + 1);
	REFUSED(shell, 3, mode, START_OPEN);
	REFUSED(gate, 2, mode, START_SHELL);
	REFUSED(shell, 3, child, 0);
	REFUSED(shell, 3, child, -1);
	REFUSED(shell, 3, deadline_ms, 0);
	REFUSED(shell, 3, deadline_ms, -1);
	REFUSED(shell, 3, display, -2);
	REFUSED(shell, 3, display, UINT16_MAX + 1);
	REFUSED(shell, 3, service_uid, 990);
	REFUSED(gate, 2, service_uid, 0);
	/* Texts without an end. */
	REFUSED(shell, 3, service[START_SERVICE_MAX - 1], 'x');
	REFUSED(shell, 3, client[START_CLIENT_MAX - 1], 'x');
	/* Descriptors that are not there, or are not named. */
	REFUSED(shell, 2, child, 77);
	REFUSED(shell, 4, child, 77);
	REFUSED(shell, 0, child, 77);
	REFUSED(gate, 2, fds, 1U << START_PLAN);
	REFUSED(gate, 2, fds, 1U << START_PLAN | 1U << START_AGENT);
	REFUSED(gate, 3, fds, fds_of(false) | 1U << START_FDS);
#undef REFUSED
}

static void start_message_of_another_size_refused(void **state)
{
	struct {
		struct start_message message;
		char more;
	} longer = { .message = shell };

	(void)state;
	longer.message.fds = fds_of(true);
	for (size_t length = 1; length < sizeof(longer.message); length++)
		expect_refused(&longer, length, 3);
	expect_refused(&longer, sizeof(longer.message) + 1, 3);
}

static void start_message_that_is_not_there_refused(void **state)
{
	struct start_message message;
	int fds[START_FDS];

	(void)state;
	assert_int_equal(-EAGAIN, start_message_open(ends[0], &message, fds));
	assert_int_equal(-ENOTSOCK, start_message_open(0, &message, fds));
	close(ends[1]);
	ends[1] = -1;
	assert_int_equal(-EPROTO, start_message_open(ends[0], &message, fds));
}

static void start_message_with_too_many_descriptors_refused(void **state)
{
	struct start_message message = shell;

	(void)state;
	message.fds = (1U << START_FDS) - 1;
	for (size_t count = START_FDS + 1; count <= DESCRIPTORS_MAX; count++)
		expect_refused(&message, sizeof(message), count);
}

static void start_message_of_the_farthest_values_is_accepted(void **state)
{
	static const int displays[] = { -1, 0, UINT16_MAX };
	struct start_message message = shell;
	struct start_message came;
	int sent[START_FDS];
	int fds[START_FDS];
	int packed;

	(void)state;
	fds_make(sent, true);
	memset(message.service, 'x', sizeof(message.service) - 1);
	memset(message.client, 'x', sizeof(message.client) - 1);
	message.child = INT32_MAX;
	message.deadline_ms = 1;
	for (size_t i = 0; i < ARRAY_SIZE(displays); i++) {
		message.display = displays[i];
		/* What these say is made when it is packed. */
		message.version = START_VERSION + 1;
		message.fds = UINT32_MAX;
		assert_int_equal(0, start_message_pack(&message, sent, &packed));
		assert_int_equal(0, start_message_open(packed, &came, fds));
		assert_int_equal(displays[i], came.display);
		assert_int_equal(START_VERSION, came.version);
		assert_string_equal(message.client, came.client);
		fds_close(fds);
		close(packed);
	}
	fds_close(sent);
}

static void title_names_user_service_and_session(void **state)
{
	struct plan plan = mapped(sealed(builder_full()));
	char title[START_TITLE_MAX];
	char service[2 * START_TITLE_MAX] = "";

	(void)state;
	start_title(title, &plan, "sshd");
	assert_string_equal("alice sshd 1122334455667788", title);
	memset(service, 'x', sizeof(service) - 1);
	start_title(title, &plan, service);
	assert_int_equal(sizeof(title) - 1, strlen(title));
	plan_unmap(&plan);
}

/* What follows ------------------------------------------------------------------------------ */

static int await(enum handover kind, int wait_ms, int *ret_value, struct failure *failure)
{
	return handover_await(ends[0], "the other end", kind, start_now_ms() + wait_ms, ret_value,
			      failure);
}

static void message_that_is_awaited_arrives(void **state)
{
	struct failure failure = { 0 };
	int value = 0;

	(void)state;
	assert_int_equal(0, handover_send(ends[1], HANDOVER_READY, 0));
	assert_int_equal(0, handover_send(ends[1], HANDOVER_LISTENER, 5));
	assert_int_equal(0, await(HANDOVER_READY, LONG_MS, &value, &failure));
	assert_int_equal(0, await(HANDOVER_LISTENER, LONG_MS, &value, &failure));
	assert_int_equal(5, value);
	assert_string_equal("", failure.text);
}

static void failure_arrives_with_its_reason_from_a_sender_that_is_gone(void **state)
{
	const struct failure sent = { -EPERM, "the supervisor cannot load its filter" };
	struct failure failure;
	int value = 1;

	(void)state;
	assert_int_equal(0, handover_fail(ends[1], &sent));
	close(ends[1]);
	ends[1] = -1;
	/* Who sends to it before it reads. */
	assert_int_equal(-EPIPE, handover_send(ends[0], HANDOVER_LISTENER, 5));
	assert_int_equal(-EPERM, await(HANDOVER_GO, LONG_MS, &value, &failure));
	assert_int_equal(-EPERM, failure.error);
	assert_string_equal(sent.text, failure.text);
	assert_int_equal(1, value);
	assert_int_equal(-EPIPE, await(HANDOVER_GO, LONG_MS, &value, &failure));
	assert_int_equal(0, failure.error);
	assert_string_equal("the other end exited without reporting an error", failure.text);
}

static void failure_of_any_length_arrives_as_one(void **state)
{
	struct failure sent = { 0 };
	struct failure failure;
	int value;

	(void)state;
	for (size_t length = 0; length < sizeof(sent.text); length++) {
		memset(sent.text, 'x', length);
		assert_int_equal(0, handover_fail(ends[1], &sent));
		assert_true(await(HANDOVER_GO, LONG_MS, &value, &failure) < 0);
		assert_int_equal(length, strlen(failure.text));
	}
}

/* A failure may have no errno; it is still none. */
static void failure_without_an_errno_is_a_failure(void **state)
{
	const struct failure sent = { 0, "the policy says no" };
	struct failure failure = { 0 };
	int value = 1;

	(void)state;
	assert_int_equal(0, handover_fail(ends[1], &sent));
	assert_int_equal(-EPROTO, await(HANDOVER_FAILED, LONG_MS, &value, &failure));
	assert_int_equal(0, failure.error);
	assert_string_equal(sent.text, failure.text);
	assert_int_equal(1, value);
}

static void text_without_an_end_is_cut(void **state)
{
	struct handover_message message;
	struct failure sent = { 0 };

	(void)state;
	memset(sent.text, 'x', sizeof(sent.text));
	assert_int_equal(0, handover_fail(ends[1], &sent));
	assert_int_equal(0, handover_receive(ends[0], &message));
	assert_int_equal(sizeof(sent.text) - 1, strlen(message.text));
}

static void silence_times_out(void **state)
{
	struct failure failure;
	int64_t start = start_now_ms();
	int value;

	(void)state;
	assert_int_equal(-ETIMEDOUT, await(HANDOVER_GO, SHORT_MS, &value, &failure));
	assert_in_range(start_now_ms() - start, SHORT_MS - 1, LONG_MS);
	assert_string_equal("the other end did not answer in time", failure.text);
}

static void other_message_than_the_awaited_one_is_a_failure(void **state)
{
	struct failure failure;
	int value = 1;

	(void)state;
	assert_int_equal(0, handover_send(ends[1], HANDOVER_READY, 0));
	assert_int_equal(-EPROTO, await(HANDOVER_GO, LONG_MS, &value, &failure));
	assert_non_null(strstr(failure.text, "the other end sent"));
	assert_int_equal(1, value);
}

static void message_that_is_not_sound_refused(void **state)
{
	static const struct handover_message bad[] = {
		{ .kind = -1 },
		{ .kind = HANDOVER_SIGNAL + 1 },
		{ .kind = HANDOVER_FAILED, .value = 1 },
		{ .kind = HANDOVER_LISTENER, .value = -1 },
		{ .kind = HANDOVER_GO, .value = 0 },
		{ .kind = HANDOVER_SIGNAL, .value = -9 },
	};
	struct handover_message message = { .value = 3 };
	const struct {
		struct handover_message message;
		char more;
	} longer = { .message.kind = HANDOVER_READY };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(MESSAGE_HEAD, send(ends[1], &bad[i], MESSAGE_HEAD, 0));
		assert_int_equal(-EPROTO, handover_receive(ends[0], &message));
	}
	for (size_t length = 1; length < MESSAGE_HEAD; length++) {
		assert_int_equal(length, send(ends[1], &longer, length, 0));
		assert_int_equal(-EPROTO, handover_receive(ends[0], &message));
	}
	/* No room for the end of its text. */
	assert_int_equal(sizeof(longer.message), send(ends[1], &longer, sizeof(longer.message), 0));
	assert_int_equal(-EPROTO, handover_receive(ends[0], &message));
	assert_int_equal(sizeof(longer), send(ends[1], &longer, sizeof(longer), 0));
	assert_int_equal(-EPROTO, handover_receive(ends[0], &message));
	assert_int_equal(-EAGAIN, handover_receive(ends[0], &message));
	assert_int_equal(3, message.value);
}

static void sender_neither_waits_nor_gets_a_signal(void **state)
{
	int error;

	(void)state;
	do {
		error = handover_send(ends[1], HANDOVER_SIGNAL, 1);
	} while (!error);
	assert_int_equal(-EAGAIN, error);
	close(ends[0]);
	ends[0] = -1;
	assert_int_equal(-EPIPE, handover_send(ends[1], HANDOVER_SIGNAL, 1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_open, pair_close)
	const struct CMUnitTest tests[] = {
		TEST(start_message_arrives_with_its_descriptors),
		TEST(names_are_cut_to_their_room),
		TEST(descriptor_that_is_not_open_is_not_packed),
		TEST(start_message_that_is_not_sound_refused),
		TEST(start_message_of_another_size_refused),
		TEST(start_message_that_is_not_there_refused),
		TEST(start_message_with_too_many_descriptors_refused),
		TEST(start_message_of_the_farthest_values_is_accepted),
		TEST(title_names_user_service_and_session),
		TEST(message_that_is_awaited_arrives),
		TEST(failure_arrives_with_its_reason_from_a_sender_that_is_gone),
		TEST(failure_of_any_length_arrives_as_one),
		TEST(failure_without_an_errno_is_a_failure),
		TEST(text_without_an_end_is_cut),
		TEST(silence_times_out),
		TEST(other_message_than_the_awaited_one_is_a_failure),
		TEST(message_that_is_not_sound_refused),
		TEST(sender_neither_waits_nor_gets_a_signal),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
