/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A second opinion: iniparser must understand the same bytes as the strict reader did. Distrusts
 * both readers: where they disagree, the file is refused.
 */
#ifndef SANDLOCK_POLICY_COMPARE_H
#define SANDLOCK_POLICY_COMPARE_H

#include <stddef.h>

struct reporter;
struct text;

/* Reports an error where iniparser finds another number of sections and keys, or another value. */
void compare_readers(const char *bytes, size_t length, const char *file, const struct text *text,
		     struct reporter *reporter);

#endif
