/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions to the kernel's socket diagnosis, sock_diag(7), and the frames of its answers.
 * Allocates nothing.
 */
#ifndef SANDLOCK_SOCK_DIAG_H
#define SANDLOCK_SOCK_DIAG_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kernel's macros are signed. */
#define SOCK_DIAG_ALIGN(length) (((size_t)(length) + 3) & ~(size_t)3)
#define SOCK_DIAG_HEADER        SOCK_DIAG_ALIGN(sizeof(struct nlmsghdr))
#define SOCK_DIAG_REPLY_MAX     16384
#define SOCK_DIAG_LISTEN        10 /* TCP_LISTEN, which unix sockets use too */

/* A descriptor, or a negative errno where the kernel has no such diagnosis. It sees the sockets of
 * the network namespace that it was opened in. */
int sock_diag_open(void);

/* Sends a question of `size` bytes, of which the first are the header: its length and type are set
 * here. 0 or a negative errno. */
int sock_diag_ask(int diag, struct nlmsghdr *question, size_t size);

/* The kernel answers within the send, so a reply is there to be read. 1: `ret_header` is that of a
 * socket, 0: the end, or a negative errno. */
int sock_diag_header(const char *reply, size_t length, struct nlmsghdr *ret_header);

/* All sockets of the answer to a question with NLM_F_DUMP: `parse` gets the message of each, which
 * has `length` bytes. 0 once it has seen all of them, or a negative errno, also of its own. */
int sock_diag_each(int diag, int (*parse)(const char *message, size_t length, void *data),
		   void *data);

/* SO_COOKIE of a socket of any kind. */
int socket_cookie(int fd, uint64_t *ret_cookie);

/* SO_NETNS_COOKIE: the number of the network namespace that a socket of any kind belongs to; 0: it
 * cannot be told. */
uint64_t socket_namespace(int fd);

/* True where both belong to one that can be told. */
bool socket_shares_namespace(int one, int other);

#endif
