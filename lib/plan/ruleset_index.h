/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables that make the time of a decision independent of the number of rules. Built by the
 * supervisor and `sandlockctl test` from validated rules, searched by ruleset. They cross no
 * process boundary, so they need no validation.
 */
#ifndef SANDLOCK_RULESET_INDEX_H
#define SANDLOCK_RULESET_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "ruleset.h"

/* The bytes that ruleset_index wants, for rules that ruleset_validate has passed. */
size_t ruleset_index_size(const struct ruleset *ruleset);

/* Builds the tables in `memory`, aligned to 8, which must stay while the ruleset is used. Returns
 * how many bytes, from its start, are in use; the rest may be freed. */
size_t ruleset_index(struct ruleset *ruleset, void *memory);

#endif
