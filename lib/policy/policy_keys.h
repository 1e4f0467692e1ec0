/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of the language: sections, keys, the function that checks a value. A new key is one row
 * here and one function in policy_apply.c.
 */
#ifndef SANDLOCK_POLICY_KEYS_H
#define SANDLOCK_POLICY_KEYS_H

#include "policy_task.h"

/* `name` as written, with its label. NULL with the error in `why`. */
const struct policy_key *key_find(const char *section, const char *name, char why[WHY_MAX]);

/* The row of a key that exists. */
const struct policy_key *key_get(const char *section, const char *name);

/* 0 where the section exists; -EINVAL with the error in `why`. */
int section_find(const char *section, char why[WHY_MAX]);

#endif
