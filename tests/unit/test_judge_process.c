/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Judging whose limits and scheduling are changed, by a thread in a Landlock domain, as the
 * supervisor is in one: who starts this program is outside. Run by `make unit`; needs no root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "judge_fixture.h"
#include "landlock.h"
#include "plan_fixture.h"
#include "process_fixture.h"
#include "util.h"

#define GARBAGE 0xdeadbeef00000000ULL /* above what the kernel reads of an int */

static struct fixture fixture;
static struct plan session;
static pid_t *shared_thread; /* that a child has started */

static int plan_open(void **state)
{
	(void)state;
	session = mapped(sealed(builder_minimal()));
	shared_thread = mmap(NULL, sizeof(*shared_thread), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared_thread == MAP_FAILED;
}

static int plan_close(void **state)
{
	(void)state;
	plan_unmap(&session);
	return munmap(shared_thread, sizeof(*shared_thread));
}

static int open_test(void **state)
{
	(void)state;
	fixture_open(&fixture);
	fixture_request(&fixture, __NR_sched_setaffinity, -1);
	return 0;
}

/* Runs `work` in a domain; NULL where the thread could not enter one. */
static void *domain_enter(void *work)
{
	void (*const *run)(void) = work;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    landlock_restrict_session(&session, landlock_abi(), 0))
		return NULL;
	(*run)();
	return work;
}

static void in_domain(void (*work)(void))
{
	pthread_t thread;
	void *result;

	if (landlock_abi() < LANDLOCK_ABI_REFER) {
		print_message("skipped: this kernel has no Landlock, or an old one\n");
		skip();
	}
	assert_int_equal(0, pthread_create(&thread, NULL, domain_enter, &work));
	assert_int_equal(0, pthread_join(thread, &result));
	assert_ptr_equal(&work, result);
}

static void judge_first(void)
{
	fixture_judge(&fixture, judge_process);
}

/* By the first argument; the second one names us. */
static void judge_in_domain(pid_t process)
{
	fixture.request.call.arguments[0] = GARBAGE | (uint32_t)process;
	fixture.request.call.arguments[1] = (uint64_t)getpid();
	in_domain(judge_first);
}

static void assert_process_refused(pid_t process)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", (int)process);
	assert_refused(&fixture, "process", number);
	assert_int_equal(EPERM, fixture.judgement.error);
}

/* ---- who is reached ---- */

static pid_t (*inside_start)(void); /* what a confined thread starts */
static pid_t inside;

/* Judged by who started it: a domain of its own would be another. */
static void judge_inside(void)
{
	inside = inside_start();
	if (inside <= 0)
		return;
	fixture.request.call.arguments[0] = (uint64_t)inside;
	fixture_judge(&fixture, judge_process);
}

static pid_t plain_start(void)
{
	return child_start(NULL);
}

static void process_of_the_session_is_allowed(void **state)
{
	(void)state;
	inside_start = plain_start;
	in_domain(judge_inside);
	child_end(inside);
	assert_allowed(&fixture);
	judge_in_domain(getpid());
	assert_allowed(&fixture);
}

static void process_outside_is_refused(void **state)
{
	pid_t other = child_start(NULL);

	(void)state;
	judge_in_domain(other);
	child_end(other);
	assert_process_refused(other);
	judge_in_domain(getppid());
	assert_process_refused(getppid());
}

static void start_thread(void)
{
	thread_start(shared_thread);
}

static pid_t leader;

static pid_t threads_start(void)
{
	*shared_thread = 0;
	leader = child_start(start_thread);
	return *shared_thread;
}

static void thread_is_judged_as_its_process(void **state)
{
	pid_t thread;

	(void)state;
	inside_start = threads_start;
	in_domain(judge_inside);
	child_end(leader);
	assert_int_not_equal(leader, inside);
	assert_allowed(&fixture);
	thread = threads_start();
	judge_in_domain(thread);
	child_end(leader);
	assert_process_refused(thread);
}

/* ---- who is not there ---- */

static pid_t zombie_start(void)
{
	pid_t child = fork();
	siginfo_t info;

	if (child == 0)
		_exit(0);
	waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
	return child;
}

static void zombie_does_not_exist(void **state)
{
	pid_t outside = zombie_start();

	(void)state;
	judge_in_domain(outside);
	assert_int_equal(outside, waitpid(outside, NULL, 0));
	assert_mistake(&fixture, ESRCH);
	inside_start = zombie_start;
	in_domain(judge_inside);
	assert_int_equal(inside, waitpid(inside, NULL, 0));
	assert_mistake(&fixture, ESRCH);
}

static void number_of_no_process_does_not_exist(void **state)
{
	pid_t gone = child_start(NULL);

	(void)state;
	child_end(gone);
	judge_in_domain(gone);
	assert_mistake(&fixture, ESRCH);
	judge_in_domain(INT_MAX);
	assert_mistake(&fixture, ESRCH);
	/* The filter lets the caller's own number, 0, pass. */
	judge_in_domain(0);
	assert_mistake(&fixture, ESRCH);
}

static void negative_number_is_left_to_the_kernel(void **state)
{
	static const pid_t numbers[] = { -1, -2, INT_MIN };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		judge_in_domain(numbers[i]);
		assert_allowed(&fixture);
	}
}

/* ---- pid namespaces, and the other calls ---- */

static void caller_with_numbers_of_its_own_is_allowed(void **state)
{
	struct caller *caller = &fixture.copies.caller;

	(void)state;
	caller->status.inner_pids = true;
	judge_in_domain(getppid());
	assert_process_refused(getppid());
	caller->known = true;
	judge_in_domain(getppid());
	assert_allowed(&fixture);
	caller->status.inner_pids = false;
	judge_in_domain(getppid());
	assert_process_refused(getppid());
}

static void judge_second(void)
{
	fixture_judge(&fixture, judge_who);
}

static void who_is_the_second_argument(void **state)
{
	(void)state;
	fixture.request.call.arguments[0] = (uint64_t)getpid();
	fixture.request.call.arguments[1] = (uint64_t)getppid();
	in_domain(judge_second);
	assert_process_refused(getppid());
	fixture.request.call.arguments[0] = (uint64_t)getppid();
	fixture.request.call.arguments[1] = (uint64_t)getpid();
	in_domain(judge_second);
	assert_allowed(&fixture);
}

static void judge_limits(void)
{
	fixture_judge(&fixture, judge_prlimit64);
}

static void limits_of_a_process_outside_are_only_read(void **state)
{
	(void)state;
	fixture.request.call.arguments[0] = (uint64_t)getppid();
	in_domain(judge_limits);
	assert_allowed(&fixture);
	fixture.request.call.arguments[2] = 1;
	in_domain(judge_limits);
	assert_process_refused(getppid());
	fixture.request.call.arguments[2] = 1ULL << 63;
	in_domain(judge_limits);
	assert_process_refused(getppid());
}

#define TEST(name) cmocka_unit_test_setup(name, open_test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(process_of_the_session_is_allowed),
		TEST(process_outside_is_refused),
		TEST(thread_is_judged_as_its_process),
		TEST(zombie_does_not_exist),
		TEST(number_of_no_process_does_not_exist),
		TEST(negative_number_is_left_to_the_kernel),
		TEST(caller_with_numbers_of_its_own_is_allowed),
		TEST(who_is_the_second_argument),
		TEST(limits_of_a_process_outside_are_only_read),
	};

	return cmocka_run_group_tests(tests, plan_open, plan_close);
}
