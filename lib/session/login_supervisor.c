/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The supervisor of a login while it starts.
 */
#include "login_supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn.h"
#include "start_wait.h"
#include "util.h"

#define SUPERVISOR LIBEXECDIR "/sandlock-supervisor"
#define WHO        "the supervisor"

void login_supervisor_init(struct login_supervisor *supervisor)
{
	*supervisor = (struct login_supervisor){
		.handover = -1,
		.pidfd = -1,
		.trigger = -1,
		.trigger_end = -1,
	};
}

/* Once we are confined, Landlock lets us send no signal to the supervisor. The kernel does it for
 * what we were when F_SETOWN was called. */
static int trigger_make(struct login_supervisor *supervisor)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	supervisor->trigger_end = ends[0];
	supervisor->trigger = ends[1];
	if (fcntl(ends[0], F_SETOWN, supervisor->pid) || fcntl(ends[0], F_SETSIG, SIGKILL) ||
	    fcntl(ends[0], F_SETFL, O_ASYNC))
		return -errno;
	return 0;
}

/* Closing it would fire it as well, and a child of another thread may have a copy. */
static void trigger_drop(struct login_supervisor *supervisor)
{
	if (supervisor->trigger_end >= 0 && (fcntl(supervisor->trigger_end, F_SETFL, 0) ||
					     fcntl(supervisor->trigger_end, F_SETOWN, 0)))
		return;
	util_cleanup_fd(&supervisor->trigger_end);
	util_cleanup_fd(&supervisor->trigger);
}

/* Its number is its own as long as it has not ended. */
static int supervisor_hold(struct login_supervisor *supervisor, pid_t pid)
{
	long pidfd = syscall(SYS_pidfd_open, pid, 0);

	if (pidfd < 0)
		return errno == ESRCH ? -EPIPE : -errno;
	supervisor->pidfd = (int)pidfd;
	supervisor->pid = pid;
	return trigger_make(supervisor);
}

/* The supervisor's pid, or a negative errno. */
static pid_t supervisor_spawn(const struct plan *plan, const struct start_message *message,
			      const int fds[START_FDS], const struct spawn_ids *ids)
{
	char title[START_TITLE_MAX];
	const char *const argv[] = { "sandlock-supervisor", title, NULL };
	struct spawn_ids as_root = *ids;
	cleanup_fd int packed = -1;
	int error = start_message_pack(message, fds, &packed);

	if (error)
		return error;
	as_root.uid = 0;
	start_title(title, plan, message->service);
	return spawn_leave(&(struct spawn){
		.program = SUPERVISOR,
		.argv = argv,
		.descriptors = (const int[]){ -1, -1, -1, packed },
		.descriptor_count = START_FD + 1,
		.ids = &as_root,
		.new_session = true,
	});
}

int login_supervisor_start(struct login_supervisor *supervisor, const struct plan *plan,
			   const struct start_message *message, int fds[START_FDS],
			   const struct spawn_ids *ids, struct failure *failure)
{
	int ends[2];
	int error = handover_pair(ends);
	int ready;
	pid_t pid;

	if (error)
		return failure_set(failure, error, "cannot reach the supervisor");
	supervisor->handover = ends[0];
	fds[START_PARENT] = ends[1];
	pid = supervisor_spawn(plan, message, fds, ids);
	util_cleanup_fd(&ends[1]);
	if (pid < 0)
		return failure_set(failure, pid, "cannot start " SUPERVISOR);
	error = supervisor_hold(supervisor, pid);
	/* A supervisor that has ended may have reported why. */
	if (error && error != -EPIPE)
		return failure_set(failure, error, "cannot watch the supervisor");
	return handover_await(supervisor->handover, WHO, HANDOVER_READY, message->deadline_ms,
			      &ready, failure);
}

int login_supervisor_serve(struct login_supervisor *supervisor, int listener, int64_t deadline_ms,
			   struct failure *failure)
{
	int error = handover_send(supervisor->handover, HANDOVER_LISTENER, listener);
	int child;

	/* It reports why before it ends. */
	if (error && error != -EPIPE)
		return failure_set(failure, error,
				   "cannot pass the session's filter to the supervisor");
	return handover_await(supervisor->handover, WHO, HANDOVER_GO, deadline_ms, &child, failure);
}

void login_supervisor_end(const struct login_supervisor *supervisor)
{
	if (supervisor->pidfd < 0)
		return;
	if (supervisor->trigger < 0 || write(supervisor->trigger, "", 1) != 1)
		(void)syscall(SYS_pidfd_send_signal, supervisor->pidfd, SIGKILL, NULL, 0);
	/* It is not our child. */
	(void)start_await(supervisor->pidfd, start_now_ms() + START_END_MS);
}

void login_supervisor_close(struct login_supervisor *supervisor)
{
	trigger_drop(supervisor);
	util_cleanup_fd(&supervisor->pidfd);
	util_cleanup_fd(&supervisor->handover);
}
