/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Judging unix destinations in a tree of their own, where this process is the caller. Run by
 * `make unit`; needs no root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "judge_fixture.h"
#include "util.h"
#include "vouchers.h"

#define TREE_MAX 64
#define TEXT_MAX 256

static struct fixture fixture;
static char tree[TREE_MAX]; /* canonical, below /tmp */
static int server;

static const char *in_tree(const char *name)
{
	static char path[TEXT_MAX];

	snprintf(path, sizeof(path), "%s/%s", tree, name);
	return path;
}

static struct sockaddr_un address_of_path(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	assert_true(strlen(path) < sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path));
	return address;
}

static int serve_at(const char *path, bool listens)
{
	const struct sockaddr_un address = address_of_path(path);
	int fd = socket_open(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(0, bind(fd, (const struct sockaddr *)&address, sizeof(address)));
	assert_int_equal(0, listens ? listen(fd, 1) : 0);
	return fd;
}

static int tree_open(void **state)
{
	char target[TEXT_MAX];

	(void)state;
	snprintf(tree, sizeof(tree), "/tmp/sandlock-judge.XXXXXX");
	assert_non_null(mkdtemp(tree));
	server = serve_at(in_tree("socket"), true);
	close(serve_at(in_tree("stale"), false));
	close(open(in_tree("file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	snprintf(target, sizeof(target), "%s", in_tree("socket"));
	assert_int_equal(0, symlink(target, in_tree("link")));
	assert_int_equal(0, symlink("nowhere", in_tree("dangling")));
	assert_int_equal(0, symlink("loop", in_tree("loop")));
	return 0;
}

static int tree_close(void **state)
{
	static const char *const names[] = { "socket", "stale", "file", "link", "dangling", "loop" };

	(void)state;
	close(server);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlink(in_tree(names[i]));
	return rmdir(tree);
}

static int open_test(void **state)
{
	(void)state;
	fixture_open(&fixture);
	fixture.judgement = judgement_none;
	caller_fetch_status(&fixture.copies.caller, getpid());
	caller_fetch_directories(&fixture.copies.caller, getpid(), true);
	fixture_kind(&fixture, __NR_connect, AF_UNIX, SOCK_STREAM, 0);
	return 0;
}

static int close_test(void **state)
{
	(void)state;
	util_cleanup_fd(&fixture.judgement.path_fd);
	caller_forget(&fixture.copies.caller);
	listeners_close(&fixture.rules.listeners);
	unlink(in_tree("own"));
	return 0;
}

static void judge_bytes(const void *address, socklen_t length)
{
	util_cleanup_fd(&fixture.judgement.path_fd);
	fixture_address(&fixture, address, length);
	fixture_judge(&fixture, judge_unix);
}

static void judge_at(const char *path)
{
	const struct sockaddr_un address = address_of_path(path);

	judge_bytes(&address, sizeof(address));
}

static void judge_abstract_name(const char *name, size_t length)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memcpy(address.sun_path + 1, name, length);
	judge_bytes(&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length));
}

/* What is performed on is what was judged, by its descriptor. */
static void assert_leads_to(const char *path)
{
	const struct sockaddr_un *address = (const void *)&fixture.request.address;
	struct stat judged, there, performed;

	assert_true(fixture.judgement.path_fd >= 0);
	assert_int_equal(0, fstat(fixture.judgement.path_fd, &judged));
	assert_int_equal(0, stat(path, &there));
	assert_int_equal(0, stat(address->sun_path, &performed));
	assert_true(judged.st_ino == there.st_ino && judged.st_dev == there.st_dev);
	assert_true(judged.st_ino == performed.st_ino && judged.st_dev == performed.st_dev);
	assert_int_equal(sizeof(*address), fixture.request.length);
}

/* ---- paths ---- */

static void path_that_no_item_lists_is_refused(void **state)
{
	(void)state;
	judge_at(in_tree("socket"));
	assert_refused(&fixture, "unix", in_tree("socket"));
	assert_int_equal(EACCES, fixture.judgement.error);
}

static void path_that_is_listed_is_allowed_as_what_was_reached(void **state)
{
	(void)state;
	fixture_add_socket(&fixture, SOCKET_PATH, in_tree("socket"), 3);
	judge_at(in_tree("socket"));
	assert_allowed(&fixture);
	assert_leads_to(in_tree("socket"));
	judge_at(in_tree("stale"));
	assert_refused(&fixture, "unix", in_tree("stale"));
}

static void path_of_a_link_is_judged_by_where_it_leads(void **state)
{
	(void)state;
	fixture_add_socket(&fixture, SOCKET_PATH, in_tree("link"), 3);
	judge_at(in_tree("link"));
	assert_refused(&fixture, "unix", in_tree("socket"));
	fixture_add_socket(&fixture, SOCKET_PATH, in_tree("socke*"), 3);
	judge_at(in_tree("link"));
	assert_allowed(&fixture);
	assert_leads_to(in_tree("socket"));
}

static void path_that_leads_nowhere_is_a_mistake(void **state)
{
	struct sockaddr_un longest = { .sun_family = AF_UNIX };

	(void)state;
	fixture_add_socket(&fixture, SOCKET_PATH, "*", 3);
	judge_at(in_tree("missing"));
	assert_mistake(&fixture, ENOENT);
	assert_int_equal(-1, fixture.judgement.path_fd);
	judge_at(in_tree("dangling"));
	assert_mistake(&fixture, ENOENT);
	judge_at(in_tree("loop"));
	assert_mistake(&fixture, ELOOP);
	judge_at(in_tree("file/socket"));
	assert_mistake(&fixture, ENOTDIR);
	/* No NUL ends it. */
	memset(longest.sun_path, 'x', sizeof(longest.sun_path));
	longest.sun_path[0] = '/';
	judge_bytes(&longest, sizeof(longest));
	assert_mistake(&fixture, ENOENT);
}

static void path_of_magic_links_is_not_followed(void **state)
{
	char path[TREE_MAX];

	(void)state;
	fixture_add_socket(&fixture, SOCKET_PATH, "*", 3);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fixture.copies.caller.root);
	judge_at(path);
	assert_mistake(&fixture, ELOOP);
}

/* The kernel says what is wrong with it. */
static void path_of_no_socket_is_left_to_the_kernel(void **state)
{
	(void)state;
	judge_at(in_tree("file"));
	assert_allowed(&fixture);
	assert_leads_to(in_tree("file"));
}

static void path_without_a_known_place_is_refused(void **state)
{
	(void)state;
	fixture_add_socket(&fixture, SOCKET_PATH, "*", 3);
	caller_forget(&fixture.copies.caller);
	judge_at(in_tree("socket"));
	assert_mistake(&fixture, EACCES);
	fixture.copies.caller.root = open("/", O_PATH | O_CLOEXEC);
	judge_at("socket");
	assert_mistake(&fixture, EACCES);
	judge_at(in_tree("socket"));
	assert_allowed(&fixture);
}

static void path_in_the_working_directory_is_followed(void **state)
{
	(void)state;
	fixture_add_socket(&fixture, SOCKET_PATH, in_tree("socket"), 3);
	close(fixture.copies.caller.directory);
	fixture.copies.caller.directory = open(tree, O_PATH | O_CLOEXEC);
	judge_at("socket");
	assert_allowed(&fixture);
	assert_leads_to(in_tree("socket"));
	judge_at("../missing");
	assert_mistake(&fixture, ENOENT);
}

static void path_in_another_root_is_followed_only_from_there(void **state)
{
	(void)state;
	fixture_add_socket(&fixture, SOCKET_PATH, in_tree("socket"), 3);
	close(fixture.copies.caller.root);
	fixture.copies.caller.root = open(tree, O_PATH | O_CLOEXEC);
	judge_at("/socket");
	assert_allowed(&fixture);
	assert_leads_to(in_tree("socket"));
	judge_at("/../../socket");
	assert_allowed(&fixture);
	assert_leads_to(in_tree("socket"));
	judge_at(in_tree("socket"));
	assert_mistake(&fixture, ENOENT);
	judge_at("socket");
	assert_mistake(&fixture, EACCES);
}

static void path_for_another_user_is_only_what_the_plan_always_allows(void **state)
{
	(void)state;
	fixture.rules.multi_uid = true;
	fixture.copies.caller.status.file_uid = fixture.header.uid + 4711;
	fixture_add_socket(&fixture, SOCKET_PATH, in_tree("socket"), 3);
	judge_at(in_tree("socket"));
	assert_refused(&fixture, "unix", in_tree("socket"));
	fixture.sockets[0].line = 0;
	judge_at(in_tree("socket"));
	assert_allowed(&fixture);
	fixture.sockets[0].line = 3;
	fixture.copies.caller.known = false;
	judge_at(in_tree("socket"));
	assert_refused(&fixture, "unix", in_tree("socket"));
}

/* ---- own, agent, x11 ---- */

static void own_of_a_server_outside_is_refused(void **state)
{
	(void)state;
	fixture_add_socket(&fixture, SOCKET_OWN, "", 3);
	judge_at(in_tree("socket"));
	assert_refused(&fixture, "unix", in_tree("socket"));
}

/* As the session makes it listen. */
static int confined_serve_at(struct unix_listeners *listeners, const char *path)
{
	int fd = serve_at(path, false);
	const struct unix_holder holder = { .process = getpid(), .number = fd };

	assert_true(unix_listeners_add(listeners, fd, &holder) != 0);
	assert_int_equal(0, listen(fd, 1));
	return fd;
}

static void own_of_a_confined_server_is_allowed_until_it_ends(void **state)
{
	int fd = confined_serve_at(&fixture.rules.listeners, in_tree("own"));

	(void)state;
	judge_at(in_tree("own"));
	assert_refused(&fixture, "unix", in_tree("own"));
	fixture_add_socket(&fixture, SOCKET_OWN, "", 3);
	for (int i = 0; i < 3; i++) {
		judge_at(in_tree("own"));
		assert_allowed(&fixture);
		assert_leads_to(in_tree("own"));
	}
	judge_at(in_tree("socket"));
	assert_refused(&fixture, "unix", in_tree("socket"));
	close(fd);
	judge_at(in_tree("own"));
	assert_mistake(&fixture, ECONNREFUSED);
}

static void own_of_another_session_is_allowed_only_of_the_user(void **state)
{
	struct unix_listeners other;
	int fd;

	(void)state;
	memset(&other, 0, sizeof(other));
	unix_listeners_open(&other, getuid());
	fd = confined_serve_at(&other, in_tree("own"));
	fixture_add_socket(&fixture, SOCKET_OWN, "", 3);
	judge_at(in_tree("own"));
	assert_allowed(&fixture);
	assert_leads_to(in_tree("own"));
	/* The file is not the user's, whoever serves it. */
	fixture.header.uid++;
	judge_at(in_tree("own"));
	assert_refused(&fixture, "unix", in_tree("own"));
	fixture.header.uid--;
	close(fd);
	listeners_close(&other);
	judge_at(in_tree("own"));
	assert_mistake(&fixture, ECONNREFUSED);
}

/* Root in the session can have made it. */
static void own_of_the_session_may_be_another_users_file(void **state)
{
	int fd = confined_serve_at(&fixture.rules.listeners, in_tree("own"));

	(void)state;
	fixture_add_socket(&fixture, SOCKET_OWN, "", 3);
	fixture.header.uid++;
	judge_at(in_tree("own"));
	assert_allowed(&fixture);
	close(fd);
}

static void own_for_another_user_is_refused(void **state)
{
	int fd = confined_serve_at(&fixture.rules.listeners, in_tree("own"));

	(void)state;
	fixture_add_socket(&fixture, SOCKET_OWN, "", 3);
	fixture.rules.multi_uid = true;
	fixture.copies.caller.status.file_uid = fixture.header.uid + 4711;
	judge_at(in_tree("own"));
	assert_refused(&fixture, "unix", in_tree("own"));
	fixture.copies.caller.status.file_uid = fixture.header.uid;
	judge_at(in_tree("own"));
	assert_allowed(&fixture);
	close(fd);
}

static void own_abstract_name_is_held_while_it_is_served(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	cleanup_fd int client = socket_open(AF_UNIX, SOCK_STREAM, 0);
	int fd = socket_open(AF_UNIX, SOCK_STREAM, 0);
	const struct unix_holder holder = { .process = getpid(), .number = fd };
	char text[TREE_MAX];
	const char *name = text + 1;
	size_t length;

	(void)state;
	snprintf(text, sizeof(text), "@sandlock-judge-%d", (int)getpid());
	length = strlen(name);
	memcpy(address.sun_path + 1, name, length);
	assert_int_equal(0, bind(fd, (const struct sockaddr *)&address,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)));
	assert_true(unix_listeners_add(&fixture.rules.listeners, fd, &holder) != 0);
	assert_int_equal(0, listen(fd, 1));
	fixture_add_socket(&fixture, SOCKET_OWN, "", 3);
	fixture.request.socket_fd = client;
	judge_abstract_name(name, length);
	assert_allowed(&fixture);
	assert_true(fixture.judgement.path_fd >= 0);
	close(fd);
	judge_abstract_name(name, length);
	assert_refused(&fixture, "unix", text);
	assert_int_equal(ECONNREFUSED, fixture.judgement.error);
}

static void own_of_a_datagram_socket_that_is_gone_is_a_mistake(void **state)
{
	(void)state;
	fixture_add_socket(&fixture, SOCKET_OWN, "", 3);
	fixture.request.kind.type = SOCK_DGRAM;
	judge_at(in_tree("stale"));
	assert_mistake(&fixture, ECONNREFUSED);
}

static void own_of_another_users_socket_is_refused(void **state)
{
	(void)state;
	fixture_add_socket(&fixture, SOCKET_OWN, "", 3);
	fixture.header.uid++;
	judge_at(in_tree("stale"));
	assert_refused(&fixture, "unix", in_tree("stale"));
}

static void agent_is_allowed_only_where_own_is_listed(void **state)
{
	struct stat status;

	(void)state;
	assert_int_equal(0, stat(in_tree("socket"), &status));
	fixture.rules.agent = (struct agent){ true, status.st_dev, status.st_ino };
	judge_at(in_tree("socket"));
	assert_refused(&fixture, "unix", in_tree("socket"));
	fixture_add_socket(&fixture, SOCKET_OWN, "", 3);
	judge_at(in_tree("link"));
	assert_allowed(&fixture);
	assert_leads_to(in_tree("socket"));
	fixture.rules.agent.inode++;
	judge_at(in_tree("socket"));
	assert_refused(&fixture, "unix", in_tree("socket"));
	fixture.rules.agent = (struct agent){ false, status.st_dev, status.st_ino };
	judge_at(in_tree("socket"));
	assert_refused(&fixture, "unix", in_tree("socket"));
	fixture.rules.agent.known = true;
	fixture.rules.multi_uid = true;
	fixture.copies.caller.status.file_uid = fixture.header.uid + 4711;
	judge_at(in_tree("socket"));
	assert_refused(&fixture, "unix", in_tree("socket"));
}

static void x11_is_the_display_of_the_session_alone(void **state)
{
	static const char display[] = "/tmp/.X11-unix/X7";

	(void)state;
	fixture_add_socket(&fixture, SOCKET_X11, "", 3);
	judge_abstract_name(display, strlen(display));
	assert_refused(&fixture, "unix", "@/tmp/.X11-unix/X7");
	assert_int_equal(ECONNREFUSED, fixture.judgement.error);
	fixture.rules.display = 7;
	judge_abstract_name(display, strlen(display));
	assert_allowed(&fixture);
	judge_abstract_name(display, strlen(display) - 1);
	assert_refused(&fixture, "unix", "@/tmp/.X11-unix/X");
	judge_abstract_name(display, sizeof(display));
	assert_refused(&fixture, "unix", "@/tmp/.X11-unix/X7@");
}

/* ---- names ---- */

static void abstract_name_is_allowed_only_by_an_abstract_item(void **state)
{
	(void)state;
	fixture_add_socket(&fixture, SOCKET_PATH, "*", 3);
	fixture_add_socket(&fixture, SOCKET_OWN, "", 3);
	judge_abstract_name("name", 4);
	assert_refused(&fixture, "unix", "@name");
	assert_int_equal(ECONNREFUSED, fixture.judgement.error);
	fixture_add_socket(&fixture, SOCKET_ABSTRACT, "nam*", 3);
	judge_abstract_name("name", 4);
	assert_allowed(&fixture);
	assert_int_equal(-1, fixture.judgement.path_fd);
	judge_abstract_name("other\0name", 10);
	assert_refused(&fixture, "unix", "@other@name");
}

static void abstract_name_of_the_supervisors_is_refused(void **state)
{
	static const char name[] = UNIX_LISTENERS_PREFIX "x";

	(void)state;
	fixture_add_socket(&fixture, SOCKET_ABSTRACT, "*", 3);
	judge_abstract_name(name, strlen(name));
	assert_refused(&fixture, "unix", "@" UNIX_LISTENERS_PREFIX "x");
}

static void abstract_name_for_another_user_is_refused(void **state)
{
	(void)state;
	fixture_add_socket(&fixture, SOCKET_ABSTRACT, "*", 3);
	fixture.rules.multi_uid = true;
	fixture.copies.caller.status.file_uid = fixture.header.uid + 4711;
	judge_abstract_name("name", 4);
	assert_refused(&fixture, "unix", "@name");
}

static void address_that_is_none_leads_nowhere(void **state)
{
	struct sockaddr_storage address = { .ss_family = AF_UNIX };
	const socklen_t lengths[] = { 0, 1, 2, sizeof(struct sockaddr_un) + 1, sizeof(address) };

	(void)state;
	memset((char *)&address + 2, 'x', sizeof(address) - 2);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		judge_bytes(&address, lengths[i]);
		assert_allowed(&fixture);
		assert_int_equal(0, fixture.request.address.generic.sa_data[0]);
		assert_int_equal(lengths[i], fixture.request.length);
	}
	address.ss_family = AF_INET;
	judge_bytes(&address, sizeof(struct sockaddr_un));
	assert_allowed(&fixture);
	assert_int_equal(0, fixture.request.address.generic.sa_data[0]);
}

static void send_is_refused_only_after_what_the_kernel_says(void **state)
{
	const struct sockaddr_un address = address_of_path(in_tree("socket"));

	(void)state;
	fixture_kind(&fixture, __NR_sendto, AF_UNIX, SOCK_DGRAM, 0);
	fixture_address(&fixture, &address, sizeof(address));
	fixture_judge(&fixture, judge_send);
	assert_refused(&fixture, "unix", in_tree("socket"));
	assert_true(fixture.judgement.kernel_first);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_test, close_test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(path_that_no_item_lists_is_refused),
		TEST(path_that_is_listed_is_allowed_as_what_was_reached),
		TEST(path_of_a_link_is_judged_by_where_it_leads),
		TEST(path_that_leads_nowhere_is_a_mistake),
		TEST(path_of_magic_links_is_not_followed),
		TEST(path_of_no_socket_is_left_to_the_kernel),
		TEST(path_without_a_known_place_is_refused),
		TEST(path_in_the_working_directory_is_followed),
		TEST(path_in_another_root_is_followed_only_from_there),
		TEST(path_for_another_user_is_only_what_the_plan_always_allows),
		TEST(own_of_a_server_outside_is_refused),
		TEST(own_of_a_confined_server_is_allowed_until_it_ends),
		TEST(own_of_another_session_is_allowed_only_of_the_user),
		TEST(own_of_the_session_may_be_another_users_file),
		TEST(own_for_another_user_is_refused),
		TEST(own_abstract_name_is_held_while_it_is_served),
		TEST(own_of_a_datagram_socket_that_is_gone_is_a_mistake),
		TEST(own_of_another_users_socket_is_refused),
		TEST(agent_is_allowed_only_where_own_is_listed),
		TEST(x11_is_the_display_of_the_session_alone),
		TEST(abstract_name_is_allowed_only_by_an_abstract_item),
		TEST(abstract_name_of_the_supervisors_is_refused),
		TEST(abstract_name_for_another_user_is_refused),
		TEST(address_that_is_none_leads_nowhere),
		TEST(send_is_refused_only_after_what_the_kernel_says),
	};

	return cmocka_run_group_tests(tests, tree_open, tree_close);
}
