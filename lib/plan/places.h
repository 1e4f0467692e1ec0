/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The places of a session's user, in which no link counts as root's: his home, and the directories
 * for temporary files.
 */
#ifndef SANDLOCK_PLACES_H
#define SANDLOCK_PLACES_H

#include <sys/types.h>

#include "path.h"
#include "plan.h"

struct places {
	const char *home; /* canonical, or "" */
	uid_t uid;
};

/* What path_open() and path_name() take. */
struct path_places places_of(const struct places *places);

/* path_open() of a path of the plan's [filesystem]. */
int places_open(const struct plan *plan, const char *path, struct path_end *ret_end);

#endif
