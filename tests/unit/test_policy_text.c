/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The strict reader: every trap of iniparser is a complaint on its line, and what is good is read.
 * Run by `make unit`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy_compare.h"
#include "policy_fixture.h"
#include "policy_text.h"
#include "util.h"

struct refused {
	const char *text;
	const char *expected; /* all of the complaints' text */
	size_t length;        /* where the text holds a NUL */
};

static struct text read_text(const char *bytes, size_t length, struct collected *collected)
{
	struct reporter reporter = { collect, collected, 0, 0, false };
	struct text text;

	*collected = (struct collected){ 0 };
	assert_int_equal(0, text_read(bytes, length, "f", &reporter, &text));
	assert_int_equal(reporter.errors, collected->errors);
	return text;
}

static void check_refused(const struct refused *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct collected collected;
		size_t length = cases[i].length ? cases[i].length : strlen(cases[i].text);
		struct text text = read_text(cases[i].text, length, &collected);

		assert_string_equal(cases[i].expected, collected.text);
		text_free(&text);
	}
}

static void text_bad_bytes_refused(void **state)
{
	static const struct refused cases[] = {
		{ "\xef\xbb\xbf[a]\n",
		  "error f:1: starts with a byte order mark, expected plain text\n", 0 },
		{ "[a]\r\nk = v\r\n",
		  "error f:1: ends in a carriage return, expected Unix line endings\n"
		  "error f:2: ends in a carriage return, expected Unix line endings\n",
		  0 },
		{ "[a]\nk = a\rb\n", "error f:2: contains a control character, expected text\n", 0 },
		{ "[a]\nk = a\001b\n", "error f:2: contains a control character, expected text\n", 0 },
		{ "[a]\nk = a\177b\n", "error f:2: contains a control character, expected text\n", 0 },
		{ "[a]\nk = a\vb\n", "error f:2: contains a control character, expected text\n", 0 },
		{ "[a]\nk = a\302\233b\n",
		  "error f:2: contains a control character, expected text\n", 0 },
		{ "# a\033[31m\n", "error f:1: contains a control character, expected text\n", 0 },
		{ "[a]\nk = a\0b\n", "error f:2: contains a NUL byte, expected text\n", 12 },
		{ "[a]\nk = a \\\n b\001\n",
		  "error f:3: contains a control character, expected text\n", 0 },
	};

	(void)state;
	check_refused(cases, ARRAY_SIZE(cases));
}

static void text_bad_sections_refused(void **state)
{
	static const struct refused cases[] = {
		{ "[]\nk = v\n",
		  "error f:1: bad section name \"\", expected [name] in lower case "
		  "without spaces\n",
		  0 },
		{ "[ a ]\n",
		  "error f:1: bad section name \" a \", expected [name] in lower case "
		  "without spaces\n",
		  0 },
		{ "[A]\n",
		  "error f:1: bad section name \"A\", expected [name] in lower case "
		  "without spaces\n",
		  0 },
		{ "[a:b]\n",
		  "error f:1: bad section name \"a:b\", expected [name] in lower case "
		  "without spaces\n",
		  0 },
		{ "[a\n", "error f:1: no ] at the end, expected [section] alone on its line\n", 0 },
		{ "[a] # c\n",
		  "error f:1: text after the ], expected [section] alone on its line\n", 0 },
		{ "[a] k = v\n",
		  "error f:1: text after the ], expected [section] alone on its line\n", 0 },
		{ "[a]\n[b]\n[a]\nk = v\n",
		  "error f:3: duplicate section [a] (first defined at line 1)\n", 0 },
		{ "[a\\\n]\n",
		  "error f:1: ends in \\, which only values may\nerror f:2: \"]\", "
		  "expected key = value or [section]\n",
		  0 },
	};

	(void)state;
	check_refused(cases, ARRAY_SIZE(cases));
}

static void text_bad_keys_refused(void **state)
{
	static const struct refused cases[] = {
		{ "k = v\n", "error f:1: k: before any section, expected a [section] first\n", 0 },
		{ "[a]\nnonsense\n", "error f:2: \"nonsense\", expected key = value or [section]\n",
		  0 },
		{ "[a]\nK = v\n",
		  "error f:2: bad key \"K\", expected lower case: key or key.label\n", 0 },
		{ "[a]\nk += v\n",
		  "error f:2: bad key \"k +\", expected key = value or key.label = value\n", 0 },
		{ "[a]\n= v\n",
		  "error f:2: bad key \"\", expected key = value or key.label = value\n", 0 },
		{ "[a]\nk. = v\n",
		  "error f:2: bad key \"k.\", expected lower case: key or key.label\n", 0 },
		{ "[a]\nk.a.b = v\n",
		  "error f:2: bad key \"k.a.b\", expected lower case: key or key.label\n", 0 },
		{ "[a]\nk.L = v\n",
		  "error f:2: bad key \"k.L\", expected lower case: key or key.label\n", 0 },
		{ "[a]\nk:x = v\n",
		  "error f:2: bad key \"k:x\", expected key = value or key.label = value\n", 0 },
		{ "[a]\nk = 1\nl = 1\nk = 2\n",
		  "error f:4: k: duplicate key (first defined at line 2)\n", 0 },
		{ "[network]\nnet_allow = a:1\nnet_allow = b:1\n",
		  "error f:3: net_allow: duplicate key (first defined at line 2); to add "
		  "to the list write net_allow.label = with a label of its own\n",
		  0 },
		{ "[network]\nnet_allow.a = a:1\nnet_allow.a = b:1\n",
		  "error f:3: net_allow.a: duplicate key (first defined at line 2); to "
		  "add to the list write net_allow.label = with a label of its own\n",
		  0 },
		{ "[network]\ndns = off\ndns = off\n",
		  "error f:3: dns: duplicate key (first defined at line 2)\n", 0 },
		{ "[a]\nk.l = 1\nk.l = 2\nk.l = 3\n",
		  "error f:3: k.l: duplicate key (first defined at line 2)\nerror f:4: "
		  "k.l: duplicate key (first defined at line 3)\n",
		  0 },
	};

	(void)state;
	check_refused(cases, ARRAY_SIZE(cases));
}

static void text_bad_values_refused(void **state)
{
	static const struct refused cases[] = {
		{ "[a]\nk =\n", "error f:2: k: no value: write one, or remove the line\n", 0 },
		{ "[a]\nk = \t \n", "error f:2: k: no value: write one, or remove the line\n", 0 },
		{ "[a]\nk = \"\"\n",
		  "error f:2: k: no value between the quotes: write one, or remove the line\n", 0 },
		{ "[a]\nk = ' '\n",
		  "error f:2: k: no value between the quotes: write one, or remove the line\n", 0 },
		{ "[a]\nk = \"v\n",
		  "error f:2: k: no closing quote, expected the whole value in quotes\n", 0 },
		{ "[a]\nk = 'v\"\n",
		  "error f:2: k: no closing quote, expected the whole value in quotes\n", 0 },
		{ "[a]\nk = \"v\" w\n",
		  "error f:2: k: text after the closing quote, expected the whole value "
		  "in quotes\n",
		  0 },
		{ "[a]\nk = \"v\" # c\n",
		  "error f:2: k: text after the closing quote, expected the whole value "
		  "in quotes\n",
		  0 },
		{ "[a]\nk = v \"w\"\n",
		  "error f:2: k: quote within a value, expected the whole value in "
		  "quotes or no quotes\n",
		  0 },
		{ "[a]\nk = it's\n",
		  "error f:2: k: quote within a value, expected the whole value in "
		  "quotes or no quotes\n",
		  0 },
		{ "[a]\nk = v # c\n",
		  "error f:2: k: ; or # in a value: put the value in \"...\", or the "
		  "comment on a line of its own\n",
		  0 },
		{ "[a]\nk = a;b\n",
		  "error f:2: k: ; or # in a value: put the value in \"...\", or the "
		  "comment on a line of its own\n",
		  0 },
		{ "[a]\nk = #\n",
		  "error f:2: k: ; or # in a value: put the value in \"...\", or the "
		  "comment on a line of its own\n",
		  0 },
	};

	(void)state;
	check_refused(cases, ARRAY_SIZE(cases));
}

static void text_bad_continuations_refused(void **state)
{
	static const struct refused cases[] = {
		{ "[a]\nk = v\\", "error f:2: ends in \\ but no line follows\n", 0 },
		{ "[a]\nk = v \\\n", "error f:2: ends in \\ but no line follows\n", 0 },
		{ "[a]\nk = v \\ \nl = w\n",
		  "error f:2: space after the \\ at the end of the line, expected none\n", 0 },
		{ "[a]\nk = v \\\n w \\\t\n x\n",
		  "error f:3: space after the \\ at the end of the line, expected none\n", 0 },
		{ "# c \\\n[a]\n", "error f:1: ends in \\, which only values may\n", 0 },
		{ "[a]\nk \\\n= v\n",
		  "error f:2: ends in \\, which only values may\nerror f:3: bad key "
		  "\"\", expected key = value or key.label = value\n",
		  0 },
		{ "[a]\nk = v \\\n# c\nl = w\n",
		  "error f:3: comment between continued lines, expected it before the "
		  "first or after the last\n",
		  0 },
		{ "[a]\nk = v \\\n ; c \\\n w\n",
		  "error f:3: comment between continued lines, expected it before the "
		  "first or after the last\n",
		  0 },
		{ "[a]\nk = v \\\n w; x\n",
		  "error f:2: k: ; or # in a value: put the value in \"...\", or the "
		  "comment on a line of its own\n",
		  0 },
		{ "[a]\nk = \\\n\n", "error f:3: k: no value: write one, or remove the line\n", 0 },
	};

	(void)state;
	check_refused(cases, ARRAY_SIZE(cases));
}

static void text_every_bad_line_reported(void **state)
{
	static const struct refused cases[] = {
		{ "[a]\nx\nk = \n\n[B]\nl = v\nj =\n[c]\nK = 1\n",
		  "error f:2: \"x\", expected key = value or [section]\nerror f:3: k: no "
		  "value: write one, or remove the line\nerror f:5: bad section name "
		  "\"B\", expected [name] in lower case without spaces\nerror f:7: j: no "
		  "value: write one, or remove the line\nerror f:9: bad key \"K\", "
		  "expected lower case: key or key.label\n",
		  0 },
	};

	(void)state;
	check_refused(cases, ARRAY_SIZE(cases));
}

/* Writes `width` characters of a comment or value, as one line or two joined ones. */
static size_t fill(char *bytes, const char *start, size_t width, bool joined)
{
	size_t length = (size_t)sprintf(bytes, "[a]\n%s", start);
	size_t end = 4 + width;

	memset(bytes + length, 'v', end - length);
	if (joined)
		memcpy(bytes + 100, "\\\n", 2), end += 2;
	if (joined)
		bytes[end - 1] = 'v';
	bytes[end] = '\n';
	return end + 1;
}

static void text_width_limit_held(void **state)
{
	static const struct {
		const char *start;
		size_t width;
		bool joined;
		unsigned errors;
	} cases[] = {
		{ "k = ", TEXT_WIDTH_MAX, false, 0 }, { "k = ", TEXT_WIDTH_MAX + 1, false, 1 },
		{ "# ", TEXT_WIDTH_MAX, false, 0 },   { "# ", TEXT_WIDTH_MAX + 1, false, 1 },
		{ "k = ", TEXT_WIDTH_MAX, true, 0 },  { "k = ", TEXT_WIDTH_MAX + 1, true, 1 },
	};
	char bytes[4096];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t length = fill(bytes, cases[i].start, cases[i].width, cases[i].joined);
		struct collected collected;
		struct text text = read_text(bytes, length, &collected);
		struct reporter reporter = { collect, &collected, 0, 0, false };

		assert_int_equal(cases[i].errors, collected.errors);
		if (collected.errors == 0)
			compare_readers(bytes, length, "f", &text, &reporter);
		else
			assert_non_null(
				strstr(collected.text, "f:2: line of more than 1022 characters"));
		assert_int_equal(0, reporter.errors);
		text_free(&text);
	}
}

static void text_line_limit_held(void **state)
{
	struct collected collected;
	char *bytes = malloc(TEXT_LINES_MAX);
	struct text text;

	(void)state;
	memset(bytes, '\n', TEXT_LINES_MAX);
	text = read_text(bytes, TEXT_LINES_MAX - 1, &collected);
	assert_int_equal(0, collected.errors);
	text_free(&text);
	text = read_text(bytes, TEXT_LINES_MAX, &collected);
	assert_string_equal("error f:0: more than 65535 lines\n", collected.text);
	text_free(&text);
	free(bytes);
}

static void text_good_read(void **state)
{
	static const char bytes[] = "# comment = \"x\n ; another\n\n  [network]\t\n"
				    "net_allow = a:22, b:80\n"
				    "\tnet_allow.db-1 =c:1 \\\n\td:2\\\n3  \n"
				    "quoted = \" a # b ; 'c' \"  \n"
				    "single='say \"x\" = y'\n"
				    "[empty]\n"
				    "[last]\n"
				    "k = \\\n  v=\xc3\xbc\\\\w";
	static const struct text_entry expected[] = {
		{ "network", "net_allow", "a:22, b:80", 5, 5, false },
		{ "network", "net_allow.db-1", "c:1 \n\td:2\n3", 6, 6, true },
		{ "network", "quoted", " a # b ; 'c' ", 9, 9, false },
		{ "network", "single", "say \"x\" = y", 10, 10, false },
		{ "last", "k", "v=\xc3\xbc\\\\w", 13, 14, true },
	};
	struct collected collected;
	struct text text = read_text(bytes, sizeof(bytes) - 1, &collected);
	struct reporter reporter = { collect, &collected, 0, 0, false };

	(void)state;
	assert_string_equal("", collected.text);
	assert_int_equal(3, text.section_count);
	assert_int_equal(4, text.sections[0].line);
	assert_string_equal("empty", text.sections[1].name);
	assert_int_equal(ARRAY_SIZE(expected), text.entry_count);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_string_equal(expected[i].section, text.entries[i].section);
		assert_string_equal(expected[i].key, text.entries[i].key);
		assert_string_equal(expected[i].value, text.entries[i].value);
		assert_int_equal(expected[i].line, text.entries[i].line);
		assert_int_equal(expected[i].value_line, text.entries[i].value_line);
		assert_int_equal(expected[i].continued, text.entries[i].continued);
	}
	compare_readers(bytes, sizeof(bytes) - 1, "f", &text, &reporter);
	assert_string_equal("", collected.text);
	text_free(&text);
}

static void text_empty_file_read(void **state)
{
	static const char *const cases[] = { "", "\n", " ", "#", "# c" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct collected collected;
		struct text text = read_text(cases[i], strlen(cases[i]), &collected);
		struct reporter reporter = { collect, &collected, 0, 0, false };

		compare_readers(cases[i], strlen(cases[i]), "f", &text, &reporter);
		assert_string_equal("", collected.text);
		assert_int_equal(0, text.entry_count + text.section_count);
		text_free(&text);
	}
}

/* The readers are shown different bytes: that is what a disagreement looks like. */
static void readers_that_disagree_refused(void **state)
{
	static const char seen[] = "[a]\nk = v\n";
	static const struct {
		const char *other;
		const char *expected;
	} cases[] = {
		{ "[a]\nk = w\n", "error f:2: k: parser mismatch: iniparser reads another value (please "
				  "report)\n" },
		{ "[a]\nl = v\n", "error f:2: k: parser mismatch: iniparser reads another value (please "
				  "report)\n" },
		{ "[a]\nk = v\nl = w\n",
		  "error f:0: parser mismatch: iniparser sees 3 entries, sandlock 2 "
		  "(please report)\n" },
		{ "[a]\nk = v\nnonsense\n",
		  "error f:0: parser mismatch: iniparser cannot read this file (please report)\n" },
	};
	struct collected collected;
	struct text text = read_text(seen, sizeof(seen) - 1, &collected);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reporter reporter = { collect, &collected, 0, 0, false };

		collected = (struct collected){ 0 };
		compare_readers(cases[i].other, strlen(cases[i].other), "f", &text, &reporter);
		assert_string_equal(cases[i].expected, collected.text);
	}
	text_free(&text);
}

static void complaint_with_control_characters_cleaned(void **state)
{
	struct collected collected = { 0 };
	struct reporter reporter = { collect, &collected, 0, 0, false };

	(void)state;
	report_error(&reporter, "f", 1, "a%cb%cc\nd", 27, 127);
	assert_string_equal("error f:1: a?b?c?d\n", collected.text);
}

static void warning_without_lint_dropped(void **state)
{
	struct collected collected = { 0 };
	struct reporter reporter = { collect, &collected, 0, 0, false };

	(void)state;
	report_warning(&reporter, "f", 1, "w");
	assert_string_equal("", collected.text);
	reporter.flags = POLICY_LINT;
	report_warning(&reporter, "f", 1, "w");
	assert_string_equal("warning f:1: w\n", collected.text);
}

static void nearest_word_found(void **state)
{
	static const char *const words[] = { "net_allow", "net_deny", "dns", NULL };
	static const char *const cases[][2] = {
		{ "net_alow", "net_allow" },
		{ "netdeny", "net_deny" },
		{ "dsn", "dns" },
		{ "nte_allow", "net_allow" },
		{ "xyz", NULL },
		{ "", NULL },
		{ "a_word_that_is_longer_than_any_of_the_language", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *found = nearest_word(cases[i][0], words);

		if (cases[i][1])
			assert_string_equal(cases[i][1], found);
		else
			assert_null(found);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_bad_bytes_refused),
		cmocka_unit_test(text_bad_sections_refused),
		cmocka_unit_test(text_bad_keys_refused),
		cmocka_unit_test(text_bad_values_refused),
		cmocka_unit_test(text_bad_continuations_refused),
		cmocka_unit_test(text_every_bad_line_reported),
		cmocka_unit_test(text_width_limit_held),
		cmocka_unit_test(text_line_limit_held),
		cmocka_unit_test(text_good_read),
		cmocka_unit_test(text_empty_file_read),
		cmocka_unit_test(readers_that_disagree_refused),
		cmocka_unit_test(complaint_with_control_characters_cleaned),
		cmocka_unit_test(warning_without_lint_dropped),
		cmocka_unit_test(nearest_word_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
