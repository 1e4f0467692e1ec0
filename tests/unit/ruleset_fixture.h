/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A ruleset with room for its tables: made rule by rule, or at random from a seed. Asserts through
 * cmocka. What the names answer is kept twice: in the host table and as the plain list that the
 * oracle reads.
 */
#ifndef SANDLOCK_TEST_RULESET_WORLD_H
#define SANDLOCK_TEST_RULESET_WORLD_H

#include <stdint.h>

#include "ruleset.h"

#define RULES_MAX 512
#define PORTS_MAX (4 * RULES_MAX)
#define INDEX_MAX (1U << 20)
#define HOSTS     6
#define ANSWERS   4

struct world {
	struct rule rules[RULES_MAX];
	struct port_range ports[PORTS_MAX];
	uint64_t index[INDEX_MAX / sizeof(uint64_t)];
	struct host_table table;
	struct host_row rows[HOSTS * ANSWERS];
	uint32_t heads[HOSTS];
	struct address answers[HOSTS][ANSWERS];
	uint32_t answer_count[HOSTS];
	struct ruleset ruleset;
};

struct address address_of(const char *text);

/* Adds a rule for every port; more about it is set through the result. */
struct rule *world_add(struct world *world, uint8_t protocols, enum target target, uint32_t value);
struct rule *world_add_prefix(struct world *world, uint8_t protocols, const char *text,
			      uint8_t length);

/* `rule` must be the last one that was given ports. */
void rule_add_ports(struct world *world, struct rule *rule, uint16_t low, uint16_t high);

/* Makes the index; again after each change of a rule. Asserts that it stays within its memory, and
 * needs no more than it says. */
void world_index(struct world *world);

/* What a name has answered; for ever. */
void world_answer(struct world *world, uint32_t host, const struct address *address);

/* xorshift64*: the same numbers on every machine. */
uint32_t random_below(uint64_t *seed, uint32_t limit);

/* Few distinct addresses, near each other and near the ends of the classes, so that rules meet. */
struct address random_address(uint64_t *seed);
uint16_t random_port(uint64_t *seed);
void random_world(struct world *world, uint64_t *seed);

#endif
