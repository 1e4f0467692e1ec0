/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The common bound of all waits of a start.
 */
#include "start_wait.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <time.h>

#include "util.h"

int64_t start_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t start_deadline(void)
{
	return start_now_ms() + START_WAIT_MS;
}

int start_left(int64_t deadline_ms)
{
	int64_t left = deadline_ms - start_now_ms();

	return left < 0 ? 0 : (int)left;
}

int start_await(int fd, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd poller = { fd, POLLIN, 0 };
		int count = poll(&poller, 1, start_left(deadline_ms));

		if (count > 0)
			return 0;
		if (count < 0 && errno != EINTR)
			return -errno;
		if (count == 0 && start_left(deadline_ms) == 0)
			return -ETIMEDOUT;
	}
}

int start_read(int fd, void *buffer, size_t length, int64_t deadline_ms)
{
	char *bytes = buffer;
	int error = 0;

	for (size_t i = 0; !error && i < length; i++) {
		error = start_await(fd, deadline_ms);
		if (!error)
			error = read_exact(fd, bytes + i, 1);
	}
	return error;
}
