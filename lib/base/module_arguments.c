/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arguments of a line that calls pam_sandlock.so.
 */
#include <string.h>

#include "groups.h"
#include "module_arguments.h"
#include "util.h"

#define NAME_SIZE 256

static const struct {
	const char *name;
	const char *words[4]; /* the values; none: any text */
	const char *start;    /* of a text; NULL: the argument has no value */
} rows[ARGUMENT_COUNT] = {
	[ARGUMENT_MODE] = { "mode", { "auto", "gate", "open" }, "" },
	[ARGUMENT_EXEMPT] = { "exempt", { NULL }, "" },
	[ARGUMENT_SERVICES] = { "services", { NULL }, "" },
	[ARGUMENT_CONF] = { "conf", { NULL }, "/" },
	[ARGUMENT_NESTED] = { "nested", { "deny", "inherit" }, "" },
	[ARGUMENT_QUIET] = { "quiet", { NULL }, NULL },
	[ARGUMENT_DEBUG] = { "debug", { NULL }, NULL },
};

static bool value_is_known(size_t row, const char *value)
{
	if (!rows[row].words[0])
		return *value && strncmp(value, rows[row].start, strlen(rows[row].start)) == 0;
	for (size_t i = 0; rows[row].words[i]; i++)
		if (strcmp(value, rows[row].words[i]) == 0)
			return true;
	return false;
}

enum argument_state module_argument_read(const char *text, struct module_arguments *arguments)
{
	size_t length = strcspn(text, "=");
	bool valued = text[length] == '=';

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strlen(rows[i].name) != length || strncmp(text, rows[i].name, length) != 0 ||
		    valued != (rows[i].start != NULL))
			continue;
		arguments->values[i] = text + length + valued;
		return !valued || value_is_known(i, arguments->values[i]) ? ARGUMENT_GOOD
									  : ARGUMENT_BAD_VALUE;
	}
	return ARGUMENT_UNKNOWN;
}

bool argument_is(const char *value, const char *word)
{
	return value && strcmp(value, word) == 0;
}

/* Copies the next word; false at the end. A word longer than any name is skipped. */
static bool list_next(const char **list, char word[NAME_SIZE])
{
	while (*list && **list) {
		size_t length = strcspn(*list, ",");
		const char *start = *list;

		*list += length + (start[length] == ',');
		if (length >= NAME_SIZE)
			continue;
		memcpy(word, start, length);
		word[length] = '\0';
		return true;
	}
	return false;
}

bool list_contains(const char *list, const char *name)
{
	char word[NAME_SIZE];

	while (list_next(&list, word))
		if (strcmp(word, name) == 0)
			return true;
	return false;
}

bool list_contains_user(const char *list, const char *user)
{
	char word[NAME_SIZE];

	while (list_next(&list, word))
		if (word[0] == '@' ? group_has_user(word + 1, user) > 0 : strcmp(word, user) == 0)
			return true;
	return false;
}
