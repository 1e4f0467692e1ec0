/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes a seccomp program.
 */
#include "bpf.h"

#include "compat.h"

static void emit(struct bpf *bpf, struct sock_filter instruction)
{
	if (bpf->length < bpf->capacity)
		bpf->program[bpf->length] = instruction;
	bpf->length++;
}

static void emit_jump(struct bpf *bpf, uint16_t comparison, uint32_t value, uint8_t if_true,
		      uint8_t if_false)
{
	emit(bpf,
	     (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | comparison, value, if_true, if_false));
}

void bpf_statement(struct bpf *bpf, uint16_t code, uint32_t value)
{
	emit(bpf, (struct sock_filter)BPF_STMT(code, value));
}

void bpf_load(struct bpf *bpf, size_t offset)
{
	bpf_statement(bpf, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset);
}

/* All supported machines are little-endian: the low word comes first. */
void bpf_load_low(struct bpf *bpf, uint32_t argument)
{
	bpf_load(bpf, offsetof(struct seccomp_data, args) + 8 * argument);
}

void bpf_load_high(struct bpf *bpf, uint32_t argument)
{
	bpf_load(bpf, offsetof(struct seccomp_data, args) + 8 * argument + 4);
}

void bpf_return(struct bpf *bpf, uint32_t action)
{
	bpf_statement(bpf, BPF_RET | BPF_K, action);
}

void bpf_return_if(struct bpf *bpf, uint16_t comparison, uint32_t value, uint32_t action)
{
	emit_jump(bpf, comparison, value, 0, 1);
	bpf_return(bpf, action);
}

void bpf_return_unless(struct bpf *bpf, uint16_t comparison, uint32_t value, uint32_t action)
{
	emit_jump(bpf, comparison, value, 1, 0);
	bpf_return(bpf, action);
}

void bpf_begin(struct bpf *bpf, uint32_t refusal)
{
	bpf_load(bpf, offsetof(struct seccomp_data, arch));
	bpf_return_unless(bpf, BPF_JEQ, COMPAT_AUDIT_ARCH, refusal);
	bpf_load(bpf, offsetof(struct seccomp_data, nr));
}

size_t bpf_if(struct bpf *bpf, uint16_t comparison, uint32_t value)
{
	emit_jump(bpf, comparison, value, 0, 0);
	return bpf->length - 1;
}

size_t bpf_if_far(struct bpf *bpf, uint16_t comparison, uint32_t value)
{
	emit_jump(bpf, comparison, value, 1, 0);
	bpf_statement(bpf, BPF_JMP | BPF_JA, 0);
	return bpf->length - 1;
}

bool bpf_is_near(const struct bpf *bpf, size_t position)
{
	return bpf->length - position - 1 <= UINT8_MAX;
}

void bpf_end_if(struct bpf *bpf, size_t position)
{
	size_t distance = bpf->length - position - 1;

	if (position >= bpf->capacity)
		return;
	if (BPF_OP(bpf->program[position].code) == BPF_JA)
		bpf->program[position].k = (uint32_t)distance;
	else if (bpf_is_near(bpf, position))
		bpf->program[position].jf = (uint8_t)distance;
	else
		bpf->length = bpf->capacity + 1;
}
