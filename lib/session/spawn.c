/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starts a program of ours from a process that is not ours. Distrusts the C library between clone
 * and exec: the child shares the caller's memory, so it makes system calls only.
 */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inherited.h"
#include "start_wait.h"
#include "util.h"

#define STACK_SIZE     (16U << 10) /* the two of them use a few hundred bytes */
#define STACKS_SIZE    (2 * STACK_SIZE)
#define KERNEL_SIGNALS 64

/* Shared by the caller and the two processes. After exec(2) any child reports its end to its
 * parent, so the program is the child of an intermediate process, which executes nothing and
 * reports to nobody. */
struct shared {
	const struct spawn *spawn;
	int64_t deadline_ms; /* of spawn_run; 0: of spawn_leave */
	int null;
	int failure;  /* of the program's start */
	int result;   /* of spawn_run or spawn_leave */
	char *stacks; /* of the process between, then of the program */
};

/* What runs on these stacks. AddressSanitizer would mark their bytes and, since no function returns
 * at an exec, leave the marks to whom the memory is next. */
#define ON_OWN_STACK __attribute__((no_sanitize("address")))

/* A handler of the caller's must not run in its memory; what it ignores is its own choice. Not by
 * the C library, which keeps some numbers for itself. The kernel's struct is four words: no
 * handler, no flags, no mask. */
ON_OWN_STACK static void handlers_drop(void)
{
	static const uint64_t by_default[4];

	for (int number = 1; number <= KERNEL_SIGNALS; number++)
		(void)syscall(SYS_rt_sigaction, number, by_default, NULL, KERNEL_SIGNALS / 8);
}

/* Each first to a number above all targets, so that none overwrites another. */
ON_OWN_STACK static int descriptors_place(const struct shared *shared)
{
	const struct spawn *spawn = shared->spawn;
	int copies[SPAWN_DESCRIPTORS_MAX];

	for (size_t i = 0; i < spawn->descriptor_count; i++) {
		int source = spawn->descriptors[i] < 0 ? shared->null : spawn->descriptors[i];

		copies[i] = fcntl(source, F_DUPFD_CLOEXEC, SPAWN_DESCRIPTORS_MAX);
		if (copies[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < spawn->descriptor_count; i++)
		if (dup2(copies[i], (int)i) < 0)
			return -errno;
	return fd_close_from((int)spawn->descriptor_count);
}

/* The calls themselves: the C library's would change the ids of every thread of the caller. The
 * real uid stays root's, or exec(2) would hold the caller's limit of processes, which only a
 * capability raises, against those of the service account; the program takes its own
 * (inherited_ids_take). */
ON_OWN_STACK static int ids_take(const struct spawn_ids *ids)
{
	if (syscall(SYS_setgroups, ids->group_count, ids->groups) ||
	    syscall(SYS_setresgid, ids->gid, ids->gid, ids->gid) ||
	    syscall(SYS_setresuid, 0, ids->uid, ids->uid))
		return -errno;
	return 0;
}

ON_OWN_STACK static int program_main(void *argument)
{
	static char *const no_environment[] = { NULL };
	struct shared *shared = argument;
	const struct spawn *spawn = shared->spawn;
	int error;

	if (spawn->new_session)
		setsid();
	/* A file system of the user's might not answer; a draft's path may begin here. */
	error = spawn->ids && chdir("/") ? -errno : 0;
	if (!error)
		error = descriptors_place(shared);
	/* Before the ids, since exec(2) holds the limit of processes against the new uid's. */
	if (!error)
		error = inherited_reset();
	if (!error && spawn->ids)
		error = ids_take(spawn->ids);
	if (!error) {
		execve(spawn->program, (char *const *)(uintptr_t)spawn->argv, no_environment);
		error = -errno;
	}
	shared->failure = error;
	_exit(127);
}

/* A program that does not end in time is killed; if it still does not end, blocked by a file
 * system, it is left to init. */
ON_OWN_STACK static int program_wait(pid_t pid, int pidfd, int64_t deadline_ms)
{
	int late = start_await(pidfd, deadline_ms);
	int status;

	if (late) {
		(void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
		if (start_await(pidfd, start_now_ms() + START_END_MS))
			return late;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (late)
		return late;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

/* su's real uid is that of the user who started it, who could kill us by it: the caller would then
 * continue while the program, before its exec, still uses its memory. */
ON_OWN_STACK static int real_uid_leave(void)
{
	return geteuid() == 0 && syscall(SYS_setresuid, 0, 0, 0) ? -errno : 0;
}

ON_OWN_STACK static int between_main(void *argument)
{
	struct shared *shared = argument;
	int pidfd = -1;
	pid_t pid;
	int ended;

	handlers_drop();
	shared->failure = real_uid_leave();
	if (shared->failure) {
		shared->result = shared->failure;
		_exit(0);
	}
	pid = clone(program_main, shared->stacks + STACKS_SIZE,
		    CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, shared, &pidfd);
	if (pid < 0)
		ended = -errno;
	else if (shared->failure < 0)
		ended = shared->failure;
	else
		ended = shared->deadline_ms ? program_wait(pid, pidfd, shared->deadline_ms) : pid;
	shared->result = ended;
	_exit(0);
}

/* Exit signal 0: the caller is told nothing, and only a wait that asks for such children sees
 * it. */
static int between_run(struct shared *shared)
{
	sigset_t all;
	sigset_t before;
	int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	pid_t pid;

	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, &before))
		return -errno;
	pid = clone(between_main, shared->stacks + STACK_SIZE, CLONE_VM | CLONE_VFORK, shared);
	if (pid < 0)
		shared->result = -errno;
	else
		while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	/* A change of ids makes the memory non-dumpable, and it was the caller's too. */
	if (dumpable == 1)
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return shared->result;
}

static int spawn_start(const struct spawn *spawn, int64_t deadline_ms)
{
	cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct shared shared = {
		.spawn = spawn,
		.deadline_ms = deadline_ms,
		.null = null,
		.result = -EIO,
	};
	int result;

	if (null < 0)
		return -errno;
	/* Not of the caller's own stack, which would hold the pages as long as the session
	 * lasts. */
	shared.stacks = mmap(NULL, STACKS_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (shared.stacks == MAP_FAILED)
		return -errno;
	result = between_run(&shared);
	munmap(shared.stacks, STACKS_SIZE);
	return result;
}

int spawn_run(const struct spawn *spawn, int64_t deadline_ms)
{
	return spawn_start(spawn, deadline_ms);
}

pid_t spawn_leave(const struct spawn *spawn)
{
	return spawn_start(spawn, 0);
}
