/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as the files of a PAM service: read, followed, judged.
 * Run by `make fuzz`.
 * Checks: whatever includes whatever, reading ends; a stack holds by our line alone.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pam_judge.h"
#include "pam_stack.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Files one behind another, each ended by NUL; their names are 0, 1, 2 ... */
struct input {
	const char *bytes;
	size_t size;
};

static int source(const char *name, void *context, char **ret_path, char **ret_bytes,
		  size_t *ret_length)
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
	*ret_bytes = malloc(*ret_length + 1);
	*ret_path = strdup(name);
	if (!*ret_bytes || !*ret_path)
		abort();
	memcpy(*ret_bytes, text, *ret_length);
	return 0;
}

static void stack_judge(const struct pam_stack *stack)
{
	bool *ours = calloc(stack->count + 1, sizeof(*ours));
	struct pam_judgement judgement;
	bool any = false;

	for (size_t i = 0; i < stack->count; i++) {
		ours[i] = stack->handlers[i].kind == LINE_MODULE &&
			  strcmp(stack->handlers[i].line->name, "pam_sandlock.so") == 0;
		any |= ours[i];
	}
	if (pam_judge(stack, ours, PAM_EVERY_LINE, &judgement) < 0)
		abort();
	if (!any && (judgement.held || judgement.unheeded))
		__builtin_trap();
	if (stack->count > 0 && pam_judge(stack, ours, stack->count / 2, &judgement) < 0)
		abort();
	free(ours);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { (const char *)data, size };
	struct pam_service service;

	if (pam_service_read("0", source, &input, &service) < 0)
		abort();
	if (service.refused && service.complaint_count == 0)
		__builtin_trap();
	for (size_t i = 0; i < TYPE_ANY; i++)
		stack_judge(&service.stacks[i]);
	pam_service_free(&service);
	return 0;
}
