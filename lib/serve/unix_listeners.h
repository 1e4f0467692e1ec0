/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which unix sockets are known to be served inside the user's sessions, by the cookies of the
 * listening sockets: a number that the kernel gives to no other socket until the machine restarts.
 * Neither names nor process numbers count, and no server is contacted. No allocation.
 */
#ifndef SANDLOCK_UNIX_LISTENERS_H
#define SANDLOCK_UNIX_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>

#define UNIX_LISTENERS_MAX 1024

struct unix_listener {
	uint64_t cookie;    /* 0: free */
	uint32_t inode;     /* of the socket itself */
	bool of_session;    /* this one; else of another one of the user's */
	bool is_datagram;   /* it is bound, and never listens */
	uint32_t name_hash; /* of an abstract name; 0: it has none */
	pid_t process;      /* that bound it or made it listen, by this descriptor */
	int number;
	int voucher;  /* tells the user's other sessions of it, or -1 */
	int path_fd;  /* O_PATH of its file once that is certain, or -1 */
	dev_t device; /* of path_fd */
	ino_t file;
	bool reached; /* somebody has connected to it */
};

struct unix_listeners {
	int diag; /* negative: the kernel has no socket diagnosis, and servers cannot be known */
	uid_t uid;
	uint32_t used; /* entries from here on were never taken */
	uint32_t oldest;
	uint32_t swept;
	uint32_t descriptors; /* how many more may be kept */
	struct unix_listener entries[UNIX_LISTENERS_MAX];
};

/* `uid` is the user's. */
void unix_listeners_open(struct unix_listeners *listeners, uid_t uid);

/* Who holds a socket, as far as is known: a process, and its descriptor. */
struct unix_holder {
	pid_t process;
	int number;
};

/* Before listen(2) on behalf of the session on a socket that has a name and does not listen yet:
 * its cookie, and where it is bound to a path a voucher for the user's other sessions. 0: it cannot
 * be known. Where the table is full, sockets that are gone are forgotten first, then the oldest. */
uint64_t unix_listeners_add(struct unix_listeners *listeners, int fd,
			    const struct unix_holder *holder);

/* Before bind(2) by the session of a datagram socket to `address`. One that is bound already may be
 * anybody's, and is not noted. */
void unix_listeners_note(struct unix_listeners *listeners, int fd, const struct unix_holder *holder,
			 const struct sockaddr_un *address, socklen_t length);

/* listen(2) has failed. */
void unix_listeners_drop(struct unix_listeners *listeners, uint64_t cookie);

enum unix_server {
	UNIX_SERVER_OUTSIDE = 0, /* or it is not known */
	UNIX_SERVER_NONE,        /* no socket listens there */
	UNIX_SERVER_CONFINED,    /* in another session of the user's; never of datagrams */
	UNIX_SERVER_SESSION,     /* in this one */
};

/* Who serves the socket file of an O_PATH descriptor of status `status`, for sockets of `type`.
 * The answer stays true while the descriptor is open: no other socket can be bound to that file. */
enum unix_server unix_listeners_find(struct unix_listeners *listeners, int path_fd,
				     const struct stat *status, int type);

/* A descriptor of ours on the socket of this session that `client` reaches by an abstract name: no
 * other socket gets the name while it is open. Negative: nobody of the session serves it, or only a
 * process that has it from who bound it. */
int unix_listeners_hold(const struct unix_listeners *listeners, int client, int type,
			const struct sockaddr_un *address, socklen_t length);

#endif
