/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One thread waiting for many descriptors. Each descriptor has one owner, who is called when it is
 * ready. A call may come too many (an event of the same round): owners try without blocking and go
 * on.
 */
#ifndef SANDLOCK_LOOP_H
#define SANDLOCK_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

/* Stands inside its owner's own struct; container_of leads back. */
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

/* `watch`, which needs no fd, has a turn after each round of the others, which then wait for
 * nothing; NULL: nobody has any more. */
void loop_take_turns(struct loop *loop, struct watch *watch);

/* What is ready now, once: for a loop whose own descriptor another loop watches. */
int loop_round(const struct loop *loop);

/* Until loop_stop; a negative errno where waiting itself fails. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

#endif
