/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a session may set on its sockets: one table of levels and options. Filter, supervisor and
 * tests read it. setsockopt(2) makes the kernel send packets of the caller's choice (IGMP and MLD
 * reports), and changes the way and the headers of others, on sockets of every kind. Whatever is
 * not in the table is refused.
 */
#ifndef SANDLOCK_SOCKET_OPTIONS_H
#define SANDLOCK_SOCKET_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

enum option_decision {
	OPTION_UNKNOWN = 0, /* ENOPROTOOPT, as the kernel for an unknown option */
	OPTION_ALLOWED,
	OPTION_DATAGRAM, /* allowed where UDP is: the supervisor decides destinations */
	OPTION_GROUP, /* has a group: the supervisor decides where a UDP rule covers one, else EPERM */
	OPTION_NONLOCAL, /* source addresses of others: the supervisor knows which sockets cannot send from them */
	OPTION_REFUSED,     /* EPERM */
	OPTION_UNSUPPORTED, /* EOPNOTSUPP: as where fast open is switched off */
};

/* Options `first` to `last` of one level. Sorted by level and option, disjoint. */
struct socket_option {
	uint32_t level;
	uint32_t first;
	uint32_t last;
	enum option_decision decision;
};
extern const struct socket_option socket_options[];
extern const size_t socket_option_count;

/* What getsockopt(2) is refused, and ioctl(2) of sockets allowed. The user of a login shell owns
 * the user namespace of the session's private sockets, and so may on them what elsewhere only root
 * may: kernel code that nobody else reaches. */
extern const struct socket_option socket_reads_refused[];
extern const size_t socket_read_refused_count;

#define SOCKET_REQUESTS      0x8900 /* SIOC*: the low byte is the request */
#define SOCKET_REQUESTS_MASK 0xffffff00U
extern const uint32_t socket_requests[]; /* they read; the others are EPERM */
extern const size_t socket_request_count;

enum option_decision socket_option_decide(uint32_t level, uint32_t option);

#endif
