/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The seccomp program of a session: a search tree over call numbers, and the rules of one number at
 * each leaf. Pure.
 */
#include "filter.h"

#include <errno.h>

#include "bpf.h"
#include "filter_rule.h"

struct writer {
	struct bpf bpf;
	const struct filter_facts *facts;
};

static void write_rules(struct writer *writer, const struct filter_rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		rules[i].match(&writer->bpf, writer->facts, &rules[i]);
}

static void write_tree(struct writer *writer, const struct filter_rule *rules, size_t count);

/* Writes `rules` for call numbers (in the accumulator) that compare so. A conditional jump reaches
 * 255 instructions; where that is too short, they are written once more after a long one. */
static void write_where(struct writer *writer, uint16_t comparison, uint32_t number,
			void (*write)(struct writer *writer, const struct filter_rule *rules,
				      size_t count),
			const struct filter_rule *rules, size_t count)
{
	struct bpf *bpf = &writer->bpf;
	const size_t start = bpf->length;
	size_t end = bpf_if(bpf, comparison, number);

	write(writer, rules, count);
	if (!bpf_is_near(bpf, end)) {
		bpf->length = start;
		end = bpf_if_far(bpf, comparison, number);
		write(writer, rules, count);
	}
	bpf_end_if(bpf, end);
}

/* The first rule of the middle number, or of the next one; 0 where there is but one number. */
static size_t middle_of(const struct filter_rule *rules, size_t count)
{
	size_t middle = count / 2;

	while (middle > 0 && rules[middle - 1].number == rules[middle].number)
		middle--;
	if (middle > 0)
		return middle;
	for (middle = count / 2; middle < count; middle++)
		if (rules[middle].number != rules[0].number)
			return middle;
	return 0;
}

static void write_tree(struct writer *writer, const struct filter_rule *rules, size_t count)
{
	const size_t middle = middle_of(rules, count);

	if (middle == 0) {
		write_where(writer, BPF_JEQ, rules->number, write_rules, rules, count);
		bpf_return(&writer->bpf, ALLOW);
		return;
	}
	write_where(writer, BPF_JGE, rules[middle].number, write_tree, rules + middle,
		    count - middle);
	write_tree(writer, rules, middle);
}

int filter_build(const struct filter_facts *facts, struct sock_filter *program, size_t *ret_length)
{
	struct writer writer = { { program, FILTER_LENGTH_MAX, 0 }, facts };
	struct filter_rules rules = { .count = 0 };

	filter_rules_collect(&rules, facts);
	bpf_begin(&writer.bpf, FAIL(ENOSYS));
	/* x32 numbers lie beyond it too. */
	bpf_return_if(&writer.bpf, BPF_JGT, FILTER_CALL_LAST, FAIL(ENOSYS));
	write_tree(&writer, rules.rules, rules.count);
	if (writer.bpf.length > FILTER_LENGTH_MAX)
		return -E2BIG;
	*ret_length = writer.bpf.length;
	return 0;
}
