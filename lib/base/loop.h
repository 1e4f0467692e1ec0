/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One thread waiting for many descriptors. Each descriptor has one owner, which is called when it
 * is ready. It may be called once too often (an event of the same round): owners try without
 * blocking.
 */
#ifndef SANDLOCK_LOOP_H
#define SANDLOCK_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

/* A member of its owner's struct, found again by container_of. */
struct watch {
	int fd;
	void (*ready)(struct watch *watch, uint32_t events);
};

#define container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

struct loop {
	int epoll;
	bool stopped;
	struct watch *turns;
};

int loop_open(struct loop *loop);

/* `watch` and its fd belong to the caller and must outlive loop_remove. */
int loop_add(struct loop *loop, struct watch *watch, uint32_t events);
void loop_remove(struct loop *loop, struct watch *watch);

/* `watch`, which needs no fd, is called after each round of the others, which then do not wait;
 * NULL: none any more. */
void loop_take_turns(struct loop *loop, struct watch *watch);

/* What is ready now, once: for a loop whose own descriptor another loop watches. */
int loop_round(const struct loop *loop);

/* One round, which waits for at most so long (-1: for ever): for who has timers of his own. */
int loop_wait(const struct loop *loop, int timeout_ms);

/* Until loop_stop; a negative errno where waiting itself fails. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

#endif
