/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine's name servers, as root wrote them into resolv.conf.
 */
#ifndef SANDLOCK_SERVERS_H
#define SANDLOCK_SERVERS_H

#include <stdbool.h>
#include <stdint.h>

#define SERVERS_MAX 8

struct server {
	int family; /* AF_INET, AF_INET6 */
	uint8_t address[16];
	uint32_t scope; /* the interface of a link-local address, or 0 */
};

/* Their number. `probe` is a socket of the namespace in which the interfaces have their names. */
uint32_t servers_read(int probe, struct server ret_servers[SERVERS_MAX]);

#endif
