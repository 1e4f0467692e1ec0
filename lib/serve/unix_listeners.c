/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which unix sockets are known to be served inside the sessions of the user. Distrusts names and
 * inode numbers: both can be used again by somebody else's socket.
 *
 * A voucher tells the user's other sessions: a socket of the supervisor's own that listens at an
 * abstract name with the cookie in it. The kernel shows it to everybody, with the uid that made it;
 * no session can make one, since listen(2) at such a name is refused. It outlives nothing: a cookie
 * is never given again.
 */
#include "unix_listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "process.h"
#include "sock_diag.h"
#include "unix_diag.h"
#include "unix_file.h"
#include "util.h"
#include "vouchers.h"

#define DESCRIPTORS_MAX  512 /* kept, where the limit allows eight times as many */
#define DESCRIPTORS_PART 8
#define SWEPT_AT_ONCE    2

void unix_listeners_open(struct unix_listeners *listeners, uid_t uid)
{
	struct rlimit limit;

	listeners->uid = uid;
	listeners->diag = sock_diag_open();
	listeners->descriptors = DESCRIPTORS_MAX;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur / DESCRIPTORS_PART < DESCRIPTORS_MAX)
		listeners->descriptors = (uint32_t)(limit.rlim_cur / DESCRIPTORS_PART);
}

static void descriptor_release(struct unix_listeners *listeners, int *fd)
{
	if (*fd < 0)
		return;
	close(*fd);
	*fd = -1;
	listeners->descriptors++;
}

static void listener_free(struct unix_listeners *listeners, struct unix_listener *listener)
{
	if (listener->cookie == 0)
		return;
	descriptor_release(listeners, &listener->voucher);
	descriptor_release(listeners, &listener->path_fd);
	listener->cookie = 0;
}

/* 1: it listens, 0: it no longer exists, or a negative errno. */
static int is_alive(const struct unix_listeners *listeners, const struct unix_listener *listener)
{
	struct unix_socket socket;
	int error = unix_diag_find(listeners->diag, listener->inode, listener->cookie, &socket);

	if (error == 0)
		return socket.listening || listener->is_datagram;
	return error == -ENOENT ? 0 : error;
}

/* A few at each call, so that closed sockets do not keep descriptors for long. */
static void listeners_sweep(struct unix_listeners *listeners, uint32_t count)
{
	for (uint32_t i = 0; i < count && listeners->used > 0; i++) {
		struct unix_listener *listener =
			&listeners->entries[listeners->swept++ % listeners->used];

		if (listener->cookie != 0 && is_alive(listeners, listener) == 0)
			listener_free(listeners, listener);
	}
}

static struct unix_listener *listener_by_cookie(struct unix_listeners *listeners, uint64_t cookie)
{
	for (uint32_t i = 0; i < listeners->used; i++)
		if (listeners->entries[i].cookie == cookie)
			return &listeners->entries[i];
	return NULL;
}

static struct unix_listener *listener_take(struct unix_listeners *listeners)
{
	struct unix_listener *listener = listener_by_cookie(listeners, 0);

	if (!listener && listeners->used < UNIX_LISTENERS_MAX)
		return &listeners->entries[listeners->used++];
	if (!listener) {
		listeners_sweep(listeners, UNIX_LISTENERS_MAX);
		listener = listener_by_cookie(listeners, 0);
	}
	if (!listener) {
		listener = &listeners->entries[listeners->oldest++ % UNIX_LISTENERS_MAX];
		listener_free(listeners, listener);
	}
	return listener;
}

static struct unix_listener *listener_add(struct unix_listeners *listeners, uint64_t cookie,
					  uint32_t inode)
{
	struct unix_listener *listener = listener_take(listeners);

	*listener = (struct unix_listener){
		.cookie = cookie,
		.inode = inode,
		.voucher = -1,
		.path_fd = -1,
	};
	return listener;
}

static bool name_read(int fd, struct sockaddr_un *ret_address, socklen_t *ret_length)
{
	*ret_address = (struct sockaddr_un){ 0 };
	*ret_length = sizeof(*ret_address);
	return getsockname(fd, (struct sockaddr *)ret_address, ret_length) == 0 &&
	       *ret_length > offsetof(struct sockaddr_un, sun_path);
}

/* FNV-1a; 0 for what is no abstract name. It only tells what need not be looked at. */
static uint32_t name_hash(const struct sockaddr_un *address, socklen_t length)
{
	const size_t size = length - offsetof(struct sockaddr_un, sun_path);
	uint32_t hash = 2166136261U;

	if (length <= offsetof(struct sockaddr_un, sun_path) || address->sun_path[0] != '\0')
		return 0;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)address->sun_path[i]) * 16777619U;
	return hash ? hash : 1;
}

/* A socket of this session; NULL where it cannot be known. */
static struct unix_listener *session_add(struct unix_listeners *listeners, int fd,
					 const struct unix_holder *holder)
{
	struct unix_listener *listener;
	struct stat status;
	uint64_t cookie;

	if (listeners->diag < 0 || fstat(fd, &status) || socket_cookie(fd, &cookie))
		return NULL;
	listeners_sweep(listeners, SWEPT_AT_ONCE);
	listener = listener_by_cookie(listeners, cookie);
	if (!listener)
		listener = listener_add(listeners, cookie, (uint32_t)status.st_ino);
	listener->of_session = true;
	listener->process = holder->process;
	listener->number = holder->number;
	return listener;
}

uint64_t unix_listeners_add(struct unix_listeners *listeners, int fd, const struct unix_holder *holder)
{
	struct unix_listener *listener;
	struct sockaddr_un address;
	socklen_t length;

	if (!name_read(fd, &address, &length))
		return 0;
	listener = session_add(listeners, fd, holder);
	if (!listener)
		return 0;
	listener->name_hash = name_hash(&address, length);
	if (!listener->name_hash && listener->voucher < 0 && listeners->descriptors > 0) {
		listener->voucher = voucher_make(listeners->uid, listener->cookie);
		listeners->descriptors -= listener->voucher >= 0;
	}
	return listener->cookie;
}

void unix_listeners_note(struct unix_listeners *listeners, int fd, const struct unix_holder *holder,
			 const struct sockaddr_un *address, socklen_t length)
{
	struct unix_listener *listener;
	struct sockaddr_un bound;
	socklen_t bound_length;

	if (name_read(fd, &bound, &bound_length))
		return;
	listener = session_add(listeners, fd, holder);
	if (!listener)
		return;
	listener->is_datagram = true;
	listener->name_hash = name_hash(address, length);
}

void unix_listeners_drop(struct unix_listeners *listeners, uint64_t cookie)
{
	struct unix_listener *listener = cookie ? listener_by_cookie(listeners, cookie) : NULL;

	if (listener)
		listener_free(listeners, listener);
}

static bool others_vouch(struct unix_listeners *listeners, struct voucher_search *search)
{
	if (!voucher_search_run(listeners->diag, search))
		return false;
	for (uint32_t i = 0; i < search->count; i++)
		(void)listener_add(listeners, search->wanted[i].cookie, search->wanted[i].inode);
	return true;
}

/* Every socket that may be the one on the file has to be confined: one of them is the server. */
static enum unix_server who_serves(struct unix_listeners *listeners,
				   const struct unix_matches *matches)
{
	struct voucher_search search = { .uid = listeners->uid };
	bool of_session = true;

	for (uint32_t i = 0; i < matches->count; i++) {
		uint64_t cookie = matches->sockets[i].cookie;
		const struct unix_listener *known = listener_by_cookie(listeners, cookie);

		of_session &= known && known->of_session;
		if (known)
			continue;
		if (!voucher_search_add(&search, cookie, matches->sockets[i].inode))
			return UNIX_SERVER_OUTSIDE;
	}
	if (of_session)
		return UNIX_SERVER_SESSION;
	return others_vouch(listeners, &search) ? UNIX_SERVER_CONFINED : UNIX_SERVER_OUTSIDE;
}

/* From the second connection on it pays to make sure that no other socket, listening or not, may be
 * on the file. While the file is kept open nothing can change that. */
static void listener_learn(struct unix_listeners *listeners, const struct unix_matches *first,
			   int path_fd)
{
	struct unix_listener *listener = listener_by_cookie(listeners, first->sockets[0].cookie);
	struct unix_matches matches;

	if (first->count != 1 || !listener)
		return;
	if (!listener->reached) {
		listener->reached = true;
		return;
	}
	if (listener->path_fd >= 0 || listeners->descriptors == 0 ||
	    unix_file_sockets(listeners->diag, &first->file, UNIX_FILE_ALL, &matches) ||
	    matches.count != 1 || !matches.sure || matches.sockets[0].cookie != listener->cookie)
		return;
	listener->path_fd = fcntl(path_fd, F_DUPFD_CLOEXEC, 0);
	if (listener->path_fd < 0)
		return;
	listeners->descriptors--;
	listener->device = first->file.device;
	listener->file = first->file.inode;
}

static enum unix_server learnt_server(const struct unix_listeners *listeners,
				      const struct stat *status)
{
	for (uint32_t i = 0; i < listeners->used; i++) {
		const struct unix_listener *listener = &listeners->entries[i];

		if (listener->cookie == 0 || listener->path_fd < 0 ||
		    listener->file != status->st_ino || listener->device != status->st_dev)
			continue;
		if (is_alive(listeners, listener) != 1)
			break;
		return listener->of_session ? UNIX_SERVER_SESSION : UNIX_SERVER_CONFINED;
	}
	return UNIX_SERVER_OUTSIDE;
}

enum unix_server unix_listeners_find(struct unix_listeners *listeners, int path_fd,
				     const struct stat *status, int type)
{
	const enum unix_file_asked asked = type == SOCK_DGRAM ? UNIX_FILE_DATAGRAM
							      : UNIX_FILE_LISTENING;
	struct unix_matches matches;
	struct unix_file file;
	enum unix_server server;

	if (listeners->diag < 0)
		return UNIX_SERVER_OUTSIDE;
	server = learnt_server(listeners, status);
	if (server != UNIX_SERVER_OUTSIDE)
		return server;
	if (unix_file_identify(path_fd, status, &file) ||
	    unix_file_sockets(listeners->diag, &file, asked, &matches))
		return UNIX_SERVER_OUTSIDE;
	if (matches.count == 0)
		return UNIX_SERVER_NONE;
	if (!matches.sure || matches.count > UNIX_MATCHES_MAX)
		return UNIX_SERVER_OUTSIDE;
	server = who_serves(listeners, &matches);
	if (server != UNIX_SERVER_OUTSIDE)
		listener_learn(listeners, &matches, path_fd);
	return server;
}

static bool option_is(int fd, int option, uint64_t expected, socklen_t size)
{
	uint64_t value = 0;

	return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == expected;
}

/* The descriptor may be another one by now, or the process. */
static int holder_fetch(const struct unix_listener *listener)
{
	cleanup_fd int fd = process_descriptor(listener->process, listener->number);
	uint64_t cookie;

	if (fd < 0 || socket_cookie(fd, &cookie) || cookie != listener->cookie)
		return -ENOENT;
	return fd_take(&fd);
}

int unix_listeners_hold(const struct unix_listeners *listeners, int client, int type,
			const struct sockaddr_un *address, socklen_t length)
{
	const uint32_t hash = name_hash(address, length);

	for (uint32_t i = 0; hash && i < listeners->used; i++) {
		const struct unix_listener *listener = &listeners->entries[i];
		struct sockaddr_un bound;
		socklen_t bound_length;
		cleanup_fd int fd = -1;

		if (listener->cookie == 0 || listener->name_hash != hash)
			continue;
		fd = holder_fetch(listener);
		/* A name is one socket's of a type. */
		if (fd >= 0 && name_read(fd, &bound, &bound_length) && bound_length == length &&
		    memcmp(&bound, address, length) == 0 &&
		    option_is(fd, SO_TYPE, (uint64_t)type, sizeof(type)) &&
		    socket_shares_namespace(fd, client))
			return fd_take(&fd);
	}
	return -ENOENT;
}
