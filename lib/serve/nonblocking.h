/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * connect(2) and close(2) that never wait, whatever a thread that shares the socket does to it.
 */
#ifndef SANDLOCK_NONBLOCKING_H
#define SANDLOCK_NONBLOCKING_H

#include <sys/socket.h>

/* Once, before anything is served: takes SIGALRM, which must not be blocked. 0 or a negative
 * errno. */
int nonblocking_open(void);

/* Bounds the wait of the next calls, for those that may close sockets implicitly. */
void nonblocking_guard(void);

/* 0 or a negative errno; -EINPROGRESS or -EAGAIN where it would wait. */
int nonblocking_connect(int fd, const struct sockaddr *address, socklen_t length);

/* Closes a copy of a caller's descriptor (or nothing: -1) without waiting for what it, or a
 * socket in its queue, has not sent. */
void nonblocking_close(int fd);

#endif
