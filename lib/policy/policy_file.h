/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opens a policy file, makes sure that only its owner could have written it, reads it.
 * Distrusts the path and all its directories; what is checked is the descriptor that is read.
 */
#ifndef SANDLOCK_POLICY_FILE_H
#define SANDLOCK_POLICY_FILE_H

#include <stddef.h>

#include "policy_report.h"

#define POLICY_SIZE_MAX (256U << 10)

/* Reads `path` ("-": standard input) by the rules of `reporter->flags`. What is wrong is reported
 * at line `line` of `blamed`, where that is not NULL, else against the file itself. -EINVAL after a
 * report, -ENOMEM. The caller frees. */
int policy_file_read(const char *path, const char *blamed, unsigned line, struct reporter *reporter,
		     char **ret_bytes, size_t *ret_length);

/* Why the caller got EACCES at `path`, and which mode it should have. */
void why_denied(const char *path, bool is_directory, char why[WHY_MAX]);

#endif
