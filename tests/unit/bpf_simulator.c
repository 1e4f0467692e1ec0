/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a seccomp program on made-up registers. Distrusts the program.
 */
#include "bpf_simulator.h"

#include <stdbool.h>
#include <string.h>

struct machine {
	uint32_t accumulator;
	uint32_t index;
	size_t at;
};

static bool load(struct machine *machine, const struct sock_filter *instruction,
		 const struct seccomp_data *data)
{
	if (instruction->k % 4 != 0 || instruction->k > sizeof(*data) - 4)
		return false;
	memcpy(&machine->accumulator, (const char *)data + instruction->k, 4);
	return true;
}

static bool compute(struct machine *machine, const struct sock_filter *instruction)
{
	uint32_t operand = BPF_SRC(instruction->code) == BPF_X ? machine->index : instruction->k;

	switch (BPF_OP(instruction->code)) {
	case BPF_AND:
		machine->accumulator &= operand;
		return true;
	case BPF_OR:
		machine->accumulator |= operand;
		return true;
	case BPF_LSH:
		if (operand > 31)
			return false;
		machine->accumulator <<= operand;
		return true;
	case BPF_ADD:
		machine->accumulator += operand;
		return true;
	default:
		return false;
	}
}

static bool jump(struct machine *machine, const struct sock_filter *instruction)
{
	uint32_t a = machine->accumulator;
	bool taken;

	switch (BPF_OP(instruction->code)) {
	case BPF_JA:
		machine->at += instruction->k;
		return true;
	case BPF_JEQ:
		taken = a == instruction->k;
		break;
	case BPF_JGT:
		taken = a > instruction->k;
		break;
	case BPF_JGE:
		taken = a >= instruction->k;
		break;
	case BPF_JSET:
		taken = (a & instruction->k) != 0;
		break;
	default:
		return false;
	}
	machine->at += taken ? instruction->jt : instruction->jf;
	return true;
}

uint32_t bpf_simulate(const struct sock_filter *program, size_t length,
		      const struct seccomp_data *data, size_t *ret_steps)
{
	struct machine machine = { 0 };

	for (size_t steps = 1; machine.at < length; steps++) {
		const struct sock_filter *instruction = &program[machine.at++];
		bool known = false;

		switch (BPF_CLASS(instruction->code)) {
		case BPF_LD:
			known = instruction->code == (BPF_LD | BPF_W | BPF_ABS) &&
				load(&machine, instruction, data);
			break;
		case BPF_ALU:
			known = compute(&machine, instruction);
			break;
		case BPF_JMP:
			known = BPF_SRC(instruction->code) == BPF_K && jump(&machine, instruction);
			break;
		case BPF_MISC:
			known = BPF_MISCOP(instruction->code) == BPF_TAX;
			machine.index = machine.accumulator;
			break;
		case BPF_RET:
			if (ret_steps)
				*ret_steps = steps;
			return BPF_RVAL(instruction->code) == BPF_K ? instruction->k
								    : SIMULATOR_INVALID;
		}
		if (!known)
			return SIMULATOR_INVALID;
	}
	return SIMULATOR_INVALID;
}
