/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The writer of seccomp programs, by what its programs return in a simulator.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "bpf.h"
#include "bpf_simulator.h"
#include "compat.h"
#include "util.h"

#define FAIL(err) (SECCOMP_RET_ERRNO | (err))
#define ALLOW     SECCOMP_RET_ALLOW
#define LENGTH    1024

static struct sock_filter program[LENGTH];
static struct bpf bpf;

static int setup(void **state)
{
	(void)state;
	bpf = (struct bpf){ program, LENGTH, 0 };
	bpf_begin(&bpf, FAIL(ENOSYS));
	return 0;
}

static uint32_t run(int number, uint64_t argument)
{
	const struct seccomp_data data = { .nr = number,
					   .arch = COMPAT_AUDIT_ARCH,
					   .args = { argument } };

	assert_in_range(bpf.length, 1, bpf.capacity);
	return bpf_simulate(program, bpf.length, &data, NULL);
}

static void call_of_another_abi_is_refused(void **state)
{
	const struct seccomp_data data = { .nr = 1, .arch = COMPAT_AUDIT_ARCH ^ 1 };

	(void)state;
	bpf_return(&bpf, ALLOW);
	assert_int_equal(ALLOW, run(1, 0));
	assert_int_equal(FAIL(ENOSYS), bpf_simulate(program, bpf.length, &data, NULL));
}

static void comparison_decides_about_one_return(void **state)
{
	(void)state;
	bpf_return_if(&bpf, BPF_JEQ, 1, FAIL(1));
	bpf_return_unless(&bpf, BPF_JGE, 5, FAIL(2));
	bpf_return(&bpf, ALLOW);
	assert_int_equal(FAIL(1), run(1, 0));
	assert_int_equal(FAIL(2), run(4, 0));
	assert_int_equal(ALLOW, run(5, 0));
}

static void halves_of_an_argument_are_told_apart(void **state)
{
	(void)state;
	bpf_load_low(&bpf, 0);
	bpf_return_if(&bpf, BPF_JEQ, 7, FAIL(1));
	bpf_load_high(&bpf, 0);
	bpf_return_if(&bpf, BPF_JEQ, 7, FAIL(2));
	bpf_return(&bpf, ALLOW);
	assert_int_equal(FAIL(1), run(0, 7));
	assert_int_equal(FAIL(2), run(0, 7ULL << 32));
	assert_int_equal(ALLOW, run(0, 0));
}

/* A block of `length` instructions runs for number 1 alone. */
static size_t write_block(size_t (*begin)(struct bpf *, uint16_t, uint32_t), size_t length)
{
	const size_t end = begin(&bpf, BPF_JEQ, 1);

	for (size_t i = 1; i < length; i++)
		bpf_statement(&bpf, BPF_ALU | BPF_AND | BPF_K, UINT32_MAX);
	bpf_return(&bpf, FAIL(1));
	return end;
}

static void block_of_any_length_runs_where_it_should(void **state)
{
	static const size_t lengths[] = { 1, 2, 254, 255, 256, 900 };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		size_t end;

		setup(state);
		end = write_block(lengths[i] > 255 ? bpf_if_far : bpf_if, lengths[i]);
		assert_int_equal(lengths[i] <= 255, bpf_is_near(&bpf, end));
		bpf_end_if(&bpf, end);
		bpf_return(&bpf, ALLOW);
		assert_int_equal(FAIL(1), run(1, 0));
		assert_int_equal(ALLOW, run(2, 0));
	}
}

static void block_too_long_for_a_short_jump_makes_the_program_too_long(void **state)
{
	size_t end;

	(void)state;
	end = write_block(bpf_if, 256);
	assert_false(bpf_is_near(&bpf, end));
	bpf_end_if(&bpf, end);
	bpf_return(&bpf, ALLOW);
	assert_true(bpf.length > bpf.capacity);
}

static void full_program_is_only_counted(void **state)
{
	size_t end;

	(void)state;
	bpf.capacity = bpf.length + 1;
	program[bpf.capacity] = (struct sock_filter){ .k = 0x5a5a5a5a };
	end = write_block(bpf_if_far, 10);
	bpf_end_if(&bpf, end);
	assert_int_equal(0x5a5a5a5a, program[bpf.capacity].k);
	assert_true(bpf.length > bpf.capacity);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(call_of_another_abi_is_refused, setup),
		cmocka_unit_test_setup(comparison_decides_about_one_return, setup),
		cmocka_unit_test_setup(halves_of_an_argument_are_told_apart, setup),
		cmocka_unit_test_setup(block_of_any_length_runs_where_it_should, setup),
		cmocka_unit_test_setup(block_too_long_for_a_short_jump_makes_the_program_too_long,
				       setup),
		cmocka_unit_test_setup(full_program_is_only_counted, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
