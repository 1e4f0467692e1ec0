/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Children that stand still.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process_fixture.h"

/* fork(2); where `number` is not 0, the child gets that one. */
static pid_t fork_as(pid_t number)
{
	struct clone_args arguments = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&number,
		.set_tid_size = 1,
	};

	return number == 0 ? fork() : (pid_t)syscall(__NR_clone3, &arguments, sizeof(arguments));
}

pid_t child_start_as(pid_t number, void (*prepare)(void))
{
	int ready[2];
	char byte;
	pid_t child;

	assert_int_equal(0, pipe(ready));
	child = fork_as(number);
	if (child < 0 && errno == EPERM)
		return 0;
	assert_true(child >= 0);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (prepare)
			prepare();
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(1, read(ready[0], &byte, 1));
	close(ready[0]);
	return child;
}

pid_t child_start(void (*prepare)(void))
{
	return child_start_as(0, prepare);
}

void child_end(pid_t child)
{
	kill(child, SIGKILL);
	assert_int_equal(child, waitpid(child, NULL, 0));
}

static void *thread_main(void *context)
{
	*(volatile pid_t *)context = (pid_t)syscall(__NR_gettid);
	for (;;)
		pause();
	return NULL;
}

void thread_start(volatile pid_t *ret_thread)
{
	pthread_t thread;

	pthread_create(&thread, NULL, thread_main, (void *)(uintptr_t)ret_thread);
	while (*ret_thread == 0)
		usleep(1000);
}
