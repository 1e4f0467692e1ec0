/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Integers, whole reads and writes, descriptors, hashes and patterns, and the form of a log line.
 * Run by `make test`.
 * Text that is nearly a number is the larger part.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "log.h"
#include "util.h"

/* ---- numbers ---- */

static void unsigned_up_to_the_maximum_is_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t maximum;
		uint64_t value;
	} rows[] = {
		{ "0", 0, 0 },
		{ "7", 7, 7 },
		{ "65535", 65535, 65535 },
		{ "10", UINT64_MAX, 10 },
		{ "18446744073709551615", UINT64_MAX, UINT64_MAX },
	};
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(parse_unsigned(rows[i].text, rows[i].maximum, &value), 0);
		assert_true(value == rows[i].value);
	}
}

static void unsigned_malformed_is_refused(void **state)
{
	static const char *const texts[] = { "",   "00", "01",  "-1",  "+1",  " 1",   "1 ",
					     "1a", "a",  "0x1", "1.0", "1e3", "\xb1", "-" };
	uint64_t value = 42;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(parse_unsigned(texts[i], UINT64_MAX, &value), -EINVAL);
	assert_true(value == 42);
}

static void unsigned_above_the_maximum_is_out_of_range(void **state)
{
	static const struct {
		const char *text;
		uint64_t maximum;
	} rows[] = {
		{ "1", 0 },
		{ "8", 7 },
		{ "65536", 65535 },
		{ "10", 9 },
		{ "18446744073709551616", UINT64_MAX },
		{ "99999999999999999999999999", UINT64_MAX },
	};
	uint64_t value = 42;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(parse_unsigned(rows[i].text, rows[i].maximum, &value), -ERANGE);
	assert_true(value == 42);
}

/* ---- descriptors ---- */

static int memfd_with(const char *text)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write_exact(fd, text, strlen(text)), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void read_exact_early_end_is_a_broken_pipe(void **state)
{
	cleanup_fd int fd = memfd_with("abcd");
	char buffer[4];

	(void)state;
	assert_int_equal(read_exact(fd, buffer, 4), 0);
	assert_memory_equal(buffer, "abcd", 4);
	assert_int_equal(read_exact(fd, buffer, 1), -EPIPE);
	assert_int_equal(read_exact(fd, buffer, 0), 0);
}

static void exact_bad_descriptor_is_an_error(void **state)
{
	char buffer[4] = { 0 };

	(void)state;
	assert_int_equal(read_exact(-1, buffer, 4), -EBADF);
	assert_int_equal(write_exact(-1, buffer, 4), -EBADF);
	assert_int_equal(read_bounded(-1, buffer, 4), -EBADF);
}

/* A megabyte takes a pipe of 64 KiB many reads and writes. */
static void exact_through_a_pipe_is_whole(void **state)
{
	enum {
		LENGTH = 1 << 20
	};
	cleanup_free unsigned char *sent = malloc(LENGTH);
	cleanup_free unsigned char *got = malloc(LENGTH);
	int ends[2], status;
	pid_t child;

	(void)state;
	for (size_t i = 0; i < LENGTH; i++)
		sent[i] = (unsigned char)(i * 31 >> 3);
	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0)
		_exit(write_exact(ends[1], sent, LENGTH) == 0 ? 0 : 1);
	close(ends[1]);
	assert_int_equal(read_exact(ends[0], got, LENGTH), 0);
	assert_int_equal(read_exact(ends[0], got, 1), -EPIPE);
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_memory_equal(sent, got, LENGTH);
}

static void read_bounded_up_to_the_limit_is_read(void **state)
{
	cleanup_fd int fd = memfd_with("abcd");
	char buffer[8];

	(void)state;
	assert_int_equal(read_bounded(fd, buffer, 4), 4);
	assert_memory_equal(buffer, "abcd", 4);
	assert_int_equal(read_bounded(fd, buffer, 4), 0);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(read_bounded(fd, buffer, sizeof(buffer)), 4);
}

static void read_bounded_beyond_the_limit_is_too_big(void **state)
{
	cleanup_fd int fd = memfd_with("abcd");
	char buffer[4];

	(void)state;
	assert_int_equal(read_bounded(fd, buffer, 3), -EFBIG);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(read_bounded(fd, buffer, 0), -EFBIG);
}

static void cleanup_fd_closes_and_keeps_errno(void **state)
{
	int fd = memfd_with(""), number = fd, none = -1;

	(void)state;
	errno = EXDEV;
	util_cleanup_fd(&none);
	util_cleanup_fd(&fd);
	util_cleanup_fd(&number);
	assert_int_equal(errno, EXDEV);
	assert_int_equal(fcntl(number, F_GETFD), -1);
}

static void fd_taken_is_not_closed(void **state)
{
	int taken;

	(void)state;
	{
		cleanup_fd int fd = memfd_with("");

		taken = fd_take(&fd);
		assert_int_equal(fd, -1);
	}
	assert_true(fcntl(taken, F_GETFD) >= 0);
	close(taken);
}

static void fd_close_from_leaves_what_is_below(void **state)
{
	int status;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		bool sound = dup2(0, 40) == 40 && dup2(0, 50) == 50 && dup2(0, 900) == 900 &&
			     fd_close_from(50) == 0 && fcntl(40, F_GETFD) >= 0 &&
			     fcntl(50, F_GETFD) < 0 && fcntl(900, F_GETFD) < 0;

		_exit(sound ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* ---- bytes ---- */

/* The vectors of the authors of FNV. */
static void hash_of_known_bytes_is_fnv1a(void **state)
{
	(void)state;
	assert_true(hash_bytes(HASH_START, "", 0) == 0xcbf29ce484222325ULL);
	assert_true(hash_bytes(HASH_START, "a", 1) == 0xaf63dc4c8601ec8cULL);
	assert_true(hash_bytes(HASH_START, "foobar", 6) == 0x85944171f73967e8ULL);
	assert_true(hash_bytes(hash_bytes(HASH_START, "foo", 3), "bar", 3) == 0x85944171f73967e8ULL);
}

static void pattern_star_matches_any_run(void **state)
{
	static const struct {
		const char *pattern;
		const char *text;
		bool matches;
	} rows[] = {
		{ "", "", true },
		{ "", "a", false },
		{ "a", "", false },
		{ "*", "", true },
		{ "***", "a/b", true },
		{ "/tmp/*", "/tmp/", true },
		{ "/tmp/*", "/tmp/a/b", true },
		{ "/tmp/*", "/tm", false },
		{ "/tmp/*/x", "/tmp/x", false },
		{ "*x", "xyx", true },
		{ "*x", "xy", false },
		{ "a*b*c", "a-b-b-c", true },
		{ "a*b*c", "a-c-b", false },
		{ "a*aab", "aaaaaab", true },
		{ "?", "a", false },
		{ "[a]", "a", false },
		{ "*", "*", true },
		{ "a", "A", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(pattern_matches(rows[i].pattern, rows[i].text, strlen(rows[i].text)),
				 rows[i].matches);
}

/* Backtracking into every star would take longer than the universe is old. */
static void pattern_of_many_stars_is_quick(void **state)
{
	char pattern[257], text[513];

	(void)state;
	for (size_t i = 0; i < sizeof(pattern) - 1; i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[256] = '\0';
	memset(text, 'a', sizeof(text) - 1);
	text[511] = 'b';
	text[512] = '\0';
	assert_false(pattern_matches(pattern, text, strlen(text)));
	text[511] = 'a';
	assert_true(pattern_matches(pattern, text, strlen(text)));
}

/* ---- log ---- */

static void log_fields_stand_behind_the_event(void **state)
{
	static const struct log_field fields[] = {
		{ "user", "alice" }, { "rule", NULL }, { "port", "22" }, { "label", "" }
	};
	char line[LOG_LINE_MAX];

	(void)state;
	assert_int_equal(log_format(line, "connect denied", fields, ARRAY_SIZE(fields)),
			 strlen("connect denied user=alice port=22 label="));
	assert_string_equal(line, "connect denied user=alice port=22 label=");
	assert_int_equal(log_format(line, "start", NULL, 0), 5);
	assert_string_equal(line, "start");
}

static void log_hostile_bytes_are_escaped(void **state)
{
	static const struct log_field field = { "path", "/a b\n\"c\"\\\x7f\xc3\xa4=\x1b[2J" };
	char line[LOG_LINE_MAX];

	(void)state;
	log_format(line, "denied", &field, 1);
	assert_string_equal(line,
			    "denied path=/a\\x20b\\x0a\\x22c\\x22\\x5c\\x7f\\xc3\\xa4=\\x1b[2J");
}

static void log_hostile_bytes_of_an_event_are_escaped(void **state)
{
	char line[LOG_LINE_MAX];

	(void)state;
	log_format(line, "bad \"x\" in a\\b\nUSER=\x1b[2J\x7f\xc2\x9b", NULL, 0);
	assert_string_equal(line, "bad \"x\" in a\\b\\x0aUSER=\\x1b[2J\\x7f\\xc2\\x9b");
}

static void log_long_value_is_cut_between_escapes(void **state)
{
	char value[2 * LOG_LINE_MAX];
	const struct log_field field = { "v", value };
	char line[LOG_LINE_MAX];

	(void)state;
	for (size_t plain = 0; plain < 8; plain++) {
		size_t length;

		memset(value, '\n', sizeof(value) - 1);
		memset(value, 'x', plain);
		value[sizeof(value) - 1] = '\0';
		length = log_format(line, "e", &field, 1);
		assert_int_equal(length, strlen(line));
		assert_true(length < LOG_LINE_MAX && length >= LOG_LINE_MAX - 5);
		assert_string_equal(line + length - 4, "\\x0a");
	}
}

static void log_long_plain_text_fills_the_line(void **state)
{
	char text[2 * LOG_LINE_MAX];
	const struct log_field field = { "name", text };
	char line[LOG_LINE_MAX];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(log_format(line, text, &field, 1), LOG_LINE_MAX - 1);
	assert_int_equal(strlen(line), LOG_LINE_MAX - 1);
	assert_int_equal(log_format(line, "e", &field, 1), LOG_LINE_MAX - 1);
	assert_int_equal(strlen(line), LOG_LINE_MAX - 1);
}

static void log_event_is_mirrored_and_keeps_errno(void **state)
{
	static const struct log_field field = { "user", "a b" };
	cleanup_fd int mirror = memfd_with("");
	char text[64] = "";

	(void)state;
	log_open(mirror);
	errno = EXDEV;
	log_event(LOG_INFO, "test", &field, 1);
	log_line(LOG_INFO, "number %d", 7);
	assert_int_equal(errno, EXDEV);
	log_close();
	lseek(mirror, 0, SEEK_SET);
	assert_true(read_bounded(mirror, text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "sandlock: test user=a\\x20b\nsandlock: number 7\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unsigned_up_to_the_maximum_is_read),
		cmocka_unit_test(unsigned_malformed_is_refused),
		cmocka_unit_test(unsigned_above_the_maximum_is_out_of_range),
		cmocka_unit_test(read_exact_early_end_is_a_broken_pipe),
		cmocka_unit_test(exact_bad_descriptor_is_an_error),
		cmocka_unit_test(exact_through_a_pipe_is_whole),
		cmocka_unit_test(read_bounded_up_to_the_limit_is_read),
		cmocka_unit_test(read_bounded_beyond_the_limit_is_too_big),
		cmocka_unit_test(cleanup_fd_closes_and_keeps_errno),
		cmocka_unit_test(fd_taken_is_not_closed),
		cmocka_unit_test(fd_close_from_leaves_what_is_below),
		cmocka_unit_test(hash_of_known_bytes_is_fnv1a),
		cmocka_unit_test(pattern_star_matches_any_run),
		cmocka_unit_test(pattern_of_many_stars_is_quick),
		cmocka_unit_test(log_fields_stand_behind_the_event),
		cmocka_unit_test(log_hostile_bytes_are_escaped),
		cmocka_unit_test(log_hostile_bytes_of_an_event_are_escaped),
		cmocka_unit_test(log_long_value_is_cut_between_escapes),
		cmocka_unit_test(log_long_plain_text_fills_the_line),
		cmocka_unit_test(log_event_is_mirrored_and_keeps_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
