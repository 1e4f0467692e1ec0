/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arguments of a line that calls pam_sandlock.so, for the module and for sandlockctl. Distrusts
 * their text; a group that cannot be looked up has no members.
 */
#ifndef SANDLOCK_MODULE_ARGUMENTS_H
#define SANDLOCK_MODULE_ARGUMENTS_H

#include <stdbool.h>

enum module_argument {
	ARGUMENT_MODE = 0, /* auto, gate, open */
	ARGUMENT_EXEMPT,   /* names and @groups, separated by commas */
	ARGUMENT_SERVICES, /* the only ones, separated by commas */
	ARGUMENT_CONF,
	ARGUMENT_NESTED, /* deny, inherit */
	ARGUMENT_QUIET,
	ARGUMENT_DEBUG,
	ARGUMENT_COUNT,
};

/* The last value of each, "" where it takes none; NULL: it was not given. */
struct module_arguments {
	const char *values[ARGUMENT_COUNT];
};

enum argument_state {
	ARGUMENT_GOOD = 0,
	ARGUMENT_UNKNOWN,   /* the module ignores it */
	ARGUMENT_BAD_VALUE, /* the module refuses every session */
};

/* Takes one argument; the value points into `text`. */
enum argument_state module_argument_read(const char *text, struct module_arguments *arguments);

/* True where `value`, of an argument that is given or NULL, is `word`. */
bool argument_is(const char *value, const char *word);

/* Whether one of the words of a list, between commas, is `name`; or `user`, or a group of
 * theirs. */
bool list_contains(const char *list, const char *name);
bool list_contains_user(const char *list, const char *user);

#endif
