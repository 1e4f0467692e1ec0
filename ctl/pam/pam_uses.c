/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lines by which a service reaches the module: without it each would refuse everybody, root
 * too. Files that no service reads do not count, wherever they are; those that one includes do.
 */
#include <string.h>

#include "pam.h"

/* One line of one stack. */
struct use {
	size_t door;
	size_t type;
	size_t line;
};

static const char *const types[TYPE_ANY] = {
	[TYPE_AUTH] = "auth",
	[TYPE_ACCOUNT] = "account",
	[TYPE_SESSION] = "session",
	[TYPE_PASSWORD] = "password",
};

static const struct pam_stack *use_stack(const struct survey *survey, const struct use *use)
{
	return &survey->doors[use->door].service.stacks[use->type];
}

static const struct pam_handler *use_handler(const struct survey *survey, const struct use *use)
{
	return &use_stack(survey, use)->handlers[use->line];
}

/* Moves on to the next line that calls the module, `use` itself included. False at the end. */
static bool use_find(const struct survey *survey, struct use *use)
{
	for (; use->door < survey->door_count; use->door++, use->type = 0) {
		/* Debian's shared files count in whose stacks they are. */
		if (strncmp(survey->doors[use->door].name, "common-", strlen("common-")) == 0)
			continue;
		for (; use->type < TYPE_ANY; use->type++, use->line = 0)
			for (; use->line < use_stack(survey, use)->count; use->line++)
				if (pam_line_calls(use_handler(survey, use)))
					return true;
	}
	return false;
}

static bool uses_share_line(const struct survey *survey, const struct use *left,
			    const struct use *right)
{
	const struct pam_handler *a = use_handler(survey, left);
	const struct pam_handler *b = use_handler(survey, right);

	return a->line->number == b->line->number && strcmp(a->file, b->file) == 0;
}

static bool use_is_first(const struct survey *survey, const struct use *use)
{
	for (struct use other = { 0 }; use_find(survey, &other); other.line++) {
		if (memcmp(&other, use, sizeof(other)) == 0)
			return true;
		if (uses_share_line(survey, &other, use))
			return false;
	}
	return true;
}

/* Names every service that comes to the line. */
static void use_print(const struct survey *survey, const struct use *use)
{
	const struct pam_handler *handler = use_handler(survey, use);
	const char *separator = " of ";
	size_t last = survey->door_count;

	say(stdout, "%s:%u: %s line", handler->file, handler->line->number, types[use->type]);
	for (struct use other = { 0 }; use_find(survey, &other); other.line++) {
		if (other.door == last || !uses_share_line(survey, &other, use))
			continue;
		say(stdout, "%s%s", separator, survey->doors[other.door].name);
		separator = ", ";
		last = other.door;
	}
	putchar('\n');
}

bool uses_print(const struct survey *survey)
{
	bool any = false;

	for (struct use use = { 0 }; use_find(survey, &use); use.line++) {
		if (use_is_first(survey, &use))
			use_print(survey, &use);
		any = true;
	}
	return any;
}
