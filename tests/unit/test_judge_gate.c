/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Judging the calls that the filter of a gate really traps, in a child that is around one. What is
 * allowed the kernel performs. Run by `make unit`; needs no root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine.h"
#include "judge_fixture.h"
#include "landlock.h"
#include "plan_fixture.h"
#include "process_fixture.h"
#include "trapped.h"
#include "util.h"

#define NOBODY      65534
#define RESULTS_MAX 16
#define PATIENCE_MS 20000
#define UNCONFINED  250 /* the second step failed */

static const struct confine_context context = { .gate_key = 0x1122334455667788 };

/* What a child shares with us. */
struct shared {
	pid_t thread;
	int count;
	int results[RESULTS_MAX]; /* errno of each call, or 0 */
};
static struct shared *shared;
static struct fixture fixture;
static struct plan session;
static uid_t user;

static int plan_open(void **state)
{
	struct plan_builder *builder = builder_minimal();

	(void)state;
	user = geteuid() == 0 ? NOBODY : geteuid();
	plan_builder_header(builder)->uid = user;
	session = mapped(sealed(builder));
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	return shared == MAP_FAILED;
}

static int plan_close(void **state)
{
	(void)state;
	plan_unmap(&session);
	return munmap(shared, sizeof(*shared));
}

static int open_test(void **state)
{
	(void)state;
	fixture_open(&fixture);
	fixture.header.uid = user;
	memset(shared, 0, sizeof(*shared));
	return 0;
}

/* ---- in the child ---- */

static void call(long number, uint64_t one, uint64_t two, uint64_t three)
{
	long result = syscall(number, one, two, three, 0, 0, 0);

	if (shared->count < RESULTS_MAX)
		shared->results[shared->count++] = result < 0 ? errno : 0;
}

#define SAME ((uint64_t)(uid_t)-1)

static void call_ids(void)
{
	call(__NR_setfsuid, user, 0, 0);
	call(__NR_setresuid, SAME, user, SAME);
	if (geteuid() != getuid())
		syscall(__NR_setresuid, SAME, 0, SAME);
	call(__NR_setresuid, SAME, SAME, user);
	call(__NR_setresuid, user, SAME, SAME);
	call(__NR_setreuid, user, user, 0);
	call(__NR_setuid, user, 0, 0);
}

static void call_filter(uint64_t flags)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_fprog program = { 1, &allow };

	call(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, (uintptr_t)&program);
}

static void call_rest(void)
{
	call(__NR_setns, SAME, 0, 0);
	call(__NR_setns, SAME, CLONE_NEWUSER, 0);
	call(__NR_unshare, CLONE_NEWUSER, 0, 0);
	call_filter(0);
}

static void in_descendant(void (*work)(void))
{
	pid_t child = fork();

	if (child == 0) {
		work();
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void confine(bool pam_caller)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (confine_gate_child(&session, &context, pam_caller))
		_exit(UNCONFINED);
}

/* ---- its supervisor ---- */

#define ROW(name, when, fetch, judge, perform) { __NR_##name, judge_##judge },
static const struct {
	int call;
	judge_function *judge;
} judges[] = { TRAPPED_CALLS(ROW) };
#undef ROW

static void serve_one(int listener)
{
	struct notification *notification = &fixture.request.call;

	fixture_request(&fixture, 0, -1);
	if (notify_receive(listener, notification))
		return;
	caller_open(&fixture.copies.caller);
	caller_fetch_status(&fixture.copies.caller, notification->thread);
	for (size_t i = 0; i < ARRAY_SIZE(judges); i++)
		if (judges[i].call == notification->call)
			fixture_judge(&fixture, judges[i].judge);
	if (fixture.judgement.kind == JUDGEMENT_ALLOWED)
		notify_continue(listener, notification->id);
	else
		notify_answer(listener, notification->id, 0, fixture.judgement.error);
	fixture.judgement = judgement_none;
}

/* Until nobody has the filter any more. */
static void serve_all(int listener)
{
	struct pollfd ready = { listener, POLLIN, 0 };

	while (poll(&ready, 1, PATIENCE_MS) == 1 && (ready.revents & POLLIN))
		serve_one(listener);
	assert_true(ready.revents & POLLHUP);
}

static void child_run(const int pipes[2], bool threads, void (*work)(void))
{
	int listener;
	char byte;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (threads)
		thread_start(&shared->thread);
	if (confine_gate(&session, &context, threads, &listener) ||
	    write(pipes[1], &listener, sizeof(listener)) != sizeof(listener) ||
	    read(pipes[1], &byte, 1) != 1)
		_exit(1);
	work();
	_exit(0);
}

/* Runs `work` in a child around which there is a gate, and serves what it traps. */
static void behind_gate(bool threads, void (*work)(void))
{
	int pipes[2];
	int number;
	int status;
	int listener;
	pid_t child;

	if (landlock_abi() < LANDLOCK_ABI_REFER) {
		print_message("skipped: this kernel has no Landlock, or an old one\n");
		skip();
	}
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pipes));
	child = fork();
	if (child == 0)
		child_run(pipes, threads, work);
	assert_int_equal(0, read_exact(pipes[0], &number, sizeof(number)));
	listener = process_descriptor(child, number);
	assert_true(listener >= 0);
	assert_int_equal(0, gate_open(&fixture.rules.gate, child));
	assert_int_equal(threads, fixture.rules.gate.threads);
	assert_int_equal(1, write(pipes[0], "", 1));
	serve_all(listener);
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_int_equal(0, status);
	close(fixture.rules.gate.pidfd);
	close(listener);
	close(pipes[0]);
	close(pipes[1]);
}

#define assert_results(...)                                                \
	do {                                                               \
		const int expected[] = { __VA_ARGS__ };                    \
                                                                           \
		assert_int_equal(ARRAY_SIZE(expected), shared->count);     \
		for (size_t i = 0; i < ARRAY_SIZE(expected); i++)          \
			assert_int_equal(expected[i], shared->results[i]); \
	} while (0)

/* ---- a PAM caller of one thread ---- */

static void caller_takes_only_the_effective_id(void **state)
{
	(void)state;
	behind_gate(false, call_ids);
	assert_results(0, 0, EPERM, EPERM, EPERM, EPERM);
}

static void caller_enters_namespaces_but_of_no_user(void **state)
{
	(void)state;
	behind_gate(false, call_rest);
	assert_results(EBADF, EPERM, EPERM, EPERM);
}

/* ---- its descendants ---- */

static void descendant_ids(void)
{
	in_descendant(call_ids);
}

static void descendant_rest(void)
{
	in_descendant(call_rest);
}

static void descendant_that_is_not_confined_gets_nothing(void **state)
{
	(void)state;
	behind_gate(false, descendant_ids);
	assert_results(EPERM, EPERM, EPERM, EPERM, EPERM, EPERM);
	shared->count = 0;
	behind_gate(false, descendant_rest);
	assert_results(EPERM, EPERM, EPERM, EPERM);
}

static void confined_user(void)
{
	confine(false);
	call_ids();
	/* Its own descendants are confined too. */
	in_descendant(call_ids);
}

static void descendant_confined_user(void)
{
	in_descendant(confined_user);
}

static void descendant_that_is_confined_becomes_the_user(void **state)
{
	(void)state;
	behind_gate(false, descendant_confined_user);
	assert_results(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

static void confined_filters(void)
{
	confine(false);
	call_filter(0);
	call_filter(SECCOMP_FILTER_FLAG_TSYNC);
}

static void descendant_confined_filters(void)
{
	in_descendant(confined_filters);
}

static void descendant_that_is_confined_adds_filters(void **state)
{
	(void)state;
	behind_gate(false, descendant_confined_filters);
	assert_results(0, 0);
}

/* ---- a PAM caller of several threads ---- */

static void call_program(void)
{
	call(__NR_execve, (uintptr_t) "/nonexistent", 0, 0);
	call(__NR_setuid, user, 0, 0);
	call(__NR_execve, (uintptr_t) "/nonexistent", 0, 0);
}

static void threads_become_the_user_but_start_no_program(void **state)
{
	(void)state;
	behind_gate(true, call_program);
	assert_results(geteuid() == 0 ? ENOENT : EPERM, 0, EPERM);
}

static void confined_program(void)
{
	confine(false);
	call_program();
}

static void descendant_confined_program(void)
{
	in_descendant(confined_program);
}

static void descendant_of_threads_starts_programs_once_confined(void **state)
{
	(void)state;
	behind_gate(true, descendant_confined_program);
	assert_results(ENOENT, 0, ENOENT);
}

/* The others would be confined by the filter alone, without the domain. */
static void confined_thread_filters(void)
{
	confine(true);
	call_filter(0);
	call_filter(SECCOMP_FILTER_FLAG_TSYNC);
}

static void thread_that_is_confined_filters_no_other(void **state)
{
	(void)state;
	behind_gate(true, confined_thread_filters);
	assert_results(0, EPERM);
}

#define TEST(name) cmocka_unit_test_setup(name, open_test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(caller_takes_only_the_effective_id),
		TEST(caller_enters_namespaces_but_of_no_user),
		TEST(descendant_that_is_not_confined_gets_nothing),
		TEST(descendant_that_is_confined_becomes_the_user),
		TEST(descendant_that_is_confined_adds_filters),
		TEST(threads_become_the_user_but_start_no_program),
		TEST(descendant_of_threads_starts_programs_once_confined),
		TEST(thread_that_is_confined_filters_no_other),
	};

	return cmocka_run_group_tests(tests, plan_open, plan_close);
}
