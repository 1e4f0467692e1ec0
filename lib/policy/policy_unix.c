/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The items of unix_allow, and the paths of the policy language. Uses the file system only to find
 * a path's canonical name.
 */
#include "policy_unix.h"

#include <errno.h>
#include <string.h>

#include "path.h"

/* Appends /name; -ENAMETOOLONG. */
static int path_append(char path[VALUE_MAX], const char *name, size_t length)
{
	size_t used = strlen(path);

	if (used + 1 + length >= VALUE_MAX)
		return -ENAMETOOLONG;
	path[used] = '/';
	memcpy(path + used + 1, name, length);
	path[used + 1 + length] = '\0';
	return 0;
}

/* True where the component at `text` of this length is `.` or empty. */
static bool is_nothing(const char *text, size_t length)
{
	return length == 0 || (length == 1 && text[0] == '.');
}

static bool is_parent(const char *text, size_t length)
{
	return length == 2 && text[0] == '.' && text[1] == '.';
}

int path_parse(const char *text, const struct account *account, unsigned flags,
	       char ret_path[VALUE_MAX], char why[WHY_MAX])
{
	char expanded[VALUE_MAX];
	const char *rest = expanded;

	if (value_expand(text, account, flags | EXPAND_ESCAPES | EXPAND_PATH, expanded, why) < 0)
		return -EINVAL;
	if (expanded[0] != '/')
		return refuse(why, "expected an absolute path, got \"%s\"", text);
	ret_path[0] = '\0';
	while (*rest) {
		size_t length = strcspn(rest, "/");

		if (is_parent(rest, length))
			return refuse(why, "\"..\" in the path \"%s\", expected none", text);
		/* Cannot be too long: the result is no longer than what it is made of. */
		if (!is_nothing(rest, length))
			path_append(ret_path, rest, length);
		rest += length + (rest[length] == '/');
	}
	if (ret_path[0] == '\0')
		memcpy(ret_path, "/", 2);
	return 0;
}

int unix_item_parse(const char *text, const struct account *account, struct unix_item *ret_item,
		    char why[WHY_MAX])
{
	static const char *const words[] = { "own", "x11", NULL };

	ret_item->pattern[0] = '\0';
	if (text[0] == '/' || text[0] == '%' || text[0] == '\\') {
		ret_item->kind = SOCKET_PATH;
		return path_parse(text, account, EXPAND_PATTERN, ret_item->pattern, why);
	}
	if (text[0] == '@') {
		ret_item->kind = SOCKET_ABSTRACT;
		if (text[1] == '\0')
			return refuse(why, "expected @name, got \"@\"");
		return value_expand(text + 1, account, EXPAND_ESCAPES | EXPAND_PATTERN,
				    ret_item->pattern, why);
	}
	ret_item->kind = strcmp(text, "x11") == 0 ? SOCKET_X11 : SOCKET_OWN;
	if (word_parse("item", text, words, why) == 0)
		return 0;
	if (nearest_word(text, words))
		return -EINVAL;
	return refuse(why, "expected /path, @name, own or x11, got \"%s\"", text);
}

/* The length of what may be looked up: a pattern's directories end before its first `*`. */
static size_t literal_length(const char *path)
{
	const char *star = strchr(path, '*');
	size_t length = star ? (size_t)(star - path) : strlen(path);

	while (star && length > 0 && path[length - 1] != '/')
		length--;
	return length;
}

int path_canonicalise(const char *path, const struct path_untrusted *untrusted,
		      char ret_path[VALUE_MAX])
{
	char directories[VALUE_MAX], name[VALUE_MAX];
	size_t literal = literal_length(path);
	const char *tail = path + literal;
	int error;

	if (strlen(path) >= sizeof(directories))
		return -ENAMETOOLONG;
	memcpy(directories, path, literal);
	directories[literal] = '\0';
	error = path_name(directories, untrusted, name);
	if (error == 0 && tail[0]) {
		if (strcmp(name, "/") == 0)
			name[0] = '\0';
		error = path_append(name, tail, strlen(tail));
	}
	if (error == 0)
		memcpy(ret_path, name, sizeof(name));
	return error;
}
