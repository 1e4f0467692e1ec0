/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stacks of PAM services: what includes what, in which order, and what is wrong with it.
 * Run by `make unit`.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pam_fixture.h"
#include "util.h"

static void stack_assert(struct pam_text *texts, const char *name, enum pam_type type,
			 const char *expected, const char *problems)
{
	cleanup_arena struct arena arena = { 0 };
	struct pam_service service = pam_fixture_read(name, texts, &arena);
	char text[4096];

	pam_fixture_describe(&service.stacks[type], text);
	assert_string_equal(expected, text);
	pam_fixture_problems(&service, text);
	assert_string_equal(problems, text);
}

static void debian_files_give_their_stacks(void **state)
{
	(void)state;
	stack_assert(NULL, "sshd", TYPE_AUTH, "unix deny permit cap ", "");
	stack_assert(NULL, "sshd", TYPE_SESSION,
		     "selinux loginuid keyinit permit deny permit unix systemd motd motd mail "
		     "limits env env selinux ",
		     "");
	stack_assert(NULL, "su-l", TYPE_SESSION,
		     "keyinit env env mail limits permit deny permit unix systemd ", "");
	stack_assert(NULL, "su-l", TYPE_PASSWORD, "", "");
	stack_assert(NULL, "cron", TYPE_SESSION, "loginuid env env permit deny permit unix limits ",
		     "");
	stack_assert(NULL, "atd", TYPE_AUTH, "unix deny permit cap env ", "");
	stack_assert(NULL, "lightdm", TYPE_SESSION,
		     "env env selinux limits loginuid permit deny permit unix systemd selinux "
		     "gnome_keyring ",
		     "");
	stack_assert(NULL, "gdm-smartcard-sssd-or-password", TYPE_AUTH,
		     "succeed_if sss { unix deny permit cap } nologin gnome_keyring ", "");
	stack_assert(NULL, "other", TYPE_ACCOUNT, "unix deny permit ", "");
}

static void handler_knows_where_it_is_written(void **state)
{
	cleanup_arena struct arena arena = { 0 };
	struct pam_service service = pam_fixture_read("su-l", NULL, &arena);
	const struct pam_line *lines = service.stacks[TYPE_SESSION].lines;

	(void)state;
	assert_string_equal("su-l", service.path);
	assert_string_equal("su-l", lines[0].file);
	assert_int_equal(5, lines[0].number);
	assert_string_equal("su", lines[1].file);
	assert_int_equal(2, lines[1].number);
	assert_string_equal("common-session", lines[5].file);
	assert_int_equal(1, lines[5].number);
	assert_true(pam_service_includes(&service, "su"));
	assert_true(pam_service_includes(&service, "common-session"));
	assert_false(pam_service_includes(&service, "su-l"));
	assert_false(pam_service_includes(&service, "sshd"));
}

static void substack_has_a_level_of_its_own(void **state)
{
	struct pam_text texts[] = {
		{ "x", "session substack a\nsession required pam_3.so\nauth substack a\n" },
		{ "a", "session required pam_1.so\nsession substack b\nauth required pam_9.so\n" },
		{ "b", "session required pam_2.so\n@include c\n" },
		{ "c", "session required pam_c.so\nauth required pam_8.so\n" },
		{ 0 },
	};

	(void)state;
	stack_assert(texts, "x", TYPE_SESSION, "{ 1 { 2 c } } 3 ", "");
	stack_assert(texts, "x", TYPE_AUTH, "{ 9 } ", "");
}

static void include_takes_lines_of_its_type_alone(void **state)
{
	struct pam_text texts[] = {
		{ "x", "session include a\n" },
		{ "a", "auth required pam_1.so\n@include b\nsession required pam_2.so\n"
		       "account include none\n" },
		{ "b", "session required pam_3.so\nauth required pam_4.so\nfoo required pam_5.so\n" },
		{ 0 },
	};

	(void)state;
	stack_assert(texts, "x", TYPE_SESSION, "3 !5 2 ",
		     "b:3: the type is none of auth, account, session, password\n");
	stack_assert(texts, "x", TYPE_AUTH, "",
		     "b:3: the type is none of auth, account, session, password\n");
}

static void include_that_is_missing_always_fails(void **state)
{
	struct pam_text texts[] = {
		{ "x", "session required pam_1.so\nsession include none\nsession substack none\n" },
		{ 0 },
	};

	(void)state;
	stack_assert(texts, "x", TYPE_SESSION, "1 !none { } !none ",
		     "x:2: there is no file of that name to include\n"
		     "x:3: there is no file of that name to include\n");
}

static void service_refused(struct pam_text *texts, const char *problems)
{
	cleanup_arena struct arena arena = { 0 };
	struct pam_service service = pam_fixture_read("x", texts, &arena);
	char text[4096];

	assert_true(service.refused);
	pam_fixture_problems(&service, text);
	assert_string_equal(problems, text);
}

static void include_of_all_types_that_is_missing_refuses_the_service(void **state)
{
	struct pam_text texts[] = {
		{ "x", "session required pam_1.so\n@include none\nsession required pam_2.so\n" },
		{ 0 },
	};

	(void)state;
	service_refused(texts, "x:2: there is no file of that name to include\n");
}

static void include_of_all_types_without_a_name_refuses_the_service(void **state)
{
	struct pam_text texts[] = { { "x", "session required pam_1.so\n@include\n" }, { 0 } };
	struct pam_text inner[] = { { "x", "session include a\n" },
				    { "a", "session required pam_1.so\n@include\n" },
				    { 0 } };

	(void)state;
	service_refused(texts, "x:2: no file to include\n");
	stack_assert(inner, "x", TYPE_SESSION, "1 ! ", "a:2: no file to include\n");
}

static void line_that_never_ends_refuses_the_service(void **state)
{
	struct pam_text texts[] = { { "x", "session include a\n" },
				    { "a", "session required pam_1.so \\\n" },
				    { 0 } };

	(void)state;
	service_refused(texts, "a:1: the line continues after a \\, but the file ends\n");
}

static void loop_is_named_where_it_closes(void **state)
{
	struct pam_text texts[] = {
		{ "x", "session include a\nsession required pam_1.so\n" },
		{ "a", "session include b\n" },
		{ "b", "session required pam_2.so\nsession substack a\n" },
		{ 0 },
	};

	(void)state;
	stack_assert(texts, "x", TYPE_SESSION, "2 { } !a 1 ", "b:2: the file includes itself\n");
}

static void file_that_is_included_twice_is_no_loop(void **state)
{
	struct pam_text texts[] = { { "x", "session include a\nsession include a\n" },
				    { "a", "session required pam_1.so\n" },
				    { 0 } };

	(void)state;
	stack_assert(texts, "x", TYPE_SESSION, "1 1 ", "");
}

static void files_without_end_refuse_the_service(void **state)
{
	static char names[24][8], lines[24][64];
	struct pam_text texts[26] = { { "x", "session include f0\n" } };

	(void)state;
	for (size_t i = 0; i < 24; i++) {
		snprintf(names[i], sizeof(names[i]), "f%zu", i);
		snprintf(lines[i], sizeof(lines[i]),
			 i < 23 ? "session include f%zu\nsession include f%zu\n"
				: "session required pam_1.so\n",
			 i + 1, i + 1);
		texts[i + 1] = (struct pam_text){ names[i], lines[i] };
	}
	service_refused(texts, "f19:1: more lines than any service needs\n");
}

static void depth_of_includes_ends(void **state)
{
	static char names[40][8], lines[40][64];
	struct pam_text texts[42] = { { "x", "session include f0\n" } };

	(void)state;
	for (size_t i = 0; i < 40; i++) {
		snprintf(names[i], sizeof(names[i]), "f%zu", i);
		snprintf(lines[i], sizeof(lines[i]), "session include f%zu\n", i + 1);
		texts[i + 1] = (struct pam_text){ names[i], lines[i] };
	}
	stack_assert(texts, "x", TYPE_SESSION, "!f31 ",
		     "f30:1: too many files include one another\n");
}

static void service_without_a_file_has_no_lines(void **state)
{
	cleanup_arena struct arena arena = { 0 };
	struct pam_service service = pam_fixture_read("none", NULL, &arena);

	(void)state;
	assert_null(service.path);
	assert_false(service.refused);
	assert_int_equal(0, service.problem_count);
	for (size_t i = 0; i < TYPE_ANY; i++)
		assert_int_equal(0, service.stacks[i].count);
}

static int source_fails(const char *name, void *context, struct arena *arena, const char **ret_path,
			char **ret_bytes, size_t *ret_length)
{
	(void)name;
	(void)context;
	(void)arena;
	(void)ret_path;
	(void)ret_bytes;
	(void)ret_length;
	return -EACCES;
}

static void file_that_cannot_be_read_refuses_the_service(void **state)
{
	cleanup_arena struct arena arena = { 0 };

	(void)state;
	assert_true(pam_service_read("x", source_fails, NULL, &arena).refused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(debian_files_give_their_stacks),
		cmocka_unit_test(handler_knows_where_it_is_written),
		cmocka_unit_test(substack_has_a_level_of_its_own),
		cmocka_unit_test(include_takes_lines_of_its_type_alone),
		cmocka_unit_test(include_that_is_missing_always_fails),
		cmocka_unit_test(include_of_all_types_that_is_missing_refuses_the_service),
		cmocka_unit_test(include_of_all_types_without_a_name_refuses_the_service),
		cmocka_unit_test(line_that_never_ends_refuses_the_service),
		cmocka_unit_test(loop_is_named_where_it_closes),
		cmocka_unit_test(file_that_is_included_twice_is_no_loop),
		cmocka_unit_test(files_without_end_refuse_the_service),
		cmocka_unit_test(depth_of_includes_ends),
		cmocka_unit_test(service_without_a_file_has_no_lines),
		cmocka_unit_test(file_that_cannot_be_read_refuses_the_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
