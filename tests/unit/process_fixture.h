/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Children that stand still. Asserts through cmocka.
 */
#ifndef SANDLOCK_TEST_PROCESS_FIXTURE_H
#define SANDLOCK_TEST_PROCESS_FIXTURE_H

#include <sys/types.h>

/* A child that has done `prepare` (NULL: nothing) and waits for its end. */
pid_t child_start(void (*prepare)(void));

/* The same with this number; 0 where it may not have the number. */
pid_t child_start_as(pid_t number, void (*prepare)(void));

/* Kills and reaps. */
void child_end(pid_t child);

/* For `prepare`: starts a thread that stands still, whose number *ret_thread becomes; 0 before. */
void thread_start(volatile pid_t *ret_thread);

#endif
