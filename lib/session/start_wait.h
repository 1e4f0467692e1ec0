/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one bound on every wait of a start: for the planner, the supervisor, the confined process and
 * what they tell one another. What does not answer in time is ended, and the login refused.
 */
#ifndef SANDLOCK_START_WAIT_H
#define SANDLOCK_START_WAIT_H

#include <stddef.h>
#include <stdint.h>

#define START_WAIT_MS 15000
#define START_END_MS  1000 /* for what was killed to be gone */

/* Monotonic. */
int64_t start_now_ms(void);

/* Until `fd` can be read or has hung up: 0, -ETIMEDOUT or another negative errno. Signals do not
 * end it. */
int start_await(int fd, int timeout_ms);

/* read_exact within START_WAIT_MS. */
int start_read(int fd, void *buffer, size_t length);

#endif
