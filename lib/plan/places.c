/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The places of a session's user.
 * Distrusts owners and modes there: root inside a session can change them, Landlock does not hold
 * those.
 */
#include "places.h"

/* By the canonical names also of those that are root's links to elsewhere. */
static bool places_hold(const char *name, const void *context)
{
	const struct places *places = context;
	char canonical[PATH_MAX];

	if (plan_place_is_users(places->home, places->uid, name))
		return true;
	for (size_t i = 0; plan_temporary[i]; i++)
		if (path_name(plan_temporary[i], NULL, canonical) == 0 &&
		    path_is_beneath(name, canonical))
			return true;
	return false;
}

struct path_places places_of(const struct places *places)
{
	return (struct path_places){ places_hold, places };
}

int places_open(const struct plan *plan, const char *path, struct path_end *ret_end)
{
	const struct places places = { plan_string(plan, plan->header->home), plan->header->uid };
	const struct path_places users = places_of(&places);

	return path_open(path, &users, ret_end);
}
