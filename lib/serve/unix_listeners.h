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
#include <sys/stat.h>
#include <sys/types.h>

#define UNIX_LISTENERS_MAX 1024

/* Prefix of abstract names that are reserved for the supervisors. */
#define UNIX_LISTENERS_PREFIX "sandlock/own/"

struct unix_listener {
	uint64_t cookie; /* 0: free */
	uint32_t inode;  /* of the socket itself */
	int voucher;     /* announces it to the user's other sessions, or -1 */
	int path_fd;     /* O_PATH of its file once that is certain, or -1 */
	dev_t device;    /* of path_fd */
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

/* Before listen(2) is performed on a socket that does not listen yet: stores its cookie and, where
 * it is bound to a path, makes a voucher for the user's other sessions. Returns the cookie; 0: it
 * cannot be known. Where the table is full, closed sockets are forgotten first, then the oldest. */
uint64_t unix_listeners_add(struct unix_listeners *listeners, int fd);

/* listen(2) has failed. */
void unix_listeners_drop(struct unix_listeners *listeners, uint64_t cookie);

/* Whether an abstract name, without its leading NUL, is reserved for the supervisors. */
bool unix_listeners_reserves(const char *name, size_t length);

enum unix_server {
	UNIX_SERVER_OUTSIDE = 0, /* or it is not known */
	UNIX_SERVER_NONE,        /* no socket listens there */
	UNIX_SERVER_CONFINED,    /* in a session of the user's */
};

/* Who serves the socket file of an O_PATH descriptor; `status` is its fstat(2). The answer stays
 * true while the descriptor is open: no other socket can be bound to that file. */
enum unix_server unix_listeners_find(struct unix_listeners *listeners, int path_fd,
				     const struct stat *status);

#endif
