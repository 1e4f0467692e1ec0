/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The filter's tests of arguments. BPF reads only registers, nothing that a pointer refers to.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/prctl.h>

#include "compat.h"
#include "filter_rule.h"
#include "plan.h"

void match_always(struct bpf *bpf, const struct filter_facts *facts, const struct filter_rule *rule)
{
	(void)facts;
	bpf_return(bpf, rule->action);
}

void match_any_bit(struct bpf *bpf, const struct filter_facts *facts, const struct filter_rule *rule)
{
	(void)facts;
	bpf_load_low(bpf, rule->argument);
	bpf_return_if(bpf, BPF_JSET, rule->value, rule->action);
}

void match_equal(struct bpf *bpf, const struct filter_facts *facts, const struct filter_rule *rule)
{
	(void)facts;
	bpf_load_low(bpf, rule->argument);
	bpf_return_if(bpf, BPF_JEQ, rule->value, rule->action);
}

void match_not_null(struct bpf *bpf, const struct filter_facts *facts, const struct filter_rule *rule)
{
	(void)facts;
	bpf_load_low(bpf, rule->argument);
	bpf_return_unless(bpf, BPF_JEQ, 0, rule->action);
	bpf_load_high(bpf, rule->argument);
	bpf_return_unless(bpf, BPF_JEQ, 0, rule->action);
}

/* @userns leaves those that need no privilege to the sandbox of a browser. */
void match_namespaces(struct bpf *bpf, const struct filter_facts *facts,
		      const struct filter_rule *rule)
{
	struct filter_rule narrowed = *rule;

	if (facts->flags & PLAN_USERNS)
		narrowed.value &= ~(uint32_t)(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET);
	match_any_bit(bpf, facts, &narrowed);
}

void match_truncating(struct bpf *bpf, const struct filter_facts *facts,
		      const struct filter_rule *rule)
{
	(void)facts;
	bpf_load_low(bpf, rule->argument);
	bpf_statement(bpf, BPF_ALU | BPF_AND | BPF_K, O_TRUNC | O_WRONLY | O_RDWR);
	bpf_return_if(bpf, BPF_JEQ, O_TRUNC, rule->action);
}

/* Without these flags the kernel ignores the mode. */
void match_creating(struct bpf *bpf, const struct filter_facts *facts, const struct filter_rule *rule)
{
	size_t end;

	(void)facts;
	bpf_load_low(bpf, rule->argument);
	end = bpf_if(bpf, BPF_JSET, O_CREAT | (O_TMPFILE & ~O_DIRECTORY));
	bpf_load_low(bpf, rule->argument + 1);
	bpf_return_if(bpf, BPF_JSET, rule->value, rule->action);
	bpf_end_if(bpf, end);
}

void match_protected_pids(struct bpf *bpf, const struct filter_facts *facts,
			  const struct filter_rule *rule)
{
	bpf_load_low(bpf, rule->argument);
	for (size_t i = 0; i < FILTER_PROTECTED_MAX; i++) {
		uint32_t pid = facts->protected_pids[i];

		if (pid == 0)
			continue;
		bpf_return_if(bpf, BPF_JEQ, pid, rule->action);
		bpf_return_if(bpf, BPF_JEQ, 0U - pid, rule->action);
	}
}

void match_ids(struct bpf *bpf, const struct filter_facts *facts, const struct filter_rule *rule)
{
	(void)facts;
	for (uint32_t i = 0; i < rule->argument; i++) {
		bpf_load_low(bpf, i);
		if (rule->value != FILTER_UID_ANY) {
			bpf_return_if(bpf, BPF_JEQ, rule->value, rule->action);
			continue;
		}
		/* -1 leaves an id as it is: it becomes 0, and root 1. */
		bpf_statement(bpf, BPF_ALU | BPF_ADD | BPF_K, 1);
		bpf_return_if(bpf, BPF_JGT, 1, rule->action);
	}
}

void match_service_uids(struct bpf *bpf, const struct filter_facts *facts,
			const struct filter_rule *rule)
{
	struct filter_rule uids = *rule;

	uids.value = facts->service_uid;
	if (uids.value != 0)
		match_ids(bpf, facts, &uids);
}

void match_service_gids(struct bpf *bpf, const struct filter_facts *facts,
			const struct filter_rule *rule)
{
	struct filter_rule gids = *rule;

	gids.value = facts->service_gid;
	if (gids.value != 0)
		match_ids(bpf, facts, &gids);
}

void match_service_owner(struct bpf *bpf, const struct filter_facts *facts,
			 const struct filter_rule *rule)
{
	if (facts->service_uid == 0)
		return;
	bpf_load_low(bpf, rule->argument);
	bpf_return_if(bpf, BPF_JEQ, facts->service_uid, rule->action);
	if (facts->service_gid == 0)
		return;
	bpf_load_low(bpf, rule->argument + 1);
	bpf_return_if(bpf, BPF_JEQ, facts->service_gid, rule->action);
}

/* The key is argument 3, which the kernel does not read. */
void match_added_filter(struct bpf *bpf, const struct filter_facts *facts,
			const struct filter_rule *rule)
{
	const uint64_t key = facts->gate_key;
	size_t end;

	bpf_load_low(bpf, 0);
	end = bpf_if(bpf, BPF_JEQ, SECCOMP_SET_MODE_FILTER);
	bpf_load_low(bpf, 3);
	bpf_return_unless(bpf, BPF_JEQ, (uint32_t)key, rule->action);
	bpf_load_high(bpf, 3);
	bpf_return_unless(bpf, BPF_JEQ, (uint32_t)(key >> 32), rule->action);
	bpf_end_if(bpf, end);
}

void match_setns(struct bpf *bpf, const struct filter_facts *facts, const struct filter_rule *rule)
{
	match_equal(bpf, facts, rule);
	match_any_bit(bpf, facts,
		      &(struct filter_rule){ .argument = rule->argument,
					     .value = CLONE_NEWUSER,
					     .action = rule->action });
}

/* The action where all 64 bits of argument are `value`. */
static void return_if_equal(struct bpf *bpf, uint32_t argument, uint64_t value, uint32_t action)
{
	size_t end;

	bpf_load_low(bpf, argument);
	end = bpf_if(bpf, BPF_JEQ, (uint32_t)value);
	bpf_load_high(bpf, argument);
	bpf_return_if(bpf, BPF_JEQ, (uint32_t)(value >> 32), action);
	bpf_end_if(bpf, end);
}

void match_marker(struct bpf *bpf, const struct filter_facts *facts, const struct filter_rule *rule)
{
	size_t end;

	(void)rule;
	bpf_load_low(bpf, 0);
	end = bpf_if(bpf, BPF_JEQ, FILTER_MARKER);
	return_if_equal(bpf, 1, facts->digest, FAIL(FILTER_MARKER_SAME));
	return_if_equal(bpf, 2, facts->endpoints, FAIL(FILTER_MARKER_ENDPOINTS));
	bpf_return(bpf, FAIL(FILTER_MARKER_OTHER));
	bpf_end_if(bpf, end);
}

void match_forbidden(struct bpf *bpf, const struct filter_facts *facts, const struct filter_rule *rule)
{
	size_t end;

	bpf_load_low(bpf, 0);
	end = bpf_if(bpf, BPF_JEQ, FILTER_FORBIDS);
	if (facts->gate_uid == FILTER_UID_ANY)
		bpf_return(bpf, rule->action);
	else
		return_if_equal(bpf, 1, facts->gate_uid, rule->action);
	bpf_end_if(bpf, end);
}

/* Where the supervisor needs it dumpable, a process is told that it has made itself
 * non-dumpable. */
void match_dumpable(struct bpf *bpf, const struct filter_facts *facts, const struct filter_rule *rule)
{
	size_t end;

	(void)rule;
	if (!facts->keep_dumpable)
		return;
	bpf_load_low(bpf, 0);
	end = bpf_if(bpf, BPF_JEQ, PR_SET_DUMPABLE);
	bpf_load_low(bpf, 1);
	bpf_return_if(bpf, BPF_JEQ, 0, FAIL(0));
	bpf_end_if(bpf, end);
}
