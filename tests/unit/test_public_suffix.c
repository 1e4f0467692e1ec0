/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The list of public suffixes. Run by `make unit`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "public_suffix.h"
#include "util.h"

static const char list_text[] = "// a comment\n"
				"com\n"
				"co.uk\n"
				"\n"
				"*.ck\n"
				"!www.ck\n"
				"github.io  // with a remark\n";

static void suffix_is_found_by_its_rules(void **state)
{
	static const struct {
		const char *domain;
		enum public_suffix expected;
	} cases[] = {
		{ "com", PUBLIC_SUFFIX_YES },         { "example.com", PUBLIC_SUFFIX_NO },
		{ "co.uk", PUBLIC_SUFFIX_YES },       { "x.co.uk", PUBLIC_SUFFIX_NO },
		{ "any.ck", PUBLIC_SUFFIX_YES },      { "www.ck", PUBLIC_SUFFIX_NO },
		{ "x.any.ck", PUBLIC_SUFFIX_NO },     { "github.io", PUBLIC_SUFFIX_YES },
		{ "me.github.io", PUBLIC_SUFFIX_NO }, { "corp", PUBLIC_SUFFIX_YES },
		{ "a.corp", PUBLIC_SUFFIX_NO },
	};
	char path[] = "/tmp/suffixXXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(0, write_exact(fd, list_text, strlen(list_text)));
	close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(cases[i].expected, public_suffix_find(path, cases[i].domain));
	unlink(path);
}

static void without_a_list_one_label_is_a_suffix(void **state)
{
	(void)state;
	assert_int_equal(PUBLIC_SUFFIX_UNKNOWN, public_suffix_find("/nowhere/list", "co.uk"));
	assert_int_equal(PUBLIC_SUFFIX_YES, public_suffix_find("/nowhere/list", "com"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(suffix_is_found_by_its_rules),
		cmocka_unit_test(without_a_list_one_label_is_a_suffix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
