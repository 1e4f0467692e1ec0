/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lines of a file of PAM configuration, as libpam takes them apart. Distrusts every byte: a
 * line that libpam makes a module of that always fails is one here.
 */
#include <string.h>
#include <strings.h>

#include "pam_stack.h"
#include "util.h"

#define BLANKS   " \t\n"
#define SPACES   " \t\n\v\f\r"
#define JUMP_MAX 100000 /* farther than any stack is long */

const char *const pam_type_names[] = { "auth", "account", "session", "password", NULL };

/* In the order of libpam's numbers; the last one stands for all that are not set yet. */
static const char *const returns[] = { "success",
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
				       NULL };

/* Their places are enum pam_action, negated. */
static const char *const actions[] = { "ignore", "ok", "done", "bad", "die", "reset", NULL };

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

/* The index of the name that `*text` begins with, which is passed over with the blanks around it;
 * -1 where there is none. libpam asks for no end of the word either. */
static int name_take(const char *const *names, const char **text)
{
	*text += strspn(*text, SPACES);
	for (int i = 0; names[i]; i++) {
		if (strncmp(names[i], *text, strlen(names[i])) == 0) {
			*text += strlen(names[i]);
			*text += strspn(*text, SPACES);
			return i;
		}
	}
	return -1;
}

/* An action word or a jump; ACTION_UNSET where it is neither. */
static int action_take(const char **text)
{
	int word = name_take(actions, text);
	int jump = 0;

	for (; word < 0 && **text >= '0' && **text <= '9'; (*text)++)
		if (jump < JUMP_MAX)
			jump = jump * 10 + (**text - '0');
	return word >= 0 ? -word : jump > 0 ? jump : ACTION_UNSET;
}

static void actions_default(struct pam_line *line, int action)
{
	for (size_t i = 0; i < RETURN_COUNT; i++)
		if (line->actions[i] == ACTION_UNSET)
			line->actions[i] = action;
}

static void actions_clear(struct pam_line *line)
{
	for (size_t i = 0; i < RETURN_COUNT; i++)
		line->actions[i] = ACTION_UNSET;
}

/* `value=action ...`; false where libpam does not understand it. */
static bool actions_parse(const char *text, struct pam_line *line)
{
	actions_clear(line);
	while (text[strspn(text, SPACES)]) {
		int value = name_take(returns, &text);
		int action;

		if (value < 0 || *text++ != '=')
			return false;
		action = action_take(&text);
		if (action == ACTION_UNSET)
			return false;
		if (value == RETURN_COUNT)
			actions_default(line, action);
		else
			line->actions[value] = action;
	}
	return true;
}

/* The next word at `*text`, or what is in brackets; NULL at the end. Cuts the text up, and writes a
 * bracket's words over its escapes. */
static char *word_take(char **text)
{
	char *word = *text + strspn(*text, BLANKS);
	char *end = word + strcspn(word, BLANKS);

	if (!*word)
		return NULL;
	if (*word == '[') {
		char *to = ++word;

		for (end = word; *end && *end != ']'; *to++ = *end++)
			if (end[0] == '\\' && end[1] == ']')
				end++;
		*text = end + (*end != '\0');
		*to = '\0';
	} else {
		*text = end + (*end != '\0');
		*end = '\0';
	}
	return word;
}

static void line_break(struct pam_line *line, const char *problem)
{
	line->kind = LINE_BROKEN;
	line->problem = problem;
}

static void type_read(struct pam_line *line, const char *word)
{
	line->type = TYPE_UNKNOWN;
	word += word[0] == '-'; /* keeps a missing module out of the log, nothing else */
	for (size_t i = 0; pam_type_names[i]; i++)
		if (strcasecmp(word, pam_type_names[i]) == 0)
			line->type = (enum pam_type)i;
	if (line->type == TYPE_UNKNOWN)
		line_break(line, "the type is none of auth, account, session, password");
}

static void control_read(struct pam_line *line, const char *word)
{
	const char *text = word;

	line->control = word;
	for (size_t i = 0; i < ARRAY_SIZE(controls); i++) {
		if (strcasecmp(word, controls[i].name) != 0)
			continue;
		text = controls[i].actions;
		if (controls[i].kind != LINE_MODULE)
			line->kind = controls[i].kind;
	}
	if (!actions_parse(text, line)) {
		line->problem = "the control is not understood: whatever the module returns is bad";
		actions_clear(line);
	}
	actions_default(line, ACTION_BAD);
}

static void line_parse(char *text, struct arena *arena, struct pam_line *line)
{
	char *word = word_take(&text);
	size_t count = 0;

	if (word && strcasecmp(word, "@include") == 0) {
		line->type = TYPE_ANY;
		control_read(line, "include");
	} else {
		type_read(line, word ? word : "");
		word = word_take(&text);
		control_read(line, word ? word : "");
		if (!word)
			line_break(line, "no control");
	}
	line->name = word_take(&text);
	if (!line->name && line->kind != LINE_BROKEN)
		line_break(line, line->kind == LINE_MODULE ? "no module" : "no file to include");
	line->name = line->name ? line->name : "";
	do {
		word = word_take(&text);
		line->arguments = arena_grow(arena, line->arguments, count, sizeof(char *));
		line->arguments[count++] = word;
	} while (word);
}

/* One line after another, without comments and blanks at the end, moved together until one does not
 * go on in the next: lines without content may be between. NULL at the end of the file. */
static char *text_next(char **rest, unsigned *number, unsigned *ret_first, bool *ret_unfinished)
{
	char *line, *start = NULL, *to = NULL;

	*ret_unfinished = false;
	while ((line = strsep(rest, "\n"))) {
		size_t length = strcspn(line, "#");
		bool comment = line[length] == '#';

		++*number;
		while (length > 0 && strchr(BLANKS, line[length - 1]))
			length--;
		if (length == 0)
			continue;
		if (!start) {
			start = to = line;
			*ret_first = *number;
		}
		memmove(to, line, length);
		to += length;
		*to = '\0';
		*ret_unfinished = !comment && to[-1] == '\\';
		if (!*ret_unfinished)
			break;
		to[-1] = ' ';
	}
	return start;
}

bool pam_line_next(char **rest, unsigned *number, struct arena *arena, struct pam_line *ret_line,
		   bool *ret_unfinished)
{
	struct pam_line line = { 0 };
	char *text = text_next(rest, number, &line.number, ret_unfinished);

	if (text && !*ret_unfinished)
		line_parse(text, arena, &line);
	*ret_line = line;
	return text != NULL;
}

/* A NUL ends a line for libpam: what comes after it there is not read. */
void pam_text_prepare(char *bytes, size_t length)
{
	bool hidden = false;

	for (size_t i = 0; i < length; i++) {
		hidden = bytes[i] != '\n' && (hidden || bytes[i] == '\0');
		if (hidden)
			bytes[i] = ' ';
	}
}

const char *pam_module_name(const struct pam_line *line)
{
	const char *slash = strrchr(line->name, '/');

	return slash ? slash + 1 : line->name;
}
