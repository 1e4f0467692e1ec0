/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Greeters: the programs that ask for names before anybody has logged in. Their sessions are of
 * accounts of their own, whom default.conf names as it names everybody.
 */
#include <string.h>

#include "pam.h"
#include "util.h"

static const struct {
	const char *service;
	const char *account;
} greeters[] = {
	{ "gdm-launch-environment", "Debian-gdm" },
	{ "gdm-launch-environment", "gdm" },
	{ "greetd-greeter", "_greetd" },
	{ "greetd-greeter", "greeter" },
	{ "lightdm-greeter", "lightdm" },
	{ "sddm-greeter", "sddm" },
};

/* Names the lines of `door` that hold the greeter's account. */
static void lines_find(struct survey *survey, const struct door *door, const struct subject *subject)
{
	const char *name = subject->person.account.name;
	const struct pam_stack *own = &door->service.stacks[TYPE_SESSION];
	const struct pam_stack *stack = own->count > 0 ? own : &survey->other.stacks[TYPE_SESSION];

	for (size_t i = 0; i < stack->count; i++) {
		const struct pam_handler *handler = &stack->handlers[i];

		if (pam_line_calls(handler) && pam_line_holds(handler, door->name, subject))
			finding_add(&survey->findings, handler->file, handler->line->number,
				    "confines the greeter of %s, too, by %s: write exempt=%s",
				    door->name, subject->policy, name);
	}
}

/* An own policy of the account's, or of a group's, is meant. */
static void greeter_find(struct survey *survey, const struct door *door, const char *account)
{
	cleanup_person struct person person = { 0 };
	struct subject subject = { 0 };

	if (person_find(account, 0, &person) < 0)
		return;
	subject.person = person;
	if (policy_find(ctl_directory(survey->options), &person.account, subject.policy) == 0 &&
	    strcmp(subject.policy, "default.conf") == 0)
		lines_find(survey, door, &subject);
}

void greeters_find(struct survey *survey)
{
	for (size_t i = 0; i < ARRAY_SIZE(greeters); i++)
		for (size_t j = 0; j < survey->door_count; j++)
			if (strcmp(survey->doors[j].name, greeters[i].service) == 0)
				greeter_find(survey, &survey->doors[j], greeters[i].account);
}
