/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One confined session from plan to exit status. Distrusts what it inherits; whatever fails before
 * the confined process runs refuses the session.
 */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "failure.h"
#include "log.h"
#include "nested.h"
#include "planner.h"
#include "session_parts.h"
#include "start_wait.h"
#include "util.h"

/* A descriptor of ours must not become another program's standard output. */
static int standard_descriptors_fill(void)
{
	int null;

	do {
		null = open("/dev/null", O_RDWR);
		if (null < 0)
			return -errno;
	} while (null <= STDERR_FILENO);
	close(null);
	return 0;
}

/* 0, or the exit status of a refusal that was printed. */
static int plan_make(const struct session_request *request, int64_t deadline_ms, int *ret_memfd,
		     struct plan *ret_plan)
{
	const struct planner_request order = {
		.conf = request->conf,
		.draft = request->draft,
		.uid = getuid(),
		.deadline_ms = deadline_ms,
	};
	char why[PLANNER_WHY_MAX];

	switch (planner_run(&order, ret_memfd, ret_plan, why)) {
	case PLANNER_PLANNED:
		log_identify(plan_string(ret_plan, ret_plan->header->user),
			     ret_plan->header->session);
		return 0;
	case PLANNER_FAILED:
		return session_refuse(why, 0);
	case PLANNER_REFUSED:
	case PLANNER_NO_POLICY:
		break;
	}
	return SESSION_REFUSED;
}

/* The outer supervisor stays: what it decides must be what this plan wants decided. */
static int run_nested(const struct session_request *request)
{
	cleanup_fd int memfd = -1;
	struct plan plan = { 0 };
	int refused;
	int error;

	log_open(-1);
	refused = plan_make(request, start_deadline(), &memfd, &plan);
	if (refused)
		return refused;
	error = nested_join(&plan, false);
	if (error == -EXDEV)
		return session_refuse(NESTED_OTHER_RULES, 0);
	if (error)
		return session_refuse("cannot confine the session further", -error);
	return session_exec(request, &plan);
}

int session_run(const struct session_request *request)
{
	struct session session = {
		.request = request,
		.deadline_ms = start_deadline(),
		.memfd = -1,
	};
	struct failure failure;
	int refused;
	int error;

	if (nested_in_session())
		return run_nested(request);
	error = fd_close_from(STDERR_FILENO + 1);
	if (!error)
		error = standard_descriptors_fill();
	/* Not before: the log's own descriptors would be closed, and their numbers used again. */
	log_open(-1);
	if (error)
		return session_refuse("cannot close inherited descriptors", -error);
	/* No process of the same uid can inspect this process or its children until they exec. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return session_refuse("cannot protect its own memory (PR_SET_DUMPABLE)", errno);
	refused = plan_make(request, session.deadline_ms, &session.memfd, &session.plan);
	if (refused)
		return refused;
	error = session_start(&session, &failure);
	if (error)
		return session_refuse(failure.text, -failure.error);
	return session_stand_in(&session);
}
