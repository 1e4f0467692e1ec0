/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What `sandlockctl pam` has found out, for people and as JSON. Distrusts names and texts in JSON:
 * what is not printable is escaped.
 */
#include <string.h>

#include "pam.h"
#include "util.h"

#define PROFILE "/usr/share/pam-configs/sandlock"

/* For people, and for programs. */
static const struct {
	const char *text;
	const char *word;
} states[] = {
	[WAY_COVERED] = { "covered", "covered" },
	[WAY_SHELL] = { "covered by the shell only", "shell" },
	[WAY_REFUSED] = { "refuses sessions", "refused" },
	[WAY_OPEN] = { "would fail open", "open" },
	[WAY_UNCOVERED] = { "NOT COVERED", "uncovered" },
};

static bool ways_equal(const struct way *left, const struct way *right)
{
	return left->state == right->state && strcmp(left->open, right->open) == 0;
}

/* True where no subject before `number` goes the same way. */
static bool way_is_new(const struct way *ways, const bool *used, size_t number)
{
	/* The way of somebody who does not use it is empty. */
	if (used && !used[number])
		return false;
	for (size_t i = 0; i < number; i++)
		if ((!used || used[i]) && ways_equal(&ways[i], &ways[number]))
			return false;
	return true;
}

static const char *subject_name(const struct survey *survey, size_t number)
{
	return survey->subjects[number].person.account.name;
}

/* Text ------------------------------------------------------------------------------------------- */

static void findings_print(const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];

		if (finding->line > 0)
			say(stdout, "%s:%u: %s\n", finding->file, finding->line, finding->text);
		else
			say(stdout, "%s: %s\n", finding->file, finding->text);
	}
}

/* One line for all subjects that go the same way. */
static void ways_print(const struct survey *survey, const char *what, const struct way *ways,
		       const bool *used)
{
	for (size_t i = 0; i < survey->subject_count; i++) {
		const char *separator = ":";

		if (!way_is_new(ways, used, i))
			continue;
		say(stdout, "%s: %s", what, states[ways[i].state].text);
		if (ways[i].open[0] != '\0')
			say(stdout, ", which leaves open: %s", ways[i].open);
		for (size_t j = i; j < survey->subject_count; j++) {
			if ((used && !used[j]) || !ways_equal(&ways[i], &ways[j]))
				continue;
			say(stdout, "%s %s", separator, subject_name(survey, j));
			separator = ",";
		}
		putchar('\n');
	}
}

/* The packages' files are not to be changed; the administrator's goes before them. */
static void line_print(const char *file, const char *where, const char *line)
{
	const char *slash = strrchr(file, '/');
	const char *name = slash ? slash + 1 : file;

	if (strncmp(file, "/etc/", strlen("/etc/")) != 0)
		say(stdout, "  copy %s to /etc/pam.d/%s; there,\n", file, name);
	say(stdout, "  add as the %s line of /etc/pam.d/%s:\n      %s\n", where, name, line);
}

static void door_print(const struct survey *survey, const struct door *door)
{
	ways_print(survey, door->name, door->ways, NULL);
	findings_print(&door->findings);
	if (door->account_file)
		line_print(door->account_file, "first", PAM_ACCOUNT_LINE);
	if (door->auth_file)
		line_print(door->auth_file, "first", PAM_AUTH_LINE);
	if (door->session_file)
		line_print(door->session_file, "last", PAM_SESSION_LINE);
}

static void place_print(const struct survey *survey, const struct place *place)
{
	char what[PATH_MAX + NAME_MAX];

	snprintf(what, sizeof(what), "%s, run by %s", place->path,
		 place->service ? place->service : "the mail server, which asks no PAM");
	ways_print(survey, what, place->ways, place->used);
}

/* The package's way to write the line into the files that most services include. */
static void profile_print(const struct survey *survey)
{
	for (size_t i = 0; i < survey->door_count; i++) {
		if (survey->doors[i].session_file && access(PROFILE, R_OK) == 0) {
			puts("`pam-auth-update --enable sandlock` adds the session line to most of "
			     "them at once");
			return;
		}
	}
}

void survey_print(const struct survey *survey, bool covered)
{
	findings_print(&survey->findings);
	if (survey->subject_count == 0) {
		say(stdout, "no policy in %s names anybody\n", ctl_directory(survey->options));
		return;
	}
	for (size_t i = 0; i < survey->door_count; i++)
		if (survey->doors[i].opens)
			door_print(survey, &survey->doors[i]);
	for (size_t i = 0; i < survey->place_count; i++)
		place_print(survey, &survey->places[i]);
	profile_print(survey);
	puts(covered ? "every way in is covered" : "not every way in is covered");
}

/* JSON ------------------------------------------------------------------------------------------- */

/* The character of UTF-8 at `text`, and its length; 0 where it is none. */
static size_t utf8_take(const char *text, uint32_t *ret_character)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char first = (unsigned char)*text;
	size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
	uint32_t character = length > 0 ? first & (0x7fU >> length) : 0;

	for (size_t i = 1; i < length; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | ((unsigned char)text[i] & 0x3f);
	}
	if (character < least[length] || character > 0x10ffff || character >> 11 == 0x1b)
		return 0;
	*ret_character = character;
	return length;
}

/* Printed in ASCII alone: the same text for a parser, and none that a terminal would obey. What is
 * no UTF-8 becomes the character that replaces such. */
static void json_string(const char *text)
{
	putchar('"');
	while (*text) {
		unsigned char byte = (unsigned char)*text;
		uint32_t character = byte;
		size_t length = byte < 0x80 ? 1 : utf8_take(text, &character);

		if (length == 0)
			character = 0xfffd;
		if (byte == '"' || byte == '\\')
			printf("\\%c", byte);
		else if (byte >= 0x20 && byte < 0x7f)
			putchar(byte);
		else if (character < 0x10000)
			printf("\\u%04x", character);
		else
			printf("\\u%04x\\u%04x", 0xd7c0 + (character >> 10),
			       0xdc00 | (character & 0x3ff));
		text += length > 0 ? length : 1;
	}
	putchar('"');
}

/* A member of an object; each but the first is led in by a comma. */
static void json_member(const char *lead, const char *name, const char *value)
{
	say(stdout, "%s\"%s\":", lead, name);
	if (value)
		json_string(value);
	else
		fputs("null", stdout);
}

static void json_findings(const struct findings *findings)
{
	fputs(",\"findings\":[", stdout);
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];

		json_member(i > 0 ? ",{" : "{", "file", finding->file);
		say(stdout, ",\"line\":%u", finding->line);
		json_member(",", "text", finding->text);
		putchar('}');
	}
	putchar(']');
}

static void json_ways(const struct survey *survey, const struct way *ways, const bool *used)
{
	const char *lead = "{";

	fputs(",\"ways\":[", stdout);
	for (size_t i = 0; i < survey->subject_count; i++) {
		if (used && !used[i])
			continue;
		json_member(lead, "user", subject_name(survey, i));
		json_member(",", "state", states[ways[i].state].word);
		json_member(",", "open", ways[i].open);
		say(stdout, ",\"covered\":%s}", way_is_covered(&ways[i]) ? "true" : "false");
		lead = ",{";
	}
	putchar(']');
}

static void json_line(const char *lead, const char *file, const char *where, const char *line)
{
	json_member(lead, "file", file);
	json_member(",", "where", where);
	json_member(",", "line", line);
	putchar('}');
}

static void json_door(const struct survey *survey, const struct door *door)
{
	const char *lead = "{";

	json_member("{", "service", door->name);
	json_member(",", "file", door->service.path);
	json_member(",", "mode", door_is_gate(door->name) ? "gate" : "open");
	json_ways(survey, door->ways, NULL);
	json_findings(&door->findings);
	fputs(",\"add\":[", stdout);
	if (door->account_file) {
		json_line(lead, door->account_file, "first", PAM_ACCOUNT_LINE);
		lead = ",{";
	}
	if (door->auth_file) {
		json_line(lead, door->auth_file, "first", PAM_AUTH_LINE);
		lead = ",{";
	}
	if (door->session_file)
		json_line(lead, door->session_file, "last", PAM_SESSION_LINE);
	fputs("]}", stdout);
}

static void json_subjects(const struct survey *survey)
{
	fputs(",\"users\":[", stdout);
	for (size_t i = 0; i < survey->subject_count; i++) {
		const struct subject *subject = &survey->subjects[i];

		json_member(i > 0 ? ",{" : "{", "user", subject_name(survey, i));
		json_member(",", "policy", subject->policy[0] != '\0' ? subject->policy : NULL);
		json_member(",", "shell", subject->person.shell);
		putchar('}');
	}
	putchar(']');
}

void survey_print_json(const struct survey *survey, bool covered)
{
	const char *lead = "";

	say(stdout, "{\"covered\":%s", covered ? "true" : "false");
	json_subjects(survey);
	json_findings(&survey->findings);
	fputs(",\"services\":[", stdout);
	for (size_t i = 0; i < survey->door_count; i++) {
		if (!survey->doors[i].opens)
			continue;
		fputs(lead, stdout);
		json_door(survey, &survey->doors[i]);
		lead = ",";
	}
	fputs("],\"places\":[", stdout);
	for (size_t i = 0; i < survey->place_count; i++) {
		json_member(i > 0 ? ",{" : "{", "path", survey->places[i].path);
		json_member(",", "service", survey->places[i].service);
		json_ways(survey, survey->places[i].ways, survey->places[i].used);
		putchar('}');
	}
	puts("]}");
}
