/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program beside a process that is not ours: what it gets, and what the process does not notice.
 * Run by `make unit`; what needs other ids is skipped without root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn.h"
#include "start_wait.h"
#include "util.h"

#define TEXT_MAX   8192
#define TIMEOUT_MS 60000

/* What a program writes to the one pipe among its descriptors; its exit status. */
static int output_of(struct spawn *spawn, size_t pipe_place, char text[TEXT_MAX])
{
	int descriptors[] = { -1, -1, -1, -1 };
	int pipes[2];
	ssize_t length;
	int status;

	assert_int_equal(0, pipe2(pipes, O_CLOEXEC));
	descriptors[pipe_place] = pipes[1];
	spawn->descriptors = descriptors;
	spawn->descriptor_count = ARRAY_SIZE(descriptors);
	status = spawn_run(spawn, start_now_ms() + TIMEOUT_MS);
	close(pipes[1]);
	length = read_bounded(pipes[0], text, TEXT_MAX - 1);
	assert_true(length >= 0);
	text[length] = '\0';
	close(pipes[0]);
	/* No child is left, of whatever kind. */
	assert_int_equal(-1, waitpid(-1, NULL, WNOHANG | __WALL));
	assert_int_equal(ECHILD, errno);
	return status;
}

/* What `script` writes to descriptor 3. */
static int script_run(const char *script, const struct spawn_ids *ids, bool new_session,
		      char text[TEXT_MAX])
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct spawn spawn = {
		.program = "/bin/sh", .argv = argv, .ids = ids, .new_session = new_session
	};

	return output_of(&spawn, 3, text);
}

static void program_gets_its_descriptors_and_no_others(void **state)
{
	const char *const list[] = { "ls", "/proc/self/fd", NULL };
	const char *const read[] = { "readlink", "/proc/self/fd/0", "/proc/self/fd/2",
				     "/proc/self/fd/3", NULL };
	struct spawn spawn = { .program = "/bin/ls", .argv = list };
	char text[TEXT_MAX];
	int leaked = open("/dev/zero", O_RDONLY);

	(void)state;
	assert_true(leaked >= 0);
	assert_int_equal(0, output_of(&spawn, 1, text));
	/* 4 is the folder that is listed. */
	assert_string_equal("0\n1\n2\n3\n4\n", text);
	spawn = (struct spawn){ .program = "/bin/readlink", .argv = read };
	assert_int_equal(0, output_of(&spawn, 1, text));
	assert_string_equal("/dev/null\n/dev/null\n/dev/null\n", text);
	close(leaked);
}

static void program_gets_no_environment(void **state)
{
	char text[TEXT_MAX];

	(void)state;
	assert_int_equal(0, setenv("SANDLOCK_TEST", "1", 1));
	assert_int_equal(0, script_run("tr '\\0' '\\n' </proc/$$/environ >&3", NULL, false, text));
	assert_string_equal("", text);
}

static volatile sig_atomic_t signalled;
static void on_signal(int number)
{
	signalled = number;
}

static void signals_of_the_host_stay_as_they_are(void **state)
{
	struct sigaction handler = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct sigaction now;
	sigset_t mask;
	sigset_t after;
	char text[TEXT_MAX];

	(void)state;
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	assert_int_equal(0, sigaction(SIGUSR1, &handler, NULL));
	assert_int_equal(0, sigaction(SIGCHLD, &handler, NULL));
	assert_int_equal(0, sigprocmask(SIG_SETMASK, &mask, NULL));
	assert_int_equal(0, script_run("grep ^SigCgt /proc/$$/status >&3", NULL, false, text));
	assert_int_equal(0, signalled);
	assert_int_equal(0, sigaction(SIGUSR1, NULL, &now));
	assert_ptr_equal(on_signal, now.sa_handler);
	assert_int_equal(0, sigprocmask(SIG_SETMASK, NULL, &after));
	assert_int_equal(1, sigismember(&after, SIGUSR2));
	assert_int_equal(0, sigismember(&after, SIGTERM));
	sigemptyset(&mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
}

static void program_that_is_not_there_reported_and_buried(void **state)
{
	const char *const argv[] = { "none", NULL };
	const struct spawn spawn = {
		.program = "/nonexistent/none",
		.argv = argv,
		.descriptors = (const int[]){ -1, -1, -1 },
		.descriptor_count = 3,
	};

	(void)state;
	assert_int_equal(-ENOENT, spawn_run(&spawn, start_now_ms() + TIMEOUT_MS));
	assert_int_equal(-1, waitpid(-1, NULL, __WALL | WNOHANG));
	assert_int_equal(ECHILD, errno);
}

static void program_that_dies_by_a_signal_reported(void **state)
{
	char text[TEXT_MAX];

	(void)state;
	assert_int_equal(-EIO, script_run("kill -9 $$", NULL, false, text));
}

static void program_that_does_not_end_killed_and_buried(void **state)
{
	const char *const argv[] = { "sh", "-c", "echo $$ >&3; kill -STOP $$; sleep 60", NULL };
	int pipes[2];
	const struct spawn spawn = {
		.program = "/bin/sh",
		.argv = argv,
		.descriptors = (const int[]){ -1, -1, -1, -1 },
		.descriptor_count = 4,
	};
	struct spawn telling = spawn;
	char text[TEXT_MAX];
	ssize_t length;
	uint64_t pid;

	(void)state;
	assert_int_equal(0, pipe2(pipes, O_CLOEXEC));
	telling.descriptors = (const int[]){ -1, -1, -1, pipes[1] };
	assert_int_equal(-ETIMEDOUT, spawn_run(&telling, start_now_ms() + 300));
	close(pipes[1]);
	length = read_bounded(pipes[0], text, TEXT_MAX - 1);
	close(pipes[0]);
	assert_true(length > 1);
	text[length - 1] = '\0';
	assert_int_equal(0, parse_unsigned(text, INT32_MAX, &pid));
	assert_int_equal(-1, kill((pid_t)pid, 0));
	assert_int_equal(-1, waitpid(-1, NULL, WNOHANG | __WALL));
	assert_int_equal(ECHILD, errno);
}

/* What whoever logs in may have set before. */
static void limits_and_the_like_of_the_host_do_not_reach_the_program(void **state)
{
	static const char script[] =
		"{ ulimit -S -t; ulimit -S -f; ulimit -S -c; ulimit -H -c; umask; trap; "
		"sed -n 's/^SigIgn://p' /proc/$$/status; cut -d' ' -f19 /proc/$$/stat; "
		"cat /proc/$$/timerslack_ns; } >&3";
	const struct rlimit low = { 100, RLIM_INFINITY };
	struct rlimit before[2];
	char text[TEXT_MAX];
	mode_t mask = umask(0);

	(void)state;
	assert_int_equal(0, getrlimit(RLIMIT_CPU, &before[0]));
	assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &before[1]));
	assert_int_equal(0, setrlimit(RLIMIT_CPU, &low));
	assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &low));
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	assert_int_equal(0, prctl(PR_SET_TIMERSLACK, 1000000000UL));
	assert_int_equal(0, script_run(script, NULL, false, text));
	assert_int_equal(0, prctl(PR_SET_TIMERSLACK, 0UL));
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	umask(mask);
	assert_int_equal(0, setrlimit(RLIMIT_CPU, &before[0]));
	assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &before[1]));
	assert_string_equal("unlimited\nunlimited\n0\n0\n0022\n\t0000000000000000\n0\n50000\n", text);
}

static void program_left_is_no_child_of_ours(void **state)
{
	const char *const argv[] = { "cat", NULL };
	int pair[2];
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	pid = spawn_leave(&(struct spawn){
		.program = "/bin/cat",
		.argv = argv,
		.descriptors = (const int[]){ pair[1], pair[1], -1 },
		.descriptor_count = 3,
	});
	close(pair[1]);
	assert_true(pid > 0);
	assert_int_equal(0, write_exact(pair[0], "x", 1));
	assert_int_equal(0, read_exact(pair[0], &byte, 1));
	assert_int_equal(0, kill(pid, 0));
	assert_int_equal(-1, waitpid(-1, NULL, WNOHANG | __WALL));
	assert_int_equal(ECHILD, errno);
	close(pair[0]);
}

static void descriptor_that_is_not_open_refused(void **state)
{
	const char *const argv[] = { "true", NULL };
	const struct spawn spawn = {
		.program = "/bin/true",
		.argv = argv,
		.descriptors = (const int[]){ -1, -1, -1, 999 },
		.descriptor_count = 4,
	};

	(void)state;
	assert_int_equal(-EBADF, spawn_run(&spawn, start_now_ms() + TIMEOUT_MS));
}

static void session_is_new_where_it_is_asked_for(void **state)
{
	static const char script[] = "read -r _ _ _ _ _ session _ </proc/$$/stat;"
				     "[ $session = $$ ] && echo new >&3 || echo old >&3";
	char text[TEXT_MAX];

	(void)state;
	assert_int_equal(0, script_run(script, NULL, false, text));
	assert_string_equal("old\n", text);
	assert_int_equal(0, script_run(script, NULL, true, text));
	assert_string_equal("new\n", text);
}

static void ids_are_taken_whole_and_the_host_keeps_its_own(void **state)
{
	static const gid_t groups[] = { 7001, 7002 };
	const struct spawn_ids ids = { 7000, 7003, groups, ARRAY_SIZE(groups) };
	const char *const argv[] = { "grep", "-E", "^(Uid|Gid|Groups|CapEff)", "/proc/self/status",
				     NULL };
	struct spawn spawn = { .program = "/bin/grep", .argv = argv };
	char text[TEXT_MAX];

	(void)state;
	if (getuid() != 0) {
		print_message("skipped: only root can become another user\n");
		skip();
	}
	spawn.ids = &ids;
	assert_int_equal(0, output_of(&spawn, 1, text));
	/* The real uid is for the program to take. */
	assert_string_equal("Uid:\t0\t7000\t7000\t7000\nGid:\t7003\t7003\t7003\t7003\n"
			    "Groups:\t7001 7002 \nCapEff:\t0000000000000000\n",
			    text);
	assert_int_equal(0, getuid());
	assert_int_equal(0, getegid());
}

/* Who starts su could kill a process of his real uid while it shares the memory of su. */
static void process_between_has_no_uid_of_who_started_the_host(void **state)
{
	const struct spawn_ids ids = { .uid = 7000, .gid = 7003 };
	char text[TEXT_MAX];
	int status;

	(void)state;
	if (getuid() != 0) {
		print_message("skipped: only root can become another user\n");
		skip();
	}
	assert_int_equal(0, setresuid(7004, 0, 0));
	status = script_run("sed -n 's/^Uid://p' /proc/$PPID/status >&3", &ids, false, text);
	assert_int_equal(7004, getuid());
	assert_int_equal(0, setresuid(0, 0, 0));
	assert_int_equal(0, status);
	assert_string_equal("\t0\t0\t0\t0\n", text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(program_gets_its_descriptors_and_no_others),
		cmocka_unit_test(program_gets_no_environment),
		cmocka_unit_test(signals_of_the_host_stay_as_they_are),
		cmocka_unit_test(program_that_is_not_there_reported_and_buried),
		cmocka_unit_test(program_that_dies_by_a_signal_reported),
		cmocka_unit_test(program_that_does_not_end_killed_and_buried),
		cmocka_unit_test(limits_and_the_like_of_the_host_do_not_reach_the_program),
		cmocka_unit_test(program_left_is_no_child_of_ours),
		cmocka_unit_test(descriptor_that_is_not_open_refused),
		cmocka_unit_test(session_is_new_where_it_is_asked_for),
		cmocka_unit_test(ids_are_taken_whole_and_the_host_keeps_its_own),
		cmocka_unit_test(process_between_has_no_uid_of_who_started_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
