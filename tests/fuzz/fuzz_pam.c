/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as the files of a PAM service: read, followed, walked.
 * Run by `make fuzz`.
 * Checks: whatever includes whatever, reading ends; a stack holds by our line alone.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pam_outcome.h"
#include "pam_stack.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Files one behind another, each ended by NUL; their names are 0, 1, 2 ... */
struct input {
	const char *bytes;
	size_t size;
};

static int source(const char *name, void *context, struct arena *arena, const char **ret_path,
		  char **ret_bytes, size_t *ret_length)
{
	const struct input *input = context;
	const char *text = input->bytes;
	const char *end = text + input->size;
	uint64_t number;

	if (parse_unsigned(name, 100, &number) < 0)
		return -ENOENT;
	for (; number > 0; number--) {
		text = memchr(text, '\0', (size_t)(end - text));
		if (!text)
			return -ENOENT;
		text++;
	}
	*ret_length = strnlen(text, (size_t)(end - text));
	*ret_bytes = arena_alloc(arena, *ret_length + 1);
	*ret_path = name;
	memcpy(*ret_bytes, text, *ret_length);
	return 0;
}

static void stack_walk(const struct pam_stack *stack, struct arena *arena)
{
	bool *ours = arena_alloc(arena, stack->count + 1);
	struct pam_outcome outcome;
	bool any = false;

	for (size_t i = 0; i < stack->count; i++) {
		ours[i] = stack->lines[i].kind == LINE_MODULE &&
			  strcmp(stack->lines[i].name, "pam_sandlock.so") == 0;
		any |= ours[i];
	}
	outcome = pam_stack_outcome(stack, ours, PAM_EVERY_LINE);
	if (!any && (outcome.held || outcome.ignored))
		__builtin_trap();
	if (stack->count > 0)
		pam_stack_outcome(stack, ours, stack->count / 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_arena struct arena arena = { 0 };
	struct input input = { (const char *)data, size };
	struct pam_service service = pam_service_read("0", source, &input, &arena);

	if (service.refused && service.problem_count == 0)
		__builtin_trap();
	for (size_t i = 0; i < TYPE_ANY; i++)
		stack_walk(&service.stacks[i], &arena);
	return 0;
}
