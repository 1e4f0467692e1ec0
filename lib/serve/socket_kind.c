/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What kind of socket a descriptor is, according to the kernel.
 */
#include "socket_kind.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>

#include "util.h"

/* The inet sockets that the filter lets be made, as SO_PROTOCOL has them. */
static const struct {
	struct socket_kind kind;
	enum protocol protocol;
	const char *name;
} kinds[] = {
	{ { AF_INET, SOCK_STREAM, IPPROTO_TCP }, PROTOCOL_TCP, "tcp" },
	{ { AF_INET6, SOCK_STREAM, IPPROTO_TCP }, PROTOCOL_TCP, "tcp" },
	{ { AF_INET, SOCK_DGRAM, IPPROTO_UDP }, PROTOCOL_UDP, "udp" },
	{ { AF_INET6, SOCK_DGRAM, IPPROTO_UDP }, PROTOCOL_UDP, "udp" },
	{ { AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE }, PROTOCOL_UDP, "udp" },
	{ { AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE }, PROTOCOL_UDP, "udp" },
	{ { AF_INET, SOCK_DGRAM, IPPROTO_ICMP }, PROTOCOL_ICMP, "icmp" },
	{ { AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6 }, PROTOCOL_ICMP, "icmp" },
	{ { AF_INET, SOCK_RAW, IPPROTO_ICMP }, PROTOCOL_ICMP, "icmp" },
	{ { AF_INET6, SOCK_RAW, IPPROTO_ICMPV6 }, PROTOCOL_ICMP, "icmp" },
};

static int option_read(int fd, int option, int *ret_value)
{
	socklen_t size = sizeof(*ret_value);

	return getsockopt(fd, SOL_SOCKET, option, ret_value, &size) ? errno : 0;
}

int socket_kind_read(int fd, struct socket_kind *ret_kind)
{
	int error = option_read(fd, SO_DOMAIN, &ret_kind->domain);

	if (!error)
		error = option_read(fd, SO_TYPE, &ret_kind->type);
	if (!error)
		error = option_read(fd, SO_PROTOCOL, &ret_kind->protocol);
	return error;
}

int socket_tcp_state(int fd)
{
	uint8_t state = 0; /* the first member of struct tcp_info */
	socklen_t size = sizeof(state);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &state, &size) || size != sizeof(state))
		return -1;
	return state;
}

enum protocol socket_protocol(const struct socket_kind *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (memcmp(kind, &kinds[i].kind, sizeof(*kind)) == 0)
			return kinds[i].protocol;
	return (enum protocol)0;
}

const char *socket_protocol_name(const struct socket_kind *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (memcmp(kind, &kinds[i].kind, sizeof(*kind)) == 0)
			return kinds[i].name;
	return kind->domain == AF_UNIX ? "unix" : kind->domain == AF_NETLINK ? "netlink" : "other";
}
