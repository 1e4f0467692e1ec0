/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The planner as sandlock-shell starts it: a process with a memfd at descriptor 3.
 * Run by `make unit`; what needs another user is skipped without root. The planner's own file is
 * included: its main() runs in a child of the test.
 */
int program_main(int argc, char **argv);
#define main program_main
#include "../../planner/sandlock-planner.c"
#undef main

#include <setjmp.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "policy_fixture.h"

#define NOBODY  65534
#define HIGH_FD 200

enum child_flags {
	CHILD_NOBODY = 1 << 0,     /* runs without privilege */
	CHILD_CLOSED = 1 << 1,     /* inherits neither of 0 to 2 */
	CHILD_NO_MEMFD = 1 << 2,   /* has no descriptor 3 */
	CHILD_PLAIN_FILE = 1 << 3, /* has another thing at descriptor 3 */
};

/* What a run left behind. */
struct outcome {
	int status; /* of the exit; 100 where a promise to the process was broken */
	char output[4096];
	char errors[4096];
	struct plan plan; /* mapped where the status is 0 */
};

/* Runs in the child, which never returns. */
static void child_run(unsigned flags, int memfd, int output, int errors, const char *const *argv)
{
	int argc = 0;
	int status;

	while (argv[argc])
		argc++;
	dup2(output, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	dup2(memfd, HIGH_FD);
	if (flags & CHILD_PLAIN_FILE)
		memfd = open("/dev/null", O_RDWR);
	dup2(memfd, PLAN_FD);
	for (int fd = 0; fd <= PLAN_FD; fd++) {
		if ((fd < PLAN_FD && flags & CHILD_CLOSED) ||
		    (fd == PLAN_FD && flags & CHILD_NO_MEMFD))
			close(fd);
	}
	if (flags & CHILD_NOBODY && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
		_exit(101);
	setenv("LANG", "x", 1);
	status = program_main(argc, (char **)(uintptr_t)argv);
	fflush(stdout);
	if (status == EXIT_PLANNED && (fcntl(HIGH_FD, F_GETFD) >= 0 || getenv("LANG") ||
				       fcntl(STDERR_FILENO, F_GETFD) < 0 || umask(0) != 077))
		_exit(100);
	_exit(status);
}

static void drain(int fd, char text[4096])
{
	ssize_t length = read_bounded(fd, text, 4095);

	text[length < 0 ? 0 : length] = '\0';
	close(fd);
}

static struct outcome planner_run(unsigned flags, const char *const *argv)
{
	struct outcome outcome = { 0 };
	int memfd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int output[2], errors[2];
	pid_t child;
	int status;

	assert_true(memfd > PLAN_FD && pipe(output) == 0 && pipe(errors) == 0);
	child = fork();
	if (child == 0)
		child_run(flags, memfd, output[1], errors[1], argv);
	close(output[1]);
	close(errors[1]);
	drain(output[0], outcome.output);
	drain(errors[0], outcome.errors);
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_true(WIFEXITED(status));
	outcome.status = WEXITSTATUS(status);
	assert_string_equal("", outcome.output);
	if (outcome.status == EXIT_PLANNED)
		assert_int_equal(0, plan_map(memfd, &outcome.plan));
	else
		assert_int_equal(0, lseek(memfd, 0, SEEK_END));
	close(memfd);
	return outcome;
}

#define run(flags, ...) \
	planner_run(flags, (const char *[]){ "sandlock-planner", __VA_ARGS__, NULL })

static int place_make(void **state)
{
	/* The program's descriptor 3 must be free of ours. */
	while (open("/dev/null", O_RDONLY | O_CLOEXEC) <= PLAN_FD)
		;
	*state = directory_make();
	return 0;
}

static int place_remove(void **state)
{
	directory_remove(*state);
	return 0;
}

static char *policy_make(void **state, const char *name, const char *text)
{
	return file_make(*state, name, text, strlen(text));
}

static void need_root(void)
{
	if (getuid() == 0)
		return;
	print_message("skipped: only root can become another user\n");
	skip();
}

/* True where `text` is one line that begins and ends so. */
static bool is_line(const char *text, const char *start, const char *end)
{
	size_t length = strlen(text);

	return strchr(text, '\n') == text + length - 1 && strncmp(text, start, strlen(start)) == 0 &&
	       length > strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

#define REFUSED "sandlock: login refused: "
#define DETAILS "; details are in the system log (ident sandlock)\n"

static void draft_planned(void **state)
{
	char *path = policy_make(state, "d.conf", "[network]\nnet_allow = 127.0.0.1:8080\n");
	struct outcome first = run(0, "--draft", path);
	struct outcome second = run(0, "--draft", path);

	assert_int_equal(EXIT_PLANNED, first.status);
	assert_string_equal("", first.errors);
	assert_int_equal(1, first.plan.ruleset.rule_count);
	assert_int_equal(getuid(), first.plan.header->uid);
	assert_true(first.plan.header->flags & PLAN_DRAFT);
	assert_string_equal(path, plan_string(&first.plan, first.plan.header->policy));
	assert_true(first.plan.header->session != second.plan.header->session);
	assert_true(first.plan.header->digest == second.plan.header->digest);
	plan_unmap(&first.plan);
	plan_unmap(&second.plan);
	free(path);
}

static void bad_draft_shows_every_complaint(void **state)
{
	char *path = policy_make(state, "d.conf", "[network]\nnet_allow = a\ndns = maybe\n");
	struct outcome outcome = run(0, "--draft", path);
	char expected[4096];

	snprintf(expected, sizeof(expected),
		 "%s:2: net_allow: expected host:port or :port, got \"a\"\n"
		 "%s:3: dns: unknown value \"maybe\", expected one of: filtered system hosts off\n",
		 path, path);
	assert_int_equal(EXIT_REFUSED, outcome.status);
	assert_string_equal(expected, outcome.errors);
	free(path);
}

static void login_planned(void **state)
{
	struct outcome outcome;

	need_root();
	free(policy_make(state, "nobody.conf", "[network]\nnet_allow = :%U\n"));
	outcome = run(CHILD_NOBODY, "--conf", *state);
	assert_int_equal(EXIT_PLANNED, outcome.status);
	assert_string_equal("", outcome.errors);
	assert_string_equal("nobody", plan_string(&outcome.plan, outcome.plan.header->user));
	assert_int_equal(NOBODY, outcome.plan.header->uid);
	assert_int_equal(NOBODY, outcome.plan.header->gid);
	assert_false(outcome.plan.header->flags & PLAN_DRAFT);
	assert_int_equal(NOBODY, outcome.plan.ruleset.ports[0].low);
	plan_unmap(&outcome.plan);
}

static void login_with_a_bad_policy_refused_in_one_line(void **state)
{
	struct outcome outcome;

	need_root();
	free(policy_make(state, "default.conf", "[network]\nnet_allow = a\ndns = maybe\n"));
	outcome = run(CHILD_NOBODY, "--conf", *state);
	assert_int_equal(EXIT_REFUSED, outcome.status);
	assert_true(is_line(outcome.errors, REFUSED, DETAILS));
	assert_non_null(strstr(outcome.errors, "/default.conf:2: net_allow: expected host:port"));
}

static void login_without_a_policy_refused(void **state)
{
	struct outcome outcome = run(0, "--conf", *state);

	assert_int_equal(EXIT_REFUSED, outcome.status);
	assert_string_equal(REFUSED "no policy applies to this account" DETAILS, outcome.errors);
}

static void account_by_name_planned_by_a_service_user(void **state)
{
	struct outcome outcome;

	need_root();
	free(policy_make(state, "root.conf", "[network]\nnet_allow = :1\n"));
	outcome = run(CHILD_NOBODY, "--conf", *state, "--account", "root");
	assert_int_equal(EXIT_PLANNED, outcome.status);
	assert_int_equal(0, outcome.plan.header->uid);
	assert_string_equal("root", plan_string(&outcome.plan, outcome.plan.header->user));
	plan_unmap(&outcome.plan);
}

static void account_by_name_without_a_policy_told_by_status(void **state)
{
	struct outcome outcome = run(0, "--conf", *state, "--account", "root");

	assert_int_equal(EXIT_UNNAMED, outcome.status);
	assert_string_equal("", outcome.errors);
	outcome = run(0, "--conf", "/nonexistent", "--account", "root");
	assert_int_equal(EXIT_REFUSED, outcome.status);
}

/* The module tells the user; it needs the reason alone. */
static void account_with_a_bad_policy_refused_by_the_reason_alone(void **state)
{
	char *path = policy_make(state, "root.conf", "[network]\nnet_allow = a\n");
	struct outcome outcome = run(0, "--conf", *state, "--account", "root", "--check");
	char expected[4096];

	snprintf(expected, sizeof(expected),
		 "%s:2: net_allow: expected host:port or :port, got \"a\"\n", path);
	assert_int_equal(EXIT_REFUSED, outcome.status);
	assert_string_equal(expected, outcome.errors);
	free(path);
}

static void account_that_is_not_known_refused(void **state)
{
	struct outcome outcome = run(0, "--conf", *state, "--account", "no-such-user");

	assert_int_equal(EXIT_REFUSED, outcome.status);
	assert_non_null(strstr(outcome.errors, "user no-such-user cannot be looked up"));
}

static void login_with_an_unreadable_policy_refused_by_name(void **state)
{
	struct outcome outcome;
	char *path;

	need_root();
	path = policy_make(state, "default.conf", "");
	assert_int_equal(0, chmod(path, 0600));
	outcome = run(CHILD_NOBODY, "--conf", *state);
	assert_int_equal(EXIT_REFUSED, outcome.status);
	assert_true(is_line(outcome.errors, REFUSED, "/default.conf" DETAILS));
	assert_non_null(
		strstr(outcome.errors, "/default.conf: Permission denied: nobody (uid 65534)"));
	free(path);
}

static void login_with_a_missing_directory_refused_by_name(void **state)
{
	struct outcome outcome = run(0, "--conf", "/nonexistent/policy.d");

	(void)state;
	assert_int_equal(EXIT_REFUSED, outcome.status);
	assert_string_equal(REFUSED "/nonexistent/policy.d: No such file or directory" DETAILS,
			    outcome.errors);
}

static void policy_of_the_caller_only_for_a_try(void **state)
{
	struct outcome outcome;
	char *path;

	need_root();
	path = policy_make(state, "default.conf", "");
	assert_int_equal(0, chown(path, NOBODY, NOBODY));
	outcome = run(CHILD_NOBODY, "--conf", *state);
	assert_int_equal(EXIT_REFUSED, outcome.status);
	assert_true(is_line(outcome.errors, REFUSED, "owned by uid 65534, should be 0" DETAILS));
	outcome = run(CHILD_NOBODY, "--conf", *state, "--user");
	assert_int_equal(EXIT_PLANNED, outcome.status);
	assert_true(outcome.plan.header->flags & PLAN_DRAFT);
	plan_unmap(&outcome.plan);
	free(path);
}

static void closed_standard_descriptors_replaced(void **state)
{
	char *path = policy_make(state, "d.conf", "[network]\ndns = system\n");
	struct outcome outcome = run(CHILD_CLOSED, "--draft", path);

	assert_int_equal(EXIT_PLANNED, outcome.status);
	plan_unmap(&outcome.plan);
	outcome = run(CHILD_CLOSED, "--conf", *state);
	assert_int_equal(EXIT_REFUSED, outcome.status);
	free(path);
}

static void descriptor_that_is_no_memfd_refused(void **state)
{
	char *path = policy_make(state, "d.conf", "");

	assert_int_equal(EXIT_USAGE, run(CHILD_NO_MEMFD, "--draft", path).status);
	assert_int_equal(EXIT_USAGE, run(CHILD_PLAIN_FILE, "--draft", path).status);
	free(path);
}

static void unknown_arguments_refused(void **state)
{
	(void)state;
	assert_int_equal(EXIT_USAGE, run(0, "--nonsense").status);
	assert_int_equal(EXIT_USAGE, run(0, "--draft").status);
	assert_int_equal(EXIT_USAGE, run(0, "alice").status);
	assert_int_equal(0, strncmp("usage: ", run(0, "alice").errors, 7));
}

#define place_test(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(draft_planned),
		place_test(bad_draft_shows_every_complaint),
		place_test(login_planned),
		place_test(login_with_a_bad_policy_refused_in_one_line),
		place_test(account_by_name_planned_by_a_service_user),
		place_test(account_by_name_without_a_policy_told_by_status),
		place_test(account_with_a_bad_policy_refused_by_the_reason_alone),
		place_test(account_that_is_not_known_refused),
		place_test(login_without_a_policy_refused),
		place_test(login_with_an_unreadable_policy_refused_by_name),
		place_test(login_with_a_missing_directory_refused_by_name),
		place_test(policy_of_the_caller_only_for_a_try),
		place_test(closed_standard_descriptors_replaced),
		place_test(descriptor_that_is_no_memfd_refused),
		place_test(unknown_arguments_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
