/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What can become of a login: libpam's dispatch, run on sets of states. Distrusts every module but
 * the one that is asked about: each may return anything.
 */
#include <string.h>

#include "pam_outcome.h"
#include "pam_stack.h"

/* What libpam would answer if the stack ended here. */
enum impression {
	IMPRESSION_NONE = 0, /* nobody has decided yet: a failure */
	IMPRESSION_SUCCESS,
	IMPRESSION_OTHER, /* a line counted as good what is not success: no later one makes it so */
	IMPRESSION_BAD,
	IMPRESSION_COUNT,
};

enum module_state {
	MODULE_SKIPPED = 0,
	MODULE_FAILED,
	MODULE_HELD, /* one call that held is enough */
	MODULE_COUNT,
};

/* A state of a login is a number, both of these; a set of states has one bit for each. */
#define STATE(module, impression) ((unsigned)(module)*IMPRESSION_COUNT + (unsigned)(impression))
#define STATE_COUNT               STATE(MODULE_COUNT, 0)
#define STATES_KNOWN              (1U << STATE_COUNT) /* of a set: found out, and may be empty */

struct walk {
	const struct pam_line *lines;
	const bool *ours;
	size_t only;
	unsigned *reached;              /* of each line: a set of states */
	unsigned (*exits)[STATE_COUNT]; /* of the range that begins at a line, by its first state */
};

/* The lines of a substack, or of all. */
struct range {
	size_t end;
	unsigned level;
	enum impression entry; /* what `reset` goes back to */
	unsigned exits;        /* the states that its end is reached with */
};

/* The first line after `line` and, where that begins a substack, after all of that. */
static size_t unit_end(const struct walk *walk, const struct range *range, size_t line)
{
	for (line++; line < range->end && walk->lines[line].level > range->level; line++)
		;
	return line;
}

/* Goes on at `to`, unless that skips a line of ours and `from` is not the line that may. */
static void state_move(const struct walk *walk, struct range *range, size_t from, size_t to,
		       unsigned state)
{
	for (size_t i = from + 1; i < to && walk->only != PAM_EVERY_LINE && walk->only != from; i++)
		if (walk->ours[i])
			return;
	*(to < range->end ? &walk->reached[to] : &range->exits) |= 1U << state;
}

/* `ok` and `done`: the first that is not success stays, and nothing makes good what is bad. */
static enum impression impression_after_good(enum impression impression, int returned)
{
	if (impression != IMPRESSION_NONE && impression != IMPRESSION_SUCCESS)
		return impression;
	return returned == RETURN_SUCCESS ? IMPRESSION_SUCCESS : IMPRESSION_OTHER;
}

static void value_apply(const struct walk *walk, struct range *range, size_t line, int returned,
			enum module_state module, enum impression impression)
{
	int action = walk->lines[line].actions[returned];
	size_t to = line + 1;

	if (action == ACTION_RESET)
		impression = range->entry;
	else if (action == ACTION_OK || action == ACTION_DONE)
		impression = impression_after_good(impression, returned);
	else if (action == ACTION_BAD || action == ACTION_DIE)
		impression = IMPRESSION_BAD;
	if (action == ACTION_DIE || (action == ACTION_DONE && impression != IMPRESSION_BAD))
		to = range->end;
	/* A jump over more than there is, is a failure at the end. */
	for (; action > 0 && to < range->end; action--)
		to = unit_end(walk, range, to);
	if (action > 0)
		impression = IMPRESSION_BAD;
	state_move(walk, range, line, to, STATE(module, impression));
}

/* What the module of a line can return: these two are known to return but one thing. */
static bool value_is_possible(const struct pam_line *line, int value)
{
	bool good = value == RETURN_SUCCESS;

	if (line->kind == LINE_BROKEN)
		return value == RETURN_PERM_DENIED;
	/* A module that is not there returns that, whatever its name. */
	if (value == RETURN_MODULE_UNKNOWN || value == RETURN_INCOMPLETE)
		return value == RETURN_MODULE_UNKNOWN;
	if (strcmp(pam_module_name(line), "pam_permit.so") == 0)
		return good;
	return strcmp(pam_module_name(line), "pam_deny.so") != 0 || (!good && value != RETURN_IGNORE);
}

static unsigned range_walk(const struct walk *walk, size_t first, struct range range, unsigned state);

static void line_apply(const struct walk *walk, struct range *range, size_t line, unsigned state)
{
	enum impression impression = (enum impression)(state % IMPRESSION_COUNT);
	enum module_state before = (enum module_state)(state / IMPRESSION_COUNT);
	size_t end = unit_end(walk, range, line);

	if (walk->lines[line].kind == LINE_SUBSTACK) {
		struct range inner = { end, range->level + 1, impression, 0 };
		unsigned exits = range_walk(walk, line + 1, inner, state);

		for (unsigned i = 0; i < STATE_COUNT; i++)
			if (exits & 1U << i)
				state_move(walk, range, end - 1, end, i);
		return;
	}
	for (int value = 0; value < RETURN_COUNT; value++) {
		enum module_state module = before;

		if (walk->ours[line] && before != MODULE_HELD)
			module = value == RETURN_SUCCESS || value == RETURN_IGNORE ? MODULE_HELD
										   : MODULE_FAILED;
		if (value_is_possible(&walk->lines[line], value))
			value_apply(walk, range, line, value, module, impression);
	}
}

/* The states in which a login that comes to `first` in `state` leaves the range. */
static unsigned range_walk(const struct walk *walk, size_t first, struct range range, unsigned state)
{
	unsigned *known = &walk->exits[first][state];

	if (first == range.end)
		return 1U << state;
	if (*known & STATES_KNOWN)
		return *known;
	memset(&walk->reached[first], 0, (range.end - first) * sizeof(*walk->reached));
	walk->reached[first] = 1U << state;
	for (size_t i = first; i < range.end; i = unit_end(walk, &range, i))
		for (unsigned j = 0; j < STATE_COUNT; j++)
			if (walk->reached[i] & 1U << j)
				line_apply(walk, &range, i, j);
	*known = range.exits | STATES_KNOWN;
	return *known;
}

struct pam_outcome pam_stack_outcome(const struct pam_stack *stack, const bool *ours, size_t only)
{
	cleanup_arena struct arena arena = { 0 };
	const struct walk walk = {
		.lines = stack->lines,
		.ours = ours,
		.only = only,
		.reached = arena_alloc(&arena, (stack->count + 1) * sizeof(*walk.reached)),
		.exits = arena_alloc(&arena, (stack->count + 1) * sizeof(*walk.exits)),
	};
	struct range all = { stack->count, 0, IMPRESSION_NONE, 0 };
	unsigned exits = range_walk(&walk, 0, all, STATE(MODULE_SKIPPED, IMPRESSION_NONE));

	return (struct pam_outcome){
		.held = exits & 1U << STATE(MODULE_HELD, IMPRESSION_SUCCESS),
		.skipped = exits & 1U << STATE(MODULE_SKIPPED, IMPRESSION_SUCCESS),
		.ignored = exits & 1U << STATE(MODULE_FAILED, IMPRESSION_SUCCESS),
	};
}
