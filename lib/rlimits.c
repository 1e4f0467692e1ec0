/*
 * The resource limits of a session, by setrlimit(2).
 * Called by session in the confined process.
 * Distrusts nothing: the plan's numbers were validated.
 */
#include "rlimits.h"

#include <errno.h>
#include <sys/resource.h>

#include "plan.h"

static int rlimit_lower(int resource, rlim_t value)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit))
		return -errno;
	if (limit.rlim_max > value)
		limit.rlim_max = value;
	if (limit.rlim_cur > value)
		limit.rlim_cur = value;
	return setrlimit(resource, &limit) ? -errno : 0;
}

int rlimits_apply(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->header->limits.count; i++) {
		int error = rlimit_lower((int)plan->limits[i].resource, plan->limits[i].value);

		if (error)
			return error;
	}
	return 0;
}
