/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The account side of a service: the line that tells refused users why, and passwords that nobody
 * can change from within a session.
 * Distrusts the lines; what /etc/shadow does not show to the caller is left out.
 */
#include <errno.h>
#include <shadow.h>
#include <string.h>
#include <time.h>

#include "pam.h"
#include "util.h"

#define SECONDS_OF_DAY 86400
#define SHADOW_MAX     4096

static const struct pam_stack *account_stack(const struct survey *survey, const struct door *door)
{
	const struct pam_stack *own = &door->service.stacks[TYPE_ACCOUNT];

	return own->count > 0 ? own : &survey->other.stacks[TYPE_ACCOUNT];
}

/* False where the line refuses everybody but root, or root too. */
static bool line_judge(const struct pam_handler *handler, struct findings *findings)
{
	int ignored = handler->line->actions[RETURN_IGNORE];

	if (ignored == ACTION_BAD || ignored == ACTION_DIE) {
		finding_add(findings, handler->file, handler->line->number,
			    "%s refuses everybody, for " PAM_MODULE
			    " answers PAM_IGNORE: write required",
			    handler->line->control);
		return false;
	}
	return pam_arguments_judge(handler, findings);
}

static bool values_equal(const char *left, const char *right)
{
	return left && right ? strcmp(left, right) == 0 : left == right;
}

/* A line that judges by other policies, or other users, refuses whom the session line would not. */
static void difference_find(const struct pam_handler *account, const struct pam_handler *session,
			    struct findings *findings)
{
	static const char *const names[] = { "conf", "exempt", "services" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!values_equal(pam_argument_value(account, names[i]),
				  pam_argument_value(session, names[i])))
			finding_add(findings, account->file, account->line->number,
				    "%s= is not that of the session line (%s:%u): write the same",
				    names[i], session->file, session->line->number);
}

static const struct pam_handler *session_line(const struct door *door)
{
	const struct pam_stack *stack = &door->source->stacks[TYPE_SESSION];

	for (size_t i = 0; i < stack->count; i++)
		if (pam_line_calls(&stack->handlers[i]))
			return &stack->handlers[i];
	return NULL;
}

void account_judge(const struct survey *survey, struct door *door, bool *ret_works)
{
	const struct pam_stack *stack = account_stack(survey, door);
	const struct pam_handler *session = session_line(door);
	bool any = false;

	for (size_t i = 0; i < stack->count; i++) {
		const struct pam_handler *handler = &stack->handlers[i];

		if (!pam_line_calls(handler))
			continue;
		any = true;
		if (!line_judge(handler, &door->findings))
			*ret_works = false;
		if (session)
			difference_find(handler, session, &door->findings);
	}
	/* Other programs show what the session phase says. */
	if (!any && door_is_gate(door->name))
		door->account_file = door->service.path;
}

/* As pam_unix decides that a password must be changed. */
static bool password_is_expired(const char *name)
{
	long today = (long)(time(NULL) / SECONDS_OF_DAY);
	char storage[SHADOW_MAX];
	struct spwd entry;
	struct spwd *found;

	if (getspnam_r(name, &entry, storage, sizeof(storage), &found) != 0 || !found)
		return false;
	if (found->sp_lstchg == 0)
		return true;
	return found->sp_lstchg > 0 && found->sp_max >= 0 && today - found->sp_lstchg > found->sp_max;
}

static bool expiry_counts(const struct pam_stack *stack)
{
	for (size_t i = 0; i < stack->count; i++) {
		const struct pam_handler *handler = &stack->handlers[i];
		const char *argument = handler->line->arguments;
		bool counts = strcmp(pam_module_name(handler), "pam_unix.so") == 0;

		for (size_t j = 0; j < handler->line->argument_count; j++) {
			counts = counts && strcmp(argument, "no_pass_expiry") != 0;
			argument = pam_argument_next(argument);
		}
		if (counts)
			return true;
	}
	return false;
}

void expired_find(const struct survey *survey, struct door *door)
{
	if (!door_is_gate(door->name) || !expiry_counts(account_stack(survey, door)))
		return;
	for (size_t i = 0; i < survey->subject_count; i++) {
		const char *name = survey->subjects[i].person.account.name;

		if (door->ways[i].state == WAY_COVERED && password_is_expired(name))
			finding_add(&door->findings, name, 0,
				    "the password must be changed: after a login by key sshd runs "
				    "passwd(1) in the session, which cannot do it; see EXPIRED "
				    "PASSWORDS in pam_sandlock(8)");
	}
}
