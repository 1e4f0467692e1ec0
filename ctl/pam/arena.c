/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory of one answer, freed together.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

struct arena_block {
	struct arena_block *next;
	max_align_t bytes[];
};

void *arena_alloc(struct arena *arena, size_t size)
{
	struct arena_block *block = calloc(1, sizeof(*block) + size);

	if (!block) {
		fputs("sandlockctl: out of memory\n", stderr);
		exit(2);
	}
	block->next = arena->blocks;
	arena->blocks = block;
	return block->bytes;
}

char *arena_print(struct arena *arena, const char *format, ...)
{
	va_list arguments;
	size_t size;
	char *text;

	va_start(arguments, format);
	size = (size_t)vsnprintf(NULL, 0, format, arguments) + 1;
	va_end(arguments);
	text = arena_alloc(arena, size);
	va_start(arguments, format);
	vsnprintf(text, size, format, arguments);
	va_end(arguments);
	return text;
}

void *arena_grow(struct arena *arena, void *list, size_t count, size_t size)
{
	void *grown;

	/* It is full at powers of two. */
	if (count & (count - 1))
		return list;
	grown = arena_alloc(arena, (count ? 2 * count : 1) * size);
	if (count > 0)
		memcpy(grown, list, count * size);
	return grown;
}

void arena_free(struct arena *arena)
{
	struct arena_block *next;

	for (struct arena_block *block = arena->blocks; block; block = next) {
		next = block->next;
		free(block);
	}
	arena->blocks = NULL;
}
