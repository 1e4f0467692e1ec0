/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What can become of a login: mistakes of stacks, and libpam itself as the reference.
 * Run by `make unit`.
 */
#include <libgen.h>
#include <limits.h>
#include <security/pam_appl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pam_fixture.h"
#include "pam_outcome.h"
#include "policy_fixture.h"
#include "util.h"

#define LINES_MAX 64

static void ours_find(const struct pam_stack *stack, bool ours[LINES_MAX])
{
	assert_true(stack->count <= LINES_MAX);
	for (size_t i = 0; i < stack->count; i++)
		ours[i] = stack->lines[i].kind == LINE_MODULE &&
			  strcmp(stack->lines[i].name, "pam_sandlock.so") == 0;
}

/* As letters: h(eld), u(ncalled), n (not honoured), then the lines that alone let a login by. */
static void outcome_describe(const struct pam_stack *stack, char text[256])
{
	bool ours[LINES_MAX];
	struct pam_outcome outcome;
	size_t used;

	ours_find(stack, ours);
	outcome = pam_stack_outcome(stack, ours, PAM_EVERY_LINE);
	used = (size_t)snprintf(text, 256, "%s%s%s", outcome.held ? "h" : "",
				outcome.skipped ? "u" : "", outcome.ignored ? "n" : "");
	for (size_t i = 0; i < stack->count && outcome.skipped; i++) {
		struct pam_outcome alone;

		alone = pam_stack_outcome(stack, ours, i);
		if (alone.skipped)
			used += (size_t)snprintf(text + used, 256 - used, " %s:%u",
						 stack->lines[i].file, stack->lines[i].number);
	}
}

static void outcome_assert(const char *expected, struct pam_text *texts, const char *service)
{
	cleanup_arena struct arena arena = { 0 };
	struct pam_service read = pam_fixture_read(service, texts, &arena);
	char text[256];

	outcome_describe(&read.stacks[TYPE_SESSION], text);
	if (strcmp(expected, text) != 0)
		print_message("%s", texts ? texts[0].text : service);
	assert_string_equal(expected, text);
}

#define OURS "session required pam_sandlock.so\n"

static void stack_without_the_module_lets_logins_by(void **state)
{
	static const char *const services[] = { "sshd", "su-l" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		cleanup_arena struct arena arena = { 0 };
		struct pam_service service = pam_fixture_read(services[i], NULL, &arena);
		bool ours[LINES_MAX] = { 0 };
		struct pam_outcome outcome =
			pam_stack_outcome(&service.stacks[TYPE_SESSION], ours, PAM_EVERY_LINE);
		assert_true(outcome.skipped);
		assert_false(outcome.held || outcome.ignored);
	}
}

static void module_as_last_line_of_debians_files_holds(void **state)
{
	static const char *const includes[] = { "common-session",
						"common-session-noninteractive",
						"sshd",
						"su",
						"runuser",
						"cron",
						"atd",
						"lightdm",
						"gdm-smartcard-sssd-or-password" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(includes); i++) {
		char text[256];
		struct pam_text texts[] = { { "x", text }, { 0 } };

		snprintf(text, sizeof(text), "session include %s\n" OURS, includes[i]);
		outcome_assert("h", texts, "x");
		snprintf(text, sizeof(text), OURS "session include %s\n", includes[i]);
		outcome_assert("h", texts, "x");
		snprintf(text, sizeof(text), "session substack %s\n" OURS, includes[i]);
		outcome_assert("h", texts, "x");
	}
}

static void first_auth_line_is_come_to_and_a_later_one_may_not_be(void **state)
{
	static const struct {
		const char *text;
		bool unrun;
	} cases[] = {
		{ "auth [success=ok ignore=ignore default=bad] pam_sandlock.so\n"
		  "auth include gdm-smartcard-sssd-or-password\n",
		  false },
		{ "auth [success=1 default=ignore] pam_unix.so\n"
		  "auth [success=ok ignore=ignore default=bad] pam_sandlock.so\n"
		  "auth required pam_permit.so\n",
		  true },
		/* The jump passes over the substack and one line more. */
		{ "auth [success=2 default=ignore] pam_sss.so\nauth substack common-auth\n"
		  "auth required pam_sandlock.so\nauth required pam_permit.so\n",
		  true },
		{ "auth [success=1 default=ignore] pam_sss.so\nauth substack common-auth\n"
		  "auth required pam_sandlock.so\nauth required pam_permit.so\n",
		  false },
		/* Its end there is no end here. */
		{ "auth substack common-auth\nauth required pam_sandlock.so\n", false },
		{ "auth sufficient pam_rootok.so\nauth required pam_sandlock.so\n", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pam_text texts[] = { { "x", cases[i].text }, { 0 } };
		cleanup_arena struct arena arena = { 0 };
		struct pam_service service = pam_fixture_read("x", texts, &arena);
		struct pam_outcome outcome;
		bool ours[LINES_MAX];

		ours_find(&service.stacks[TYPE_AUTH], ours);
		outcome = pam_stack_outcome(&service.stacks[TYPE_AUTH], ours, PAM_EVERY_LINE);
		assert_true(outcome.held);
		assert_int_equal(cases[i].unrun, outcome.skipped);
	}
}

static void mistake_lets_logins_by_and_is_named(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} cases[] = {
		{ OURS, "h" },
		{ "session optional pam_sandlock.so\nsession required pam_unix.so\n", "hn" },
		/* Nobody else gives success. */
		{ "session optional pam_sandlock.so\n", "h" },
		{ "session sufficient pam_sandlock.so\nsession required pam_unix.so\n", "hn" },
		{ "session sufficient pam_x.so\n" OURS, "hu x:1" },
		{ "session requisite pam_x.so\n" OURS, "h" },
		{ "session [success=done default=ignore] pam_x.so\n" OURS, "hu x:1" },
		{ "session required pam_unix.so\nsession [success=1 default=ignore] pam_x.so\n" OURS,
		  "hu x:2" },
		/* Then nothing gives success. */
		{ "session [success=1 default=ignore] pam_x.so\n" OURS, "h" },
		{ "session required pam_unix.so\nsession [success=1 default=ignore] pam_x.so\n"
		  "session required pam_y.so\n" OURS,
		  "h" },
		{ "session required pam_unix.so\nsession [default=2] pam_x.so\n"
		  "session required pam_y.so\n" OURS,
		  "u x:2" },
		/* Farther than the stack is long: a failure. */
		{ "session required pam_unix.so\nsession [success=9 default=ignore] pam_x.so\n" OURS,
		  "h" },
		{ "session [success=ok ignore=ignore module_unknown=ignore default=bad] "
		  "pam_sandlock.so\nsession required pam_unix.so\n",
		  "hn" },
		{ "session [success=ok default=die] pam_sandlock.so\nsession required pam_unix.so\n",
		  "h" },
		{ OURS "session [default=reset] pam_x.so\nsession required pam_unix.so\n", "hn" },
		{ "session required pam_unix.so\n" OURS "session optional pam_systemd.so\n", "h" },
		/* What fails before only ends later; what dies ends at once: no login either way. */
		{ "session required pam_deny.so\n" OURS, "" },
		{ "session requisite pam_deny.so\n" OURS, "" },
		{ "session required\n" OURS, "" },
		{ "session include none\n" OURS, "" },
		{ "session sufficient pam_permit.so\n" OURS, "hu x:1" },
		/* A second line makes good what the first one is not. */
		{ "session optional pam_sandlock.so\n" OURS, "h" },
		{ "session sufficient pam_x.so\n" OURS "session sufficient pam_y.so\n" OURS,
		  "hu x:1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pam_text texts[] = { { "x", cases[i].text }, { 0 } };

		outcome_assert(cases[i].expected, texts, "x");
	}
}

static void substack_bounds_what_a_line_passes_over(void **state)
{
	static const struct {
		const char *text;
		const char *inner;
		const char *expected;
	} cases[] = {
		{ "session substack a\n" OURS, "session sufficient pam_x.so\n", "h" },
		{ "session include a\n" OURS, "session sufficient pam_x.so\n", "hu a:1" },
		{ "session substack a\nsession required pam_unix.so\n",
		  "session sufficient pam_x.so\n" OURS, "hu a:1" },
		{ "session required pam_unix.so\nsession [success=1 default=ignore] pam_x.so\n"
		  "session substack a\n",
		  "session required pam_y.so\n" OURS, "hu x:2" },
		/* A jump that ends within what it cannot enter. */
		{ "session required pam_unix.so\nsession [success=1 default=ignore] pam_x.so\n"
		  "session substack a\n" OURS,
		  "session required pam_y.so\nsession required pam_z.so\n", "h" },
		/* Death within is but a failure outside. */
		{ "session substack a\nsession required pam_unix.so\n",
		  "session requisite pam_sandlock.so\n", "h" },
		{ "session substack a\nsession [default=reset] pam_y.so\n"
		  "session required pam_unix.so\n",
		  "session requisite pam_sandlock.so\n", "hn" },
		{ "session required pam_unix.so\nsession substack a\n",
		  OURS "session [default=reset] pam_x.so\n", "hn" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pam_text texts[] = { { "x", cases[i].text }, { "a", cases[i].inner }, { 0 } };

		outcome_assert(cases[i].expected, texts, "x");
	}
}

/* libpam as the reference ------------------------------------------------------------------------ */

/* Values that the controls below tell apart; they stand for all others. */
static const int values[] = { PAM_SUCCESS, PAM_IGNORE, PAM_SESSION_ERR, PAM_NEW_AUTHTOK_REQD };

/* The answers of one run: which of `values` each line gives, and what came of the lines of ours. */
struct run {
	unsigned choices[8];
	bool held;
	bool failed;
};

/* Line i of the stack is called by the name "i", or "i!" where it is ours. */
static int converse(int count, const struct pam_message **messages,
		    struct pam_response **ret_responses, void *context)
{
	struct run *run = context;
	const char *name = messages[0]->msg;
	int value = values[run->choices[name[0] - '0']];
	char answer[2] = { (char)('A' + value), '\0' };

	assert_int_equal(1, count);
	if (name[1] == '!' && (value == PAM_SUCCESS || value == PAM_IGNORE))
		run->held = true;
	else if (name[1] == '!')
		run->failed = true;
	*ret_responses = calloc(1, sizeof(**ret_responses));
	(*ret_responses)->resp = strdup(answer);
	return PAM_SUCCESS;
}

/* Every answer of every line, given to libpam. */
static struct pam_outcome libpam_outcome(const char *directory, size_t line_count)
{
	struct run run = { 0 };
	const struct pam_conv conversation = { converse, &run };
	struct pam_outcome outcome = { 0 };
	pam_handle_t *handle;
	size_t runs = 1;

	assert_int_equal(PAM_SUCCESS,
			 pam_start_confdir("x", "root", &conversation, directory, &handle));
	for (size_t i = 0; i < line_count; i++)
		runs *= ARRAY_SIZE(values);
	for (size_t number = 0; number < runs; number++) {
		size_t rest = number;

		run = (struct run){ 0 };
		for (size_t i = 0; i < line_count; i++, rest /= ARRAY_SIZE(values))
			run.choices[i] = (unsigned)(rest % ARRAY_SIZE(values));
		if (pam_open_session(handle, 0) != PAM_SUCCESS)
			continue;
		outcome.held |= run.held;
		outcome.ignored |= run.failed && !run.held;
		outcome.skipped |= !run.failed && !run.held;
	}
	pam_end(handle, 0);
	return outcome;
}

/* A number below `bound`, of a sequence that is always the same. */
static unsigned any(unsigned bound)
{
	static uint64_t seed = 1;

	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(seed >> 33) % bound;
}

static void control_invent(char text[96])
{
	static const char *const words[] = { "required", "requisite", "optional", "sufficient" };
	static const char *const actions[] = { "ignore", "ok", "done", "bad", "die",
					       "reset",  "1",  "2",    "3" };

	if (any(2))
		snprintf(text, 96, "%s", words[any(ARRAY_SIZE(words))]);
	else
		snprintf(text, 96, "[success=%s ignore=%s default=%s]",
			 actions[any(ARRAY_SIZE(actions))], actions[any(ARRAY_SIZE(actions))],
			 actions[any(ARRAY_SIZE(actions))]);
}

/* Up to `most` lines into NAME, some of which are those of a further file. */
static void file_invent(const char *directory, const char *name, const char *module, size_t most,
			size_t *line_count)
{
	char text[4096] = "";
	size_t used = 0;

	for (size_t end = *line_count + most; *line_count < end;) {
		char control[96];

		if (end - *line_count > 1 && any(3) == 0) {
			size_t inner = 1 + any((unsigned)(end - *line_count));
			char further[24];

			snprintf(further, sizeof(further), "f%zu", *line_count);
			if (strcmp(further, name) == 0)
				continue;
			used += (size_t)snprintf(text + used, sizeof(text) - used,
						 "session %s %s/%s\n",
						 any(3) ? "substack" : "include", directory, further);
			file_invent(directory, further, module, inner, line_count);
			continue;
		}
		control_invent(control);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "session %s %s %zu%s\n",
					 control, module, *line_count, any(3) == 0 ? "!" : "");
		++*line_count;
	}
	free(file_make(directory, name, text, used));
}

static int directory_source(const char *name, void *context, struct arena *arena,
			    const char **ret_path, char **ret_bytes, size_t *ret_length)
{
	char path[PATH_MAX];
	char bytes[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", (const char *)context, name);
	file = fopen(name[0] == '/' ? name : path, "r");
	assert_non_null(file);
	*ret_length = fread(bytes, 1, sizeof(bytes) - 1, file);
	fclose(file);
	bytes[*ret_length] = '\0';
	*ret_path = name;
	*ret_bytes = arena_print(arena, "%s", bytes);
	return 0;
}

static struct pam_outcome directory_outcome(char *directory)
{
	cleanup_arena struct arena arena = { 0 };
	struct pam_service service = pam_service_read("x", directory_source, directory, &arena);
	const struct pam_stack *stack = &service.stacks[TYPE_SESSION];
	bool ours[LINES_MAX];

	for (size_t i = 0; i < stack->count; i++)
		ours[i] = stack->lines[i].arguments[0] && strchr(stack->lines[i].arguments[0], '!');
	return pam_stack_outcome(stack, ours, PAM_EVERY_LINE);
}

static void stack_ends_as_libpam_ends_it(void **state)
{
	char program[PATH_MAX] = "", module[PATH_MAX + 16];
	unsigned seen = 0;

	(void)state;
	assert_true(readlink("/proc/self/exe", program, sizeof(program) - 1) > 0);
	snprintf(module, sizeof(module), "%s/pam_answer.so", dirname(program));
	for (unsigned round = 0; round < 300; round++) {
		char *directory = directory_make();
		size_t line_count = 0;
		struct pam_outcome expected, outcome;

		file_invent(directory, "x", module, 1 + any(5), &line_count);
		expected = libpam_outcome(directory, line_count);
		outcome = directory_outcome(directory);
		assert_int_equal(expected.held, outcome.held);
		assert_int_equal(expected.skipped, outcome.skipped);
		assert_int_equal(expected.ignored, outcome.ignored);
		seen |= 1U << expected.held | 4U << expected.skipped | 16U << expected.ignored;
		directory_remove(directory);
	}
	/* Each answer came up. */
	assert_int_equal(0x3f, seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stack_without_the_module_lets_logins_by),
		cmocka_unit_test(module_as_last_line_of_debians_files_holds),
		cmocka_unit_test(first_auth_line_is_come_to_and_a_later_one_may_not_be),
		cmocka_unit_test(mistake_lets_logins_by_and_is_named),
		cmocka_unit_test(substack_bounds_what_a_line_passes_over),
		cmocka_unit_test(stack_ends_as_libpam_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
