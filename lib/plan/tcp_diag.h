/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The TCP sockets that listen, as the kernel's diagnosis has them.
 */
#ifndef SANDLOCK_TCP_DIAG_H
#define SANDLOCK_TCP_DIAG_H

#include <stdint.h>

#include "endpoint.h"

struct tcp_socket {
	struct endpoint local;
	uint64_t cookie;
};

/* Calls `each` for every TCP socket of `family` (AF_INET, AF_INET6) that listens; 0 once it has
 * seen all of them. `diag` is of sock_diag_open. */
int tcp_diag_each(int diag, int family, void (*each)(const struct tcp_socket *socket, void *data),
		  void *data);

#endif
