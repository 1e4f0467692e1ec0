/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The decision of the rules once more, slow and obvious: classes, prefixes and names are decided
 * here without the matcher's code. Needs no cmocka: fuzz targets use it too.
 */
#ifndef SANDLOCK_TEST_RULESET_ORACLE_H
#define SANDLOCK_TEST_RULESET_ORACLE_H

#include "ruleset_fixture.h"

/* True for an IPv4 address, in its mapped form. */
bool oracle_is_inet(const struct address *address);

/* True where the rule is about the port. */
bool oracle_port(const struct world *world, const struct rule *rule, uint16_t port);

struct verdict oracle_decide(const struct world *world, enum protocol protocol,
			     const struct endpoint *endpoint);

#endif
