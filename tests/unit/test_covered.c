/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which names the rules cover, beside a plain search through them. Run by `make unit`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../resolver/covered.h"
#include "plan.h"
#include "ruleset_fixture.h"
#include "util.h"

static char strings[65536];
static uint32_t hosts[1024];
static struct plan_header header;
static struct plan plan = { .header = &header, .strings = strings, .hosts = hosts };
static struct dns_config config;

static void plan_names(const char *const *names)
{
	size_t used = 1;

	header.hosts.count = 0;
	memset(&config, 0, sizeof(config));
	config.ndots = 1;
	for (; *names; names++) {
		strcpy(strings + used, *names);
		hosts[header.hosts.count++] = (uint32_t)used;
		used += strlen(*names) + 1;
	}
}

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(0, dns_name_parse(text, &name));
	return name;
}

/* "0 2": the hosts that cover it; "above" for what is above one. */
static void expect(const struct covered *covered, const char *text, const char *expected)
{
	struct dns_name name = name_of(text);
	uint32_t found[COVERED_HOSTS_MAX];
	uint32_t count = covered_find(covered, &name, found);
	char said[256] = "";

	for (uint32_t i = 0; i < count; i++)
		snprintf(said + strlen(said), sizeof(said) - strlen(said), i ? " %u" : "%u",
			 found[i]);
	if (count == 0 && covered_is_above(covered, &name))
		strcpy(said, "above");
	assert_string_equal(expected, said);
}

static void names_are_covered_whole(void **state)
{
	static const char *const names[] = { "git.example.com", "*.cdn.example.net",
					     "*.a.cdn.example.net", "x.a.cdn.example.net", NULL };
	struct covered covered;

	(void)state;
	plan_names(names);
	assert_int_equal(0, covered_open(&covered, &plan, &config));
	expect(&covered, "git.example.com", "0");
	expect(&covered, "GIT.Example.Com", "0");
	expect(&covered, "x.git.example.com", "");
	expect(&covered, "example.com", "above");
	expect(&covered, "com", "above");
	expect(&covered, ".", "above");
	expect(&covered, "org", "");
	expect(&covered, "cdn.example.net", "above");
	expect(&covered, "b.cdn.example.net", "1");
	expect(&covered, "a.cdn.example.net", "1");
	expect(&covered, "y.a.cdn.example.net", "2 1");
	expect(&covered, "x.a.cdn.example.net", "3 2 1");
	expect(&covered, "badcdn.example.net", "");
	covered_close(&covered);
}

static void short_names_are_covered_in_the_search_domains(void **state)
{
	static const char *const names[] = { "git", "db.corp", "full.example.com", NULL };
	struct dns_name found[COVERED_NAMES_MAX];
	struct covered covered;

	(void)state;
	plan_names(names);
	config.search[config.search_count++] = name_of("corp.example");
	config.search[config.search_count++] = name_of("lab.example");
	assert_int_equal(0, covered_open(&covered, &plan, &config));
	expect(&covered, "git", "0");
	expect(&covered, "git.corp.example", "0");
	expect(&covered, "git.lab.example", "0");
	expect(&covered, "git.other.example", "");
	expect(&covered, "corp.example", "above");
	expect(&covered, "db.corp.corp.example", "");
	assert_int_equal(3, covered_names(&plan, 0, &config, found));
	assert_int_equal(1, covered_names(&plan, 1, &config, found));
	covered_close(&covered);
	config.ndots = 2;
	assert_int_equal(0, covered_open(&covered, &plan, &config));
	expect(&covered, "db.corp.corp.example", "1");
	expect(&covered, "full.example.com.corp.example", "");
	covered_close(&covered);
}

/* Few labels, so that names meet. */
static void random_name(uint64_t *seed, char text[64], bool below)
{
	uint32_t labels = 1 + random_below(seed, 4);

	text[0] = '\0';
	if (below && random_below(seed, 3) == 0)
		strcpy(text, "*.");
	for (uint32_t i = 0; i < labels; i++) {
		char label[] = { (char)('a' + random_below(seed, 3)), i + 1 < labels ? '.' : '\0',
				 '\0' };

		strcat(text, label);
	}
}

static bool rule_covers(const char *rule, const char *name)
{
	size_t length = strlen(name), tail = strlen(rule) - 1;

	if (rule[0] != '*')
		return strcmp(rule, name) == 0;
	return length > tail && strcmp(name + length - tail, rule + 1) == 0;
}

static void random_names_agree_with_a_search(void **state)
{
	static char names[40][64];
	const char *list[41];
	uint64_t seed = 11;

	(void)state;
	for (int round = 0; round < 300; round++) {
		uint32_t count = 1 + random_below(&seed, 20);
		struct covered covered;

		for (uint32_t i = 0; i < count; i++) {
			random_name(&seed, names[i], true);
			list[i] = names[i];
		}
		list[count] = NULL;
		plan_names(list);
		assert_int_equal(0, covered_open(&covered, &plan, &config));
		for (int i = 0; i < 50; i++) {
			uint32_t found[COVERED_HOSTS_MAX];
			uint32_t expected = 0;
			struct dns_name name;
			bool above = false;
			char text[64];

			random_name(&seed, text, false);
			name = name_of(text);
			for (uint32_t host = 0; host < count; host++) {
				const char *rule = names[host];
				char inner[70];

				snprintf(inner, sizeof(inner), "%s%s", rule[0] == '*' ? "x" : "",
					 rule + (rule[0] == '*'));
				expected += rule_covers(rule, text);
				above |= strlen(inner) > strlen(text) + 1 &&
					 strcmp(inner + strlen(inner) - strlen(text), text) == 0 &&
					 inner[strlen(inner) - strlen(text) - 1] == '.';
			}
			assert_int_equal(expected, covered_find(&covered, &name, found));
			assert_int_equal(above, covered_is_above(&covered, &name));
		}
		covered_close(&covered);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_covered_whole),
		cmocka_unit_test(short_names_are_covered_in_the_search_domains),
		cmocka_unit_test(random_names_agree_with_a_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
