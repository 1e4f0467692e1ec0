/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The resource limits of a session, by prlimit(2).
 */
#include "rlimits.h"

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "plan.h"

/* The kernel's struct and call: the C libraries do not agree about the type of a resource. */
struct kernel_limit {
	uint64_t soft;
	uint64_t hard;
};

static int limit_exchange(uint32_t resource, const struct kernel_limit *new_limit,
			  struct kernel_limit *ret_old)
{
	return syscall(__NR_prlimit64, 0, resource, new_limit, ret_old) ? -errno : 0;
}

static int rlimit_lower(const struct plan_limit *wanted)
{
	struct kernel_limit limit;
	int error = limit_exchange(wanted->resource, NULL, &limit);

	if (error)
		return error;
	if (limit.hard > wanted->value)
		limit.hard = wanted->value;
	if (limit.soft > wanted->value)
		limit.soft = wanted->value;
	return limit_exchange(wanted->resource, &limit, NULL);
}

int rlimits_apply(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->header->limits.count; i++) {
		int error = rlimit_lower(&plan->limits[i]);

		if (error)
			return error;
	}
	return 0;
}
