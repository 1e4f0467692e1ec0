/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Has sandlock-planner make a plan. Distrusts the planner: its plan is validated, and must be for
 * the requested account.
 */
#ifndef SANDLOCK_PLANNER_H
#define SANDLOCK_PLANNER_H

#include <stdint.h>
#include <sys/types.h>

#include "plan.h"
#include "spawn.h"

/* Its exit statuses, besides 0. With any other it has reported nothing. */
#define PLANNER_SAID    1 /* it has printed and logged why it refuses */
#define PLANNER_UNNAMED 3 /* no policy applies to the account */

struct planner_request {
	const char *conf;    /* another policy directory, or NULL */
	const char *draft;   /* a policy file of the caller's own instead, or NULL */
	const char *account; /* NULL: the caller's. Its errors are then printed to standard error */
	bool check; /* a session follows that does the same: its warnings are logged there */
	uid_t uid;  /* whose plan it must be */
	const struct spawn_ids *ids; /* the planner runs as; NULL: as the caller */
	int64_t deadline_ms;         /* of start_wait.h */
};

enum planner_result {
	PLANNER_FAILED = 0, /* why is in ret_why */
	PLANNER_REFUSED,    /* the planner has logged why; of an `account`, it is in ret_why too */
	PLANNER_NO_POLICY,
	PLANNER_PLANNED,
};

#define PLANNER_WHY_MAX 512

/* PLANNER_PLANNED: *ret_memfd (the caller closes it) and *ret_plan are the plan. */
enum planner_result planner_run(const struct planner_request *request, int *ret_memfd,
				struct plan *ret_plan, char ret_why[PLANNER_WHY_MAX]);

#endif
