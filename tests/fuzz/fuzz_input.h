/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the fuzz targets share: bytes that are taken one after the other, zeros behind the last, and
 * what must be true.
 */
#ifndef SANDLOCK_FUZZ_INPUT_H
#define SANDLOCK_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void demand(bool sound)
{
	if (!sound)
		__builtin_trap();
}

struct input {
	const uint8_t *data;
	size_t size;
};

static inline uint8_t take(struct input *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->data++;
}

static inline uint16_t take_word(struct input *input)
{
	uint8_t high = take(input);

	return (uint16_t)(high << 8 | take(input));
}

static inline void take_bytes(struct input *input, void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		((uint8_t *)bytes)[i] = take(input);
}

#endif
