/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The strict reader: bytes of an INI file -> sections and entries, each with its line. Distrusts
 * every byte; text that iniparser would read differently from a careful human is refused.
 */
#ifndef SANDLOCK_POLICY_TEXT_H
#define SANDLOCK_POLICY_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct reporter;

#define TEXT_LINES_MAX 65535U /* a rule keeps its line in 16 bits */
#define TEXT_WIDTH_MAX 1022U  /* of a logical line: iniparser's buffer */

struct text_section {
	const char *name;
	unsigned line;
};

/* A value is without its quotes and ends in NUL. A '\n' in it marks where a continued line was
 * joined: not a character, only a count of lines. */
struct text_entry {
	const char *section;
	const char *key; /* as written, a label included */
	const char *value;
	unsigned line;
	unsigned value_line; /* where the value begins */
	bool continued;      /* on further lines, be they empty */
};

/* Everything points into `bytes`. */
struct text {
	char *bytes;
	struct text_section *sections;
	struct text_entry *entries; /* in the order of the file */
	size_t section_count;
	size_t entry_count;
};

/* Reports every bad line; the result has the good ones. -ENOMEM, else 0 whatever was reported. */
int text_read(const char *bytes, size_t length, const char *file, struct reporter *reporter,
	      struct text *ret_text);
void text_free(struct text *text);

#endif
