/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A second opinion: iniparser must understand the same bytes as the strict reader did. Alone uses
 * iniparser.
 */
#include "policy_compare.h"

#include <iniparser/iniparser.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "policy_report.h"
#include "policy_text.h"
#include "policy_values.h"
#include "util.h"

static int stay_silent(const char *format, ...)
{
	(void)format;
	return 0;
}

/* Loads the same bytes; NULL where it cannot. */
static dictionary *iniparser_read(const char *bytes, size_t length)
{
	cleanup_fd int fd = memfd_create("policy", MFD_CLOEXEC);
	char path[64];

	if (fd < 0 || write_exact(fd, bytes, length) < 0)
		return NULL;
	iniparser_set_error_callback(stay_silent);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return iniparser_load(path);
}

static bool values_agree(const dictionary *known, const struct text_entry *entry)
{
	cleanup_free char *plain = value_plain(entry->value, strlen(entry->value));
	char name[2 * TEXT_WIDTH_MAX];
	const char *value;

	snprintf(name, sizeof(name), "%s:%s", entry->section, entry->key);
	value = iniparser_getstring(known, name, NULL);
	return plain && value && strcmp(value, plain) == 0;
}

void compare_readers(const char *bytes, size_t length, const char *file, const struct text *text,
		     struct reporter *reporter)
{
	dictionary *known = iniparser_read(bytes, length);

	if (!known) {
		report_error(reporter, file, 0,
			     "parser mismatch: iniparser cannot read this file (please report)");
		return;
	}
	if ((size_t)known->n != text->section_count + text->entry_count)
		report_error(reporter, file, 0,
			     "parser mismatch: iniparser sees %d entries, sandlock %zu (please "
			     "report)",
			     known->n, text->section_count + text->entry_count);
	for (size_t i = 0; i < text->entry_count; i++) {
		if (!values_agree(known, &text->entries[i]))
			report_error(reporter, file, text->entries[i].line,
				     "%s: parser mismatch: iniparser reads another value (please report)",
				     text->entries[i].key);
	}
	iniparser_freedict(known);
}
