/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes the instructions of a seccomp program, one after the other, and goes on counting where
 * they no longer fit.
 */
#ifndef SANDLOCK_ASSEMBLER_H
#define SANDLOCK_ASSEMBLER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter_facts.h"

#define ALLOW     SECCOMP_RET_ALLOW
#define TRAP      SECCOMP_RET_USER_NOTIF
#define FAIL(err) (SECCOMP_RET_ERRNO | (err))

/* The program under construction. */
struct assembler {
	struct sock_filter *program;
	size_t length;
	const struct filter_facts *facts;
};

static inline void emit(struct assembler *assembler, struct sock_filter instruction)
{
	if (assembler->length < FILTER_LENGTH_MAX)
		assembler->program[assembler->length] = instruction;
	assembler->length++;
}

static inline void emit_load(struct assembler *assembler, size_t offset)
{
	emit(assembler, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

/* Both supported machines are little-endian: the low word comes first. */
static inline void emit_load_low(struct assembler *assembler, uint32_t argument)
{
	emit_load(assembler, offsetof(struct seccomp_data, args) + 8 * argument);
}

static inline void emit_load_high(struct assembler *assembler, uint32_t argument)
{
	emit_load(assembler, offsetof(struct seccomp_data, args) + 8 * argument + 4);
}

/* Makes the long jump at `position` lead to the next instruction. */
static inline void set_jump(struct assembler *assembler, size_t position)
{
	if (position < FILTER_LENGTH_MAX)
		assembler->program[position].k = (uint32_t)(assembler->length - position - 1);
}

/* The same of the conditional jump there, where it does not hold; false where that is too far. */
static inline bool set_branch(struct assembler *assembler, size_t position)
{
	size_t distance = assembler->length - position - 1;

	if (distance <= UINT8_MAX && position < FILTER_LENGTH_MAX)
		assembler->program[position].jf = (uint8_t)distance;
	return distance <= UINT8_MAX;
}

static inline void emit_return(struct assembler *assembler, uint32_t action)
{
	emit(assembler, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* Ends in `action` where the accumulator compares so, and goes on where it does not. */
static inline void emit_return_if(struct assembler *assembler, uint16_t comparison, uint32_t value,
				  uint32_t action)
{
	emit(assembler, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | comparison, value, 0, 1));
	emit_return(assembler, action);
}

#endif
