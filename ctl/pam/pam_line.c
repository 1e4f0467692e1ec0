/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One file of PAM configuration -> its lines, as libpam takes them apart. Pure.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "pam_line.h"
#include "util.h"

#define BLANKS   " \n\t"
#define JUMP_MAX 100000 /* farther than any stack is long */

/* In the order of libpam's numbers; the last one stands for all that are not set yet. */
static const char *const return_names[RETURN_COUNT + 1] = {
	"success",
	"open_err",
	"symbol_err",
	"service_err",
	"system_err",
	"buf_err",
	"perm_denied",
	"auth_err",
	"cred_insufficient",
	"authinfo_unavail",
	"user_unknown",
	"maxtries",
	"new_authtok_reqd",
	"acct_expired",
	"session_err",
	"cred_unavail",
	"cred_expired",
	"cred_err",
	"no_module_data",
	"conv_err",
	"authtok_err",
	"authtok_recover_err",
	"authtok_lock_busy",
	"authtok_disable_aging",
	"try_again",
	"ignore",
	"abort",
	"authtok_expired",
	"module_unknown",
	"bad_item",
	"conv_again",
	"incomplete",
	"default",
};

/* Their places are enum pam_action, negated. */
static const char *const action_names[] = { "ignore", "ok", "done", "bad", "die", "reset" };

static const char *const type_names[TYPE_ANY] = { "auth", "account", "session", "password" };

/* The controls of one word, in libpam's own terms. */
static const struct {
	const char *name;
	enum pam_line_kind kind;
	const char *actions;
} controls[] = {
	{ "required", LINE_MODULE, "success=ok new_authtok_reqd=ok ignore=ignore default=bad" },
	{ "requisite", LINE_MODULE, "success=ok new_authtok_reqd=ok ignore=ignore default=die" },
	{ "optional", LINE_MODULE, "success=ok new_authtok_reqd=ok default=ignore" },
	{ "sufficient", LINE_MODULE, "success=done new_authtok_reqd=done default=ignore" },
	{ "include", LINE_INCLUDE, "default=bad" },
	{ "substack", LINE_SUBSTACK, "default=bad" },
};

static void actions_default(int actions[RETURN_COUNT], int action)
{
	for (size_t i = 0; i < RETURN_COUNT; i++)
		if (actions[i] == ACTION_UNSET)
			actions[i] = action;
}

/* The index of the name that `*text` begins with, which is then passed over; `count` where there is
 * none. libpam asks for no end of the word either. */
static size_t name_take(const char *const *names, size_t count, const char **text)
{
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(names[i]);

		if (strncmp(names[i], *text, length) == 0) {
			*text += length;
			return i;
		}
	}
	return count;
}

static const char *blanks_pass(const char *text)
{
	return text + strspn(text, " \t\n\v\f\r");
}

/* An action word or a jump; ACTION_UNSET where it is neither. */
static int action_take(const char **text)
{
	size_t word = name_take(action_names, ARRAY_SIZE(action_names), text);
	int jump = 0;

	if (word < ARRAY_SIZE(action_names))
		return -(int)word;
	for (; **text >= '0' && **text <= '9'; (*text)++)
		if (jump < JUMP_MAX)
			jump = jump * 10 + (**text - '0');
	return jump > 0 ? jump : ACTION_UNSET;
}

/* `value=action ...`; what libpam does not understand makes all of it bad. */
static bool actions_parse(const char *text, int actions[RETURN_COUNT])
{
	for (size_t i = 0; i < RETURN_COUNT; i++)
		actions[i] = ACTION_UNSET;
	while (*(text = blanks_pass(text))) {
		size_t value = name_take(return_names, ARRAY_SIZE(return_names), &text);
		int action;

		text = blanks_pass(text);
		if (value == ARRAY_SIZE(return_names) || *text++ != '=')
			return false;
		text = blanks_pass(text);
		action = action_take(&text);
		if (action == ACTION_UNSET)
			return false;
		if (value < RETURN_COUNT)
			actions[value] = action;
		else
			actions_default(actions, action);
	}
	return true;
}

/* The next word at `*text`, or what stands in brackets; NULL at the end. Cuts the text up, and
 * writes a bracket's words over its escapes. */
static char *token_take(char **text)
{
	char *token = *text + strspn(*text, BLANKS);
	char *end;

	if (!*token)
		return NULL;
	if (*token == '[') {
		char *to = ++token;

		for (end = token; *end && *end != ']'; end++) {
			if (end[0] == '\\' && end[1] == ']')
				end++;
			*to++ = *end;
		}
		*text = *end ? end + 1 : end;
		*to = '\0';
	} else {
		end = token + strcspn(token, BLANKS);
		*text = *end ? end + 1 : end;
		*end = '\0';
	}
	return token;
}

static void line_break(struct pam_line *line, const char *complaint)
{
	line->kind = LINE_BROKEN;
	line->complaint = complaint;
}

static void line_read_type(struct pam_line *line, const char *word)
{
	line->type = TYPE_UNKNOWN;
	if (word[0] == '-') /* keeps a missing module out of the log, nothing else */
		word++;
	for (size_t i = 0; i < TYPE_ANY; i++)
		if (strcasecmp(word, type_names[i]) == 0)
			line->type = (enum pam_type)i;
	if (line->type == TYPE_UNKNOWN)
		line_break(line, "the type is none of auth, account, session, password");
}

static void line_read_control(struct pam_line *line, const char *word)
{
	const char *actions = word;

	line->control = word;
	for (size_t i = 0; i < ARRAY_SIZE(controls); i++) {
		if (strcasecmp(word, controls[i].name) != 0)
			continue;
		actions = controls[i].actions;
		if (controls[i].kind != LINE_MODULE)
			line->kind = controls[i].kind;
	}
	if (!actions_parse(actions, line->actions)) {
		line->complaint = "the control is not understood: whatever the module returns is bad";
		for (size_t i = 0; i < RETURN_COUNT; i++)
			line->actions[i] = ACTION_BAD;
	}
	actions_default(line->actions, ACTION_BAD);
}

/* Moves the words together: where they stand there is room. */
static void line_read_arguments(struct pam_line *line, char *rest)
{
	char *to = rest;
	char *word;

	line->arguments = rest;
	while ((word = token_take(&rest))) {
		size_t size = strlen(word) + 1;

		memmove(to, word, size);
		to += size;
		line->argument_count++;
	}
}

static void line_read(struct pam_line *line, char *text)
{
	char *word = token_take(&text);
	bool at_include = word && strcasecmp(word, "@include") == 0;

	line->control = line->name = line->arguments = "";
	if (at_include) {
		line->type = TYPE_ANY;
		line_read_control(line, "include");
	} else {
		line_read_type(line, word ? word : "");
		word = token_take(&text);
		line_read_control(line, word ? word : "");
		if (!word)
			line_break(line, "no control");
	}
	word = token_take(&text);
	if (word)
		line->name = word;
	else if (line->kind != LINE_BROKEN)
		line_break(line, line->kind == LINE_MODULE ? "no module" : "no file to include");
	line_read_arguments(line, text);
}

/* What is left of the file, and the number of the line that comes next. */
struct reader {
	const char *next;
	const char *end;
	unsigned number;
};

/* One line as it is written, up to a NUL in it; false at the end of the file. */
static bool physical_next(struct reader *reader, const char **ret_line, size_t *ret_length)
{
	const char *line = reader->next;
	const char *newline;
	size_t length;

	if (line == reader->end)
		return false;
	newline = memchr(line, '\n', (size_t)(reader->end - line));
	length = newline ? (size_t)(newline - line) : (size_t)(reader->end - line);
	reader->next = newline ? newline + 1 : reader->end;
	reader->number++;
	*ret_line = line;
	*ret_length = strnlen(line, length);
	return true;
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n';
}

/* Appends a line without comment and blanks at the end. True where it goes on in the next one:
 * lines without content may stand between. */
static bool physical_append(const char *line, size_t length, char **to)
{
	const char *comment = memchr(line, '#', length);

	if (comment)
		length = (size_t)(comment - line);
	while (length > 0 && is_blank(line[length - 1]))
		length--;
	if (length == 0)
		return false;
	memcpy(*to, line, length);
	*to += length;
	if (comment || line[length - 1] != '\\')
		return false;
	(*to)[-1] = ' ';
	return true;
}

/* A logical line into `text`, which has room for all that is left and NUL; its length is 0 at the
 * end of the file. */
static size_t logical_next(struct reader *reader, char *text, unsigned *ret_number,
			   bool *ret_unfinished)
{
	const char *line;
	size_t length;
	char *to = text;
	bool continues = false;

	while (physical_next(reader, &line, &length)) {
		char *before = to;
		bool goes_on = physical_append(line, length, &to);

		if (to == before)
			continue;
		if (before == text)
			*ret_number = reader->number;
		continues = goes_on;
		if (!continues)
			break;
	}
	*ret_unfinished = continues;
	*to = '\0';
	return (size_t)(to - text);
}

static size_t newlines_count(const char *bytes, size_t length)
{
	size_t count = 1;

	for (size_t i = 0; i < length; i++)
		count += bytes[i] == '\n';
	return count;
}

int pam_lines_read(const char *bytes, size_t length, struct pam_lines *ret_lines)
{
	struct reader reader = { .next = bytes, .end = bytes + length };
	size_t most = newlines_count(bytes, length);
	struct pam_lines read = { 0 };
	unsigned number = 0;
	bool unfinished;
	size_t used;
	char *to;

	read.text = malloc(length + most + 1);
	read.lines = calloc(most, sizeof(*read.lines));
	if (!read.text || !read.lines) {
		pam_lines_free(&read);
		return -ENOMEM;
	}
	to = read.text;
	while ((used = logical_next(&reader, to, &number, &unfinished)) > 0) {
		if (unfinished) {
			read.unfinished = number;
			break;
		}
		read.lines[read.count].number = number;
		line_read(&read.lines[read.count++], to);
		to += used + 1;
	}
	*ret_lines = read;
	return 0;
}

void pam_lines_free(struct pam_lines *lines)
{
	free(lines->text);
	free(lines->lines);
}

const char *pam_argument_next(const char *argument)
{
	return argument + strlen(argument) + 1;
}
