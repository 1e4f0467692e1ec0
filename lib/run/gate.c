/*
 * What a gate lets pass. Distrusts everybody who carries no filter of a session.
 */
#include "gate.h"

#include <errno.h>
#include <linux/seccomp.h>
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
 * of them starts a program as the user. An opener with one thread takes the effective id for a
 * moment, to look at the user's files. */
static struct outcome become_user(struct supervisor *supervisor, struct request *request,
				  const char *operation, bool lasting)
{
	const struct gate *gate = &supervisor->gate;
	bool passes = gate_is_behind(gate, request->call.thread) ||
		      ((gate->threads || !lasting) && gate_is_opener(gate, &request->call));

	return answer(supervisor, request, operation, passes);
}

static bool is_user(const struct target_status *status, uid_t user)
{
	return status->uid == user || status->effective_uid == user || status->saved_uid == user ||
	       status->file_uid == user;
}

/* Programs of the opener's other threads are root's, or somebody else's. */
static struct outcome start_program(struct supervisor *supervisor, struct request *request,
				    const char *operation)
{
	struct target_status status;
	bool passes = gate_is_behind(&supervisor->gate, request->call.thread) ||
		      (target_read_status(request->call.thread, &status) == 0 &&
		       !is_user(&status, supervisor->plan->header->uid));

	return answer(supervisor, request, operation, passes);
}

/* That nobody else adds a filter makes their number the proof of being behind the gate. TSYNC would
 * give those of a confined thread to the opener's others, without its Landlock domain. */
static struct outcome add_filter(struct supervisor *supervisor, struct request *request,
				 const char *operation, bool all_threads)
{
	const struct gate *gate = &supervisor->gate;
	struct target_status status;
	bool passes = gate_is_behind(gate, request->call.thread) &&
		      (!all_threads || (target_read_status(request->call.thread, &status) == 0 &&
					status.group != gate->opener));

	return answer(supervisor, request, operation, passes);
}

/* In a namespace the user's uid may have any number. */
static struct outcome change_namespace(struct supervisor *supervisor, struct request *request,
				       const char *operation)
{
	return answer(supervisor, request, operation,
		      gate_is_behind(&supervisor->gate, request->call.thread));
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
	return become_user(supervisor, request, "setuid", true);
}

struct outcome serve_setfsuid(struct supervisor *supervisor, struct request *request)
{
	return become_user(supervisor, request, "setfsuid", false);
}

/* It changes the saved uid with the effective one. */
struct outcome serve_setreuid(struct supervisor *supervisor, struct request *request)
{
	return become_user(supervisor, request, "setreuid", true);
}

struct outcome serve_setresuid(struct supervisor *supervisor, struct request *request)
{
	const uint64_t *arguments = request->call.arguments;
	const uid_t user = supervisor->plan->header->uid;

	return become_user(supervisor, request, "setresuid",
			   (uid_t)arguments[0] == user || (uid_t)arguments[2] == user);
}

struct outcome serve_seccomp(struct supervisor *supervisor, struct request *request)
{
	return add_filter(supervisor, request, "seccomp",
			  request->call.arguments[1] & SECCOMP_FILTER_FLAG_TSYNC);
}

struct outcome serve_prctl(struct supervisor *supervisor, struct request *request)
{
	return add_filter(supervisor, request, "prctl", false);
}

struct outcome serve_unshare(struct supervisor *supervisor, struct request *request)
{
	return change_namespace(supervisor, request, "unshare");
}

struct outcome serve_clone(struct supervisor *supervisor, struct request *request)
{
	return change_namespace(supervisor, request, "clone");
}

/* The opener may enter namespaces of other types by setns(fd, 0), as modules do. */
struct outcome serve_setns(struct supervisor *supervisor, struct request *request)
{
	if (request->call.arguments[1] == 0 && gate_is_opener(&supervisor->gate, &request->call))
		return serve_by_kernel(supervisor, request);
	return change_namespace(supervisor, request, "setns");
}
