/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's diagnosis of unix sockets, sock_diag(7): which there are, what they are bound to,
 * who made them. No socket is touched by a question. It sees the sockets of one network namespace,
 * that of the process that opened it.
 */
#ifndef SANDLOCK_UNIX_DIAG_H
#define SANDLOCK_UNIX_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A unix socket as the kernel describes it. */
struct unix_socket {
	uint32_t inode;  /* of the socket itself, "socket:[N]"; used again by the kernel */
	uint64_t cookie; /* as SO_COOKIE; never used again until the machine restarts */
	int type;        /* SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM */
	bool listening;
	bool has_file;
	uint32_t file; /* low 32 bits of the inode number of the file that it is bound to */
	dev_t device;  /* of the file system, which stat(2) may not tell: btrfs, overlayfs */
	bool has_uid;
	uid_t uid;        /* whose process made the socket */
	const char *name; /* as bind(2) got it, for an abstract one with its NUL; NULL: none */
	size_t name_length;
};

/* What is asked for beyond inode, cookie and state. */
#define UNIX_DIAG_FILE 1U
#define UNIX_DIAG_WHO  2U /* uid and name */

/* The socket of this inode number and cookie, with its file. 0, -ENOENT: it is gone, -ESTALE: the
 * first socket of that number is another one, which does not say whether there is a second. */
int unix_diag_find(int diag, uint32_t inode, uint64_t cookie, struct unix_socket *ret_socket);

/* Calls `each` for every socket, or for those that listen; 0 once it has seen all of them. */
int unix_diag_each(int diag, bool listening, unsigned asked,
		   void (*each)(const struct unix_socket *socket, void *data), void *data);

#endif
