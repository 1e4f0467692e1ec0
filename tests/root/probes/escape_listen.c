/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ways to be reached from outside on a port that no rule names: by every way to bind, or to listen
 * without. Run by test_escape.py, which comes to the address that the first line says.
 */
#include "probe.h"

#include <poll.h>
#include <stdbool.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* Says where it waits; 0 once somebody came. */
static int wait_for_peer(int socket)
{
	struct sockaddr_storage storage = { 0 };
	const struct sockaddr_in *in = (const void *)&storage;
	const struct sockaddr_in6 *in6 = (const void *)&storage;
	bool is_ipv6;
	socklen_t size = sizeof(storage);
	struct pollfd ready = { socket, POLLIN, 0 };

	if (getsockname(socket, (struct sockaddr *)&storage, &size))
		return errno;
	is_ipv6 = storage.ss_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
	printf("%s %d\n", is_ipv6 ? "::1" : "127.0.0.1", ntohs(in->sin_port));
	fflush(stdout);
	return poll(&ready, 1, 2000) == 1 ? 0 : ETIMEDOUT;
}

static int serve(int socket, const void *address, socklen_t length)
{
	int type;
	socklen_t size = sizeof(type);

	if (socket < 0 || (length > 0 && bind(socket, address, length)) ||
	    getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size))
		return errno;
	if (type == SOCK_STREAM && listen(socket, 5))
		return errno;
	return wait_for_peer(socket);
}

static int serve_inet(int type, int protocol, const char *address, int port)
{
	struct sockaddr_in in = inet_to(address, port);

	return serve(socket(AF_INET, type, protocol), &in, sizeof(in));
}

static int serve_inet6(int type, const char *address, int port)
{
	struct sockaddr_in6 in6 = inet6_to(address, port);

	return serve(socket(AF_INET6, type, 0), &in6, sizeof(in6));
}

static int loopback(void)
{
	return serve_inet(SOCK_STREAM, 0, "127.0.0.1", target.refused);
}

static int any(void)
{
	return serve_inet(SOCK_STREAM, 0, "0.0.0.0", target.refused);
}

static int ephemeral(void)
{
	return serve_inet(SOCK_STREAM, 0, "0.0.0.0", 0);
}

static int unspecified(void)
{
	struct sockaddr_in in = inet_to("0.0.0.0", target.refused);

	in.sin_family = AF_UNSPEC;
	return serve(socket(AF_INET, SOCK_STREAM, 0), &in, sizeof(in));
}

static int any6(void)
{
	return serve_inet6(SOCK_STREAM, "::", target.refused);
}

static int mapped(void)
{
	return serve_inet6(SOCK_STREAM, "::ffff:127.0.0.1", target.refused);
}

static int unbound(void)
{
	return serve(socket(AF_INET, SOCK_STREAM, 0), NULL, 0);
}

static int unbound6(void)
{
	return serve(socket(AF_INET6, SOCK_STREAM, 0), NULL, 0);
}

static int mptcp(void)
{
	return serve_inet(SOCK_STREAM, IPPROTO_MPTCP, "127.0.0.1", target.refused);
}

static int udp(void)
{
	return serve_inet(SOCK_DGRAM, 0, "127.0.0.1", target.refused);
}

static int udp6(void)
{
	return serve_inet6(SOCK_DGRAM, "::1", target.refused);
}

static int udp_unspecified(void)
{
	struct sockaddr_in in = inet_to("0.0.0.0", target.refused);

	in.sin_family = AF_UNSPEC;
	return serve(socket(AF_INET, SOCK_DGRAM, 0), &in, sizeof(in));
}

/* Bound to a port that may be, and then to none. */
static int unbound_again(void)
{
	const struct sockaddr none = { AF_UNSPEC, { 0 } };
	struct sockaddr_in in = inet_to("127.0.0.1", target.allowed);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(listener, (const void *)&in, sizeof(in)) ||
	    connect(listener, &none, sizeof(none)))
		return errno;
	return serve(listener, NULL, 0);
}

/* Beside another listener, whose connections it would get. */
static int beside(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);
	int sockets[2];
	int on = 1;

	for (int i = 0; i < 2; i++) {
		sockets[i] = socket(AF_INET, SOCK_STREAM, 0);
		if (setsockopt(sockets[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)))
			return errno;
	}
	if (bind(sockets[0], (const void *)&in, sizeof(in)))
		return errno;
	return serve(sockets[1], &in, sizeof(in));
}

static int high_bits(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);
	unsigned long listener = (unsigned long)socket(AF_INET, SOCK_STREAM, 0);

	if (syscall(__NR_bind, 1UL << 32 | listener, &in, 1UL << 32 | sizeof(in)) ||
	    syscall(__NR_listen, 1UL << 32 | listener, 1UL << 32 | 5))
		return errno;
	return wait_for_peer((int)listener);
}

static int unbound_high_bits(void)
{
	unsigned long listener = (unsigned long)socket(AF_INET, SOCK_STREAM, 0);

	if (syscall(__NR_listen, 1UL << 32 | listener, 5))
		return errno;
	return wait_for_peer((int)listener);
}

static const struct probe probes[] = {
	{ "bind", loopback },
	{ "bind_any", any },
	{ "bind_any_port", ephemeral },
	{ "bind_without_family", unspecified },
	{ "bind_ipv6", any6 },
	{ "bind_mapped", mapped },
	{ "listen_unbound", unbound },
	{ "listen_unbound_ipv6", unbound6 },
	{ "listen_after_a_connection", unbound_again },
	{ "bind_mptcp", mptcp },
	{ "bind_beside_another", beside },
	{ "bind_with_high_bits", high_bits },
	{ "listen_with_high_bits", unbound_high_bits },
	{ "bind_udp", udp },
	{ "bind_udp_ipv6", udp6 },
	{ "bind_udp_without_family", udp_unspecified },
};
PROBE_MAIN(probes)
