/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How supervisors of one user tell one another which sockets their sessions serve. Distrusts names:
 * anybody can take one.
 */
#include "vouchers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "unix_diag.h"
#include "util.h"

bool unix_listeners_reserves(const char *name, size_t length)
{
	const size_t prefix = sizeof(UNIX_LISTENERS_PREFIX) - 1;

	return length >= prefix && memcmp(name, UNIX_LISTENERS_PREFIX, prefix) == 0;
}

/* With the leading NUL. */
static size_t voucher_name(uid_t uid, uint64_t cookie, char name[VOUCHER_NAME_MAX])
{
	int length = snprintf(name + 1, VOUCHER_NAME_MAX - 1,
			      UNIX_LISTENERS_PREFIX "%u/%016" PRIx64, (unsigned)uid, cookie);

	name[0] = '\0';
	return 1 + (size_t)length;
}

int voucher_make(uid_t uid, uint64_t cookie)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = voucher_name(uid, cookie, address.sun_path);
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, size) || listen(fd, 0))
		return -1;
	return fd_take(&fd);
}

bool voucher_search_add(struct voucher_search *search, uint64_t cookie, uint32_t inode)
{
	struct voucher_wanted *wanted = &search->wanted[search->count];

	if (search->count == VOUCHERS_WANTED_MAX)
		return false;
	wanted->cookie = cookie;
	wanted->inode = inode;
	wanted->vouched = false;
	wanted->length = voucher_name(search->uid, cookie, wanted->name);
	search->count++;
	return true;
}

static void search_see(const struct unix_socket *socket, void *data)
{
	struct voucher_search *search = data;

	/* Anybody can take a name; only the user's own supervisors have his uid and may listen
	 * there. */
	if (!socket->listening || !socket->has_uid || socket->uid != search->uid || !socket->name)
		return;
	for (uint32_t i = 0; i < search->count; i++)
		search->wanted[i].vouched |=
			socket->name_length == search->wanted[i].length &&
			memcmp(socket->name, search->wanted[i].name, socket->name_length) == 0;
}

bool voucher_search_run(int diag, struct voucher_search *search)
{
	if (search->count > 0 && unix_diag_each(diag, true, UNIX_DIAG_WHO, search_see, search))
		return false;
	for (uint32_t i = 0; i < search->count; i++)
		if (!search->wanted[i].vouched)
			return false;
	return true;
}
