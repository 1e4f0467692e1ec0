/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which multicast groups (224/4 and ff00::/8) the rules allow datagrams to. Pure.
 */
#ifndef SANDLOCK_MULTICAST_H
#define SANDLOCK_MULTICAST_H

#include <stdbool.h>

#include "ruleset.h"

bool address_is_multicast(const struct address *address);

/* True where a written allow rule for UDP covers any group; no index is needed. */
bool multicast_is_open(const struct ruleset *ruleset);

/* True where a datagram to some port of this group is allowed. */
bool multicast_allows(const struct ruleset *ruleset, const struct address *group);

#endif
