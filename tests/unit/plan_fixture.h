/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plans to test with: one in which every section has elements, and the smallest one. Asserts
 * through cmocka.
 */
#ifndef SANDLOCK_TEST_PLAN_FIXTURE_H
#define SANDLOCK_TEST_PLAN_FIXTURE_H

#include <stdint.h>

#include "plan.h"
#include "plan_build.h"

uint32_t string_of(struct plan_builder *builder, const char *text);

/* A TCP rule for any address and port, with its strings. */
struct rule rule_of(struct plan_builder *builder, const char *text);

struct plan_builder *builder_minimal(void);
struct plan_builder *builder_full(void);

/* Seals and frees the builder; the descriptor is the caller's. */
int sealed(struct plan_builder *builder);

/* Maps and closes. */
struct plan mapped(int fd);

/* Makes the index of the plan's ruleset, in memory to be freed. */
void *indexed(struct plan *plan);

#endif
