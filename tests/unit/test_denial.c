/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is written of refusals, read back from the descriptor that mirrors the log.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "denial.h"
#include "log.h"
#include "util.h"

static const char strings[] = "\0alice\0alice.conf\0db";
static const struct plan_header header = { .user = 1 };
static const struct plan plan = { .header = &header, .strings = strings };
static const struct rule rule = { .file = 7, .line = 12, .label = 18 };

static int mirror = -1;

static int mirror_open(void **state)
{
	(void)state;
	mirror = memfd_create("log", MFD_CLOEXEC);
	log_open(mirror);
	log_identify("alice", 0xabc);
	return mirror < 0;
}

static int mirror_close(void **state)
{
	(void)state;
	log_close();
	return close(mirror);
}

/* All that was written since the last look. */
static const char *written(void)
{
	static char text[65536];
	ssize_t length = pread(mirror, text, sizeof(text) - 1, 0);

	assert_true(length >= 0);
	text[length] = '\0';
	assert_int_equal(0, ftruncate(mirror, 0));
	assert_int_equal(0, lseek(mirror, 0, SEEK_SET));
	return text;
}

static unsigned lines(const char *text)
{
	unsigned count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static void deny(struct denials *denials, const char *destination, const struct rule *decided)
{
	const struct denial denial = {
		.operation = "connect",
		.protocol = "tcp",
		.destination = destination,
		.rule = decided,
	};

	const struct process_status status = { .name = "test_denial", .group = getpid() };

	denial_log(denials, &plan, getpid(), &status, &denial);
}

static void line_names_who_what_and_why(void **state)
{
	struct denials denials = { 0 };
	char expected[256];

	(void)state;
	deny(&denials, "192.0.2.1:80", &rule);
	snprintf(expected, sizeof(expected),
		 "sandlock: denied user=alice session=0000000000000abc pid=%d program=test_denial "
		 "operation=connect protocol=tcp destination=192.0.2.1:80 rule=alice.conf:12:db\n",
		 (int)getpid());
	assert_string_equal(expected, written());
	deny(&denials, "192.0.2.2:80", NULL);
	assert_non_null(strstr(written(), " rule=default\n"));
}

static void destination_of_the_user_s_own_bytes_is_escaped(void **state)
{
	struct denials denials = { 0 };

	(void)state;
	deny(&denials, "/tmp/x rule=alice\nsandlock: denied user=root", NULL);
	assert_non_null(strstr(written(), "destination=/tmp/x\\x20rule=alice\\x0asandlock:"));
}

static void long_destination_cuts_nothing_behind_it(void **state)
{
	struct denials denials = { 0 };
	char path[4000];
	const char *line;

	(void)state;
	memset(path, '\n', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	deny(&denials, path, &rule);
	line = written();
	assert_non_null(strstr(line, "\\x0a... rule=alice.conf:12:db\n"));
	assert_int_equal(1, lines(line));
}

static void same_denial_is_written_once(void **state)
{
	struct denials denials = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		deny(&denials, "192.0.2.1:80", NULL);
	assert_int_equal(1, lines(written()));
	denial_flush(&denials, 1);
	assert_non_null(
		strstr(written(), "denied user=alice session=0000000000000abc suppressed=99\n"));
}

/* As if so long had passed; what is computed from the clock wraps alike. */
static void age(struct denials *denials, uint64_t seconds)
{
	for (size_t i = 0; i < LOG_LIMIT_REMEMBERED; i++)
		denials->limit.remembered[i].written -= seconds * NS_PER_S;
}

static void same_denial_is_written_again_after_a_while_with_its_count(void **state)
{
	struct denials denials = { 0 };

	(void)state;
	for (int i = 0; i < 5; i++)
		deny(&denials, "192.0.2.1:80", NULL);
	assert_int_equal(1, lines(written()));
	age(&denials, DENIALS_REPEAT_S - 1);
	deny(&denials, "192.0.2.1:80", NULL);
	assert_int_equal(0, lines(written()));
	age(&denials, 1);
	deny(&denials, "192.0.2.1:80", NULL);
	assert_non_null(strstr(written(), "destination=192.0.2.1:80 rule=default suppressed=5\n"));
	denial_flush(&denials, 1);
	assert_string_equal("", written());
}

static void many_different_denials_do_not_fill_the_log(void **state)
{
	struct denials denials = { 0 };
	unsigned count;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		char destination[32];

		snprintf(destination, sizeof(destination), "192.0.2.1:%d", i + 1);
		deny(&denials, destination, NULL);
	}
	count = lines(written());
	assert_in_range(count, DENIALS_BURST, DENIALS_BURST + 10000 / DENIALS_INTERVAL_MS);
	denial_flush(&denials, 1);
	assert_non_null(strstr(written(), " suppressed="));
}

static void line_that_nobody_took_is_told_of_and_due_again(void **state)
{
	struct denials denials = { 0 };
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct rlimit files, none;

	(void)state;
	/* This machine's log daemon would take them: there is no descriptor for its socket. */
	assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &files));
	none = files;
	none.rlim_cur = 0;
	log_close();
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &none));
	log_open(full);
	deny(&denials, "192.0.2.1:80", NULL);
	log_close();
	log_open(full);
	deny(&denials, "192.0.2.1:80", NULL);
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &files));
	close(full);
	log_close();
	log_open(mirror);
	assert_string_equal("", written());
	deny(&denials, "192.0.2.1:80", NULL);
	assert_non_null(strstr(written(), " rule=default lost=2\n"));
	deny(&denials, "192.0.2.2:80", NULL);
	assert_null(strstr(written(), "lost"));
}

static void minor_denials_leave_room_for_others(void **state)
{
	struct denials denials = { 0 };
	const struct process_status status = { .name = "test_denial", .group = getpid() };

	(void)state;
	for (int i = 0; i < 1000; i++) {
		char destination[32];
		const struct denial denial = { "connect", "udp", destination, .minor = true };

		snprintf(destination, sizeof(destination), "192.0.2.1:%d", i / 2 + 1);
		denial_log(&denials, &plan, getpid(), i % 2 ? NULL : &status, &denial);
	}
	assert_in_range(lines(written()), DENIALS_BURST / 2,
			DENIALS_BURST / 2 + 10000 / DENIALS_INTERVAL_MS);
	deny(&denials, "192.0.2.2:80", NULL);
	assert_int_equal(1, lines(written()));
}

static void nothing_suppressed_is_nothing_to_say(void **state)
{
	struct denials denials = { 0 };

	(void)state;
	denial_flush(&denials, 1);
	assert_string_equal("", written());
}

static void program_that_is_gone_is_said(void **state)
{
	struct denials denials = { 0 };
	const struct denial denial = {
		.operation = "connect", .protocol = "unix", .destination = "?", .reason = "no path"
	};

	(void)state;
	denial_log(&denials, &plan, 0x7ffffffe, NULL, &denial);
	assert_non_null(strstr(written(), " program=? operation=connect protocol=unix destination=? "
					  "reason=no\\x20path\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_names_who_what_and_why),
		cmocka_unit_test(destination_of_the_user_s_own_bytes_is_escaped),
		cmocka_unit_test(long_destination_cuts_nothing_behind_it),
		cmocka_unit_test(same_denial_is_written_once),
		cmocka_unit_test(same_denial_is_written_again_after_a_while_with_its_count),
		cmocka_unit_test(many_different_denials_do_not_fill_the_log),
		cmocka_unit_test(line_that_nobody_took_is_told_of_and_due_again),
		cmocka_unit_test(minor_denials_leave_room_for_others),
		cmocka_unit_test(nothing_suppressed_is_nothing_to_say),
		cmocka_unit_test(program_that_is_gone_is_said),
	};

	return cmocka_run_group_tests(tests, mirror_open, mirror_close);
}
