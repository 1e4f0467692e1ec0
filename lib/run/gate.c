/*
 * What a gate lets pass.
 * Called by supervise and, for the calls that become the user or start a program, through the table
 * of trapped calls.
 * Distrusts everybody who has come through no filter of a session.
 */
#include "gate.h"

#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "serve.h"
#include "target.h"

int gate_open(struct gate *gate, pid_t opener)
{
	struct target_status status;
	int error = target_read_status(opener, &status);
	long pidfd = syscall(__NR_pidfd_open, opener, 0);

	if (pidfd < 0)
		return -errno;
	gate->pidfd = (int)pidfd;
	if (error)
		return error;
	if (status.filters == 0)
		return -EOPNOTSUPP;
	gate->opener = opener;
	gate->threads = status.threads > 1;
	gate->filters = status.filters;
	gate->closed = true;
	return 0;
}

bool gate_is_opener(const struct gate *gate, const struct notification *call)
{
	struct pollfd alive = { gate->pidfd, POLLIN, 0 };
	struct target_status status;

	if (!gate->closed || (call->thread != gate->opener && !gate->threads))
		return false;
	/* Readable means dead: then the number may be another's. */
	return target_read_status(call->thread, &status) == 0 && status.group == gate->opener &&
	       status.filters == gate->filters && poll(&alive, 1, 0) == 0;
}

bool gate_is_behind(const struct gate *gate, pid_t thread)
{
	struct target_status status;

	return gate->closed && target_read_status(thread, &status) == 0 &&
	       status.filters > gate->filters;
}

/* The thread was judged, which waits, and no memory: what was judged is what the kernel does. */
static struct outcome answer(struct supervisor *supervisor, struct request *request,
			     const char *operation, bool passes)
{
	if (passes)
		return serve_by_kernel(supervisor, request);
	if (!notify_is_held(supervisor->listener.fd, request->call.id))
		return outcome_gone();
	(void)serve_fail(supervisor, request, operation, "not confined");
	return outcome_error(EPERM);
}

/* libc sets the ids of all threads where one sets its own: those of the opener follow, since none
 * of them starts a program as the user. */
static struct outcome become_user(struct supervisor *supervisor, struct request *request,
				  const char *operation)
{
	const struct gate *gate = &supervisor->gate;
	bool passes = gate_is_behind(gate, request->call.thread) ||
		      (gate->threads && gate_is_opener(gate, &request->call));

	return answer(supervisor, request, operation, passes);
}

/* Programs of the opener's other threads are root's, or somebody else's. */
static struct outcome start_program(struct supervisor *supervisor, struct request *request,
				    const char *operation)
{
	const uid_t user = supervisor->plan->header->uid;
	struct target_status status;
	bool passes = gate_is_behind(&supervisor->gate, request->call.thread) ||
		      (target_read_status(request->call.thread, &status) == 0 &&
		       status.uid != user && status.file_uid != user);

	return answer(supervisor, request, operation, passes);
}

struct outcome serve_execve(struct supervisor *supervisor, struct request *request)
{
	return start_program(supervisor, request, "execve");
}

struct outcome serve_execveat(struct supervisor *supervisor, struct request *request)
{
	return start_program(supervisor, request, "execveat");
}

struct outcome serve_setuid(struct supervisor *supervisor, struct request *request)
{
	return become_user(supervisor, request, "setuid");
}

struct outcome serve_setreuid(struct supervisor *supervisor, struct request *request)
{
	return become_user(supervisor, request, "setreuid");
}

struct outcome serve_setresuid(struct supervisor *supervisor, struct request *request)
{
	return become_user(supervisor, request, "setresuid");
}
