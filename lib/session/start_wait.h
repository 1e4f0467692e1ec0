/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The common bound of all waits of a start: for the planner, the supervisor, the confined process
 * and their messages. A process that has not answered by then is killed, and the login refused. A
 * deadline is taken once, where a start begins, and passed to all its waits.
 */
#ifndef SANDLOCK_START_WAIT_H
#define SANDLOCK_START_WAIT_H

#include <stddef.h>
#include <stdint.h>

#define START_WAIT_MS 15000
#define START_END_MS  1000 /* for a killed process to end */

/* Monotonic. */
int64_t start_now_ms(void);

/* The deadline of a start that begins now. */
int64_t start_deadline(void);

/* Milliseconds until then, for poll(2); 0 once it has passed. */
int start_left(int64_t deadline_ms);

/* Until `fd` can be read or has hung up: 0, -ETIMEDOUT or another negative errno. Signals do not
 * end it. */
int start_await(int fd, int64_t deadline_ms);

/* read_exact before the deadline. */
int start_read(int fd, void *buffer, size_t length, int64_t deadline_ms);

#endif
