/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an audit has found, for people and as JSON. Distrusts every name and text.
 */
#include <jansson.h>
#include <string.h>

#include "audit.h"
#include "util.h"

#define PROFILE "/usr/share/pam-configs/sandlock"

/* For people, and for programs. */
static const struct {
	const char *text;
	const char *word;
} states[] = {
	[COVERAGE_GOOD] = { "covered", "covered" },
	[COVERAGE_SHELL] = { "covered by the shell only", "shell" },
	[COVERAGE_REFUSED] = { "refuses sessions", "refused" },
	[COVERAGE_OPEN] = { "would fail open", "open" },
	[COVERAGE_MISSING] = { "NOT COVERED", "uncovered" },
};

/* In the order in which they are printed. */
static const enum pam_type missing_types[] = { TYPE_ACCOUNT, TYPE_AUTH, TYPE_SESSION };

static bool coverage_equal(const struct coverage *left, const struct coverage *right)
{
	return left->state == right->state && strcmp(left->open, right->open) == 0;
}

/* Text ------------------------------------------------------------------------------------------- */

static void findings_print(const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];

		say(stdout, "%s:", finding->file);
		if (finding->line > 0)
			say(stdout, "%u:", finding->line);
		say(stdout, " %s\n", finding->text);
	}
}

/* One line for all users of the same coverage, where the first of them is. */
static void coverage_print(const struct audit *audit, const char *name, const char *runner,
			   const struct coverage *coverage)
{
	for (size_t i = 0; i < audit->user_count; i++) {
		const char *separator = ":";
		size_t first = 0;

		while (coverage[first].state == COVERAGE_NONE ||
		       !coverage_equal(&coverage[first], &coverage[i]))
			if (first++ == i)
				break;
		if (first != i)
			continue;
		say(stdout, "%s%s%s: %s", name, runner ? ", run by " : "", runner ? runner : "",
		    states[coverage[i].state].text);
		if (coverage[i].open[0] != '\0')
			say(stdout, ", which leaves open: %s", coverage[i].open);
		for (size_t j = i; j < audit->user_count; j++) {
			if (!coverage_equal(&coverage[i], &coverage[j]))
				continue;
			say(stdout, "%s %s", separator, audit->users[j].person.account.name);
			separator = ",";
		}
		putchar('\n');
	}
}

/* A package's file is not to be changed; the administrator's is read instead of it. */
static void missing_print(const char *file, enum pam_type type)
{
	const char *slash = strrchr(file, '/');
	const char *name = slash ? slash + 1 : file;

	if (strncmp(file, "/etc/", strlen("/etc/")) != 0)
		say(stdout, "  copy %s to /etc/pam.d/%s; there,\n", file, name);
	say(stdout, "  add as the %s line of /etc/pam.d/%s:\n      %s\n",
	    audit_lines[type].first ? "first" : "last", name, audit_lines[type].text);
}

/* The package's way to write the line into the files that most services include. */
static bool profile_is_offered(const struct audit *audit)
{
	bool missing = false;

	for (size_t i = 0; i < audit->service_count; i++)
		missing |= audit->services[i].missing[TYPE_SESSION] != NULL;
	return missing && !audit->profile && access(PROFILE, R_OK) == 0;
}

void report_print_service(const struct audit *audit, const struct service *service)
{
	coverage_print(audit, service->pam.name, NULL, service->coverage);
	findings_print(&service->findings);
	for (size_t i = 0; i < ARRAY_SIZE(missing_types); i++)
		if (service->missing[missing_types[i]])
			missing_print(service->missing[missing_types[i]], missing_types[i]);
}

void report_print(const struct audit *audit, bool covered)
{
	findings_print(&audit->findings);
	if (audit->user_count == 0) {
		say(stdout, "no policy in %s applies to any account\n",
		    ctl_directory(audit->options));
		return;
	}
	for (size_t i = 0; i < audit->service_count; i++)
		if (audit->services[i].opens)
			report_print_service(audit, &audit->services[i]);
	for (size_t i = 0; i < audit->file_count; i++)
		coverage_print(audit, audit->files[i].path,
			       audit->files[i].service ? audit->files[i].service
						       : "the mail server, which does not use PAM",
			       audit->files[i].coverage);
	if (profile_is_offered(audit))
		puts("`pam-auth-update --enable sandlock` adds the session line to most of them at once");
	puts(covered ? "every service is covered" : "not every service is covered");
}

/* JSON ------------------------------------------------------------------------------------------- */

/* What is no UTF-8 becomes the character that replaces such; NULL is null. */
static json_t *json_text(const char *text)
{
	json_t *whole = text ? json_string(text) : json_null();
	json_t *valid;

	if (whole || !text)
		return whole;
	valid = json_string("");
	while (*text) {
		json_t *character = NULL;
		size_t length = 0;
		char *joined;

		while (!character && length++ < 4)
			character = strnlen(text, length) == length ? json_stringn(text, length)
								    : NULL;
		if (asprintf(&joined, "%s%s", json_string_value(valid),
			     character ? json_string_value(character) : "\xef\xbf\xbd") >= 0) {
			json_string_set(valid, joined);
			free(joined);
		}
		text += character ? length : 1;
		json_decref(character);
	}
	return valid;
}

static json_t *json_findings(const struct findings *findings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < findings->count; i++)
		json_array_append_new(list, json_pack("{s:o,s:i,s:o}", "file",
						      json_text(findings->list[i].file), "line",
						      (int)findings->list[i].line, "text",
						      json_text(findings->list[i].text)));
	return list;
}

static json_t *json_coverage(const struct audit *audit, const struct coverage *coverage)
{
	json_t *list = json_array();

	for (size_t i = 0; i < audit->user_count; i++)
		if (coverage[i].state != COVERAGE_NONE)
			json_array_append_new(list,
					      json_pack("{s:o,s:s,s:o,s:b}", "user",
							json_text(audit->users[i].person.account.name),
							"state", states[coverage[i].state].word,
							"open", json_text(coverage[i].open),
							"covered", coverage_is_good(&coverage[i])));
	return list;
}

static json_t *json_service(const struct audit *audit, const struct service *service)
{
	json_t *add = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(missing_types); i++) {
		enum pam_type type = missing_types[i];

		if (service->missing[type])
			json_array_append_new(add,
					      json_pack("{s:o,s:s,s:s}", "file",
							json_text(service->missing[type]), "where",
							audit_lines[type].first ? "first" : "last",
							"line", audit_lines[type].text));
	}
	return json_pack("{s:o,s:o,s:s,s:o,s:o,s:o}", "service", json_text(service->pam.name), "file",
			 json_text(service->pam.path), "mode", service->gate ? "gate" : "open",
			 "ways", json_coverage(audit, service->coverage), "findings",
			 json_findings(&service->findings), "add", add);
}

void report_print_json(const struct audit *audit, bool covered)
{
	json_t *users = json_array(), *services = json_array(), *files = json_array();
	json_t *report;

	for (size_t i = 0; i < audit->user_count; i++) {
		const struct user *user = &audit->users[i];

		json_array_append_new(users,
				      json_pack("{s:o,s:o,s:o}", "user",
						json_text(user->person.account.name), "policy",
						json_text(*user->policy ? user->policy : NULL),
						"shell", json_text(user->person.shell)));
	}
	for (size_t i = 0; i < audit->service_count; i++)
		if (audit->services[i].opens)
			json_array_append_new(services, json_service(audit, &audit->services[i]));
	for (size_t i = 0; i < audit->file_count; i++)
		json_array_append_new(files,
				      json_pack("{s:o,s:o,s:o}", "path",
						json_text(audit->files[i].path), "service",
						json_text(audit->files[i].service), "ways",
						json_coverage(audit, audit->files[i].coverage)));
	report = json_pack("{s:b,s:o,s:o,s:o,s:o}", "covered", covered, "users", users, "findings",
			   json_findings(&audit->findings), "services", services, "places", files);
	if (!report || json_dumpf(report, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) < 0)
		ctl_error("out of memory");
	putchar('\n');
	json_decref(report);
}
