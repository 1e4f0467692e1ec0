/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The filter's tests of setsockopt(2): level by level, the options in ascending order.
 */
#include <errno.h>

#include "filter_rule.h"
#include "plan.h"
#include "socket_options.h"

/* Options that the supervisor decides are trapped only by the outermost filter. */
static uint32_t supervised(const struct filter_facts *facts)
{
	return facts->nested ? ALLOW : TRAP;
}

static uint32_t action_in_gate(const struct filter_facts *facts, enum option_decision decision)
{
	bool trapped = decision == OPTION_NONLOCAL || (decision == OPTION_GROUP && facts->groups);

	return trapped ? TRAP : ALLOW;
}

static uint32_t action_of(const struct filter_facts *facts, enum option_decision decision)
{
	if (facts->gate)
		return action_in_gate(facts, decision);
	switch (decision) {
	case OPTION_UNKNOWN:
		return FAIL(ENOPROTOOPT);
	case OPTION_ALLOWED:
		return ALLOW;
	case OPTION_DATAGRAM:
		return facts->flags & PLAN_UDP ? ALLOW : FAIL(EPERM);
	case OPTION_GROUP:
		return facts->groups ? supervised(facts) : FAIL(EPERM);
	case OPTION_NONLOCAL:
		return supervised(facts);
	case OPTION_REFUSED:
		return FAIL(EPERM);
	case OPTION_UNSUPPORTED:
		return FAIL(EOPNOTSUPP);
	}
	return FAIL(EPERM);
}

/* One level's tests, in the order of the options: the accumulator is the option; options below
 * `end` that were not decided yet return the action. */
struct steps {
	struct bpf *bpf;
	uint32_t decided; /* options below it are */
	uint32_t action;  /* of those that are next, until another one is needed */
};

static void steps_end(struct steps *steps, uint32_t end)
{
	bpf_return_unless(steps->bpf, BPF_JGE, end, steps->action);
}

/* From `first` on the action is another one. */
static void steps_turn(struct steps *steps, uint32_t first, uint32_t action)
{
	if (action == steps->action)
		return;
	if (first > 0)
		steps_end(steps, first);
	steps->action = action;
}

static void match_level(struct bpf *bpf, const struct filter_facts *facts,
			const struct socket_option *options, size_t count)
{
	const uint32_t unknown = action_of(facts, OPTION_UNKNOWN);
	struct steps steps = { bpf, 0, unknown };
	size_t end;

	bpf_load_low(bpf, 1);
	end = bpf_if(bpf, BPF_JEQ, options->level);
	bpf_load_low(bpf, 2);
	for (size_t i = 0; i < count; i++) {
		if (options[i].first > steps.decided)
			steps_turn(&steps, steps.decided, unknown);
		steps_turn(&steps, options[i].first, action_of(facts, options[i].decision));
		steps.decided = options[i].last + 1;
	}
	steps_turn(&steps, steps.decided, unknown);
	bpf_return(bpf, unknown);
	bpf_end_if(bpf, end);
}

void match_options(struct bpf *bpf, const struct filter_facts *facts, const struct filter_rule *rule)
{
	size_t first = 0;

	(void)rule;
	while (first < socket_option_count) {
		size_t end = first + 1;

		while (end < socket_option_count &&
		       socket_options[end].level == socket_options[first].level)
			end++;
		match_level(bpf, facts, &socket_options[first], end - first);
		first = end;
	}
	bpf_return(bpf, action_of(facts, OPTION_UNKNOWN));
}

void match_refused_reads(struct bpf *bpf, const struct filter_facts *facts,
			 const struct filter_rule *rule)
{
	(void)facts;
	for (size_t i = 0; i < socket_read_refused_count; i++) {
		const struct socket_option *read = &socket_reads_refused[i];
		size_t level;
		size_t first;

		bpf_load_low(bpf, 1);
		level = bpf_if(bpf, BPF_JEQ, read->level);
		bpf_load_low(bpf, 2);
		first = bpf_if(bpf, BPF_JGE, read->first);
		bpf_return_unless(bpf, BPF_JGT, read->last, rule->action);
		bpf_end_if(bpf, first);
		bpf_end_if(bpf, level);
	}
}

void match_requests(struct bpf *bpf, const struct filter_facts *facts, const struct filter_rule *rule)
{
	size_t ours;

	(void)facts;
	bpf_load_low(bpf, 1);
	bpf_statement(bpf, BPF_ALU | BPF_AND | BPF_K, SOCKET_REQUESTS_MASK);
	ours = bpf_if(bpf, BPF_JEQ, SOCKET_REQUESTS);
	bpf_load_low(bpf, 1);
	for (size_t i = 0; i < socket_request_count; i++)
		bpf_return_if(bpf, BPF_JEQ, socket_requests[i], ALLOW);
	bpf_return(bpf, rule->action);
	bpf_end_if(bpf, ours);
}
