/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The strict reader: bytes of an INI file -> sections and entries, each with its line. Distrusts
 * every byte; text that iniparser would read differently from a careful human is refused.
 */
#include "policy_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "policy_keys.h"
#include "policy_report.h"
#include "policy_values.h"

#define BLANKS " \t\n"

struct reader {
	struct text *text;
	struct reporter *reporter;
	const char *file;
	const char *section; /* NULL before the first, and after a bad one */
	bool lost;           /* the section's own line was bad: its keys are not reported */
	char *cursor;
	char *end;
	unsigned line;
};

/* One physical line, or several joined; `text` ends in NUL. */
struct line {
	char *text;
	size_t length;
	unsigned number;
	unsigned width; /* as iniparser counts */
	bool bad;
};

#define complain(reader, line, ...) \
	report_error((reader)->reporter, (reader)->file, line, __VA_ARGS__)

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == VALUE_JOINT;
}

static char *skip_blanks(char *text)
{
	return text + strspn(text, BLANKS);
}

static void trim_end(char *text)
{
	size_t length = strlen(text);

	while (length > 0 && is_blank(text[length - 1]))
		text[--length] = '\0';
}

static bool starts_comment(const char *text)
{
	text += strspn(text, BLANKS);
	return *text == '#' || *text == ';';
}

/* Those of ASCII, and the 32 that UTF-8 spells with two bytes. */
static bool is_control(const char *text, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)text;

	return bytes[0] < ' ' || bytes[0] == 0x7f ||
	       (bytes[0] == 0xc2 && length > 1 && bytes[1] >= 0x80 && bytes[1] < 0xa0);
}

/* Why a line is not plain text; NULL where it is. */
static const char *find_fault(const char *text, size_t length)
{
	if (length > 0 && text[length - 1] == '\r')
		return "ends in a carriage return, expected Unix line endings";
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\0')
			return "contains a NUL byte, expected text";
		if (is_control(text + i, length - i) && text[i] != '\t')
			return "contains a control character, expected text";
	}
	return NULL;
}

/* The next physical line, its newline replaced by NUL. False at the end. */
static bool take_physical(struct reader *reader, struct line *ret_line)
{
	char *start = reader->cursor;
	char *newline;
	const char *fault;

	if (start == reader->end)
		return false;
	newline = memchr(start, '\n', (size_t)(reader->end - start));
	if (!newline)
		newline = reader->end;
	*newline = '\0';
	reader->cursor = newline == reader->end ? newline : newline + 1;
	*ret_line = (struct line){
		.text = start,
		.length = (size_t)(newline - start),
		.number = ++reader->line,
		.width = (unsigned)(newline - start),
	};
	fault = find_fault(start, ret_line->length);
	if (fault) {
		complain(reader, ret_line->number, "%s", fault);
		ret_line->bad = true;
	}
	return true;
}

/* True where the line continues in the next one. iniparser also continues after a backslash with
 * trailing blanks, which a reader cannot see. */
static bool is_continued(struct reader *reader, struct line *line)
{
	size_t length = line->length;

	while (length > 0 && is_blank(line->text[length - 1]))
		length--;
	if (length == 0 || line->text[length - 1] != '\\')
		return false;
	if (length < line->length) {
		complain(reader, reader->line,
			 "space after the \\ at the end of the line, expected none");
		line->bad = true;
	}
	return true;
}

/* Appends the next physical line in place: it follows in the same buffer. */
static bool join_next(struct reader *reader, struct line *line)
{
	struct line next;

	if (!take_physical(reader, &next)) {
		complain(reader, reader->line, "ends in \\ but no line follows");
		return false;
	}
	if (starts_comment(next.text)) {
		complain(reader, next.number,
			 "comment between continued lines, expected it before the first or "
			 "after the last");
		line->bad = true;
	}
	line->text[line->length - 1] = VALUE_JOINT;
	memmove(line->text + line->length, next.text, next.length + 1);
	line->length += next.length;
	line->width += next.width - 1;
	line->bad = line->bad || next.bad;
	return true;
}

/* A bad line may have been a section's: the keys after it are not reported. */
static void drop_section(struct reader *reader)
{
	reader->section = NULL;
	reader->lost = true;
}

/* The next logical line; bad ones are reported and skipped as a whole. False at the end. */
static bool take_line(struct reader *reader, struct line *ret_line)
{
	while (take_physical(reader, ret_line)) {
		struct line *line = ret_line;
		bool value = !starts_comment(line->text) && memchr(line->text, '=', line->length);
		bool wide = line->width > TEXT_WIDTH_MAX;

		while (is_continued(reader, line)) {
			if (!value) {
				complain(reader, reader->line, "ends in \\, which only values may");
				line->bad = true;
				break;
			}
			if (!join_next(reader, line)) {
				line->bad = true;
				break;
			}
			wide = wide || line->width > TEXT_WIDTH_MAX;
		}
		if (wide)
			complain(reader, line->number,
				 "line of more than %u characters: split the list with key.label",
				 TEXT_WIDTH_MAX);
		if (!line->bad && !wide)
			return true;
		if (*skip_blanks(line->text) == '[')
			drop_section(reader);
	}
	return false;
}

static unsigned line_at(const struct line *line, const char *position)
{
	unsigned number = line->number;

	for (const char *byte = line->text; byte < position; byte++)
		number += *byte == VALUE_JOINT;
	return number;
}

static bool is_name(const char *text, const char *alphabet)
{
	return *text && text[strspn(text, alphabet)] == '\0';
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

static bool is_key(const char *text)
{
	size_t stem = strspn(text, LOWER DIGIT "_");

	if (stem == 0)
		return false;
	return text[stem] == '\0' ||
	       (text[stem] == '.' && is_name(text + stem + 1, LOWER DIGIT "_-"));
}

static void add_section(struct reader *reader, const char *name, unsigned number)
{
	struct text *text = reader->text;

	for (size_t i = 0; i < text->section_count; i++) {
		if (strcmp(text->sections[i].name, name) != 0)
			continue;
		complain(reader, number, "duplicate section [%s] (first defined at line %u)", name,
			 text->sections[i].line);
		reader->section = text->sections[i].name;
		return;
	}
	text->sections[text->section_count++] = (struct text_section){ name, number };
	reader->section = name;
}

static void read_section(struct reader *reader, const struct line *line, char *text)
{
	char *close = strchr(text, ']');
	char *name = text + 1;

	drop_section(reader);
	if (!close || *skip_blanks(close + 1) != '\0') {
		complain(reader, line->number, "%s, expected [section] alone on its line",
			 close ? "text after the ]" : "no ] at the end");
		return;
	}
	*close = '\0';
	if (!is_name(name, LOWER DIGIT "_")) {
		complain(reader, line->number,
			 "bad section name \"%.64s\", expected [name] in lower case without "
			 "spaces",
			 name);
		return;
	}
	add_section(reader, name, line->number);
}

/* Why a value is not valid, or NULL; removes quotes. */
static const char *unwrap_value(char **value)
{
	char *text = *value;
	char quote = *text;
	char *close;

	if (quote == '\0')
		return "no value: write one, or remove the line";
	if (quote == '"' || quote == '\'') {
		close = strchr(text + 1, quote);
		if (!close)
			return "no closing quote, expected the whole value in quotes";
		if (close[1] != '\0')
			return "text after the closing quote, expected the whole value in quotes";
		*close = '\0';
		*value = text + 1;
		if (*skip_blanks(*value) == '\0')
			return "no value between the quotes: write one, or remove the line";
		return NULL;
	}
	if (strpbrk(text, "\"'"))
		return "quote within a value, expected the whole value in quotes or no "
		       "quotes";
	if (strpbrk(text, ";#"))
		return "; or # in a value: put the value in \"...\", or the comment on a "
		       "line of its own";
	return NULL;
}

static void read_entry(struct reader *reader, const struct line *line, char *key)
{
	char *equals = strchr(key, '=');
	char *value = skip_blanks(equals + 1);
	unsigned value_line = line_at(line, value);
	bool continued = memchr(line->text, VALUE_JOINT, line->length);
	const char *fault;

	*equals = '\0';
	trim_end(key);
	trim_end(value);
	if (!is_key(key)) {
		complain(reader, line->number, "bad key \"%.64s\", expected %s", key,
			 is_name(key, LOWER UPPER DIGIT "_.-") ? "lower case: key or key.label"
							       : "key = value or key.label = value");
		return;
	}
	fault = unwrap_value(&value);
	if (fault) {
		complain(reader, value_line, "%s: %s", key, fault);
		return;
	}
	if (!reader->section) {
		if (!reader->lost)
			complain(reader, line->number,
				 "%s: before any section, expected a [section] first", key);
		return;
	}
	reader->text->entries[reader->text->entry_count++] = (struct text_entry){
		.section = reader->section,
		.key = key,
		.value = value,
		.line = line->number,
		.value_line = value_line,
		.continued = continued,
	};
}

static void read_line(struct reader *reader, const struct line *line)
{
	char *text = skip_blanks(line->text);

	if (*text == '\0' || starts_comment(text))
		return;
	if (*text == '[')
		read_section(reader, line, text);
	else if (strchr(text, '='))
		read_entry(reader, line, text);
	else
		complain(reader, line->number, "\"%.64s\", expected key = value or [section]", text);
}

static int entry_order(const void *left, const void *right)
{
	const struct text_entry *a = left;
	const struct text_entry *b = right;
	int order = strcmp(a->section, b->section);

	if (order == 0)
		order = strcmp(a->key, b->key);
	if (order == 0)
		order = a->line < b->line ? -1 : 1;
	return order;
}

/* A list can be written in several parts. */
static void complain_repeated(struct reader *reader, const struct text_entry *first, unsigned line)
{
	char why[WHY_MAX];
	const struct policy_key *key = key_find(first->section, first->key, why);

	if (key && key->shape == KEY_LIST)
		complain(reader, line,
			 "%s: duplicate key (first defined at line %u); to add to the list "
			 "write %s.label = with a label of its own",
			 first->key, first->line, key->name);
	else
		complain(reader, line, "%s: duplicate key (first defined at line %u)", first->key,
			 first->line);
}

/* Sorting keeps a file of many labelled lists from taking quadratic time. */
static int find_repeated(struct reader *reader)
{
	const struct text *text = reader->text;
	struct text_entry *sorted = calloc(text->entry_count + 1, sizeof(*sorted));

	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, text->entries, text->entry_count * sizeof(*sorted));
	qsort(sorted, text->entry_count, sizeof(*sorted), entry_order);
	for (size_t i = 1; i < text->entry_count; i++) {
		const struct text_entry *first = &sorted[i - 1];
		const struct text_entry *second = &sorted[i];

		if (strcmp(first->section, second->section) == 0 &&
		    strcmp(first->key, second->key) == 0)
			complain_repeated(reader, first, second->line);
	}
	free(sorted);
	return 0;
}

static size_t count_lines(const char *bytes, size_t length)
{
	size_t count = 1;

	for (size_t i = 0; i < length; i++)
		count += bytes[i] == '\n';
	return count;
}

static int allocate(struct text *text, const char *bytes, size_t length, size_t lines)
{
	text->bytes = malloc(length + 1);
	text->sections = calloc(lines, sizeof(*text->sections));
	text->entries = calloc(lines, sizeof(*text->entries));
	if (!text->bytes || !text->sections || !text->entries)
		return -ENOMEM;
	memcpy(text->bytes, bytes, length);
	text->bytes[length] = '\0';
	return 0;
}

int text_read(const char *bytes, size_t length, const char *file, struct reporter *reporter,
	      struct text *ret_text)
{
	static const char mark[] = { '\xef', '\xbb', '\xbf' };
	struct text text = { 0 };
	struct reader reader = { .text = &text, .reporter = reporter, .file = file };
	size_t lines = count_lines(bytes, length);
	struct line line;
	int error;

	if (lines > TEXT_LINES_MAX) {
		complain(&reader, 0, "more than %u lines", TEXT_LINES_MAX);
		*ret_text = text;
		return 0;
	}
	error = allocate(&text, bytes, length, lines);
	if (error < 0) {
		text_free(&text);
		return error;
	}
	reader.cursor = text.bytes;
	reader.end = text.bytes + length;
	if (length >= sizeof(mark) && memcmp(bytes, mark, sizeof(mark)) == 0) {
		complain(&reader, 1, "starts with a byte order mark, expected plain text");
		reader.cursor += sizeof(mark);
	}
	while (take_line(&reader, &line))
		read_line(&reader, &line);
	error = find_repeated(&reader);
	if (error < 0)
		text_free(&text);
	else
		*ret_text = text;
	return error;
}

void text_free(struct text *text)
{
	free(text->bytes);
	free(text->sections);
	free(text->entries);
	*text = (struct text){ 0 };
}
