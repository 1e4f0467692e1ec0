/*
 * Starts a program of ours beside a process that is not ours.
 * Called by planner, resolver and login.
 * Distrusts the C library between clone and exec: the child shares the caller's memory, so it makes
 * system calls only.
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

#include "util.h"

#define STACK_SIZE     (16U << 10) /* the two of them use a few hundred bytes */
#define STACKS_SIZE    (2 * STACK_SIZE)
#define KERNEL_SIGNALS 64

/* What the caller and the two processes share. exec(2) makes any child one that its parent is told
 * of, so the program is the child of a process between, which executes nothing and of which nobody
 * is told. */
struct shared {
	const struct spawn *spawn;
	bool wait;
	int null;
	int failure;  /* of the program's start */
	int result;   /* of spawn_run or spawn_leave */
	char *stacks; /* of the process between, then of the program */
};

/* What runs on these stacks. AddressSanitizer would mark their bytes and, since no function returns
 * at an exec, leave the marks to whom the memory is next. */
#define ON_OWN_STACK __attribute__((no_sanitize("address")))

/* A handler of the caller's must not run in its memory. */
ON_OWN_STACK static void handlers_drop(void)
{
	for (int number = 1; number <= KERNEL_SIGNALS; number++) {
		struct sigaction action;

		if (sigaction(number, NULL, &action) || action.sa_handler == SIG_DFL)
			continue;
		/* Ignored, it would let nobody wait. */
		if (action.sa_handler == SIG_IGN && number != SIGCHLD)
			continue;
		action = (struct sigaction){ .sa_handler = SIG_DFL };
		sigaction(number, &action, NULL);
	}
}

/* Each first to above all places, so that none overwrites another. */
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

/* The caller's limit is meant for one user's processes, and exec(2) would hold it against those of
 * the service user, of which each session has some. Root inside a session may lack the right to
 * more than the hard limit. */
ON_OWN_STACK static void processes_unlimit(void)
{
	struct {
		uint64_t soft;
		uint64_t hard;
	} limit = { UINT64_MAX, UINT64_MAX };

	if (syscall(SYS_prlimit64, 0, RLIMIT_NPROC, &limit, NULL) == 0 ||
	    syscall(SYS_prlimit64, 0, RLIMIT_NPROC, NULL, &limit))
		return;
	limit.soft = limit.hard;
	(void)syscall(SYS_prlimit64, 0, RLIMIT_NPROC, &limit, NULL);
}

/* The calls themselves: the C library's would change the ids of every thread of the caller. */
ON_OWN_STACK static int ids_take(const struct spawn_ids *ids)
{
	processes_unlimit();
	if (syscall(SYS_setgroups, ids->group_count, ids->groups) ||
	    syscall(SYS_setresgid, ids->gid, ids->gid, ids->gid) ||
	    syscall(SYS_setresuid, ids->uid, ids->uid, ids->uid))
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
	error = descriptors_place(shared);
	if (!error && spawn->ids)
		error = ids_take(spawn->ids);
	if (!error) {
		execve(spawn->program, (char *const *)(uintptr_t)spawn->argv, no_environment);
		error = -errno;
	}
	shared->failure = error;
	_exit(127);
}

ON_OWN_STACK static int program_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

/* su's real uid is that of whoever started it, who could kill us by it: then the caller would go on
 * while the program, before its exec, still uses its memory. */
ON_OWN_STACK static int real_uid_leave(void)
{
	return geteuid() == 0 && syscall(SYS_setresuid, 0, 0, 0) ? -errno : 0;
}

ON_OWN_STACK static int between_main(void *argument)
{
	struct shared *shared = argument;
	pid_t pid;
	int ended;

	handlers_drop();
	shared->failure = real_uid_leave();
	if (shared->failure) {
		shared->result = shared->failure;
		_exit(0);
	}
	pid = clone(program_main, shared->stacks + STACKS_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD,
		    shared);
	if (pid < 0)
		ended = -errno;
	else if (shared->failure < 0)
		ended = shared->failure;
	else
		ended = shared->wait ? program_wait(pid) : pid;
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
	/* Whoever changes his ids makes the memory non-dumpable, and it was the caller's too. */
	if (dumpable == 1)
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return shared->result;
}

static int spawn_start(const struct spawn *spawn, bool wait)
{
	cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct shared shared = { .spawn = spawn, .wait = wait, .null = null, .result = -EIO };
	int result;

	if (null < 0)
		return -errno;
	/* Not of the caller's own stack, which would hold the pages as long as the session lasts. */
	shared.stacks = mmap(NULL, STACKS_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (shared.stacks == MAP_FAILED)
		return -errno;
	result = between_run(&shared);
	munmap(shared.stacks, STACKS_SIZE);
	return result;
}

int spawn_run(const struct spawn *spawn)
{
	return spawn_start(spawn, true);
}

pid_t spawn_leave(const struct spawn *spawn)
{
	return spawn_start(spawn, false);
}
