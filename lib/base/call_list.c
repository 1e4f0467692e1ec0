/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes a seccomp program of a list of calls. Distrusts the process that loads it, once it has read
 * a hostile byte.
 */
#include "call_list.h"

#include <errno.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bpf.h"
#include "compat.h"

#define PER_ENTRY  6 /* instructions, at most */
#define LENGTH_MAX (5 + PER_ENTRY * CALL_LIST_MAX)

static void write_limit(struct bpf *bpf, const struct call_limit *limit)
{
	size_t position;

	bpf_load(bpf, offsetof(struct seccomp_data, nr));
	position = bpf_if(bpf, BPF_JEQ, limit->call);
	bpf_load_low(bpf, limit->argument);
	bpf_statement(bpf, BPF_ALU | BPF_AND | BPF_K, limit->mask);
	bpf_return_if(bpf, BPF_JEQ, limit->value, SECCOMP_RET_ALLOW);
	bpf_end_if(bpf, position);
}

int call_list_load(const struct call_list *list)
{
	struct sock_filter program[LENGTH_MAX];
	struct bpf bpf = { program, LENGTH_MAX, 0 };
	struct sock_fprog loaded = { 0, program };

	bpf_begin(&bpf, SECCOMP_RET_KILL_PROCESS);
	for (size_t i = 0; i < list->call_count; i++)
		bpf_return_if(&bpf, BPF_JEQ, list->calls[i], SECCOMP_RET_ALLOW);
	for (size_t i = 0; i < list->limit_count; i++)
		write_limit(&bpf, &list->limits[i]);
	bpf_return(&bpf, SECCOMP_RET_KILL_PROCESS);
	if (bpf.length > LENGTH_MAX)
		return -E2BIG;
	loaded.len = (unsigned short)bpf.length;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &loaded))
		return -errno;
	return 0;
}
