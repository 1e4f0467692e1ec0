/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A policy in memory: the sources it was read from and what they set. Shared by the modules of the
 * policy reader; nobody else includes it. Holds only what was checked; the texts of items are
 * checked again when they are expanded for an account.
 */
#ifndef SANDLOCK_POLICY_MODEL_H
#define SANDLOCK_POLICY_MODEL_H

#include "policy_task.h"
#include "policy_text.h"

#define POLICY_INCLUDES_MAX 16

/* The file itself comes first, then its fragments in the order of `include`. */
struct source {
	char *file;
	struct text text;
};

struct policy {
	struct source sources[1 + POLICY_INCLUDES_MAX];
	size_t source_count;
	struct setting *settings;
	size_t setting_count;
	bool secret; /* one of the files is not for everybody to read */
};

/* The file with section `name`, of all sources; NULL where there is none. */
const struct text_section *policy_section(const struct policy *policy, const char *name,
					  const char **ret_file);

#endif
