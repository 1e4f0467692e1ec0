/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session inside a session.
 */
#include "inside.h"

#include <errno.h>
#include <sys/prctl.h>

#include "confine.h"
#include "filter.h"
#include "plan.h"
#include "rlimits.h"

/* Where the calling process is, seen from a plan. */
enum place {
	PLACE_OUTSIDE = 0,
	PLACE_SAME,      /* confined by this very plan */
	PLACE_ENDPOINTS, /* by a plan that decides the same way about every connection */
	PLACE_OTHER,
};

static enum place place_find(uint64_t digest, uint64_t endpoints)
{
	if (prctl(FILTER_MARKER, digest, endpoints, 0, 0) == 0)
		return PLACE_OUTSIDE;
	switch (errno) {
	case FILTER_MARKER_SAME:
		return PLACE_SAME;
	case FILTER_MARKER_ENDPOINTS:
		return PLACE_ENDPOINTS;
	case FILTER_MARKER_OTHER:
		return PLACE_OTHER;
	default:
		return PLACE_OUTSIDE;
	}
}

bool inside_session(void)
{
	return place_find(PLAN_DIGEST_NONE, PLAN_DIGEST_NONE) != PLACE_OUTSIDE;
}

int inside_join(const struct plan *plan, bool inherit)
{
	int error;

	switch (place_find(plan->header->digest, plan->header->endpoints)) {
	case PLACE_SAME:
		return 0;
	case PLACE_ENDPOINTS:
		break;
	case PLACE_OTHER:
		if (inherit)
			break;
		return -EXDEV;
	case PLACE_OUTSIDE:
		return -EXDEV;
	}
	error = rlimits_apply(plan);
	return error ? error : confine_nested(plan);
}
