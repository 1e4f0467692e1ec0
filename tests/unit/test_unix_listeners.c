/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which unix sockets are served inside, on real sockets whose files are moved, linked and removed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "judge_fixture.h"
#include "unix_listeners.h"
#include "util.h"
#include "vouchers.h"

#define NAME_MAX_HERE 100

struct place {
	char directory[NAME_MAX_HERE];
	struct unix_listeners listeners;
	struct unix_listeners other; /* of another session of the same user */
};

static int place_make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	memcpy(place->directory, "/tmp/sandlock-listeners.XXXXXX",
	       sizeof("/tmp/sandlock-listeners.XXXXXX"));
	if (!mkdtemp(place->directory))
		return -1;
	unix_listeners_open(&place->listeners, getuid());
	unix_listeners_open(&place->other, getuid());
	*state = place;
	return 0;
}

static int place_remove(void **state)
{
	struct place *place = *state;
	char path[NAME_MAX_HERE + 16];

	for (const char *name = "abc"; *name; name++) {
		snprintf(path, sizeof(path), "%s/%c", place->directory, *name);
		unlink(path);
	}
	rmdir(place->directory);
	listeners_close(&place->listeners);
	listeners_close(&place->other);
	free(place);
	return 0;
}

static void path_of(const struct place *place, char name, struct sockaddr_un *address)
{
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "%s/%c", place->directory, name);
}

static int bound(const struct place *place, char name)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	path_of(place, name, &address);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&address, sizeof(address)));
	return fd;
}

static struct unix_holder holder_here(int fd)
{
	return (struct unix_holder){ .process = getpid(), .number = fd };
}

static uint64_t add(struct unix_listeners *listeners, int fd)
{
	const struct unix_holder holder = holder_here(fd);

	return unix_listeners_add(listeners, fd, &holder);
}

/* Of somebody's outside. */
static int server(const struct place *place, char name)
{
	int fd = bound(place, name);

	assert_int_equal(0, listen(fd, 5));
	return fd;
}

/* Of the session's. */
static int confined(struct place *place, char name)
{
	int fd = bound(place, name);

	assert_true(add(&place->listeners, fd));
	assert_int_equal(0, listen(fd, 5));
	return fd;
}

static int find_type = SOCK_STREAM;

static enum unix_server find(const struct place *place, struct unix_listeners *listeners, char name)
{
	struct sockaddr_un address;
	struct stat status;
	enum unix_server found;
	int fd;

	path_of(place, name, &address);
	fd = open(address.sun_path, O_PATH | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(0, fstat(fd, &status));
	found = unix_listeners_find(listeners, fd, &status, find_type);
	close(fd);
	return found;
}

static enum unix_server found(struct place *place, char name)
{
	return find(place, &place->listeners, name);
}

static void confined_server_is_found_until_it_closes(void **state)
{
	struct place *place = *state;
	int fd = confined(place, 'a');

	for (int i = 0; i < 4; i++)
		assert_int_equal(UNIX_SERVER_SESSION, found(place, 'a'));
	close(fd);
	for (int i = 0; i < 2; i++)
		assert_int_equal(UNIX_SERVER_NONE, found(place, 'a'));
}

static void server_of_somebody_else_is_outside(void **state)
{
	struct place *place = *state;
	int ours = confined(place, 'a');
	int other = server(place, 'b');

	assert_int_equal(UNIX_SERVER_SESSION, found(place, 'a'));
	assert_int_equal(UNIX_SERVER_OUTSIDE, found(place, 'b'));
	close(other);
	close(ours);
}

static void another_session_of_the_user_knows_by_the_voucher(void **state)
{
	struct place *place = *state;
	int fd = confined(place, 'a');

	for (int i = 0; i < 4; i++)
		assert_int_equal(UNIX_SERVER_CONFINED, find(place, &place->other, 'a'));
	close(fd);
	assert_int_equal(UNIX_SERVER_NONE, find(place, &place->other, 'a'));
}

static void session_of_another_user_knows_nothing(void **state)
{
	struct place *place = *state;
	int fd = confined(place, 'a');

	place->other.uid = getuid() + 1;
	assert_int_equal(UNIX_SERVER_OUTSIDE, find(place, &place->other, 'a'));
	close(fd);
}

static int named(const struct place *place, int vouched_for)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t cookie;
	socklen_t size = sizeof(cookie);
	int length;

	assert_int_equal(0, getsockopt(vouched_for, SOL_SOCKET, SO_COOKIE, &cookie, &size));
	length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
			  UNIX_LISTENERS_PREFIX "%u/%016lx", (unsigned)place->other.uid,
			  (unsigned long)cookie);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&address,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
					     (size_t)length)));
	return fd;
}

/* bind(2) is free; listen(2) at such a name is what no session can do. */
static void name_that_does_not_listen_vouches_for_nothing(void **state)
{
	struct place *place = *state;
	int fd = server(place, 'a');
	int voucher = named(place, fd);

	assert_int_equal(UNIX_SERVER_OUTSIDE, found(place, 'a'));
	assert_int_equal(0, listen(voucher, 0));
	assert_int_equal(UNIX_SERVER_CONFINED, found(place, 'a'));
	close(voucher);
	close(fd);
}

static void name_of_another_user_vouches_for_nothing(void **state)
{
	struct place *place = *state;
	int fd = server(place, 'a');
	int voucher;

	if (geteuid() != 0)
		skip();
	assert_int_equal(0, seteuid(65534));
	voucher = named(place, fd);
	assert_int_equal(0, listen(voucher, 0));
	assert_int_equal(0, seteuid(0));
	assert_int_equal(UNIX_SERVER_OUTSIDE, found(place, 'a'));
	close(voucher);
	close(fd);
}

/* The name of ours, led to another's socket. */
static void name_that_was_moved_does_not_vouch(void **state)
{
	struct place *place = *state;
	struct sockaddr_un ours_name, other_name;
	int ours = confined(place, 'a');
	int other = server(place, 'b');

	assert_int_equal(UNIX_SERVER_SESSION, found(place, 'a'));
	path_of(place, 'a', &ours_name);
	path_of(place, 'b', &other_name);
	assert_int_equal(0, unlink(ours_name.sun_path));
	assert_int_equal(0, link(other_name.sun_path, ours_name.sun_path));
	assert_int_equal(UNIX_SERVER_OUTSIDE, found(place, 'a'));
	close(other);
	close(ours);
}

static void socket_that_failed_to_listen_is_forgotten(void **state)
{
	struct place *place = *state;
	int fd = bound(place, 'a');

	unix_listeners_drop(&place->listeners, add(&place->listeners, fd));
	assert_int_equal(0, listen(fd, 5));
	assert_int_equal(UNIX_SERVER_OUTSIDE, found(place, 'a'));
	assert_int_equal(UNIX_SERVER_OUTSIDE, find(place, &place->other, 'a'));
	close(fd);
}

/* Inode numbers are used again at once on many file systems. */
static void next_file_with_the_same_inode_is_not_ours(void **state)
{
	struct place *place = *state;

	for (int i = 0; i < 50; i++) {
		struct sockaddr_un address;
		int ours = confined(place, 'a');
		int other;

		for (int j = 0; j < i % 4; j++)
			assert_int_equal(UNIX_SERVER_SESSION, found(place, 'a'));
		path_of(place, 'a', &address);
		unlink(address.sun_path);
		close(ours);
		other = server(place, 'b');
		assert_int_equal(UNIX_SERVER_OUTSIDE, found(place, 'b'));
		path_of(place, 'b', &address);
		unlink(address.sun_path);
		close(other);
	}
}

static void oldest_is_forgotten_where_the_table_is_full(void **state)
{
	struct place *place = *state;
	struct sockaddr_un address;
	static int servers[UNIX_LISTENERS_MAX + 1];
	struct rlimit limit = { 4 * UNIX_LISTENERS_MAX, 4 * UNIX_LISTENERS_MAX };

	if (setrlimit(RLIMIT_NOFILE, &limit))
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(servers); i++) {
		path_of(place, 'b', &address);
		unlink(address.sun_path);
		servers[i] = confined(place, i == 0 ? 'a' : 'b');
		if (i > 0)
			assert_int_equal(UNIX_SERVER_SESSION, found(place, 'b'));
	}
	/* Its place went, and its voucher with it. */
	assert_int_equal(UNIX_SERVER_OUTSIDE, found(place, 'a'));
	for (size_t i = 0; i < ARRAY_SIZE(servers); i++)
		close(servers[i]);
}

static void sockets_that_are_gone_make_room_first(void **state)
{
	struct place *place = *state;
	struct sockaddr_un address;
	int first = confined(place, 'a');

	path_of(place, 'b', &address);
	for (int i = 0; i < 2 * UNIX_LISTENERS_MAX; i++) {
		close(confined(place, 'b'));
		unlink(address.sun_path);
	}
	assert_int_equal(UNIX_SERVER_SESSION, found(place, 'a'));
	assert_true(place->listeners.descriptors > 0);
	close(first);
}

static int datagram(struct place *place, const struct sockaddr_un *address, socklen_t length,
		    bool noted)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct unix_holder holder = holder_here(fd);

	if (noted)
		unix_listeners_note(&place->listeners, fd, &holder, address, length);
	assert_int_equal(0, bind(fd, (const struct sockaddr *)address, length));
	return fd;
}

static void datagram_socket_is_the_sessions_where_the_session_bound_it(void **state)
{
	struct place *place = *state;
	struct sockaddr_un address;
	int ours, theirs, stream;

	path_of(place, 'a', &address);
	ours = datagram(place, &address, sizeof(address), true);
	path_of(place, 'b', &address);
	theirs = datagram(place, &address, sizeof(address), false);
	stream = confined(place, 'c');
	find_type = SOCK_DGRAM;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(UNIX_SERVER_SESSION, found(place, 'a'));
		assert_int_equal(UNIX_SERVER_OUTSIDE, found(place, 'b'));
		assert_int_equal(UNIX_SERVER_NONE, found(place, 'c'));
		assert_int_equal(UNIX_SERVER_OUTSIDE, find(place, &place->other, 'a'));
	}
	close(ours);
	assert_int_equal(UNIX_SERVER_NONE, found(place, 'a'));
	find_type = SOCK_STREAM;
	close(theirs);
	close(stream);
}

/* It is somebody else's: whoever bound it. */
static void datagram_socket_that_is_bound_already_is_not_noted(void **state)
{
	struct place *place = *state;
	struct sockaddr_un address;
	struct unix_holder holder;
	int fd;

	path_of(place, 'a', &address);
	fd = datagram(place, &address, sizeof(address), false);
	holder = holder_here(fd);
	unix_listeners_note(&place->listeners, fd, &holder, &address, sizeof(address));
	find_type = SOCK_DGRAM;
	assert_int_equal(UNIX_SERVER_OUTSIDE, found(place, 'a'));
	find_type = SOCK_STREAM;
	close(fd);
}

static socklen_t abstract(struct sockaddr_un *address, const char *name)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, "sandlock-test-%d-%s",
		 (int)getpid(), name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(address->sun_path + 1));
}

static void abstract_name_is_held_while_the_session_has_it(void **state)
{
	struct place *place = *state;
	struct sockaddr_un address;
	socklen_t length = abstract(&address, "one");
	int client = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int server = datagram(place, &address, length, true);
	int held = unix_listeners_hold(&place->listeners, client, SOCK_DGRAM, &address, length);
	int moved;

	assert_true(held >= 0);
	/* Nobody else gets the name meanwhile. */
	moved = fcntl(server, F_DUPFD_CLOEXEC, server + 20);
	close(server);
	close(moved);
	assert_int_equal(-1, bind(client, (struct sockaddr *)&address, length));
	close(held);
	assert_int_equal(0, bind(client, (struct sockaddr *)&address, length));
	assert_true(unix_listeners_hold(&place->listeners, client, SOCK_DGRAM, &address, length) < 0);
	close(client);
}

static void abstract_name_of_another_type_or_holder_is_not_held(void **state)
{
	struct place *place = *state;
	struct sockaddr_un address;
	socklen_t length = abstract(&address, "one");
	int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int server = datagram(place, &address, length, true);
	int moved;

	assert_true(unix_listeners_hold(&place->listeners, client, SOCK_STREAM, &address, length) < 0);
	assert_true(unix_listeners_hold(&place->listeners, client, SOCK_DGRAM, &address,
					length - 1) < 0);
	assert_true(unix_listeners_hold(&place->other, client, SOCK_DGRAM, &address, length) < 0);
	moved = fcntl(server, F_DUPFD_CLOEXEC, server + 20);
	close(server);
	assert_true(unix_listeners_hold(&place->listeners, client, SOCK_DGRAM, &address, length) < 0);
	close(moved);
	close(client);
}

static void reserved_names_are_those_with_the_prefix(void **state)
{
	(void)state;
	assert_true(unix_listeners_reserves("sandlock/own/", 13));
	assert_true(unix_listeners_reserves("sandlock/own/1000/1", 19));
	assert_false(unix_listeners_reserves("sandlock/own", 12));
	assert_false(unix_listeners_reserves("sandlock/other/", 15));
	assert_false(unix_listeners_reserves("", 0));
}

#define place_test(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(confined_server_is_found_until_it_closes),
		place_test(server_of_somebody_else_is_outside),
		place_test(another_session_of_the_user_knows_by_the_voucher),
		place_test(session_of_another_user_knows_nothing),
		place_test(name_that_does_not_listen_vouches_for_nothing),
		place_test(name_of_another_user_vouches_for_nothing),
		place_test(name_that_was_moved_does_not_vouch),
		place_test(socket_that_failed_to_listen_is_forgotten),
		place_test(next_file_with_the_same_inode_is_not_ours),
		place_test(oldest_is_forgotten_where_the_table_is_full),
		place_test(sockets_that_are_gone_make_room_first),
		place_test(datagram_socket_is_the_sessions_where_the_session_bound_it),
		place_test(datagram_socket_that_is_bound_already_is_not_noted),
		place_test(abstract_name_is_held_while_the_session_has_it),
		place_test(abstract_name_of_another_type_or_holder_is_not_held),
		cmocka_unit_test(reserved_names_are_those_with_the_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
