/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which TCP sockets listen in the sessions of the user, by their cookies. No server is asked
 * anything. No allocation.
 */
#ifndef SANDLOCK_TCP_LISTENERS_H
#define SANDLOCK_TCP_LISTENERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "endpoint.h"

#define TCP_LISTENERS_MAX 256

struct tcp_listener {
	uint64_t cookie; /* 0: free */
	int voucher;     /* tells the user's other sessions of it, or -1 */
	bool seen;       /* by the last sweep */
};

struct tcp_listeners {
	int diag; /* negative: the kernel has no socket diagnosis, and no server is ever known */
	uid_t uid;
	uint32_t oldest;
	struct tcp_listener entries[TCP_LISTENERS_MAX];
};

/* `uid` is the user's. */
void tcp_listeners_open(struct tcp_listeners *listeners, uid_t uid);

/* Before listen(2) on behalf of the session on a socket that does not listen yet: its cookie, or 0
 * where it cannot be known. Where the table is full, sockets that are gone are forgotten first,
 * then the oldest. */
uint64_t tcp_listeners_add(struct tcp_listeners *listeners, int fd);

/* listen(2) has failed. */
void tcp_listeners_drop(struct tcp_listeners *listeners, uint64_t cookie);

/* True where somebody listens at `to`, a loopback address, and every socket that may be the one is
 * a session's of the user: those at the address, and at the unspecified ones. Only as long as they
 * listen: ask again after a connection, which went to one of them if they are still there. `client`
 * is the socket that connects. */
bool tcp_listeners_serve(struct tcp_listeners *listeners, int client, const struct endpoint *to);

#endif
