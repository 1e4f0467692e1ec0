/*
 * Which unix sockets listen on behalf, on real sockets whose files are moved, linked and removed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "listening.h"

#define NAME_MAX_HERE 100

struct place {
	char directory[NAME_MAX_HERE];
	struct listening listening;
};

static int place_make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	memcpy(place->directory, "/tmp/sandlock-listening.XXXXXX",
	       sizeof("/tmp/sandlock-listening.XXXXXX"));
	if (!mkdtemp(place->directory))
		return -1;
	listening_open(&place->listening);
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
	close(place->listening.diag);
	free(place);
	return 0;
}

static void path_of(const struct place *place, char name, struct sockaddr_un *address)
{
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "%s/%c", place->directory, name);
}

static int server(const struct place *place, char name)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	path_of(place, name, &address);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&address, sizeof(address)));
	assert_int_equal(0, listen(fd, 5));
	return fd;
}

static bool holds(struct place *place, char name)
{
	struct sockaddr_un address;
	struct stat status;

	path_of(place, name, &address);
	return stat(address.sun_path, &status) == 0 &&
	       listening_holds(&place->listening, status.st_dev, status.st_ino);
}

static void added_server_is_found_until_it_closes(void **state)
{
	struct place *place = *state;
	int fd = server(place, 'a');

	assert_false(holds(place, 'a'));
	listening_add(&place->listening, fd);
	assert_true(holds(place, 'a'));
	close(fd);
	assert_false(holds(place, 'a'));
}

static void server_of_somebody_else_is_not_found(void **state)
{
	struct place *place = *state;
	int ours = server(place, 'a');
	int other = server(place, 'b');

	listening_add(&place->listening, ours);
	assert_true(holds(place, 'a'));
	assert_false(holds(place, 'b'));
	close(other);
	close(ours);
}

/* The name of ours, led to another's socket before and after we learn of ours. */
static void name_that_was_moved_does_not_vouch(void **state)
{
	struct place *place = *state;
	struct sockaddr_un ours_name, other_name;
	int ours = server(place, 'a');
	int other = server(place, 'b');

	path_of(place, 'a', &ours_name);
	path_of(place, 'b', &other_name);
	assert_int_equal(0, unlink(ours_name.sun_path));
	assert_int_equal(0, link(other_name.sun_path, ours_name.sun_path));
	listening_add(&place->listening, ours);
	assert_false(holds(place, 'a'));
	assert_false(holds(place, 'b'));
	close(other);
	close(ours);
}

static void socket_that_does_not_listen_is_not_added(void **state)
{
	struct place *place = *state;
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	path_of(place, 'a', &address);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&address, sizeof(address)));
	listening_add(&place->listening, fd);
	assert_false(holds(place, 'a'));
	close(fd);
}

/* Inode numbers are used again at once on many file systems. */
static void next_file_with_the_same_inode_is_not_ours(void **state)
{
	struct place *place = *state;

	for (int i = 0; i < 50; i++) {
		struct sockaddr_un address;
		int ours = server(place, 'a');
		int other;

		listening_add(&place->listening, ours);
		path_of(place, 'a', &address);
		unlink(address.sun_path);
		close(ours);
		other = server(place, 'b');
		assert_false(holds(place, 'b'));
		path_of(place, 'b', &address);
		unlink(address.sun_path);
		close(other);
	}
}

static void oldest_is_forgotten_where_the_table_is_full(void **state)
{
	struct place *place = *state;
	struct sockaddr_un address;
	int first = server(place, 'a');

	listening_add(&place->listening, first);
	path_of(place, 'b', &address);
	for (int i = 0; i < LISTENING_MAX; i++) {
		int fd = server(place, 'b');

		listening_add(&place->listening, fd);
		assert_true(holds(place, 'b'));
		unlink(address.sun_path);
		close(fd);
	}
	assert_false(holds(place, 'a'));
	close(first);
}

#define place_test(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(added_server_is_found_until_it_closes),
		place_test(server_of_somebody_else_is_not_found),
		place_test(name_that_was_moved_does_not_vouch),
		place_test(socket_that_does_not_listen_is_not_added),
		place_test(next_file_with_the_same_inode_is_not_ours),
		place_test(oldest_is_forgotten_where_the_table_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
