/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What can become of a login: every way through a stack of PAM, whatever its modules return. Pure.
 */
#include <errno.h>
#include <string.h>

#include "pam_judge.h"
#include "pam_stack.h"
#include "util.h"

/* What libpam would answer if the stack ended here. */
enum impression {
	IMPRESSION_NONE = 0, /* nobody has said anything: a failure */
	IMPRESSION_SUCCESS,
	IMPRESSION_OTHER, /* a line counted as good what is not success: no later one makes it so */
	IMPRESSION_BAD,
	IMPRESSION_COUNT,
};

enum module_state {
	MODULE_UNRUN = 0,
	MODULE_FAILED,
	MODULE_HELD, /* one call that held is enough */
	MODULE_COUNT,
};

/* A state of a login is both; a set of states has one bit for each. */
#define STATE_COUNT  (IMPRESSION_COUNT * MODULE_COUNT)
#define STATES_KNOWN (1U << STATE_COUNT) /* of a set: it was found out, and may be empty */

struct state {
	enum impression impression;
	enum module_state module;
};

/* The lines of a substack, or of all; what its end is reached with. */
struct range {
	size_t first;
	size_t end;
	unsigned level;
	enum impression entry; /* what `reset` goes back to */
	unsigned exits;        /* a set of states */
};

struct judge {
	const struct pam_stack *stack;
	const bool *ours;
	size_t only;
	unsigned *reached;              /* of each line: a set of states */
	unsigned (*known)[STATE_COUNT]; /* the exits of the range at a line, by its entry */
};

static unsigned state_bit(struct state state)
{
	return 1U << ((unsigned)state.module * IMPRESSION_COUNT + (unsigned)state.impression);
}

static struct state state_of(unsigned number)
{
	return (struct state){
		.impression = (enum impression)(number % IMPRESSION_COUNT),
		.module = (enum module_state)(number / IMPRESSION_COUNT),
	};
}

/* The first line behind `line` and behind all of the substack that begins or is entered there. */
static size_t unit_end(const struct judge *judge, size_t line, const struct range *range)
{
	const struct pam_handler *handlers = judge->stack->handlers;

	for (line++; line < range->end && handlers[line].level > range->level; line++)
		;
	return line;
}

/* Where the login goes on, unless that passes over a line of ours which is not the one to do so. */
static void state_move(const struct judge *judge, struct range *range, size_t from, size_t to,
		       struct state state)
{
	for (size_t i = from + 1; i < to && judge->only != PAM_EVERY_LINE && judge->only != from; i++)
		if (judge->ours[i])
			return;
	if (to < range->end)
		judge->reached[to] |= state_bit(state);
	else
		range->exits |= state_bit(state);
}

/* `ok` and `done`: the first that is not success stays, and nothing makes good what is bad. */
static enum impression impression_after_good(enum impression impression, int returned)
{
	if (impression == IMPRESSION_NONE || impression == IMPRESSION_SUCCESS)
		return returned == RETURN_SUCCESS ? IMPRESSION_SUCCESS : IMPRESSION_OTHER;
	return impression;
}

/* As many units as libpam finds; too few are a failure at the end. */
static void state_jump(const struct judge *judge, struct range *range, size_t line, int count,
		       struct state state)
{
	size_t to = line + 1;

	for (; count > 0 && to < range->end; count--)
		to = unit_end(judge, to, range);
	if (count > 0)
		state.impression = IMPRESSION_BAD;
	state_move(judge, range, line, to, state);
}

static void value_apply(const struct judge *judge, struct range *range, size_t line, int returned,
			struct state state)
{
	int action = judge->stack->handlers[line].line->actions[returned];
	size_t to = line + 1;

	switch (action) {
	case ACTION_RESET:
		state.impression = range->entry;
		break;
	case ACTION_OK:
	case ACTION_DONE:
		state.impression = impression_after_good(state.impression, returned);
		if (action == ACTION_DONE && state.impression != IMPRESSION_BAD)
			to = range->end;
		break;
	case ACTION_BAD:
	case ACTION_DIE:
		state.impression = IMPRESSION_BAD;
		if (action == ACTION_DIE)
			to = range->end;
		break;
	case ACTION_IGNORE:
		break;
	default:
		state_jump(judge, range, line, action, state);
		return;
	}
	state_move(judge, range, line, to, state);
}

/* What the module of a line can return: these two are known to return but one thing. */
static bool value_possible(const struct pam_handler *handler, int value)
{
	const char *slash = strrchr(handler->line->name, '/');
	const char *name = slash ? slash + 1 : handler->line->name;

	if (handler->kind == LINE_BROKEN)
		return value == RETURN_PERM_DENIED;
	/* A module that is not there returns that, whatever its name. */
	if (value == RETURN_MODULE_UNKNOWN)
		return true;
	if (strcmp(name, "pam_permit.so") == 0)
		return value == RETURN_SUCCESS;
	if (strcmp(name, "pam_deny.so") == 0)
		return value != RETURN_SUCCESS && value != RETURN_IGNORE;
	return true;
}

static void line_apply(const struct judge *judge, struct range *range, size_t line, struct state state)
{
	for (int value = 0; value < RETURN_COUNT; value++) {
		struct state after = state;

		if (value == RETURN_INCOMPLETE ||
		    !value_possible(&judge->stack->handlers[line], value))
			continue;
		if (judge->ours[line] && state.module != MODULE_HELD)
			after.module = value == RETURN_SUCCESS || value == RETURN_IGNORE
					       ? MODULE_HELD
					       : MODULE_FAILED;
		value_apply(judge, range, line, value, after);
	}
}

static unsigned range_run(const struct judge *judge, struct range *range, struct state entry);

static void substack_apply(const struct judge *judge, struct range *range, size_t line,
			   struct state state)
{
	struct range inner = {
		.first = line,
		.end = unit_end(judge, line - 1, range),
		.level = judge->stack->handlers[line].level,
		.entry = state.impression,
	};
	unsigned exits = range_run(judge, &inner, state);

	for (unsigned number = 0; number < STATE_COUNT; number++)
		if (exits & (1U << number))
			state_move(judge, range, inner.end - 1, inner.end, state_of(number));
}

static void reached_apply(const struct judge *judge, struct range *range, size_t line,
			  unsigned reached)
{
	const struct pam_handler *handler = &judge->stack->handlers[line];

	for (unsigned number = 0; number < STATE_COUNT; number++) {
		if (!(reached & (1U << number)))
			continue;
		if (handler->level > range->level)
			substack_apply(judge, range, line, state_of(number));
		else if (handler->kind == LINE_SUBSTACK)
			state_move(judge, range, line, line + 1, state_of(number));
		else
			line_apply(judge, range, line, state_of(number));
	}
}

static unsigned range_walk(const struct judge *judge, struct range *range, struct state entry)
{
	if (range->first == range->end)
		return state_bit(entry);
	memset(&judge->reached[range->first], 0,
	       (range->end - range->first) * sizeof(*judge->reached));
	judge->reached[range->first] = state_bit(entry);
	for (size_t i = range->first; i < range->end;) {
		bool enters = judge->stack->handlers[i].level == range->level &&
			      judge->stack->handlers[i].kind == LINE_SUBSTACK;

		reached_apply(judge, range, i, judge->reached[i]);
		i = enters ? i + 1 : unit_end(judge, i, range);
	}
	return range->exits;
}

/* The states in which a login that comes to `range` in state `entry` leaves it. */
static unsigned range_run(const struct judge *judge, struct range *range, struct state entry)
{
	unsigned *known = &judge->known[range->first][__builtin_ctz(state_bit(entry))];

	if (!(*known & STATES_KNOWN))
		*known = range_walk(judge, range, entry) | STATES_KNOWN;
	return *known & ~STATES_KNOWN;
}

static bool exits_succeed(unsigned exits, enum module_state module)
{
	return exits & state_bit((struct state){ IMPRESSION_SUCCESS, module });
}

int pam_judge(const struct pam_stack *stack, const bool *ours, size_t only,
	      struct pam_judgement *ret_judgement)
{
	cleanup_free unsigned *reached = calloc(stack->count + 1, sizeof(*reached));
	cleanup_free unsigned(*known)[STATE_COUNT] = calloc(stack->count + 1, sizeof(*known));
	struct judge judge = { stack, ours, only, reached, known };
	struct range all = { .end = stack->count, .entry = IMPRESSION_NONE };
	unsigned exits;

	if (!reached || !known)
		return -ENOMEM;
	exits = range_run(&judge, &all, (struct state){ IMPRESSION_NONE, MODULE_UNRUN });
	ret_judgement->held = exits_succeed(exits, MODULE_HELD);
	ret_judgement->unrun = exits_succeed(exits, MODULE_UNRUN);
	ret_judgement->unheeded = exits_succeed(exits, MODULE_FAILED);
	return 0;
}
