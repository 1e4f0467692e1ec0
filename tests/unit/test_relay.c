/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first process and the parent that stands for it, as four real processes: this one starts the
 * parent, which starts the supervisor, which starts the first process. The module is included,
 * since the supervisor is no library.
 */
#include "../../supervisor/relay.c"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "process_fixture.h"
#include "start_wait.h"

#define PATIENCE_MS 20000
#define ENDS_WITH   7 /* the first process, on SIGUSR1 */

enum role {
	ROLE_SERVES,
	ROLE_FINISHES,
	ROLE_ALONE
};

struct numbers {
	pid_t supervisor;
	pid_t first;
	pid_t other; /* a second child of the supervisor */
};

static struct family {
	struct numbers numbers;
	pid_t parent;
	int end;   /* of the parent, to the supervisor */
	int first; /* a pidfd */
} family;

static void first_end(int number)
{
	(void)number;
	_exit(ENDS_WITH);
}

static void first_prepare(void)
{
	signal(SIGUSR1, first_end);
}

static void supervisor_run(enum role role, int end, int report)
{
	struct numbers numbers = { .supervisor = getpid() };
	struct relay relay;
	struct loop loop;
	int error;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	numbers.first = child_start(first_prepare);
	numbers.other = child_start(NULL);
	error = loop_open(&loop);
	if (!error && role == ROLE_ALONE)
		error = relay_open_alone(&relay, &loop);
	else if (!error)
		error = relay_open(&relay, &loop, end, numbers.first);
	if (error || write(report, &numbers, sizeof(numbers)) != sizeof(numbers))
		_exit(1);
	if (role == ROLE_FINISHES)
		relay_finish(&relay);
	else
		loop_run(&loop);
	_exit(0);
}

static int group_open(void **state)
{
	(void)state;
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static void family_open(enum role role)
{
	int ends[2];
	int report[2];

	assert_int_equal(0, handover_pair(ends));
	assert_int_equal(0, pipe(report));
	family.parent = fork();
	if (family.parent == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		close(ends[0]);
		close(report[0]);
		if (fork() == 0)
			supervisor_run(role, ends[1], report[1]);
		close(ends[1]);
		for (;;)
			pause();
	}
	close(ends[1]);
	close(report[1]);
	family.end = ends[0];
	assert_int_equal(0, read_exact(report[0], &family.numbers, sizeof(family.numbers)));
	close(report[0]);
	family.first = process_pidfd(family.numbers.first);
	assert_true(family.first >= 0);
}

/* Each of them ends with who started it. */
static int family_close(void **state)
{
	(void)state;
	kill(family.parent, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	close(family.end);
	close(family.first);
	return 0;
}

static void assert_parent(int wanted, bool stopped)
{
	const int64_t deadline = start_now_ms() + PATIENCE_MS;
	int status;
	pid_t changed;

	while ((changed = waitpid(family.parent, &status, wanted | WNOHANG)) == 0 &&
	       start_now_ms() < deadline)
		usleep(1000);
	assert_int_equal(family.parent, changed);
	if (stopped)
		assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	else
		assert_true(WIFCONTINUED(status));
}

static void assert_reported(int expected)
{
	struct failure failure = { 0 };
	int status = -1;

	assert_int_equal(0, handover_await(family.end, "the supervisor", HANDOVER_STATUS,
					   start_now_ms() + PATIENCE_MS, &status, &failure));
	assert_int_equal(expected, status);
}

static void assert_first_ends(void)
{
	struct pollfd ended = { family.first, POLLIN, 0 };

	assert_int_equal(1, poll(&ended, 1, PATIENCE_MS));
}

/* No zombie is left. */
static void assert_reaped(pid_t process)
{
	const int64_t deadline = start_now_ms() + PATIENCE_MS;

	while (kill(process, 0) == 0 && start_now_ms() < deadline)
		usleep(1000);
	assert_int_equal(-1, kill(process, 0));
}

static void assert_serves(void)
{
	assert_int_equal(0, handover_send(family.end, HANDOVER_SIGNAL, SIGUSR1));
	assert_reported(ENDS_WITH << 8);
}

/* ---- the first process ---- */

static void child_that_stops_stops_and_continues_its_parent(void **state)
{
	(void)state;
	family_open(ROLE_SERVES);
	for (int i = 0; i < 2; i++) {
		kill(family.numbers.first, SIGSTOP);
		assert_parent(WUNTRACED, true);
		kill(family.numbers.first, SIGCONT);
		assert_parent(WCONTINUED, false);
	}
	assert_serves();
}

static void child_that_ends_is_reported_by_its_status(void **state)
{
	(void)state;
	family_open(ROLE_SERVES);
	kill(family.numbers.first, SIGTERM);
	assert_reported(SIGTERM);
	assert_reaped(family.numbers.first);
	/* There is nobody to get it. */
	assert_int_equal(0, handover_send(family.end, HANDOVER_SIGNAL, SIGKILL));
	kill(family.numbers.other, SIGKILL);
	assert_reaped(family.numbers.other);
	assert_int_equal(0, kill(family.numbers.supervisor, 0));
}

static void child_that_ends_while_stopped_continues_its_parent(void **state)
{
	(void)state;
	family_open(ROLE_SERVES);
	kill(family.numbers.first, SIGSTOP);
	assert_parent(WUNTRACED, true);
	kill(family.numbers.first, SIGKILL);
	assert_reported(SIGKILL);
	assert_parent(WCONTINUED, false);
}

static void other_child_is_reaped_and_not_reported(void **state)
{
	struct handover_message message;

	(void)state;
	family_open(ROLE_SERVES);
	kill(family.numbers.other, SIGKILL);
	assert_reaped(family.numbers.other);
	assert_int_equal(-EAGAIN, handover_receive(family.end, &message));
	assert_serves();
}

/* ---- the parent ---- */

static void signal_of_the_parent_reaches_the_child(void **state)
{
	(void)state;
	family_open(ROLE_SERVES);
	/* Another message is not for it. */
	assert_int_equal(0, handover_send(family.end, HANDOVER_LISTENER, SIGKILL));
	assert_serves();
}

static void parent_that_is_gone_ends_the_child(void **state)
{
	(void)state;
	family_open(ROLE_SERVES);
	close(family.end);
	family.end = -1;
	assert_first_ends();
	assert_reaped(family.numbers.first);
	assert_int_equal(0, kill(family.numbers.supervisor, 0));
}

static void parent_that_sends_no_message_ends_the_child(void **state)
{
	(void)state;
	family_open(ROLE_SERVES);
	assert_int_equal(1, send(family.end, "x", 1, 0));
	assert_first_ends();
	assert_reaped(family.numbers.first);
	/* What comes from it is not looked at any more, and nothing is sent to it. */
	assert_int_equal(-EAGAIN, handover_receive(family.end, &(struct handover_message){ 0 }));
	assert_int_equal(0, kill(family.numbers.supervisor, 0));
}

/* ---- the supervisor ---- */

static void processor_time_that_ends_is_no_end_of_the_relay(void **state)
{
	(void)state;
	family_open(ROLE_SERVES);
	kill(family.numbers.supervisor, SIGXCPU);
	kill(family.numbers.supervisor, SIGPIPE);
	assert_serves();
}

/* Not for the others. */
static void finish_waits_for_the_child(void **state)
{
	struct handover_message message;

	(void)state;
	family_open(ROLE_FINISHES);
	assert_int_equal(-EAGAIN, handover_receive(family.end, &message));
	assert_int_equal(0, kill(family.numbers.supervisor, 0));
	kill(family.numbers.first, SIGUSR1);
	assert_reported(ENDS_WITH << 8);
	assert_int_equal(0, start_await(family.end, start_now_ms() + PATIENCE_MS));
	assert_int_equal(-EPIPE, handover_receive(family.end, &message));
}

static void alone_it_reaps_and_reports_nothing(void **state)
{
	struct handover_message message;

	(void)state;
	family_open(ROLE_ALONE);
	kill(family.numbers.first, SIGUSR1);
	assert_reaped(family.numbers.first);
	kill(family.numbers.other, SIGKILL);
	assert_reaped(family.numbers.other);
	assert_int_equal(-EAGAIN, handover_receive(family.end, &message));
	assert_int_equal(0, kill(family.numbers.supervisor, 0));
}

#define TEST(name) cmocka_unit_test_teardown(name, family_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(child_that_stops_stops_and_continues_its_parent),
		TEST(child_that_ends_is_reported_by_its_status),
		TEST(child_that_ends_while_stopped_continues_its_parent),
		TEST(other_child_is_reaped_and_not_reported),
		TEST(signal_of_the_parent_reaches_the_child),
		TEST(parent_that_is_gone_ends_the_child),
		TEST(parent_that_sends_no_message_ends_the_child),
		TEST(processor_time_that_ends_is_no_end_of_the_relay),
		TEST(finish_waits_for_the_child),
		TEST(alone_it_reaps_and_reports_nothing),
	};

	return cmocka_run_group_tests(tests, group_open, NULL);
}
