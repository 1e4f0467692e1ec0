/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lines of PAM configuration, as libpam takes them apart.
 * Run by `make unit`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pam_stack.h"
#include "util.h"

/* All lines as NUMBER:KIND TYPE [CONTROL] NAME (ARGUMENT)...; */
static void lines_describe(const char *bytes, size_t length, char text[4096])
{
	static const char kinds[] = { 'M', '!', 'I', 'S' };
	static const char types[] = { 'a', 'c', 's', 'p', '*', '?' };
	cleanup_arena struct arena arena = { 0 };
	char *rest = arena_alloc(&arena, length + 1);
	struct pam_line line;
	unsigned number = 0;
	bool unfinished;
	size_t used = 0;

	memcpy(rest, bytes, length);
	pam_text_prepare(rest, length);
	text[0] = '\0';
	while (pam_line_next(&rest, &number, &arena, &line, &unfinished)) {
		if (unfinished) {
			snprintf(text + used, 4096 - used, "unfinished at %u", line.number);
			break;
		}
		used += (size_t)snprintf(text + used, 4096 - used, "%u:%c%c [%s] %s", line.number,
					 kinds[line.kind], types[line.type], line.control, line.name);
		for (char **argument = line.arguments; *argument; argument++)
			used += (size_t)snprintf(text + used, 4096 - used, " (%s)", *argument);
		used += (size_t)snprintf(text + used, 4096 - used, ";");
	}
}

static void lines_are_taken_apart(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} cases[] = {
		{ "", "" },
		{ "\n\n  # nothing\n", "" },
		{ "session required pam_x.so", "1:Ms [required] pam_x.so;" },
		{ "SESSION\tRequired  pam_x.so a  b=c \n", "1:Ms [Required] pam_x.so (a) (b=c);" },
		{ "-session optional pam_x.so", "1:Ms [optional] pam_x.so;" },
		{ "auth required pam_x.so # but not\n", "1:Ma [required] pam_x.so;" },
		{ "auth required pam_x.so a#b", "1:Ma [required] pam_x.so (a);" },
		{ "account [success=1 default=ignore]pam_x.so [a b] [c\\]d] e",
		  "1:Mc [success=1 default=ignore] pam_x.so (a b) (c]d) (e);" },
		{ "account include other", "1:Ic [include] other;" },
		{ "password substack other", "1:Sp [substack] other;" },
		{ "@include common-auth", "1:I* [include] common-auth;" },
		{ "@INCLUDE common-auth", "1:I* [include] common-auth;" },
		{ "\nsession \\\n required \\  \n\n# between\n pam_x.so\nauth required pam_y.so",
		  "2:Ms [required] pam_x.so;7:Ma [required] pam_y.so;" },
		{ "session optional pam_x.so \\\\\n last", "1:Ms [optional] pam_x.so (\\) (last);" },
		{ "session optional pam_x.so # no \\\nauth required pam_y.so",
		  "1:Ms [optional] pam_x.so;2:Ma [required] pam_y.so;" },
		{ "session required pam_x.so\nauth required pam_y.so \\\n",
		  "1:Ms [required] pam_x.so;unfinished at 2" },
		{ "\\", "unfinished at 1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[4096];

		lines_describe(cases[i].text, strlen(cases[i].text), text);
		assert_string_equal(cases[i].expected, text);
	}
}

static void line_with_nul_ends_there(void **state)
{
	static const char bytes[] = "session required pam_x.so\0 y\nauth required pam_y.so\n";
	char text[4096];

	(void)state;
	lines_describe(bytes, sizeof(bytes) - 1, text);
	assert_string_equal("1:Ms [required] pam_x.so;2:Ma [required] pam_y.so;", text);
}

static void line_that_is_incomplete_always_fails(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} cases[] = {
		{ "foo required pam_x.so", "1:!? [required] pam_x.so;" },
		{ "foo include other", "1:I? [include] other;" },
		{ "session", "1:!s [] ;" },
		{ "session required", "1:!s [required] ;" },
		{ "session include", "1:!s [include] ;" },
		{ "@include", "1:!* [include] ;" },
		{ "[session]", "1:!s [] ;" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[4096];

		lines_describe(cases[i].text, strlen(cases[i].text), text);
		assert_string_equal(cases[i].expected, text);
	}
}

/* The actions for success, new_authtok_reqd (12), session_err (14), ignore and module_unknown. */
static void actions_assert(const char *control, const int expected[5])
{
	static const int values[] = { RETURN_SUCCESS, 12, 14, RETURN_IGNORE, RETURN_MODULE_UNKNOWN };
	cleanup_arena struct arena arena = { 0 };
	char *rest = arena_print(&arena, "session %s pam_x.so", control);
	struct pam_line line;
	unsigned number = 0;
	bool unfinished;

	assert_true(pam_line_next(&rest, &number, &arena, &line, &unfinished));
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		assert_int_equal(expected[i], line.actions[values[i]]);
}

static void control_says_what_becomes_of_each_value(void **state)
{
	enum {
		IGNORE = ACTION_IGNORE,
		OK = ACTION_OK,
		DONE = ACTION_DONE,
		BAD = ACTION_BAD
	};
	static const struct {
		const char *control;
		int expected[5];
	} cases[] = {
		{ "required", { OK, OK, BAD, IGNORE, BAD } },
		{ "requisite", { OK, OK, ACTION_DIE, IGNORE, ACTION_DIE } },
		{ "optional", { OK, OK, IGNORE, IGNORE, IGNORE } },
		{ "sufficient", { DONE, DONE, IGNORE, IGNORE, IGNORE } },
		{ "[success=ok ignore=ignore default=bad]", { OK, BAD, BAD, IGNORE, BAD } },
		{ "[ success = 2  default = reset ]",
		  { 2, ACTION_RESET, ACTION_RESET, ACTION_RESET, ACTION_RESET } },
		{ "[success=okdefault=done]", { OK, DONE, DONE, DONE, DONE } },
		{ "[default=ignore success=ok]", { OK, IGNORE, IGNORE, IGNORE, IGNORE } },
		{ "[default=ignore default=ok]", { IGNORE, IGNORE, IGNORE, IGNORE, IGNORE } },
		{ "[success=ok]", { OK, BAD, BAD, BAD, BAD } },
		{ "[]", { BAD, BAD, BAD, BAD, BAD } },
		/* Not understood. */
		{ "[success=ok junk=ok]", { BAD, BAD, BAD, BAD, BAD } },
		{ "[success=0]", { BAD, BAD, BAD, BAD, BAD } },
		{ "[success=-1]", { BAD, BAD, BAD, BAD, BAD } },
		{ "[success ok]", { BAD, BAD, BAD, BAD, BAD } },
		{ "[success=]", { BAD, BAD, BAD, BAD, BAD } },
		{ "[Success=ok]", { BAD, BAD, BAD, BAD, BAD } },
		{ "requird", { BAD, BAD, BAD, BAD, BAD } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		actions_assert(cases[i].control, cases[i].expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_taken_apart),
		cmocka_unit_test(line_with_nul_ends_there),
		cmocka_unit_test(line_that_is_incomplete_always_fails),
		cmocka_unit_test(control_says_what_becomes_of_each_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
