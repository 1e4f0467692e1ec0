/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one bound on every wait of a start.
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

static int await_until(int fd, int64_t end)
{
	for (;;) {
		struct pollfd poller = { fd, POLLIN, 0 };
		int64_t left = end - start_now_ms();
		int count = poll(&poller, 1, left < 0 ? 0 : (int)left);

		if (count > 0)
			return 0;
		if (count < 0 && errno != EINTR)
			return -errno;
		if (count == 0 && end <= start_now_ms())
			return -ETIMEDOUT;
	}
}

int start_await(int fd, int timeout_ms)
{
	return await_until(fd, start_now_ms() + timeout_ms);
}

int start_read(int fd, void *buffer, size_t length)
{
	const int64_t end = start_now_ms() + START_WAIT_MS;
	char *bytes = buffer;
	int error = 0;

	for (size_t i = 0; !error && i < length; i++) {
		error = await_until(fd, end);
		if (!error)
			error = read_exact(fd, bytes + i, 1);
	}
	return error;
}
