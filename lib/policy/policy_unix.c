/*
 * The items of unix_allow, and the paths of the policy language.
 * Called by the key table; looks at the file system only to find what a path is really called.
 * Distrusts the text, and whoever may write the directories that a path leads through.
 */
#include "policy_unix.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

#define LINKS_MAX 40 /* as the kernel: path_resolution(7) */

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

	if (value_expand(text, account, flags | EXPAND_ESCAPES, expanded, why) < 0)
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

static bool root_alone_writes(const char *directory)
{
	struct stat status;

	return lstat(directory[0] ? directory : "/", &status) == 0 && S_ISDIR(status.st_mode) &&
	       status.st_uid == 0 && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* The state of a walk: what is already canonical ("" is the root), and what is still to go. */
struct walk {
	char done[VALUE_MAX];
	char rest[VALUE_MAX];
	unsigned links;
};

static void walk_up(struct walk *walk)
{
	char *slash = strrchr(walk->done, '/');

	if (slash)
		*slash = '\0';
}

/* Puts the target of the link `link` before what is left behind the component. */
static int walk_follow(struct walk *walk, const char *link, const char *behind)
{
	char next[VALUE_MAX];
	ssize_t length = readlink(link, next, sizeof(next) - 1);

	if (length < 0)
		return -errno;
	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	if ((size_t)length + strlen(behind) >= sizeof(next))
		return -ENAMETOOLONG;
	memcpy(next + length, behind, strlen(behind) + 1);
	memcpy(walk->rest, next, strlen(next) + 1);
	if (walk->rest[0] == '/')
		walk->done[0] = '\0';
	return 0;
}

/* One component; `trusted` tells whether a link may be followed. */
static int walk_step(struct walk *walk, bool trusted)
{
	char *name = walk->rest + strspn(walk->rest, "/");
	size_t length = strcspn(name, "/");
	char candidate[VALUE_MAX];
	struct stat status;
	int error;

	if (is_parent(name, length))
		walk_up(walk);
	if (!is_nothing(name, length) && !is_parent(name, length)) {
		memcpy(candidate, walk->done, sizeof(candidate));
		error = path_append(candidate, name, length);
		if (error < 0)
			return error;
		if (trusted && lstat(candidate, &status) == 0 && S_ISLNK(status.st_mode))
			return walk_follow(walk, candidate, name + length);
		memcpy(walk->done, candidate, sizeof(candidate));
	}
	memmove(walk->rest, name + length, strlen(name + length) + 1);
	return 0;
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

int path_canonicalise(const char *path, char ret_path[VALUE_MAX])
{
	struct walk walk = { 0 };
	size_t literal = literal_length(path);
	const char *tail = path + literal;
	bool trusted = true;
	int error;

	if (strlen(path) >= VALUE_MAX)
		return -ENAMETOOLONG;
	memcpy(walk.rest, path, literal);
	while (walk.rest[0]) {
		trusted = trusted && root_alone_writes(walk.done);
		error = walk_step(&walk, trusted);
		if (error < 0)
			return error;
	}
	if (tail[0] || walk.done[0] == '\0') {
		error = path_append(walk.done, tail, strlen(tail));
		if (error < 0)
			return error;
	}
	memcpy(ret_path, walk.done, sizeof(walk.done));
	return 0;
}
