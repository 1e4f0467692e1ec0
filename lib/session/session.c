/*
 * One confined session from plan to exit status.
 * Called by sandlock-shell and `sandlockctl run`.
 * Distrusts what it inherits; whatever fails before the confined process runs refuses the session.
 */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine.h"
#include "filter.h"
#include "landlock.h"
#include "log.h"
#include "plan.h"
#include "rlimits.h"
#include "session_parts.h"
#include "util.h"

#define PLANNER      LIBEXECDIR "/sandlock-planner"
#define PLANNER_ARGS 6
#define PLAN_FD      3

/* Where the calling process is, seen from a plan. */
enum session_place {
	SESSION_OUTSIDE = 0,
	SESSION_SAME,      /* confined by this very plan */
	SESSION_ENDPOINTS, /* by a plan that decides the same way about every connection */
	SESSION_OTHER,
};

/* `plan` may be NULL: then any session is SESSION_OTHER. */
static enum session_place session_place(const struct plan *plan)
{
	const struct plan_header *header = plan ? plan->header : NULL;
	uint64_t digest = header ? header->digest : PLAN_DIGEST_NONE;
	uint64_t endpoints = header ? header->endpoints : PLAN_DIGEST_NONE;

	if (prctl(FILTER_MARKER, digest, endpoints, 0, 0) == 0)
		return SESSION_OUTSIDE;
	switch (errno) {
	case FILTER_MARKER_SAME:
		return SESSION_SAME;
	case FILTER_MARKER_ENDPOINTS:
		return SESSION_ENDPOINTS;
	case FILTER_MARKER_OTHER:
		return SESSION_OTHER;
	default:
		return SESSION_OUTSIDE;
	}
}

/* A descriptor of ours must not end up as somebody's standard output. */
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

static void planner_exec(const struct session_request *request, int memfd)
{
	char *const environment[] = { NULL };
	const char *arguments[PLANNER_ARGS] = { "sandlock-planner" };
	int count = 1;
	int null = session_open_null();

	if (request->conf) {
		arguments[count++] = "--conf";
		arguments[count++] = request->conf;
	}
	if (request->draft) {
		arguments[count++] = "--draft";
		arguments[count++] = request->draft;
	}
	/* The log's descriptor is among those that go; the next line opens another. */
	log_close();
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    session_place_descriptor(memfd, PLAN_FD))
		_exit(SESSION_REFUSED);
	execve(PLANNER, (char *const *)(uintptr_t)arguments, environment);
	session_refuse(PLANNER, errno);
	_exit(SESSION_REFUSED);
}

/* The planner says itself what is wrong with a policy; what it cannot say is said here. */
static int planner_wait(pid_t planner)
{
	int status;

	while (waitpid(planner, &status, 0) < 0)
		if (errno != EINTR)
			return session_refuse("the planner", errno);
	if (WIFSIGNALED(status))
		return session_refuse("the planner ended by a signal", EIO);
	return WEXITSTATUS(status) == 0 ? 0 : SESSION_REFUSED;
}

/* 0, or the exit status of a refusal that was said. */
static int plan_make(const struct session_request *request, int *ret_memfd, struct plan *ret_plan)
{
	cleanup_fd int memfd = memfd_create("sandlock-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	const char *missing;
	pid_t planner;
	int error;

	if (memfd < 0)
		return session_refuse("memory for the plan", errno);
	planner = fork();
	if (planner < 0)
		return session_refuse("the planner", errno);
	if (planner == 0)
		planner_exec(request, memfd);
	error = planner_wait(planner);
	if (error)
		return error;
	error = plan_map(memfd, ret_plan);
	if (error)
		return session_refuse("the plan is not sound", -error);
	if (ret_plan->header->uid != getuid())
		return session_refuse("the plan is another user's", 0);
	missing = landlock_missing(ret_plan, landlock_abi());
	if (missing) {
		log_line(LOG_ERR, "the policy requires \"%s\", which this kernel does not offer",
			 missing);
		return session_refuse("the policy requires what this kernel does not offer", 0);
	}
	log_identify(plan_string(ret_plan, ret_plan->header->user), ret_plan->header->session);
	*ret_memfd = fd_take(&memfd);
	return 0;
}

/* One listener a filter chain is the kernel's limit, so the outer supervisor stays: what it decides
 * must be what this plan wants decided. The same confinement is there already and adds no layer, of
 * which there are only 16. */
static int run_inside(const struct session_request *request)
{
	cleanup_fd int memfd = -1;
	struct plan plan = { 0 };
	int refused;
	int error = 0;

	log_open(-1);
	refused = plan_make(request, &memfd, &plan);
	if (refused)
		return refused;
	switch (session_place(&plan)) {
	case SESSION_SAME:
		break;
	case SESSION_ENDPOINTS:
		error = rlimits_apply(&plan);
		if (!error)
			error = confine_nested(&plan);
		break;
	case SESSION_OUTSIDE:
	case SESSION_OTHER:
		error = -EXDEV;
		break;
	}
	if (error == -EXDEV)
		return session_refuse("this session is confined by other rules already, which no session "
				      "inside it can change; log in anew",
				      0);
	if (error)
		return session_refuse("the session does not start", -error);
	return session_exec(request, &plan);
}

int session_run(const struct session_request *request)
{
	struct session session = { .request = request, .memfd = -1 };
	int refused;
	int error;

	if (session_place(NULL) != SESSION_OUTSIDE)
		return run_inside(request);
	error = fd_close_from(STDERR_FILENO + 1);
	if (!error)
		error = standard_descriptors_fill();
	/* Not before: the log's own descriptors would be closed, and their numbers used again. */
	log_open(-1);
	if (error)
		return session_refuse("inherited descriptors", -error);
	/* Nobody of the same uid looks into this process or its children until they exec. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return session_refuse("non-dumpable", errno);
	refused = plan_make(request, &session.memfd, &session.plan);
	if (refused)
		return refused;
	error = session_start(&session);
	if (error)
		return session_refuse("the session does not start", -error);
	return session_stand_in(&session);
}
