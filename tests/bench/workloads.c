/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The works that a probe measures: system calls, connections, messages. Distrusts success: a
 * connection counts when the server closed it, a message when it was read.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "probe.h"

#define CALLS    1000
#define FILES    100
#define IDLE_US  2000
#define BUFFER   (1 << 20) /* of a socket: the largest message fits several times */
#define ONE_FILE "/etc/passwd"

/* ---- calls that no filter traps ---- */

static uint64_t getppid_sample(struct probe *probe)
{
	uint64_t begin = now_ns();

	(void)probe;
	for (int i = 0; i < CALLS; i++)
		if (syscall(SYS_getppid) < 0)
			fail("getppid");
	return now_ns() - begin;
}

static void read_open(struct probe *probe)
{
	probe->socket = open("/dev/zero", O_RDONLY);
}

static uint64_t read_sample(struct probe *probe)
{
	uint64_t begin = now_ns();
	char byte;

	for (int i = 0; i < CALLS; i++)
		if (read(probe->socket, &byte, 1) != 1)
			fail("read");
	return now_ns() - begin;
}

static uint64_t openat_sample(struct probe *probe)
{
	uint64_t spent = 0;

	(void)probe;
	for (int i = 0; i < FILES; i++) {
		uint64_t begin = now_ns();
		int fd = open(ONE_FILE, O_RDONLY);

		spent += now_ns() - begin;
		if (fd < 0 || close(fd))
			fail(ONE_FILE);
	}
	return spent;
}

/* ---- connections ---- */

static struct sockaddr_in local(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
}

static int connect_port(int socket, uint16_t port)
{
	const struct sockaddr_in address = local(port);

	return connect(socket, (const struct sockaddr *)&address, sizeof(address));
}

static int stream_open(int domain, int flags)
{
	int fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (fd < 0)
		fail("socket");
	return fd;
}

/* The server accepts and closes: only then was there a connection. */
static void connection_end(struct probe *probe, int socket)
{
	char byte;

	if (read(socket, &byte, 1) != 0)
		fail("the server did not close");
	probe->arrivals++;
	close(socket);
}

static uint64_t connect_sample(struct probe *probe)
{
	int socket = stream_open(AF_INET, 0);
	uint64_t begin = now_ns();
	int result = connect_port(socket, probe->port);
	uint64_t spent = now_ns() - begin;

	if (result)
		fail("connect");
	connection_end(probe, socket);
	return spent;
}

static uint64_t connect_idle_sample(struct probe *probe)
{
	sleep_us(IDLE_US);
	return connect_sample(probe);
}

static uint64_t connect_nonblock_sample(struct probe *probe)
{
	int socket = stream_open(AF_INET, SOCK_NONBLOCK);
	struct pollfd wait = { socket, POLLOUT, 0 };
	uint64_t begin = now_ns();
	int result = connect_port(socket, probe->port);
	uint64_t spent = now_ns() - begin;
	int error = 0;
	socklen_t size = sizeof(error);

	if (result && errno != EINPROGRESS)
		fail("connect");
	if (poll(&wait, 1, -1) != 1 || getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) ||
	    error || fcntl(socket, F_SETFL, 0))
		fail("poll");
	connection_end(probe, socket);
	return spent;
}

/* Nobody listens there, or somebody whom the contender must keep us from. */
static uint64_t refused(const struct probe *probe, bool by_policy)
{
	int socket = stream_open(AF_INET, 0);
	uint64_t begin = now_ns();
	int result = connect_port(socket, probe->port);
	uint64_t spent = now_ns() - begin;

	if (result == 0 || (errno != ECONNREFUSED && !(by_policy && errno == EACCES)))
		fail("not refused");
	close(socket);
	return spent;
}

static uint64_t connect_closed_sample(struct probe *probe)
{
	return refused(probe, false);
}

static uint64_t connect_refused_sample(struct probe *probe)
{
	return refused(probe, true);
}

/* Ends by a reset, so that no port stays taken for a minute. */
static uint64_t cycle_sample(struct probe *probe)
{
	const struct linger reset = { 1, 0 };
	uint64_t begin = now_ns();
	int socket = stream_open(AF_INET, 0);

	if (setsockopt(socket, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) ||
	    connect_port(socket, probe->port) || close(socket))
		fail("connect");
	probe->arrivals++;
	return now_ns() - begin;
}

static uint64_t unix_connect_sample(struct probe *probe)
{
	int socket = stream_open(AF_UNIX, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	uint64_t begin;
	uint64_t spent;
	int result;

	if (!probe->path || strlen(probe->path) >= sizeof(address.sun_path))
		fail("path");
	memcpy(address.sun_path, probe->path, strlen(probe->path) + 1);
	begin = now_ns();
	result = connect(socket, (const struct sockaddr *)&address, sizeof(address));
	spent = now_ns() - begin;
	if (result)
		fail("connect");
	connection_end(probe, socket);
	return spent;
}

void work_hang(const struct probe *probe)
{
	connect_port(stream_open(AF_INET, 0), probe->hole);
	fail("the black hole answered");
}

/* ---- messages, from one socket of ours to another ---- */

static void unix_pair_open(struct probe *probe)
{
	int pair[2];
	int size = BUFFER;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) ||
	    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)))
		fail("socketpair");
	probe->socket = pair[0];
	probe->peer = pair[1];
}

/* Bound to our own port of loopback. */
static int bound_open(const struct probe *probe, int type)
{
	const struct sockaddr_in address = local(probe->port);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	int size = BUFFER;
	int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)))
		fail("bind");
	return fd;
}

static void tcp_pair_open(struct probe *probe)
{
	int listener = bound_open(probe, SOCK_STREAM);
	int size = BUFFER;
	int on = 1;

	probe->socket = stream_open(AF_INET, 0);
	if (listen(listener, 1) ||
	    setsockopt(probe->socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) ||
	    setsockopt(probe->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
	    connect_port(probe->socket, probe->port))
		fail("a connection to ourselves");
	probe->peer = accept(listener, NULL, NULL);
	if (probe->peer < 0)
		fail("accept");
	close(listener);
}

static void message_check(const struct probe *probe)
{
	static char buffer[BUFFER];

	if (recv(probe->peer, buffer, probe->size, MSG_WAITALL) != (ssize_t)probe->size)
		fail("the message did not arrive");
}

static uint64_t sendmsg_sample(struct probe *probe)
{
	static char buffer[BUFFER];
	struct iovec vector = { buffer, probe->size };
	const struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
	uint64_t begin;
	uint64_t spent;
	ssize_t sent;

	if (probe->size == 0 || probe->size > BUFFER)
		fail("size");
	begin = now_ns();
	sent = sendmsg(probe->socket, &message, 0);
	spent = now_ns() - begin;
	if (sent != (ssize_t)probe->size)
		fail("sendmsg");
	message_check(probe);
	return spent;
}

static void udp_open(struct probe *probe)
{
	probe->peer = bound_open(probe, SOCK_DGRAM);
	probe->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (probe->socket < 0)
		fail("socket");
	probe->size = 1;
}

static void udp_connected_open(struct probe *probe)
{
	udp_open(probe);
	if (connect_port(probe->socket, probe->port))
		fail("connect");
}

static uint64_t udp_sample(struct probe *probe, const struct sockaddr_in *address)
{
	char byte = 1;
	uint64_t begin = now_ns();
	ssize_t sent = sendto(probe->socket, &byte, 1, 0, (const struct sockaddr *)address,
			      address ? sizeof(*address) : 0);
	uint64_t spent = now_ns() - begin;

	if (sent != 1)
		fail("sendto");
	message_check(probe);
	return spent;
}

static uint64_t udp_connected_sample(struct probe *probe)
{
	return udp_sample(probe, NULL);
}

static uint64_t udp_sendto_sample(struct probe *probe)
{
	const struct sockaddr_in address = local(probe->port);

	return udp_sample(probe, &address);
}

/* ---- the table ---- */

static const struct work works[] = {
	{ "getppid", NULL, getppid_sample, CALLS },
	{ "read", read_open, read_sample, CALLS },
	{ "openat", NULL, openat_sample, FILES },
	{ "connect", NULL, connect_sample, 1 },
	{ "connect-idle", NULL, connect_idle_sample, 1 },
	{ "connect-nonblock", NULL, connect_nonblock_sample, 1 },
	{ "connect-closed", NULL, connect_closed_sample, 1 },
	{ "connect-refused", NULL, connect_refused_sample, 1 },
	{ "cycle", NULL, cycle_sample, 1 },
	{ "unix-connect", NULL, unix_connect_sample, 1 },
	{ "unix-sendmsg", unix_pair_open, sendmsg_sample, 1 },
	{ "tcp-sendmsg", tcp_pair_open, sendmsg_sample, 1 },
	{ "udp-connected", udp_connected_open, udp_connected_sample, 1 },
	{ "udp-sendto", udp_open, udp_sendto_sample, 1 },
};

const struct work *work_find(const char *name)
{
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		if (strcmp(works[i].name, name) == 0)
			return &works[i];
	return NULL;
}
