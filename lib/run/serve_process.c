/*
 * Whose limits, priority, processors and scheduler are changed: a process of the session's alone.
 * Called by supervise, through the table of trapped calls; calls of a process for itself never
 * come. Distrusts the number: it is looked at as that of a process which may be anybody's.
 */
#include <errno.h>
#include <stdio.h>

#include "serve.h"
#include "target.h"

#define NUMBER_MAX 12

/* What Landlock lets us read is in our domain, and so in the session: all that is outside is kept
 * from us as it is from the caller. Whether there is something at the address says nothing. What is
 * wrong with a number that no process can have, the kernel says. */
static int reach(pid_t process)
{
	char byte;
	int error = process < 0 ? 0 : target_read(process, 0, &byte, sizeof(byte));

	return error == -EFAULT ? 0 : error;
}

/* In a namespace of the session's own no number stands for a process outside. */
static bool counts_by_itself(pid_t thread)
{
	struct target_status status;

	return target_read_status(thread, &status) == 0 && status.inner_pids;
}

/* Numbers are registers, which nobody changes. The process may end before the kernel looks, and its
 * number be another's: what then is changed belongs to the same user. */
static struct outcome change(struct supervisor *supervisor, struct request *request,
			     const char *operation, uint64_t process)
{
	char number[NUMBER_MAX];
	int error = reach((pid_t)process);

	if (error == 0 || counts_by_itself(request->call.thread))
		return serve_by_kernel(supervisor, request);
	if (error == -ESRCH)
		return outcome_error(ESRCH);
	snprintf(number, sizeof(number), "%d", (int)process);
	(void)serve_refuse(supervisor, request, operation, "process", number, NULL);
	return outcome_error(EPERM);
}

/* Limits may be read of any process, as bare. */
struct outcome serve_prlimit64(struct supervisor *supervisor, struct request *request)
{
	const uint64_t *arguments = request->call.arguments;

	if (arguments[2] == 0)
		return serve_by_kernel(supervisor, request);
	return change(supervisor, request, "prlimit", arguments[0]);
}

/* All others, by the argument that names the process. */
#define SERVE_CHANGE(name, argument)                                                          \
	struct outcome serve_##name(struct supervisor *supervisor, struct request *request)   \
	{                                                                                     \
		return change(supervisor, request, #name, request->call.arguments[argument]); \
	}
SERVE_CHANGE(setpriority, 1)
SERVE_CHANGE(ioprio_set, 1)
SERVE_CHANGE(sched_setaffinity, 0)
SERVE_CHANGE(sched_setattr, 0)
SERVE_CHANGE(sched_setparam, 0)
SERVE_CHANGE(sched_setscheduler, 0)
#undef SERVE_CHANGE
