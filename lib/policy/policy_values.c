/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The values of the policy language: items of lists, expansions, booleans, sizes.
 */
#include "policy_values.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

#define BLANKS " \t"

static const struct account sample = {
	.name = "user",
	.group = "group",
	.home = "/home/user",
	.uid = 1000,
	.gid = 1000,
};

/* The end of the item at `text`. A joint of two lines is no blank. */
static const char *item_end(const char *text)
{
	return text + strcspn(text, BLANKS);
}

/* Skips blanks and joints, counting the latter. */
static const char *item_next(const char *text, unsigned *line)
{
	for (; *text == ' ' || *text == '\t' || *text == '\n'; text++)
		*line += *text == '\n';
	return text;
}

static unsigned joints_within(const char *start, const char *end)
{
	unsigned count = 0;

	for (; start < end; start++)
		count += *start == '\n';
	return count;
}

/* Drops the comma that separates the item from the next one. */
static bool drop_comma(char *text)
{
	size_t length = strlen(text);

	if (length == 0 || text[length - 1] != ',')
		return false;
	text[length - 1] = '\0';
	return true;
}

static bool ends_in_comma(const char *text)
{
	const char *last = strrchr(text, ',');

	return last && last[1] == '\0';
}

int items_split(const char *value, unsigned line, struct item **ret_items, size_t *ret_count,
		char why[WHY_MAX])
{
	struct item *items = calloc(strlen(value) / 2 + 1, sizeof(*items));
	size_t count = 0;
	bool comma = false;
	int error = -ENOMEM;

	if (!items)
		return -ENOMEM;
	value = item_next(value, &line);
	while (*value) {
		const char *end = item_end(value);
		struct item *item = &items[count];

		item->text = value_plain(value, (size_t)(end - value));
		if (!item->text)
			goto fail;
		count++;
		item->line = line;
		item->follows_comma = comma;
		line += joints_within(value, end);
		value = item_next(end, &line);
		comma = *value && drop_comma(item->text);
		error = item->text[0] ? 0 : refuse(why, "comma with no item before it");
		if (!*value && ends_in_comma(item->text))
			error = refuse(why, "trailing comma in \"%s\", expected an item after it",
				       item->text);
		if (error < 0)
			goto fail;
	}
	*ret_items = items;
	*ret_count = count;
	return 0;
fail:
	items_free(items, count);
	return error;
}

void items_free(struct item *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(items[i].text);
	free(items);
}

/* What %`letter` stands for; NULL where it stands for nothing. */
static const char *expansion_of(char letter, const struct account *account, char number[24])
{
	switch (letter) {
	case 'u':
		return account->name;
	case 'g':
		return account->group;
	case 'h':
		return account->home;
	case 'U':
		snprintf(number, 24, "%u", (unsigned)account->uid);
		return number;
	case '%':
		return "%";
	}
	return NULL;
}

static int digit_of(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

/* The byte that \xNN at `text` means; negative for anything else, and for a NUL. */
static int escape_parse(const char *text)
{
	int high, low;

	if (text[1] != 'x')
		return -1;
	high = digit_of(text[2]);
	low = high < 0 ? -1 : digit_of(text[3]);
	return low < 0 || (high == 0 && low == 0) ? -1 : high * 16 + low;
}

/* A home that is not a path would allow more than it says: "" + "/x" is /x. */
static int home_check(const struct account *account, char why[WHY_MAX])
{
	/* Of slashes and dots alone it is / by another name. */
	if (account->home[0] != '/' || account->home[strspn(account->home, "/.")] == '\0')
		return refuse(why, "%%h is \"%s\", expected a home directory below /", account->home);
	return 0;
}

/* The name of an account or a group would name another directory. */
static bool is_component(const char *name)
{
	return !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int expand_percent(const char *text, const struct account *account, unsigned flags,
			  const char **ret_piece, char number[24], char why[WHY_MAX])
{
	const char *piece = expansion_of(text[1], account, number);

	if (!piece)
		return refuse(why, "unknown \"%.2s\", expected %%u %%U %%g %%h or %%%%", text);
	if (text[1] != '%' && isalnum((unsigned char)text[2]))
		return refuse(why,
			      "\"%.8s\" is %.2s before a letter or digit, expected none there (in a path "
			      "\\x%02x is that \"%c\")",
			      text, text, (unsigned)text[2], text[2]);
	if (text[1] == 'h' && home_check(account, why) < 0)
		return -EINVAL;
	if (piece[0] == '\0')
		return refuse(why, "%.2s is empty for this account", text);
	if (text[1] != 'h' && (flags & EXPAND_PATH) && !is_component(piece))
		return refuse(why, "%.2s is \"%s\", which cannot be one name in a path", text, piece);
	if ((flags & EXPAND_PATTERN) && strchr(piece, '*'))
		return refuse(why, "%.2s is \"%s\", whose * would be a wildcard", text, piece);
	*ret_piece = piece;
	return 2;
}

static int expand_escape(const char *text, unsigned flags, const char **ret_piece, char number[24],
			 char why[WHY_MAX])
{
	int byte = escape_parse(text);

	if (byte < 0)
		return refuse(why, "bad escape \"%.4s\", expected \\xNN (\\x20 is a space)", text);
	if ((flags & EXPAND_PATTERN) && byte == '*')
		return refuse(why, "\\x2a in a pattern, which cannot contain a literal *");
	number[0] = (char)byte;
	number[1] = '\0';
	*ret_piece = number;
	return 4;
}

int value_expand(const char *text, const struct account *account, unsigned flags,
		 char ret_text[VALUE_MAX], char why[WHY_MAX])
{
	size_t used = 0;

	if (!account)
		account = &sample;
	while (*text) {
		char number[24] = { *text, '\0' };
		const char *piece = number;
		int taken = 1;
		size_t length;

		if (*text == '%')
			taken = expand_percent(text, account, flags, &piece, number, why);
		else if (*text == '\\' && (flags & EXPAND_ESCAPES))
			taken = expand_escape(text, flags, &piece, number, why);
		if (taken < 0)
			return taken;
		length = strlen(piece);
		if (used + length >= VALUE_MAX)
			return refuse(why, "longer than %d bytes", VALUE_MAX - 1);
		memcpy(ret_text + used, piece, length);
		used += length;
		text += taken;
	}
	ret_text[used] = '\0';
	return 0;
}

bool value_waits(const char *text, const struct account *account)
{
	return !account && strstr(text, "%U");
}

int boolean_parse(const char *text, bool *ret_value, char why[WHY_MAX])
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(text, words[i]) != 0)
			continue;
		*ret_value = i % 2 == 1;
		return 0;
	}
	return refuse(why, "expected yes or no, got \"%s\"", text);
}

int amount_parse(const char *text, bool sized, uint64_t *ret_value, char why[WHY_MAX])
{
	static const char suffixes[] = "KMG";
	const char *expected = sized ? "a size such as 0, 512K, 64M or 2G" : "a decimal number";
	char digits[24] = "";
	size_t length = strspn(text, "0123456789");
	const char *suffix = strchr(suffixes, text[length]);
	unsigned shift = 0;
	int error;

	if (sized && text[length] && suffix && text[length + 1] == '\0')
		shift = 10 * (unsigned)(suffix - suffixes + 1);
	else if (text[length])
		return refuse(why, "expected %s, got \"%s\"", expected, text);
	if (length >= sizeof(digits))
		return refuse(why, "\"%s\" is too large", text);
	memcpy(digits, text, length);
	error = parse_unsigned(digits, (UINT64_MAX - 1) >> shift, ret_value);
	if (error == -ERANGE)
		return refuse(why, "\"%s\" is too large", text);
	if (error < 0)
		return refuse(why, "expected %s without leading zeros, got \"%s\"", expected, text);
	*ret_value <<= shift;
	return 0;
}

int word_parse(const char *noun, const char *text, const char *const *words, char why[WHY_MAX])
{
	for (size_t i = 0; words[i]; i++) {
		if (strcmp(text, words[i]) == 0)
			return 0;
	}
	return refuse_word(why, noun, text, words);
}

char *value_plain(const char *value, size_t length)
{
	char *plain = malloc(length + 1);
	char *end = plain;

	if (!plain)
		return NULL;
	for (size_t i = 0; i < length; i++) {
		if (value[i] != VALUE_JOINT)
			*end++ = value[i];
	}
	*end = '\0';
	return plain;
}
