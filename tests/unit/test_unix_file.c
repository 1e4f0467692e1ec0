/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which sockets may be the one on a file: those of the kernel, and made-up ones whose numbers collide.
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "sock_diag.h"
#include "unix_diag.h"
#include "unix_file.h"

#define SUPERBLOCK makedev(8, 1)

static struct unix_matches of_file(uint64_t number)
{
	return (struct unix_matches){ .file = { .device = SUPERBLOCK,
						.inode = number,
						.number = number,
						.superblock = SUPERBLOCK,
						.asked = SUPERBLOCK_KNOWN } };
}

static struct unix_socket on_file(uint64_t cookie, uint32_t file, dev_t device)
{
	return (struct unix_socket){ .inode = 7,
				     .cookie = cookie,
				     .listening = true,
				     .has_file = true,
				     .file = file,
				     .device = device };
}

static void every_socket_with_the_low_bits_of_the_number_counts(void **state)
{
	struct unix_matches matches = of_file((3ULL << 32) + 5);
	struct unix_socket first = on_file(1, 5, SUPERBLOCK);
	struct unix_socket second = on_file(2, 5, SUPERBLOCK);

	(void)state;
	unix_matches_add(&first, &matches);
	unix_matches_add(&second, &matches);
	assert_int_equal(2, matches.count);
	assert_true(matches.sure);
	assert_int_equal(1, matches.sockets[0].cookie);
	assert_int_equal(2, matches.sockets[1].cookie);
}

static void more_than_can_be_kept_are_counted(void **state)
{
	struct unix_matches matches = of_file(5);

	(void)state;
	for (uint64_t i = 0; i < 2 * UNIX_MATCHES_MAX; i++) {
		struct unix_socket socket = on_file(i + 1, 5, SUPERBLOCK);

		unix_matches_add(&socket, &matches);
	}
	assert_int_equal(2 * UNIX_MATCHES_MAX, matches.count);
}

static void socket_of_another_file_or_file_system_does_not_count(void **state)
{
	struct unix_matches matches = of_file(5);
	struct unix_socket file = on_file(1, 6, SUPERBLOCK);
	struct unix_socket device = on_file(2, 5, makedev(8, 2));
	struct unix_socket unbound = on_file(3, 5, SUPERBLOCK);

	(void)state;
	unbound.has_file = false;
	unix_matches_add(&file, &matches);
	unix_matches_add(&device, &matches);
	unix_matches_add(&unbound, &matches);
	assert_int_equal(0, matches.count);
}

/* stat(2) tells another device than the kernel on btrfs and overlayfs. */
static void file_system_counts_by_its_own_device(void **state)
{
	struct unix_matches matches = of_file(5);
	struct unix_socket socket = on_file(1, 5, SUPERBLOCK);

	(void)state;
	matches.file.device = makedev(0, 77);
	unix_matches_add(&socket, &matches);
	assert_int_equal(1, matches.count);
	assert_true(matches.sure);
}

static void unknown_file_system_excludes_nothing_and_makes_nothing_sure(void **state)
{
	struct unix_matches matches = of_file(5);
	struct unix_socket socket = on_file(1, 5, makedev(8, 2));

	(void)state;
	matches.file.asked = SUPERBLOCK_UNKNOWN;
	unix_matches_add(&socket, &matches);
	assert_int_equal(1, matches.count);
	assert_false(matches.sure);
}

/* Against the kernel ---------------------------------------------------------------------------- */

static const char path[] = "/tmp/sandlock-unix-file";

static int bound(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(path);
	memcpy(address.sun_path, path, sizeof(path));
	assert_int_equal(0, bind(fd, (struct sockaddr *)&address, sizeof(address)));
	return fd;
}

static struct unix_file identified(void)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct unix_file file;
	struct stat status;

	assert_int_equal(0, fstat(fd, &status));
	assert_int_equal(0, unix_file_identify(fd, &status, &file));
	assert_int_equal(status.st_ino, file.inode);
	close(fd);
	return file;
}

static void bound_socket_is_found_and_listens_once_it_does(void **state)
{
	int diag = sock_diag_open();
	int fd = bound();
	struct unix_file file = identified();
	struct unix_matches matches;
	uint64_t cookie;

	(void)state;
	assert_int_equal(0, socket_cookie(fd, &cookie));
	assert_int_equal(0, unix_file_sockets(diag, &file, true, &matches));
	assert_int_equal(0, matches.count);
	assert_int_equal(0, unix_file_sockets(diag, &file, false, &matches));
	assert_int_equal(1, matches.count);
	assert_false(matches.sockets[0].listening);
	assert_int_equal(0, listen(fd, 5));
	assert_int_equal(0, unix_file_sockets(diag, &file, true, &matches));
	assert_int_equal(1, matches.count);
	assert_true(matches.sure);
	assert_int_equal(cookie, matches.sockets[0].cookie);
	close(fd);
	unlink(path);
	close(diag);
}

struct seen {
	uint64_t cookie;
	unsigned count;
	bool found;
};

static void see(const struct unix_socket *socket, void *data)
{
	struct seen *seen = data;

	seen->count++;
	if (socket->cookie != seen->cookie)
		return;
	seen->found = true;
	assert_true(socket->has_uid);
	assert_int_equal(getuid(), socket->uid);
	assert_true(socket->name && strncmp(socket->name, path, strlen(path)) == 0);
}

/* More than one message of the kernel holds. */
static void every_socket_is_seen(void **state)
{
	int diag = sock_diag_open();
	int others[500];
	int fd = bound();
	struct seen seen = { 0 };

	(void)state;
	assert_int_equal(0, socket_cookie(fd, &seen.cookie));
	for (size_t i = 0; i < 500; i++)
		others[i] = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (int round = 0; round < 2; round++) {
		seen.count = 0;
		seen.found = false;
		assert_int_equal(0, unix_diag_each(diag, false, UNIX_DIAG_WHO, see, &seen));
		assert_true(seen.found);
		assert_true(seen.count > 500);
	}
	for (size_t i = 0; i < 500; i++)
		close(others[i]);
	close(fd);
	unlink(path);
	close(diag);
}

static void socket_is_found_by_its_cookie_alone(void **state)
{
	int diag = sock_diag_open();
	int fd = bound();
	struct unix_socket socket;
	struct stat status;
	uint64_t cookie;

	(void)state;
	assert_int_equal(0, fstat(fd, &status));
	assert_int_equal(0, socket_cookie(fd, &cookie));
	assert_int_equal(0, unix_diag_find(diag, (uint32_t)status.st_ino, cookie, &socket));
	assert_true(socket.has_file);
	assert_int_equal(-ESTALE, unix_diag_find(diag, (uint32_t)status.st_ino, cookie + 1, &socket));
	close(fd);
	assert_int_equal(-ENOENT, unix_diag_find(diag, (uint32_t)status.st_ino, cookie, &socket));
	unlink(path);
	close(diag);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_socket_with_the_low_bits_of_the_number_counts),
		cmocka_unit_test(more_than_can_be_kept_are_counted),
		cmocka_unit_test(socket_of_another_file_or_file_system_does_not_count),
		cmocka_unit_test(file_system_counts_by_its_own_device),
		cmocka_unit_test(unknown_file_system_excludes_nothing_and_makes_nothing_sure),
		cmocka_unit_test(bound_socket_is_found_and_listens_once_it_does),
		cmocka_unit_test(every_socket_is_seen),
		cmocka_unit_test(socket_is_found_by_its_cookie_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
