/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which helpers a plan has, what they get, and that none stays. The module is included, so that a
 * script of the test's can be one.
 */
#undef LIBEXECDIR
#define LIBEXECDIR "libexec" /* in the test's own directory */
#include "../../lib/session/helper.c"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "plan_fixture.h"

#define PROGRAM  "libexec/sandlock-resolver"
#define WAIT_MS  10000
#define TEXT_MAX 256

static char directory[] = "/tmp/test_helper.XXXXXX";
static char before[TEXT_MAX];

static int directory_make(void **state)
{
	(void)state;
	return !getcwd(before, sizeof(before)) || !mkdtemp(directory) || chdir(directory) ||
	       mkdir("libexec", 0700);
}

static int directory_remove(void **state)
{
	(void)state;
	unlink(PROGRAM);
	return rmdir("libexec") || chdir(before) || rmdir(directory);
}

static void program_write(const char *text)
{
	FILE *file = fopen(PROGRAM, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(0, fclose(file));
	assert_int_equal(0, chmod(PROGRAM, 0700));
}

static int plan_with_names(struct plan *ret_plan)
{
	struct plan_builder *builder = builder_minimal();
	int memfd;

	plan_builder_header(builder)->flags |= PLAN_UDP;
	assert_int_equal(0, plan_add_host(builder, "name.test"));
	memfd = sealed(builder);
	assert_int_equal(0, plan_map(memfd, ret_plan));
	return memfd;
}

static void plan_without_udp_has_a_network_of_its_own(void **state)
{
	struct plan plan = mapped(sealed(builder_minimal()));

	(void)state;
	assert_true(helper_is_needed(HELPER_NETWORK, &plan));
	plan_unmap(&plan);
}

static void plan_with_udp_and_without_names_has_no_helper(void **state)
{
	struct plan_builder *builder = builder_minimal();
	struct failure failure = { 0 };
	struct helpers helpers;
	struct plan plan;

	(void)state;
	plan_builder_header(builder)->flags |= PLAN_UDP;
	plan = mapped(sealed(builder));
	for (int i = 0; i < HELPERS; i++)
		assert_false(helper_is_needed((enum helper)i, &plan));
	/* There is no program yet, either. */
	assert_int_equal(0, helpers_start(&plan, -1, NULL, &helpers, &failure));
	for (int i = 0; i < HELPERS; i++) {
		assert_int_equal(0, helpers.pids[i]);
		assert_int_equal(-1, helpers.sockets[i]);
	}
	helpers_close(&helpers);
	plan_unmap(&plan);
}

static void program_that_is_missing_named(void **state)
{
	struct failure failure = { 0 };
	struct helpers helpers;
	struct plan plan;
	int memfd = plan_with_names(&plan);

	(void)state;
	assert_true(helper_is_needed(HELPER_RESOLVER, &plan));
	assert_int_equal(-ENOENT, helpers_start(&plan, memfd, NULL, &helpers, &failure));
	assert_int_equal(-ENOENT, failure.error);
	assert_string_equal("cannot start " PROGRAM, failure.text);
	plan_unmap(&plan);
	close(memfd);
}

static void helper_has_plan_and_socket_and_ends_with_it(void **state)
{
	struct failure failure = { 0 };
	struct helpers helpers;
	char said[TEXT_MAX] = "";
	struct pollfd poller;
	struct stat expected;
	char wanted[TEXT_MAX];
	struct plan plan;
	int memfd = plan_with_names(&plan);
	int pidfd;

	(void)state;
	program_write("#!/bin/sh\nstat -L -c %i /dev/fd/3 >&4\nexec cat <&4 >&4\n");
	assert_int_equal(0, fstat(memfd, &expected));
	assert_int_equal(0, helpers_start(&plan, memfd, NULL, &helpers, &failure));
	assert_true(helpers.pids[HELPER_RESOLVER] > 0);
	assert_true(recv(helpers.sockets[HELPER_RESOLVER], said, sizeof(said) - 1, 0) > 0);
	snprintf(wanted, sizeof(wanted), "%llu\n", (unsigned long long)expected.st_ino);
	assert_string_equal(wanted, said);
	assert_int_equal(2, send(helpers.sockets[HELPER_RESOLVER], "hi", 2, 0));
	assert_int_equal(2, recv(helpers.sockets[HELPER_RESOLVER], said, sizeof(said), 0));

	pidfd = (int)syscall(SYS_pidfd_open, helpers.pids[HELPER_RESOLVER], 0);
	assert_true(pidfd >= 0);
	helpers_close(&helpers);
	poller = (struct pollfd){ pidfd, POLLIN, 0 };
	assert_int_equal(1, poll(&poller, 1, WAIT_MS));
	close(pidfd);
	plan_unmap(&plan);
	close(memfd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plan_without_udp_has_a_network_of_its_own),
		cmocka_unit_test(plan_with_udp_and_without_names_has_no_helper),
		cmocka_unit_test(program_that_is_missing_named),
		cmocka_unit_test(helper_has_plan_and_socket_and_ends_with_it),
	};

	return cmocka_run_group_tests(tests, directory_make, directory_remove);
}
