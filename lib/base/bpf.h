/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes a seccomp program, one instruction after the other. Jumps are opened and closed by their
 * position, so that no caller counts instructions. Where the program is full, only the length
 * grows: at the end a length above the capacity means that the program is incomplete.
 */
#ifndef SANDLOCK_BPF_H
#define SANDLOCK_BPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The program under construction. */
struct bpf {
	struct sock_filter *program;
	size_t capacity;
	size_t length;
};

void bpf_statement(struct bpf *bpf, uint16_t code, uint32_t value);

/* Loads a word of struct seccomp_data, or half of an argument, into the accumulator. */
void bpf_load(struct bpf *bpf, size_t offset);
void bpf_load_low(struct bpf *bpf, uint32_t argument);
void bpf_load_high(struct bpf *bpf, uint32_t argument);

void bpf_return(struct bpf *bpf, uint32_t action);

/* Returns `action` where the accumulator compares so (BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JSET). */
void bpf_return_if(struct bpf *bpf, uint16_t comparison, uint32_t value, uint32_t action);
void bpf_return_unless(struct bpf *bpf, uint16_t comparison, uint32_t value, uint32_t action);

/* The start of a program: calls of another ABI return `refusal`. Then the accumulator holds the
 * number of the call. */
void bpf_begin(struct bpf *bpf, uint32_t refusal);

/* What is written from here to bpf_end_if() runs only where the accumulator compares so. Returns
 * the position that bpf_end_if() takes. */
size_t bpf_if(struct bpf *bpf, uint16_t comparison, uint32_t value);

/* The same, for any distance; one instruction longer. */
size_t bpf_if_far(struct bpf *bpf, uint16_t comparison, uint32_t value);

/* Where the distance is too far for bpf_if(), the program counts as too long. */
void bpf_end_if(struct bpf *bpf, size_t position);

/* False where bpf_end_if() would now fail: the caller may set the length back to what it was before
 * bpf_if(), and start again with bpf_if_far(). */
bool bpf_is_near(const struct bpf *bpf, size_t position);

#endif
