/*
 * Starts a program of ours beside a process that is not ours.
 * Called by planner and login.
 * Distrusts the C library between clone and exec: the child shares the caller's memory, so it makes
 * system calls only.
 */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

#define STACK_SIZE (32U << 10)

/* A number that no signal has in common: the size of the kernel's signal set. */
#define KERNEL_SIGNALS 64

struct child {
	const struct spawn *spawn;
	int null;
	int error; /* written by the child, read when its exec or its end lets the caller go on */
};

/* A handler of the caller's must not run in its memory. */
static void handlers_drop(void)
{
	for (int number = 1; number <= KERNEL_SIGNALS; number++) {
		struct sigaction action;

		if (sigaction(number, NULL, &action) || action.sa_handler == SIG_IGN)
			continue;
		action = (struct sigaction){ .sa_handler = SIG_DFL };
		sigaction(number, &action, NULL);
	}
}

/* Each first to above all places, so that none overwrites another. */
static int descriptors_place(const struct child *child)
{
	const struct spawn *spawn = child->spawn;
	int copies[SPAWN_DESCRIPTORS_MAX];

	for (size_t i = 0; i < spawn->descriptor_count; i++) {
		int source = spawn->descriptors[i] < 0 ? child->null : spawn->descriptors[i];

		copies[i] = fcntl(source, F_DUPFD_CLOEXEC, SPAWN_DESCRIPTORS_MAX);
		if (copies[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < spawn->descriptor_count; i++)
		if (dup2(copies[i], (int)i) < 0)
			return -errno;
	return fd_close_from((int)spawn->descriptor_count);
}

/* The calls themselves: the C library's would change the ids of every thread of the caller. */
static int ids_take(const struct spawn_ids *ids)
{
	if (syscall(SYS_setgroups, ids->group_count, ids->groups) ||
	    syscall(SYS_setresgid, ids->gid, ids->gid, ids->gid) ||
	    syscall(SYS_setresuid, ids->uid, ids->uid, ids->uid))
		return -errno;
	return 0;
}

static int child_run(void *argument)
{
	static char *const no_environment[] = { NULL };
	struct child *child = argument;
	const struct spawn *spawn = child->spawn;

	handlers_drop();
	if (spawn->new_session)
		setsid();
	child->error = descriptors_place(child);
	if (!child->error && spawn->ids)
		child->error = ids_take(spawn->ids);
	if (!child->error) {
		execve(spawn->program, (char *const *)(uintptr_t)spawn->argv, no_environment);
		child->error = -errno;
	}
	_exit(127);
}

/* Exit signal 0: the caller is told nothing, and only a wait that asks for such children sees
 * it. */
static pid_t child_clone(struct child *child)
{
	unsigned char stack[STACK_SIZE] __attribute__((aligned(16)));
	pid_t pid = clone(child_run, stack + sizeof(stack), CLONE_VM | CLONE_VFORK, child);

	return pid < 0 ? -errno : pid;
}

pid_t spawn_start(const struct spawn *spawn)
{
	cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct child child = { .spawn = spawn, .null = null };
	sigset_t all;
	sigset_t before;
	int status;
	pid_t pid;

	if (null < 0)
		return -errno;
	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, &before))
		return -errno;
	pid = child_clone(&child);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid > 0 && child.error) {
		(void)spawn_wait(pid, &status);
		return child.error;
	}
	return pid;
}

int spawn_wait(pid_t pid, int *ret_status)
{
	while (waitpid(pid, ret_status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}
