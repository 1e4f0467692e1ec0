/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looks a domain up in the list of public suffixes, a text of one rule a line: "com", "*.ck" for
 * all that is directly below, "!www.ck" for what is not. Names of other scripts are in it as UTF-8,
 * and not found.
 */
#include "public_suffix.h"

#include <stdbool.h>
#include <string.h>

#include "util.h"

#define LINE_MAX_SIZE 1024

enum public_suffix public_suffix_find(const char *list, const char *domain)
{
	const char *parent = strchr(domain, '.');
	cleanup_file FILE *file = NULL;
	char line[LINE_MAX_SIZE];
	bool found = false;

	if (!parent)
		return PUBLIC_SUFFIX_YES;
	file = fopen(list, "re");
	if (!file)
		return PUBLIC_SUFFIX_UNKNOWN;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, " \t\r\n")] = '\0';
		if (line[0] == '!' && strcmp(line + 1, domain) == 0)
			return PUBLIC_SUFFIX_NO;
		found |= strcmp(line, domain) == 0 ||
			 (line[0] == '*' && strcmp(line + 1, parent) == 0);
	}
	return found ? PUBLIC_SUFFIX_YES : PUBLIC_SUFFIX_NO;
}
