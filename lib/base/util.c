/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every module needs: cleanup attributes, checked integers, whole reads and writes. No state.
 * Distrusts the text given to parse_unsigned and pattern_matches.
 */
#include "util.h"

#include <errno.h>
#include <sys/syscall.h>

void util_cleanup_fd(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

void util_cleanup_file(FILE **file)
{
	int saved = errno;

	if (*file)
		fclose(*file);
	errno = saved;
}

void util_cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* Not every C library has a wrapper. */
int fd_close_from(int first)
{
	return syscall(__NR_close_range, (unsigned)first, ~0U, 0) ? -errno : 0;
}

int parse_unsigned(const char *text, uint64_t maximum, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
		return -EINVAL;
	for (; *text; text++) {
		uint64_t digit = (uint64_t)(unsigned char)*text - '0';

		if (digit > 9)
			return -EINVAL;
		if (digit > maximum || value > (maximum - digit) / 10)
			return -ERANGE;
		value = value * 10 + digit;
	}
	*ret_value = value;
	return 0;
}

int write_exact(int fd, const void *buffer, size_t length)
{
	const char *bytes = buffer;

	while (length > 0) {
		ssize_t written = write(fd, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

ssize_t read_bounded(int fd, void *buffer, size_t limit)
{
	char *bytes = buffer;
	size_t length = 0;
	char beyond;

	for (;;) {
		bool full = length == limit;
		ssize_t got = read(fd, full ? &beyond : bytes + length, full ? 1 : limit - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return (ssize_t)length;
		if (full)
			return -EFBIG;
		length += (size_t)got;
	}
}

int read_exact(int fd, void *buffer, size_t length)
{
	char *bytes = buffer;

	while (length > 0) {
		ssize_t got = read(fd, bytes, length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return -EPIPE;
		bytes += got;
		length -= (size_t)got;
	}
	return 0;
}

uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length)
{
	const unsigned char *byte = bytes;

	while (length-- > 0) {
		hash ^= *byte++;
		hash *= 0x100000001b3ULL;
	}
	return hash;
}

bool pattern_matches(const char *pattern, const char *text, size_t length)
{
	const char *end = text + length;
	const char *star = NULL;
	const char *resume = NULL;

	while (text < end) {
		if (*pattern == '*') {
			star = pattern++;
			resume = text;
		} else if (*pattern && *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

size_t text_print(FILE *stream, const char *text)
{
	size_t printed = 0;

	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte >= ' ' && byte < 0x7f)
			printed += fputc(byte, stream) != EOF;
		else
			printed += (size_t)fprintf(stream, "\\x%02x", byte);
	}
	return printed;
}
