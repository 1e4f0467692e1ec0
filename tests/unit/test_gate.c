/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who passes a gate: processes with filters of the kernel's own counting.
 * Run by `make unit`; needs no root. Each child stands still until it is killed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/filter.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compat.h"
#include "gate.h"
#include "process_fixture.h"
#include "util.h"

static int filter_add(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { 1, &allow };

	return (int)syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static int filters_wanted;

static void filters_add(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	for (int i = 0; i < filters_wanted; i++)
		if (filter_add())
			_exit(1);
}

/* A process with so many filters more than this one has. */
static pid_t filtered_start(int filters)
{
	filters_wanted = filters;
	return child_start(filters_add);
}

static bool is_pam_caller(const struct gate *gate, pid_t thread)
{
	const struct notification call = { .thread = thread };

	return gate_is_pam_caller(gate, &call);
}

static void opener_is_known_while_it_lives(void **state)
{
	pid_t pam_caller = filtered_start(1);
	pid_t other = filtered_start(1);
	struct gate gate = { 0 };

	(void)state;
	assert_int_equal(0, gate_open(&gate, pam_caller));
	assert_true(is_pam_caller(&gate, pam_caller));
	assert_false(is_pam_caller(&gate, other));
	child_end(pam_caller);
	/* The number may be another's by now. */
	assert_false(is_pam_caller(&gate, pam_caller));
	child_end(other);
	close(gate.pidfd);
}

static void *thread_stay(void *data)
{
	const pid_t number = (pid_t)syscall(__NR_gettid);
	const int pipe = *(const int *)data;

	if (write(pipe, &number, sizeof(number)) == sizeof(number))
		pause();
	_exit(1);
}

static void threads_of_the_opener_are_known(void **state)
{
	int pipes[2];
	pthread_t thread;
	pid_t number = 0;
	pid_t other = filtered_start(1);
	pid_t pam_caller;
	struct gate gate = { 0 };

	(void)state;
	assert_int_equal(0, pipe(pipes));
	pam_caller = fork();
	if (pam_caller == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (filter_add() || pthread_create(&thread, NULL, thread_stay, &pipes[1]))
			_exit(1);
		pause();
		_exit(1);
	}
	close(pipes[1]);
	assert_int_equal(0, read_exact(pipes[0], &number, sizeof(number)));
	close(pipes[0]);
	assert_int_equal(0, gate_open(&gate, pam_caller));
	assert_true(is_pam_caller(&gate, pam_caller));
	assert_true(is_pam_caller(&gate, number));
	assert_false(is_pam_caller(&gate, other));
	child_end(pam_caller);
	assert_false(is_pam_caller(&gate, number));
	child_end(other);
	close(gate.pidfd);
}

static void only_who_has_more_filters_is_behind(void **state)
{
	pid_t pam_caller = filtered_start(2);
	pid_t confined = filtered_start(3);
	pid_t free = filtered_start(0);
	struct gate gate = { 0 };

	(void)state;
	assert_int_equal(0, gate_open(&gate, pam_caller));
	assert_true(gate_is_confined(&gate, confined));
	assert_false(gate_is_confined(&gate, pam_caller));
	assert_false(gate_is_confined(&gate, free));
	child_end(confined);
	assert_false(gate_is_confined(&gate, confined));
	child_end(pam_caller);
	child_end(free);
	close(gate.pidfd);
}

static void gate_that_is_not_there_lets_nobody_pass(void **state)
{
	const struct gate gate = { 0 };
	pid_t confined = filtered_start(1);

	(void)state;
	assert_false(is_pam_caller(&gate, 0));
	assert_false(is_pam_caller(&gate, confined));
	assert_false(gate_is_confined(&gate, confined));
	child_end(confined);
}

static void opener_that_is_gone_has_no_gate(void **state)
{
	pid_t pam_caller = filtered_start(1);
	struct gate gate = { 0 };

	(void)state;
	child_end(pam_caller);
	assert_true(gate_open(&gate, pam_caller) < 0);
	assert_false(gate.closed);
}

/* Its filter must be on already, or every child of it would count as confined. */
static void opener_without_a_filter_has_no_gate(void **state)
{
	struct gate gate = { 0 };
	pid_t pam_caller;

	(void)state;
	if (prctl(PR_GET_SECCOMP) != 0) {
		print_message("skipped: a filter is around this test already\n");
		skip();
	}
	pam_caller = filtered_start(0);
	assert_int_equal(-EOPNOTSUPP, gate_open(&gate, pam_caller));
	assert_false(gate.closed);
	close(gate.pidfd);
	child_end(pam_caller);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opener_is_known_while_it_lives),
		cmocka_unit_test(threads_of_the_opener_are_known),
		cmocka_unit_test(only_who_has_more_filters_is_behind),
		cmocka_unit_test(gate_that_is_not_there_lets_nobody_pass),
		cmocka_unit_test(opener_that_is_gone_has_no_gate),
		cmocka_unit_test(opener_without_a_filter_has_no_gate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
