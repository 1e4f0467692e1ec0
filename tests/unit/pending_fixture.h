/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls that wait, with hooks that only keep a record. Asserts through cmocka.
 */
#ifndef SANDLOCK_TEST_PENDING_FIXTURE_H
#define SANDLOCK_TEST_PENDING_FIXTURE_H

#include "clock.h"
#include "pending.h"

#define IDS      (PENDING_MAX + 8)
#define ORDER    64
#define PATIENCE (5 * NS_PER_S)

struct pending_world {
	struct pending pending;
	struct loop loop;
	/* What the hooks answer, by the number of the call. */
	struct outcome next[IDS];
	uint32_t more[IDS]; /* times that it goes on before */
	bool invalid[IDS];
	/* What they were asked. */
	uint32_t served[IDS];
	bool interrupted[IDS];
	bool answered[IDS];
	struct outcome outcome[IDS];
	uint64_t order[ORDER];
	uint32_t order_count;
};
extern struct pending_world world;

int pending_test_open(void **state);
int pending_test_close(void **state);

struct request request_of(uint64_t id, pid_t thread, int fd);

/* A call of this process's. */
void add(uint64_t id, int fd, enum outcome_kind kind);

/* As loop_run, once. */
void turn(void);
void run_ms(uint64_t ms);
void run_until_answered(uint64_t id);
void assert_outcome(uint64_t id, enum outcome_kind kind, int error);

/* One end of a pair that takes nothing more; what empties it in *ret_other. */
int full_socket(int *ret_other);
void empty_socket(int other);

#endif
