/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Landlock layers, put on in children of this program; each kernel's offer is tried as far as
 * the kernel beneath has it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "landlock.h"
#include "plan_fixture.h"
#include "util.h"

static char place[64];
static int here;

static int place_make(void **state)
{
	(void)state;
	snprintf(place, sizeof(place), "/tmp/sandlock-landlock.XXXXXX");
	if (!mkdtemp(place))
		return -1;
	here = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return here < 0 || mkdirat(here, "one", 0755) || mkdirat(here, "two", 0755);
}

static int place_remove(void **state)
{
	static const char *const files[] = { "one/file", "two/file", "two/made", "link" };
	int failed;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		unlinkat(here, files[i], 0);
	failed = unlinkat(here, "one", AT_REMOVEDIR) | unlinkat(here, "two", AT_REMOVEDIR);
	close(here);
	return failed | rmdir(place);
}

static void file_make(const char *name)
{
	int fd = openat(here, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(3, write(fd, "abc", 3));
	close(fd);
}

/* What a child came to that put the layers of `plan` on as a kernel of this ABI has them, then did
 * `work`: its errno, 0, or 255 where a layer failed. */
static int inside(const struct plan *plan, int abi, int (*work)(void))
{
	pid_t child;
	int status;

	if (landlock_abi() < LANDLOCK_ABI_REFER)
		skip();
	child = fork();
	if (child == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (landlock_restrict_common(plan, abi) || landlock_restrict_session(plan, abi, 0))
			_exit(255);
		_exit(work());
	}
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int error_of(int result)
{
	return result < 0 ? errno : 0;
}

static int open_as(const char *name, int flags)
{
	cleanup_fd int fd = openat(here, name, flags | O_CLOEXEC, 0644);

	return error_of(fd);
}

/* ---- names and what is in them ---- */

static int move_file(void)
{
	return error_of(renameat(here, "one/file", here, "two/file"));
}

static int read_file(void)
{
	return open_as("one/file", O_RDONLY);
}

static int write_file(void)
{
	return open_as("one/file", O_RDWR);
}

static int make_file(void)
{
	return open_as("two/made", O_RDWR | O_CREAT);
}

static int truncate_file(void)
{
	char name[96];

	snprintf(name, sizeof(name), "%s/one/file", place);
	return error_of(truncate(name, 1));
}

/* A plan of what can be read and what written below the place; NULL: it says nothing of files. */
static struct plan files_plan(const char *read, const char *write)
{
	struct plan_builder *builder = builder_minimal();
	const char *names[] = { read, write };

	for (uint32_t i = 0; i < 2; i++) {
		char path[96];

		if (!names[i])
			continue;
		plan_builder_header(builder)->flags |= PLAN_FILES;
		snprintf(path, sizeof(path), "%s/%s", place, names[i]);
		assert_int_equal(0, plan_add_file(builder, &(struct plan_file){
								   .path = string_of(builder, path),
								   .rights = i == 0 ? FILE_READ
										    : FILE_WRITE }));
	}
	return mapped(sealed(builder));
}

/* Every port opened: the first layer then has nothing to forbid. */
static struct plan open_plan(void)
{
	struct plan_builder *builder = builder_minimal();
	struct rule rule = rule_of(builder, "*:*");

	plan_builder_header(builder)->flags |= PLAN_BIND_ANY;
	assert_int_equal(0, plan_add_rule(builder, &rule));
	return mapped(sealed(builder));
}

static void names_move_freely_where_files_are_free(void **state)
{
	struct plan plans[] = { files_plan(NULL, NULL), open_plan() };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
		for (int abi = LANDLOCK_ABI_REFER; abi <= landlock_abi(); abi++) {
			file_make("one/file");
			assert_int_equal(0, inside(&plans[i], abi, move_file));
		}
		plan_unmap(&plans[i]);
	}
}

static void files_are_what_their_lists_say(void **state)
{
	struct plan plan = files_plan("one", "two");
	int abi = landlock_abi();

	(void)state;
	file_make("one/file");
	assert_int_equal(0, inside(&plan, abi, read_file));
	assert_int_equal(EACCES, inside(&plan, abi, write_file));
	/* Before ABI 3 Landlock knows no truncation, and the filter has to. */
	assert_int_equal(abi < LANDLOCK_ABI_TRUNCATE ? 0 : EACCES, inside(&plan, abi, truncate_file));
	assert_int_equal(0, inside(&plan, abi, make_file));
	assert_int_equal(EACCES, inside(&plan, abi, move_file));
	assert_int_equal(0, inside(&plan, LANDLOCK_ABI_REFER, truncate_file));
	assert_int_equal(EACCES, inside(&plan, LANDLOCK_ABI_REFER, write_file));
	plan_unmap(&plan);
}

static void path_that_is_not_there_grants_nothing_and_fails_nobody(void **state)
{
	struct plan plan = files_plan("nowhere", "two");

	(void)state;
	file_make("one/file");
	assert_int_equal(EACCES, inside(&plan, landlock_abi(), read_file));
	plan_unmap(&plan);
}

static int read_linked(void)
{
	return open_as("link/file", O_RDONLY);
}

/* /tmp is everybody's: where a link there leads is not what root wrote into the policy. */
static void link_that_others_can_change_grants_nothing(void **state)
{
	struct plan plan = files_plan("link", "two");

	(void)state;
	file_make("one/file");
	assert_int_equal(0, symlinkat("one", here, "link"));
	assert_int_equal(0, read_linked());
	assert_int_equal(EACCES, inside(&plan, landlock_abi(), read_linked));
	assert_int_equal(EACCES, inside(&plan, landlock_abi(), read_file));
	plan_unmap(&plan);
}

/* ---- ports, signals ---- */

static uint16_t port;

static int dial(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	cleanup_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return error_of(connect(fd, (struct sockaddr *)&in, sizeof(in)));
}

static int take_port(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	cleanup_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return error_of(bind(fd, (struct sockaddr *)&in, sizeof(in)));
}

static struct plan port_plan(uint16_t named)
{
	struct plan_builder *builder = builder_minimal();
	const struct port_range ports = { named, named };
	struct rule rule = rule_of(builder, "*:1");

	rule.ports_first = (uint32_t)plan_add_ports(builder, &ports, 1);
	rule.ports_count = 1;
	assert_int_equal(0, plan_add_rule(builder, &rule));
	assert_int_equal(0, plan_add_bind(builder, ports));
	return mapped(sealed(builder));
}

/* Ports of the system's own range, on which nobody listens here. */
static void port_that_no_rule_names_is_refused(void **state)
{
	struct plan plan = port_plan(1023);
	int abi = landlock_abi();

	(void)state;
	if (abi < LANDLOCK_ABI_NET)
		skip();
	port = 1023;
	assert_int_equal(ECONNREFUSED, inside(&plan, abi, dial));
	assert_int_not_equal(EADDRINUSE, inside(&plan, abi, take_port));
	port = 1022;
	assert_int_equal(EACCES, inside(&plan, abi, dial));
	assert_int_equal(EACCES, inside(&plan, abi, take_port));
	/* A client's bind: the listen decides about it. */
	port = 0;
	assert_int_equal(0, inside(&plan, abi, take_port));
	port = 1022;
	assert_int_equal(ECONNREFUSED, inside(&plan, LANDLOCK_ABI_TRUNCATE, dial));
	assert_true(landlock_decides_binds(&plan, abi));
	assert_false(landlock_decides_binds(&plan, LANDLOCK_ABI_TRUNCATE));
	plan_unmap(&plan);
}

static int signal_parent(void)
{
	return error_of(kill(getppid(), 0));
}

static int read_parent(void)
{
	char byte;
	struct iovec local = { &byte, 1 }, remote = { place, 1 };

	return error_of((int)process_vm_readv(getppid(), &local, 1, &remote, 1, 0));
}

static void what_is_outside_is_out_of_reach(void **state)
{
	struct plan plan = open_plan();
	int abi = landlock_abi();

	(void)state;
	if (abi >= LANDLOCK_ABI_SCOPE)
		assert_int_equal(EPERM, inside(&plan, abi, signal_parent));
	assert_int_equal(0, inside(&plan, LANDLOCK_ABI_NET - 1, signal_parent));
	for (int each = LANDLOCK_ABI_REFER; each <= abi; each++)
		assert_int_equal(EPERM, inside(&plan, each, read_parent));
	plan_unmap(&plan);
}

static void kernel_below_the_floor_is_refused(void **state)
{
	struct plan plan = open_plan();

	(void)state;
	assert_int_equal(-EOPNOTSUPP, landlock_restrict_common(&plan, 1));
	assert_int_equal(-EOPNOTSUPP, landlock_restrict_session(&plan, 1, 0));
	plan_unmap(&plan);
}

static void required_protection_that_lacks_is_named(void **state)
{
	static const struct {
		uint32_t require;
		int abi;
		const char *missing;
	} rows[] = {
		{ 0, LANDLOCK_ABI_REFER, NULL },
		{ REQUIRE_TRUNCATE, LANDLOCK_ABI_REFER, "truncate" },
		{ REQUIRE_TRUNCATE, LANDLOCK_ABI_TRUNCATE, NULL },
		{ REQUIRE_TCP, LANDLOCK_ABI_TRUNCATE, "tcp" },
		{ REQUIRE_TCP, LANDLOCK_ABI_NET, NULL },
		{ REQUIRE_TCP | REQUIRE_IOCTL, LANDLOCK_ABI_NET, "ioctl" },
		{ REQUIRE_SIGNALS, LANDLOCK_ABI_IOCTL, "signals" },
		{ REQUIRE_SIGNALS | REQUIRE_IOCTL, LANDLOCK_ABI_SCOPE, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct plan_header header = { .require = rows[i].require };
		struct plan plan = { .header = &header };
		const char *missing = landlock_missing(&plan, rows[i].abi);

		if (!rows[i].missing)
			assert_null(missing);
		else
			assert_string_equal(rows[i].missing, missing);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_move_freely_where_files_are_free),
		cmocka_unit_test(files_are_what_their_lists_say),
		cmocka_unit_test(path_that_is_not_there_grants_nothing_and_fails_nobody),
		cmocka_unit_test(link_that_others_can_change_grants_nothing),
		cmocka_unit_test(port_that_no_rule_names_is_refused),
		cmocka_unit_test(what_is_outside_is_out_of_reach),
		cmocka_unit_test(kernel_below_the_floor_is_refused),
		cmocka_unit_test(required_protection_that_lacks_is_named),
	};

	return cmocka_run_group_tests(tests, place_make, place_remove);
}
