/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What kind of socket a descriptor is, and its protocol in rules.
 */
#ifndef SANDLOCK_SOCKET_KIND_H
#define SANDLOCK_SOCKET_KIND_H

#include <stdbool.h>
#include <sys/socket.h>

#include "ruleset.h"

struct socket_kind {
	int domain;
	int type;
	int protocol;
};

/* 0 or a positive errno (ENOTSOCK, EBADF). */
int socket_kind_read(int fd, struct socket_kind *ret_kind);

static inline bool socket_is_stream(const struct socket_kind *kind)
{
	return kind->type == SOCK_STREAM;
}
static inline bool socket_is_inet(const struct socket_kind *kind)
{
	return kind->domain == AF_INET || kind->domain == AF_INET6;
}

/* The state of a TCP socket (TCP_LISTEN, ...), or -1. */
int socket_tcp_state(int fd);

/* The protocol in rules, 0 for any other socket. */
enum protocol socket_protocol(const struct socket_kind *kind);

/* The protocol in log lines: "tcp", "unix", "other", ... */
const char *socket_protocol_name(const struct socket_kind *kind);

#endif
