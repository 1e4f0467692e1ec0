/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the works of a probe share: how one is measured, and how it fails. Distrusts success: a
 * work whose effect did not come about ends the program.
 */
#ifndef SANDLOCK_BENCH_PROBE_H
#define SANDLOCK_BENCH_PROBE_H

#include <stdint.h>

struct probe {
	uint16_t port;     /* of a server that accepts and closes */
	uint16_t hole;     /* of a listener whose queue is full */
	const char *path;  /* of a unix server that accepts and closes */
	unsigned size;     /* bytes of a message */
	int socket;        /* what the work keeps open */
	int peer;          /* its other end, where that is ours too */
	unsigned arrivals; /* connections that the server must have seen */
};

struct work {
	const char *name;
	void (*open)(struct probe *probe);       /* once, not measured; may be NULL */
	uint64_t (*sample)(struct probe *probe); /* the nanoseconds of one sample */
	unsigned calls;                          /* in one sample */
};

/* NULL where there is none of that name. */
const struct work *work_find(const char *name);

/* A connection to the black hole; does not return before the kernel gives up. */
void work_hang(const struct probe *probe);

uint64_t now_ns(void);
void sleep_us(unsigned us);
void fail(const char *what) __attribute__((noreturn)); /* says errno, too */

#endif
