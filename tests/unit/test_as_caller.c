/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a supervisor takes over for one call is put back, and nothing else changes. What needs other
 * ids is skipped without root; it happens in a child of the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "as_caller.h"
#include "caps.h"
#include "util.h"

#define SERVICE 7001
#define USER    7002

/* The child ends with the number of the line of what does not hold. */
#define DEMAND(what)                            \
	do {                                    \
		if (!(what))                    \
			_exit(__LINE__ & 0xff); \
	} while (0)

static void in_child(void (*body)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		body();
		_exit(0);
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_int_equal(0, status);
}

static bool is_here(const char *path)
{
	char text[64];

	return getcwd(text, sizeof(text)) && strcmp(text, path) == 0;
}

static mode_t umask_now(void)
{
	mode_t now = umask(0);

	umask(now);
	return now;
}

static void directory_and_umask(void)
{
	cleanup_fd int directory = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	umask(022);
	{
		cleanup_as_caller struct as_caller as_caller = { 0 };

		DEMAND(as_caller_directory(&as_caller, directory) == 0);
		as_caller_umask(&as_caller, 0077);
		DEMAND(is_here("/proc"));
		DEMAND(umask_now() == 0077);
	}
	DEMAND(is_here("/"));
	DEMAND(umask_now() == 022);
}

static void directory_and_umask_are_put_back(void **state)
{
	(void)state;
	in_child(directory_and_umask);
}

static void nothing_taken(void)
{
	DEMAND(chdir("/proc") == 0);
	umask(0013);
	{
		cleanup_as_caller struct as_caller as_caller = { 0 };

		DEMAND(as_caller_directory(&as_caller, -1) < 0);
	}
	DEMAND(is_here("/proc"));
	DEMAND(umask_now() == 0013);
}

static void what_was_not_taken_is_left_alone(void **state)
{
	(void)state;
	in_child(nothing_taken);
}

/* A supervisor under PAM. */
static void ids_and_capabilities(void)
{
	uid_t real, effective, saved;

	DEMAND(caps_is_effective(CAP_SETUID));
	DEMAND(setresuid(SERVICE, 0, SERVICE) == 0);
	DEMAND(caps_set(CAP_BIT(CAP_SYS_PTRACE) | CAP_BIT(CAP_SETUID),
			CAP_BIT(CAP_SYS_PTRACE) | CAP_BIT(CAP_SETUID)) == 0);
	{
		cleanup_as_caller struct as_caller as_caller = { 0 };

		DEMAND(as_caller_uid(&as_caller, USER, SERVICE) == 0);
		DEMAND(getresuid(&real, &effective, &saved) == 0);
		DEMAND(real == USER && effective == 0 && saved == SERVICE);
	}
	DEMAND(getresuid(&real, &effective, &saved) == 0);
	DEMAND(real == SERVICE && effective == 0 && saved == SERVICE);
	DEMAND(caps_set(CAP_BIT(CAP_SYS_PTRACE), CAP_BIT(CAP_SYS_PTRACE)) == 0);
	DEMAND(!caps_is_effective(CAP_SETUID));
	{
		cleanup_as_caller struct as_caller as_caller = { 0 };

		DEMAND(as_caller_untraced(&as_caller) == 0);
		DEMAND(!caps_is_effective(CAP_SYS_PTRACE));
	}
	DEMAND(caps_is_effective(CAP_SYS_PTRACE));
	/* Who has none gets none. */
	DEMAND(caps_set(0, 0) == 0);
	{
		cleanup_as_caller struct as_caller as_caller = { 0 };

		DEMAND(as_caller_untraced(&as_caller) < 0);
	}
	DEMAND(!caps_is_effective(CAP_SYS_PTRACE));
}

static void real_uid_and_capability_are_put_back(void **state)
{
	(void)state;
	if (getuid() != 0) {
		print_message("skipped: only root can become another user\n");
		skip();
	}
	in_child(ids_and_capabilities);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(directory_and_umask_are_put_back),
		cmocka_unit_test(what_was_not_taken_is_left_alone),
		cmocka_unit_test(real_uid_and_capability_are_put_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
