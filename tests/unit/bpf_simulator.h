/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a seccomp program on made-up registers, as the kernel would. Distrusts the program: what it
 * does not know, or a jump out of it, is an error.
 */
#ifndef SANDLOCK_BPF_SIMULATOR_H
#define SANDLOCK_BPF_SIMULATOR_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

/* What the kernel never returns. */
#define SIMULATOR_INVALID 0xffffffffU

/* The action, or SIMULATOR_INVALID; *ret_steps (may be NULL) counts the instructions. */
uint32_t bpf_simulate(const struct sock_filter *program, size_t length,
		      const struct seccomp_data *data, size_t *ret_steps);

#endif
