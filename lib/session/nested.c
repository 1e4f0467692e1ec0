/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session inside a session.
 */
#include "nested.h"

#include <errno.h>
#include <sys/prctl.h>

#include "confine.h"
#include "filter.h"
#include "plan.h"
#include "rlimits.h"

/* Where the calling process is, seen from a plan. */
enum nesting {
	NESTING_NONE = 0,
	NESTING_SAME,      /* confined by this very plan */
	NESTING_ENDPOINTS, /* by a plan with the same network rules */
	NESTING_OTHER,
};

static enum nesting nesting_find(uint64_t digest, uint64_t endpoints)
{
	if (prctl(FILTER_MARKER, digest, endpoints, 0, 0) == 0)
		return NESTING_NONE;
	switch (errno) {
	case FILTER_MARKER_SAME:
		return NESTING_SAME;
	case FILTER_MARKER_ENDPOINTS:
		return NESTING_ENDPOINTS;
	case FILTER_MARKER_OTHER:
		return NESTING_OTHER;
	default:
		return NESTING_NONE;
	}
}

bool nested_in_session(void)
{
	return nesting_find(PLAN_DIGEST_NONE, PLAN_DIGEST_NONE) != NESTING_NONE;
}

int nested_join(const struct plan *plan, bool inherit)
{
	int error;

	switch (nesting_find(plan->header->digest, plan->header->endpoints)) {
	case NESTING_SAME:
		return 0;
	case NESTING_ENDPOINTS:
		break;
	case NESTING_OTHER:
		if (inherit)
			break;
		return -EXDEV;
	case NESTING_NONE:
		return -EXDEV;
	}
	error = rlimits_apply(plan);
	return error ? error : confine_nested(plan);
}
