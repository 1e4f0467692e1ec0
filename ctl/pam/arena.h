/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory of one answer, freed together. Where there is none, the program ends with CTL_ERROR.
 */
#ifndef SANDLOCK_CTL_ARENA_H
#define SANDLOCK_CTL_ARENA_H

#include <stddef.h>

struct arena {
	struct arena_block *blocks;
};
#define cleanup_arena __attribute__((cleanup(arena_free)))

/* Zeroed. */
void *arena_alloc(struct arena *arena, size_t size);
char *arena_print(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* `list` of `count` items of `size` bytes, with room for one more; it may have moved. */
void *arena_grow(struct arena *arena, void *list, size_t count, size_t size);
void arena_free(struct arena *arena);

#endif
