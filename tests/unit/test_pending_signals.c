/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The callers of calls that wait: their signals, stops and ends. Each is a process of its own that
 * waits in the kernel as a trapped call does: for the child of a CLONE_VFORK, which nothing but
 * death ends. Run by `make unit`; needs no root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compat.h"
#include "pending_fixture.h"
#include "util.h"

struct caller_ids {
	volatile pid_t thread;
	volatile int waits;
	bool leader_blocks;
};
static struct caller_ids *ids; /* shared with the caller */

static void wait_as_held(void)
{
	long child = syscall(__NR_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);

	if (child != 0)
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ids->waits = 1;
	for (;;)
		pause();
}

static void *thread_run(void *unused)
{
	sigset_t none;

	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	ids->thread = (pid_t)syscall(__NR_gettid);
	wait_as_held();
	return unused;
}

static void ignore(int number)
{
	(void)number;
}

static void caller_run(bool in_thread)
{
	const struct sigaction action = { .sa_handler = ignore };
	pthread_t thread;
	sigset_t user;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&user);
	sigaddset(&user, SIGUSR1);
	if (ids->leader_blocks)
		sigprocmask(SIG_BLOCK, &user, NULL);
	ids->thread = getpid();
	if (!in_thread)
		wait_as_held();
	if (pthread_create(&thread, NULL, thread_run, NULL))
		_exit(1);
	for (;;)
		pause();
}

/* A process one of whose threads, ids->thread, waits; only death ends that. */
static pid_t caller_start(bool in_thread, bool leader_blocks)
{
	const uint64_t end = clock_now_ns() + PATIENCE;
	pid_t child;

	ids = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(MAP_FAILED, ids);
	ids->leader_blocks = leader_blocks;
	child = fork();
	if (child == 0)
		caller_run(in_thread);
	while (!ids->waits && clock_now_ns() < end)
		usleep(1000);
	assert_true(ids->waits);
	return child;
}

static void caller_end(pid_t child)
{
	kill(child, SIGKILL);
	assert_int_equal(child, waitpid(child, NULL, 0));
	munmap(ids, 4096);
}

static void add_caller(uint64_t id, uint64_t deadline, int fd)
{
	struct request request = request_of(id, ids->thread, fd);

	request.deadline = deadline;
	assert_true(pending_add(&world.pending, &request, OUTCOME_RETRY));
}

static void keep_waiting(uint64_t id)
{
	world.next[id] = (struct outcome){ .kind = OUTCOME_RETRY };
}

/* Nothing but retries so far. */
static void assert_waits_on(uint64_t id)
{
	run_ms(100);
	assert_false(world.answered[id]);
	assert_false(world.interrupted[id]);
}

/* A call that waits, in a process of this kind, and a signal for it. */
struct signalled {
	bool in_thread; /* beside the leader */
	bool leader_blocks;
	bool to_thread; /* that waits, not to the process */
	int signal;
};

static pid_t waiting_caller_signal(const struct signalled *how)
{
	pid_t child = caller_start(how->in_thread, how->leader_blocks);

	keep_waiting(1);
	add_caller(1, 0, -1);
	if (how->to_thread)
		syscall(__NR_tgkill, child, ids->thread, how->signal);
	else
		kill(child, how->signal);
	return child;
}

static void assert_answered(struct signalled how, int error)
{
	pid_t child = waiting_caller_signal(&how);

	run_until_answered(1);
	assert_outcome(1, OUTCOME_ANSWER, error);
	caller_end(child);
}

static void assert_not_interrupted(struct signalled how)
{
	pid_t child = waiting_caller_signal(&how);

	assert_waits_on(1);
	caller_end(child);
}

static void signal_to_a_single_thread_restarts_the_call(void **state)
{
	pid_t child = caller_start(false, false);

	(void)state;
	keep_waiting(1);
	add_caller(1, 0, -1);
	assert_waits_on(1);
	kill(child, SIGUSR1);
	run_until_answered(1);
	assert_outcome(1, OUTCOME_ANSWER, COMPAT_ERESTARTSYS);
	assert_true(world.interrupted[1]);
	caller_end(child);
}

static void signal_to_a_call_with_a_time_limit_ends_it(void **state)
{
	pid_t child = caller_start(false, false);

	(void)state;
	keep_waiting(1);
	add_caller(1, clock_now_ns() + 3600 * NS_PER_S, -1);
	kill(child, SIGUSR1);
	run_until_answered(1);
	assert_outcome(1, OUTCOME_ANSWER, EINTR);
	caller_end(child);
}

static void signal_comes_after_what_has_come_about(void **state)
{
	static const int errors[] = { 0, ECONNREFUSED, EPIPE };
	pid_t child = caller_start(false, false);

	(void)state;
	kill(child, SIGUSR1);
	for (uint64_t id = 0; id < ARRAY_SIZE(errors); id++) {
		world.next[id] = outcome_error(errors[id]);
		add_caller(id, 0, -1);
		run_until_answered(id);
		assert_outcome(id, OUTCOME_ANSWER, errors[id]);
		assert_true(world.interrupted[id]);
	}
	caller_end(child);
}

static void signal_where_nothing_has_come_about_restarts_the_call(void **state)
{
	static const int errors[] = { EAGAIN, EINPROGRESS, EALREADY };
	pid_t child = caller_start(false, false);

	(void)state;
	kill(child, SIGUSR1);
	for (uint64_t id = 0; id < ARRAY_SIZE(errors); id++) {
		world.next[id] = outcome_error(errors[id]);
		add_caller(id, 0, -1);
		run_until_answered(id);
		assert_outcome(id, OUTCOME_ANSWER, COMPAT_ERESTARTSYS);
	}
	caller_end(child);
}

static void signal_that_is_blocked_interrupts_nothing(void **state)
{
	(void)state;
	assert_not_interrupted((struct signalled){ .leader_blocks = true, .signal = SIGUSR1 });
}

static void stop_of_a_single_thread_restarts_the_call(void **state)
{
	(void)state;
	assert_answered((struct signalled){ .signal = SIGSTOP }, COMPAT_ERESTARTSYS);
}

/* As strace -p does it. */
static void tracer_that_comes_later_restarts_the_call(void **state)
{
	pid_t child = caller_start(false, false);

	(void)state;
	keep_waiting(1);
	add_caller(1, 0, -1);
	assert_int_equal(0, ptrace(PTRACE_SEIZE, child, 0, 0));
	assert_int_equal(0, ptrace(PTRACE_INTERRUPT, child, 0, 0));
	run_until_answered(1);
	assert_outcome(1, OUTCOME_ANSWER, COMPAT_ERESTARTSYS);
	caller_end(child);
}

static void tracer_that_was_there_interrupts_nothing(void **state)
{
	pid_t child = caller_start(false, false);

	(void)state;
	assert_int_equal(0, ptrace(PTRACE_SEIZE, child, 0, 0));
	keep_waiting(1);
	add_caller(1, 0, -1);
	assert_waits_on(1);
	caller_end(child);
}

static void signal_that_the_leader_takes_interrupts_no_other_thread(void **state)
{
	(void)state;
	assert_not_interrupted((struct signalled){ .in_thread = true, .signal = SIGUSR1 });
}

/* Any thread may be the one that takes it: a restart would be seen by the others. */
static void signal_that_the_leader_blocks_ends_the_call(void **state)
{
	(void)state;
	assert_answered((struct signalled){ .in_thread = true,
					    .leader_blocks = true,
					    .signal = SIGUSR1 },
			EINTR);
}

static void signal_to_the_process_ends_one_call_in_a_sweep(void **state)
{
	pid_t child = caller_start(true, true);

	(void)state;
	for (uint64_t id = 1; id <= 2; id++) {
		keep_waiting(id);
		add_caller(id, 0, -1);
	}
	kill(child, SIGUSR1);
	usleep(25000);
	assert_int_equal(0, loop_round(&world.loop));
	assert_outcome(1, OUTCOME_ANSWER, EINTR);
	assert_false(world.answered[2]);
	caller_end(child);
}

static void signal_to_the_thread_restarts_the_call(void **state)
{
	(void)state;
	assert_answered((struct signalled){ .in_thread = true, .to_thread = true, .signal = SIGUSR1 },
			COMPAT_ERESTARTSYS);
}

static void stop_of_the_process_restarts_the_call_of_a_thread(void **state)
{
	(void)state;
	assert_answered((struct signalled){ .in_thread = true, .signal = SIGSTOP },
			COMPAT_ERESTARTSYS);
}

static void caller_that_died_ends_without_an_answer(void **state)
{
	pid_t child = caller_start(false, false);
	int other;
	int fd = full_socket(&other);
	struct request request;

	(void)state;
	request = request_of(1, child, fd);
	assert_true(pending_add(&world.pending, &request, OUTCOME_WRITABLE));
	kill(child, SIGKILL);
	world.invalid[1] = true;
	run_until_answered(1);
	assert_outcome(1, OUTCOME_GONE, 0);
	assert_int_equal(0, world.served[1]);
	caller_end(child);
	close(fd);
	close(other);
}

/* Its number is another's by now, who seems well. */
static void caller_whose_number_is_anothers_ends_without_an_answer(void **state)
{
	(void)state;
	keep_waiting(1);
	add(1, -1, OUTCOME_RETRY);
	run_ms(50);
	world.invalid[1] = true;
	run_until_answered(1);
	assert_outcome(1, OUTCOME_GONE, 0);
}

static void caller_that_cannot_be_read_waits_on_while_it_is_there(void **state)
{
	const struct request request = request_of(1, 0x7ffffff, -1);

	(void)state;
	keep_waiting(1);
	assert_true(pending_add(&world.pending, &request, OUTCOME_RETRY));
	assert_waits_on(1);
	assert_true(world.served[1] > 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pending_test_open, pending_test_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(signal_to_a_single_thread_restarts_the_call),
		TEST(signal_to_a_call_with_a_time_limit_ends_it),
		TEST(signal_comes_after_what_has_come_about),
		TEST(signal_where_nothing_has_come_about_restarts_the_call),
		TEST(signal_that_is_blocked_interrupts_nothing),
		TEST(stop_of_a_single_thread_restarts_the_call),
		TEST(tracer_that_comes_later_restarts_the_call),
		TEST(tracer_that_was_there_interrupts_nothing),
		TEST(signal_that_the_leader_takes_interrupts_no_other_thread),
		TEST(signal_that_the_leader_blocks_ends_the_call),
		TEST(signal_to_the_process_ends_one_call_in_a_sweep),
		TEST(signal_to_the_thread_restarts_the_call),
		TEST(stop_of_the_process_restarts_the_call_of_a_thread),
		TEST(caller_that_died_ends_without_an_answer),
		TEST(caller_whose_number_is_anothers_ends_without_an_answer),
		TEST(caller_that_cannot_be_read_waits_on_while_it_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
