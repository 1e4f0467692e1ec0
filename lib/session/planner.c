/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Has sandlock-planner make a plan. Distrusts the planner: its plan is validated, and must be for
 * this account.
 */
#include "planner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "landlock.h"
#include "start_wait.h"
#include "util.h"

#define PLANNER       LIBEXECDIR "/sandlock-planner"
#define ARGUMENTS_MAX 9

/* `error` is an errno, or 0. */
static enum planner_result fail(char why[PLANNER_WHY_MAX], const char *what, int error)
{
	snprintf(why, PLANNER_WHY_MAX, "%s%s%s", what, error ? ": " : "",
		 error ? strerror(error) : "");
	return PLANNER_FAILED;
}

/* The planner's exit status, or a negative errno. It writes errors to `complaints`. */
static int planner_exec(const struct planner_request *request, int complaints, int memfd)
{
	const int descriptors[] = { -1, -1, complaints, memfd };
	const char *argv[ARGUMENTS_MAX] = { "sandlock-planner" };
	const struct spawn spawn = {
		.program = PLANNER,
		.argv = argv,
		.descriptors = descriptors,
		.descriptor_count = ARRAY_SIZE(descriptors),
		.ids = request->ids,
	};
	int count = 1;

	if (request->conf) {
		argv[count++] = "--conf";
		argv[count++] = request->conf;
	}
	if (request->draft) {
		argv[count++] = "--draft";
		argv[count++] = request->draft;
	}
	if (request->account) {
		argv[count++] = "--account";
		argv[count++] = request->account;
	}
	if (request->check)
		argv[count++] = "--check";
	return spawn_run(&spawn, request->deadline_ms);
}

/* The first line of what was written to the pipe. */
static void complaint_read(int reader, char why[PLANNER_WHY_MAX])
{
	ssize_t length = read(reader, why, PLANNER_WHY_MAX - 1);

	why[length > 0 ? length : 0] = '\0';
	why[strcspn(why, "\n")] = '\0';
}

/* Nobody sees a PAM program's standard error: there the error is returned. */
static int planner_call(const struct planner_request *request, int memfd, char why[PLANNER_WHY_MAX])
{
	cleanup_fd int reader = -1;
	cleanup_fd int writer = -1;
	int ends[2], status;

	why[0] = '\0';
	if (!request->account)
		return planner_exec(request, STDERR_FILENO, memfd);
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	reader = ends[0];
	writer = ends[1];
	status = planner_exec(request, writer, memfd);
	if (status == PLANNER_SAID)
		complaint_read(reader, why);
	return status;
}

static enum planner_result plan_judge(const struct planner_request *request,
				      const struct plan *plan, char why[PLANNER_WHY_MAX])
{
	const char *missing = landlock_missing(plan, landlock_abi());

	if (plan->header->uid != request->uid)
		return fail(why, "the plan is for another user", 0);
	if (!missing && (plan->header->require & REQUIRE_DNS) && (plan->header->flags & PLAN_DNS)) {
		snprintf(why, PLANNER_WHY_MAX,
			 "the policy requires \"dns\", and the session would ask the system's name "
			 "servers (dns = %s)",
			 plan->header->dns == PLAN_DNS_FILTERED
				 ? "filtered, which is not available here"
				 : "system");
		return PLANNER_FAILED;
	}
	if (!missing)
		return PLANNER_PLANNED;
	snprintf(why, PLANNER_WHY_MAX,
		 "the policy requires \"%s\", which this kernel does not offer", missing);
	return PLANNER_FAILED;
}

enum planner_result planner_run(const struct planner_request *request, int *ret_memfd,
				struct plan *ret_plan, char ret_why[PLANNER_WHY_MAX])
{
	cleanup_fd int memfd = memfd_create("sandlock-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct plan plan;
	int status;
	int error;

	if (memfd < 0)
		return fail(ret_why, "cannot allocate the plan", errno);
	status = planner_call(request, memfd, ret_why);
	if (status == -ETIMEDOUT)
		return fail(ret_why, PLANNER " did not end in time, and was killed", 0);
	if (status < 0)
		return fail(ret_why, "cannot run " PLANNER, -status);
	if (status == PLANNER_UNNAMED && request->account)
		return PLANNER_NO_POLICY;
	if (status == PLANNER_SAID)
		return PLANNER_REFUSED;
	if (status != 0) {
		snprintf(ret_why, PLANNER_WHY_MAX, PLANNER " exited with status %d", status);
		return PLANNER_FAILED;
	}
	error = plan_map(memfd, &plan);
	if (error)
		return fail(ret_why, "the plan is not valid", -error);
	if (plan_judge(request, &plan, ret_why) != PLANNER_PLANNED) {
		plan_unmap(&plan);
		return PLANNER_FAILED;
	}
	*ret_memfd = fd_take(&memfd);
	*ret_plan = plan;
	return PLANNER_PLANNED;
}
