/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls with odd arguments in random order, one line each: what they answered, and what became of
 * the socket. Run by test_semantics.py bare and inside; the lines must be the same. Words: first
 * seed, how many. Every seed begins with nothing left of the one before.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/un.h>

#include "probe.h"

#define CALLS     12
#define OBJECTS   3
#define MEMORY    (1 << 20)
#define MUCH      50000
#define MOST      1025 /* vectors */
#define WAIT_US   10000
#define ARRAY(x)  (sizeof(x) / sizeof((x)[0]))
#define ANY_OF(x) ((x)[pick(ARRAY(x))])

static char *edge;     /* a mebibyte ends here, and behind it is nothing */
static char *edges[3]; /* the same for the name of each message */
static uint64_t seed;
static volatile sig_atomic_t signals;

static uint32_t pick(uint32_t below)
{
	seed = seed * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)(seed >> 33) % below;
}

static bool one_in(uint32_t times)
{
	return pick(times) == 0;
}

static void on_signal(int number)
{
	(void)number;
	signals++;
}

/* The world ------------------------------------------------------------------------------------- */

enum {
	SERVER,
	HOLE,
	CLOSED,
	NONE,
	PORTS
};
static const char *const port_names[] = { "server", "hole", "closed", "0" };
static int ports[PORTS];
static int tcp_server, udp_server;
static const char *const unix_names[] = { "stream", "seqpacket", "datagram" };
static const int unix_types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
static int unix_servers[3];

static int bound_port(int fd)
{
	struct sockaddr_in6 in6 = { 0 };
	socklen_t size = sizeof(in6);

	getsockname(fd, (void *)&in6, &size);
	return ntohs(in6.sin6_port);
}

static int bound_to(int type, int port)
{
	struct sockaddr_in6 in6 = inet6_to("::", port);
	int fd = socket(AF_INET6, type, 0);

	if (bind(fd, (void *)&in6, sizeof(in6)))
		exit(3);
	return fd;
}

static void make_world(void)
{
	struct sockaddr_in hole = inet_to("127.0.0.1", 0);
	int fd;

	tcp_server = bound_to(SOCK_STREAM | SOCK_NONBLOCK, 0);
	ports[SERVER] = bound_port(tcp_server);
	udp_server = bound_to(SOCK_DGRAM | SOCK_NONBLOCK, ports[SERVER]);
	ports[CLOSED] = bound_port(bound_to(SOCK_STREAM, 0));
	fd = bound_to(SOCK_STREAM, 0);
	ports[HOLE] = bound_port(fd);
	hole.sin_port = htons((in_port_t)ports[HOLE]);
	if (listen(tcp_server, 100) || listen(fd, 0))
		exit(3);
	for (int i = 0; i < 4; i++)
		(void)connect(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), (void *)&hole,
			      sizeof(hole));
	for (size_t i = 0; i < ARRAY(unix_names); i++) {
		struct sockaddr_un un = { .sun_family = AF_UNIX };

		snprintf(un.sun_path, sizeof(un.sun_path), "%s", unix_names[i]);
		unlink(un.sun_path);
		unix_servers[i] = socket(AF_UNIX, unix_types[i] | SOCK_NONBLOCK, 0);
		if (bind(unix_servers[i], (void *)&un, sizeof(un)) ||
		    (unix_types[i] != SOCK_DGRAM && listen(unix_servers[i], 100)))
			exit(3);
	}
}

/* What has come to a socket, message by message: bytes, their sum, and descriptors, which are
 * closed. */
static void tell_received(const char *what, int fd, bool messages)
{
	static unsigned char bytes[MEMORY];
	unsigned sum = 0, count = 0, descriptors = 0;
	size_t total = 0;
	ssize_t length;

	for (;;) {
		char control[2048];
		struct iovec vector = { bytes, sizeof(bytes) };
		struct msghdr header = { .msg_iov = &vector,
					 .msg_iovlen = 1,
					 .msg_control = control,
					 .msg_controllen = sizeof(control) };

		length = recvmsg(fd, &header, MSG_DONTWAIT);
		if (length < 0 || (length == 0 && count > 200))
			break;
		for (struct cmsghdr *at = CMSG_FIRSTHDR(&header); at; at = CMSG_NXTHDR(&header, at)) {
			if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
				continue;
			for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= at->cmsg_len; i++) {
				int got;

				memcpy(&got, CMSG_DATA(at) + i * sizeof(int), sizeof(int));
				close(got);
				descriptors++;
			}
		}
		count++;
		total += (size_t)length;
		for (ssize_t i = 0; i < length; i++)
			sum = sum * 31 + bytes[i];
		if (length == 0)
			break;
	}
	/* How a stream is cut into pieces is nobody's business. */
	if (!messages && total > MUCH)
		printf("  %s got much\n", what);
	else if (count)
		printf("  %s got %u: %zu bytes, sum %x, %u descriptors\n", what,
		       messages ? count : 1, total, sum, descriptors);
}

static void empty_world(void)
{
	int fd;

	while ((fd = accept(tcp_server, NULL, NULL)) >= 0) {
		tell_received("tcp", fd, false);
		close(fd);
	}
	tell_received("udp", udp_server, true);
	for (size_t i = 0; i < ARRAY(unix_names); i++) {
		while (unix_types[i] != SOCK_DGRAM &&
		       (fd = accept(unix_servers[i], NULL, NULL)) >= 0) {
			tell_received(unix_names[i], fd, unix_types[i] != SOCK_STREAM);
			close(fd);
		}
		if (unix_types[i] == SOCK_DGRAM)
			tell_received(unix_names[i], unix_servers[i], true);
	}
}

/* Objects --------------------------------------------------------------------------------------- */

struct object {
	const char *name;
	int domain;
	int type;
	int fd;
	int peer; /* of a pair, or -1 */
};

enum {
	PAIR = 1,
	LISTENING,
	CONNECTED,
	FILE_,
	PIPE,
	PINNED,
	ABSENT
};
static const struct {
	const char *name;
	int domain;
	int type;
	int how;
} kinds[] = {
	{ "tcp", AF_INET, SOCK_STREAM, 0 },
	{ "tcp6", AF_INET6, SOCK_STREAM, 0 },
	{ "tcp connected", AF_INET, SOCK_STREAM, CONNECTED },
	{ "tcp6 connected", AF_INET6, SOCK_STREAM, CONNECTED },
	{ "tcp listening", AF_INET, SOCK_STREAM, LISTENING },
	{ "udp", AF_INET, SOCK_DGRAM, 0 },
	{ "udp6", AF_INET6, SOCK_DGRAM, 0 },
	{ "udp connected", AF_INET, SOCK_DGRAM, CONNECTED },
	{ "udp6 connected", AF_INET6, SOCK_DGRAM, CONNECTED },
	{ "ping", AF_INET, SOCK_DGRAM | 1 << 16, 0 },
	{ "unix", AF_UNIX, SOCK_STREAM, 0 },
	{ "unix seqpacket", AF_UNIX, SOCK_SEQPACKET, 0 },
	{ "unix datagram", AF_UNIX, SOCK_DGRAM, 0 },
	{ "unix listening", AF_UNIX, SOCK_STREAM, LISTENING },
	{ "pair", AF_UNIX, SOCK_STREAM, PAIR },
	{ "pair of seqpacket", AF_UNIX, SOCK_SEQPACKET, PAIR },
	{ "pair of datagram", AF_UNIX, SOCK_DGRAM, PAIR },
	{ "netlink", AF_NETLINK, SOCK_RAW, 0 },
	{ "file", AF_UNSPEC, 0, FILE_ },
	{ "pipe", AF_UNSPEC, 0, PIPE },
	{ "pinned", AF_UNSPEC, 0, PINNED },
	{ "absent", AF_UNSPEC, 0, ABSENT },
};

static void dial(const struct object *object)
{
	struct sockaddr_in in = inet_to("127.0.0.1", ports[SERVER]);
	struct sockaddr_in6 in6 = inet6_to("::1", ports[SERVER]);

	if (object->domain == AF_INET)
		(void)connect(object->fd, (void *)&in, sizeof(in));
	else
		(void)connect(object->fd, (void *)&in6, sizeof(in6));
}

static void make_object(struct object *object)
{
	uint32_t kind = pick(ARRAY(kinds));
	const struct timeval wait = { 0, WAIT_US };
	int ends[2] = { -1, -1 };

	*object = (struct object){ kinds[kind].name, kinds[kind].domain, kinds[kind].type & 0xff,
				   -1, -1 };
	switch (kinds[kind].how) {
	case PAIR:
		socketpair(AF_UNIX, object->type, 0, ends);
		break;
	case FILE_:
		ends[0] = open("/dev/null", O_RDWR);
		break;
	case PIPE:
		if (pipe(ends))
			exit(3);
		break;
	case PINNED:
		ends[0] = open("stream", O_PATH);
		break;
	case ABSENT:
		ends[0] = one_in(2) ? -1 : 999;
		break;
	default:
		ends[0] = socket(object->domain, object->type,
				 kinds[kind].type >> 16 ? IPPROTO_ICMP : 0);
		break;
	}
	object->fd = ends[0];
	object->peer = ends[1];
	if (kinds[kind].how == CONNECTED)
		dial(object);
	if (kinds[kind].how == LISTENING)
		listen(object->fd, 5);
	if (one_in(2))
		fcntl(object->fd, F_SETFL, O_NONBLOCK);
	setsockopt(object->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
}

static void tell_address(const char *what, int result, const struct sockaddr_storage *storage,
			 socklen_t size)
{
	char text[INET6_ADDRSTRLEN] = "?";
	const struct sockaddr_in *in = (const void *)storage;
	const struct sockaddr_in6 *in6 = (const void *)storage;
	int port = ntohs(in->sin_port);
	const char *name = port ? "some" : "0";

	if (result) {
		printf(" %s %s", what, strerrorname_np(errno));
		return;
	}
	for (int i = 0; i < NONE; i++)
		if (port == ports[i])
			name = port_names[i];
	if (storage->ss_family == AF_INET)
		inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
	if (storage->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
	if (storage->ss_family == AF_UNIX)
		printf(" %s unix %u", what, size);
	else
		printf(" %s %d %s %s", what, storage->ss_family, text, name);
}

static void tell_object(const struct object *object)
{
	struct sockaddr_storage storage = { 0 };
	struct pollfd poll_ = { object->fd, POLLIN | POLLOUT | POLLRDHUP | POLLPRI, 0 };
	socklen_t size = sizeof(storage);
	int error = 0;

	tell_address("own", getsockname(object->fd, (void *)&storage, &size), &storage, size);
	size = sizeof(storage);
	tell_address("peer", getpeername(object->fd, (void *)&storage, &size), &storage, size);
	poll(&poll_, 1, 0);
	size = sizeof(error);
	getsockopt(object->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	printf(" events %x error %d flags %x\n", (unsigned)poll_.revents, error,
	       (unsigned)fcntl(object->fd, F_GETFL));
}

/* What a call answered. How much of a long stream goes at once is a matter of time with TCP. */
static void tell(long result, const struct object *object)
{
	if (result < 0)
		printf(" = %s", strerrorname_np(errno));
	else if (object->domain != AF_UNIX && object->type == SOCK_STREAM && result > MUCH)
		printf(" = much");
	else
		printf(" = %ld", result);
	if (signals)
		printf(" signals %d", (int)signals);
	signals = 0;
	printf(";");
	tell_object(object);
}

/* Arguments ------------------------------------------------------------------------------------- */

static const char *const hosts[] = { "127.0.0.1",       "127.0.0.1",   "127.0.0.1",
				     "0.0.0.0",         "127.255.0.9", "192.0.2.1",
				     "255.255.255.255", "224.0.0.1",   "240.0.0.1" };
static const char *const hosts6[] = {
	"::1",         "::1",     "::",     "::ffff:127.0.0.1", "::ffff:192.0.2.1",
	"2001:db8::1", "ff02::1", "fe80::1"
};
static const char *const paths[] = { "stream", "seqpacket", "datagram", "/nonexistent",
				     "/tmp",   "",          "./stream", "/dev/null",
				     "link",   "stream/",   "/root/x" };
static const int families[] = { AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX, AF_NETLINK, 77, 65535 };

static socklen_t write_name(struct sockaddr_storage *storage, int family)
{
	struct sockaddr_un *un = (void *)storage;
	const char *host;
	int port = (int)pick(PORTS);

	if (one_in(2))
		port = SERVER;
	memset(storage, 0, sizeof(*storage));
	if (family == AF_INET6) {
		struct sockaddr_in6 in6;

		host = ANY_OF(hosts6);
		in6 = inet6_to(host, ports[port]);
		memcpy(storage, &in6, sizeof(in6));
		printf("[%s]:%s", host, port_names[port]);
		return sizeof(in6);
	}
	if (family == AF_UNIX && !one_in(8)) {
		host = ANY_OF(paths);
		un->sun_family = AF_UNIX;
		snprintf(un->sun_path, sizeof(un->sun_path), "%s", host);
		printf("\"%s\"", host);
		return one_in(2)
			       ? sizeof(*un)
			       : (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(host));
	}
	if (family == AF_UNIX) {
		un->sun_family = AF_UNIX;
		memset(un->sun_path, one_in(2) ? '/' : 'l', sizeof(un->sun_path));
		printf("long %c", un->sun_path[0]);
		return sizeof(*un);
	}
	if (family == AF_NETLINK) {
		storage->ss_family = AF_NETLINK;
		printf("netlink");
		return sizeof(struct sockaddr_nl);
	}
	struct sockaddr_in in;

	host = ANY_OF(hosts);
	in = inet_to(host, ports[port]);
	in.sin_family = (sa_family_t)family;
	memcpy(storage, &in, sizeof(in));
	printf("%d %s:%s", family, host, port_names[port]);
	return sizeof(in);
}

/* Where `length` bytes end with the memory, or where they cannot be read. */
static void *place(char *end, const void *bytes, size_t length)
{
	if (one_in(12)) {
		void *const places[] = { NULL, (void *)8,        (void *)-4096,
					 end,  end - length / 2, (void *)0x800000000000 };
		uint32_t which = pick(ARRAY(places));

		printf(" at %u", which);
		return places[which];
	}
	memcpy(end - length, bytes, length);
	return end - length;
}

/* An address of some family, mostly the object's own, of some length, mostly right. */
static void *name_for(const struct object *object, char *end, socklen_t *ret_length)
{
	static const socklen_t lengths[] = {
		0, 1, 2, 3, 8, 127, 128, 129, 200, INT_MAX, (socklen_t)-1, (socklen_t)INT_MIN
	};
	struct sockaddr_storage storage;
	char bytes[256] = "";
	socklen_t length;

	int family = one_in(4) ? ANY_OF(families) : object->domain;

	/* Its address the kernel forgets in the middle of a send: what comes then is by chance. */
	if (family == AF_UNSPEC && object->domain == AF_INET6 && object->type == SOCK_DGRAM)
		family = AF_INET6;
	length = write_name(&storage, family);
	memcpy(bytes, &storage, sizeof(storage));
	if (one_in(6))
		length = ANY_OF(lengths);
	else if (one_in(6))
		length = pick(length + 2);
	printf(" length %d", (int)length);
	*ret_length = length;
	return place(end, bytes, length <= sizeof(bytes) ? length : sizeof(bytes));
}

static int flags_for(void)
{
	static const int flags[] = { MSG_DONTWAIT, MSG_NOSIGNAL, MSG_OOB,       MSG_MORE,
				     MSG_EOR,      MSG_CONFIRM,  MSG_DONTROUTE, MSG_TRUNC,
				     MSG_PEEK,     MSG_WAITALL,  1 << 18 };
	int chosen = one_in(3) ? ANY_OF(flags) | (one_in(2) ? ANY_OF(flags) : 0) : 0;

	printf(" flags %x", (unsigned)chosen);
	return chosen;
}

static size_t length_for(void)
{
	static const size_t lengths[] = { 0, 1, 2, 100, 1000, 65507, 65508, 70000, 300000 };

	return one_in(3) ? ANY_OF(lengths) : pick(2000);
}

/* What goes along with datagrams, with descriptors, or is ignored. What else there is for a
 * datagram no policy allows. */
static const struct {
	int level;
	int type;
} controls[] = {
	{ SOL_SOCKET, SCM_RIGHTS },
	{ IPPROTO_IP, IP_TOS },
	{ IPPROTO_IP, IP_TTL },
	{ IPPROTO_IP, IP_PKTINFO },
	{ IPPROTO_IPV6, IPV6_PKTINFO },
	{ IPPROTO_IPV6, IPV6_TCLASS },
	{ IPPROTO_IPV6, IPV6_HOPLIMIT },
	{ IPPROTO_IPV6, IPV6_DONTFRAG },
	{ IPPROTO_UDP, 103 /* UDP_SEGMENT */ },
	{ IPPROTO_TCP, 1 },
	{ 4711, 1 },
};

static size_t control_for(char control[8192], const struct object *object)
{
	static const size_t lengths[] = { 0, 1, 4, 8, 12, 20, 40, 253 * 4, 254 * 4, 4000 };
	uint32_t which = pick(ARRAY(controls));
	struct cmsghdr *header = (void *)control;
	size_t length = one_in(2) ? 4 : ANY_OF(lengths);
	int value = object->fd;

	memset(control, 0, 8192);
	if (object->domain == AF_UNIX && one_in(2))
		which = 0;
	header->cmsg_level = controls[which].level;
	header->cmsg_type = controls[which].type;
	header->cmsg_len = CMSG_LEN(length);
	for (size_t i = 0; i + 4 <= length; i += 4)
		memcpy(CMSG_DATA(header) + i, &value, 4);
	if (one_in(10))
		header->cmsg_len = pick(40);
	printf(" control %d %d length %zu of", header->cmsg_level, header->cmsg_type,
	       header->cmsg_len);
	length = CMSG_SPACE(length);
	if (one_in(10))
		length = pick(40);
	printf(" %zu", length);
	return length;
}

static void vectors_for(struct msghdr *header, struct iovec vectors[MOST], bool whole)
{
	static const size_t counts[] = { 0, 2, 3, 1024, 1025 };
	size_t total = 0;

	header->msg_iov = vectors;
	header->msg_iovlen = one_in(4) ? ANY_OF(counts) : 1;
	for (size_t i = 0; i < header->msg_iovlen && i < MOST; i++) {
		size_t length = header->msg_iovlen > 3 ? 10 : length_for();

		vectors[i] = (struct iovec){ edge - 512 - length, length };
		total += length;
	}
	printf(" vectors %zu of %zu", header->msg_iovlen, total);
	if (one_in(25)) {
		vectors[0].iov_base = edge - (whole ? 0 : vectors[0].iov_len / 2);
		printf(" bad");
	}
	if (one_in(40)) {
		vectors[0].iov_len = SIZE_MAX;
		printf(" negative");
	}
}

static void message_for(struct msghdr *header, unsigned number, const struct object *object)
{
	static struct iovec vectors[3][MOST];
	static char buffers[3][8192];
	char *control = buffers[number];

	memset(header, 0, sizeof(*header));
	if (one_in(2))
		header->msg_name = name_for(object, edges[number], &header->msg_namelen);
	vectors_for(header, vectors[number], object->type == SOCK_STREAM);
	if (one_in(3)) {
		header->msg_control = control;
		header->msg_controllen = control_for(control, object);
		if (one_in(12)) {
			header->msg_control = one_in(2) ? NULL : (void *)8;
			printf(" at %p", header->msg_control);
		}
	}
	if (one_in(30)) {
		header->msg_iov = (void *)8;
		printf(" vectors at 8");
	}
}

/* Calls ----------------------------------------------------------------------------------------- */

static void do_connect(struct object *object)
{
	socklen_t length;
	void *name = name_for(object, edge, &length);

	tell(connect(object->fd, name, length), object);
}

static void do_bind(struct object *object)
{
	socklen_t length;
	void *name = name_for(object, edge, &length);

	tell(bind(object->fd, name, length), object);
}

static void do_listen(struct object *object)
{
	static const int backlogs[] = { 0, 1, 5, -1, INT_MAX, INT_MIN };
	int backlog = ANY_OF(backlogs);

	printf(" %d", backlog);
	tell(listen(object->fd, backlog), object);
}

static void do_sendto(struct object *object)
{
	socklen_t length;
	void *name = name_for(object, edge, &length);
	int flags = flags_for();
	size_t size = length_for();
	char *bytes = edge - 512 - size;

	printf(" bytes %zu", size);
	if (one_in(20)) {
		bytes = one_in(2) ? edge - (object->type == SOCK_STREAM ? 0 : size / 2) : NULL;
		printf(" at %d", bytes != NULL);
	}
	tell(sendto(object->fd, bytes, size, flags, name, length), object);
}

static void do_sendmsg(struct object *object)
{
	struct msghdr header;
	void *at = &header;
	int flags;

	message_for(&header, 0, object);
	flags = flags_for();

	if (one_in(30)) {
		at = edge - sizeof(header) / 2;
		printf(" at the edge");
	}
	tell(sendmsg(object->fd, at, flags), object);
}

static void do_sendmmsg(struct object *object)
{
	static const unsigned counts[] = { 0, 1, 2, 3 };
	struct mmsghdr messages[3] = { 0 };
	unsigned count = ANY_OF(counts);
	long sent;
	int flags;

	for (unsigned i = 0; i < count; i++) {
		printf("\n    ");
		message_for(&messages[i].msg_hdr, i, object);
		messages[i].msg_len = 77;
	}
	flags = flags_for();
	if (one_in(20)) {
		printf(" at the edge");
		memcpy(edge - sizeof(messages[0]), messages, sizeof(messages[0]));
		sent = sendmmsg(object->fd, (void *)(edge - sizeof(messages[0])), count, flags);
	} else {
		sent = sendmmsg(object->fd, messages, count, flags);
	}
	if (object->domain == AF_UNIX || object->type == SOCK_DGRAM)
		printf(" (%u %u %u)", messages[0].msg_len, messages[1].msg_len, messages[2].msg_len);
	tell(sent, object);
}

static void do_shutdown(struct object *object)
{
	int how = (int)pick(3);

	printf(" %d", how);
	tell(shutdown(object->fd, how), object);
}

static void do_nonblock(struct object *object)
{
	tell(fcntl(object->fd, F_SETFL, fcntl(object->fd, F_GETFL) ^ O_NONBLOCK), object);
}

static void do_option(struct object *object)
{
	static const int options[][2] = { { SOL_SOCKET, SO_BROADCAST },
					  { IPPROTO_IPV6, IPV6_V6ONLY },
					  { SOL_SOCKET, SO_SNDBUF },
					  { SOL_SOCKET, SO_PASSCRED } };
	const int *option = ANY_OF(options);
	const int on = 1;

	printf(" %d", option[1]);
	tell(setsockopt(object->fd, option[0], option[1], &on, sizeof(on)), object);
}

static void do_lose_peer(struct object *object)
{
	close(object->peer);
	object->peer = -1;
	tell(0, object);
}

static void do_receive(struct object *object)
{
	tell_received("peer", object->peer, object->type != SOCK_STREAM);
	tell(0, object);
}

static const struct {
	const char *name;
	void (*run)(struct object *object);
	int weight;
} calls[] = {
	{ "connect", do_connect, 8 },   { "sendto", do_sendto, 6 },
	{ "sendmsg", do_sendmsg, 8 },   { "sendmmsg", do_sendmmsg, 3 },
	{ "bind", do_bind, 3 },         { "listen", do_listen, 2 },
	{ "shutdown", do_shutdown, 1 }, { "nonblock", do_nonblock, 1 },
	{ "option", do_option, 1 },     { "lose peer", do_lose_peer, 1 },
	{ "receive", do_receive, 1 },
};

static void call_something(uint64_t number, int step, struct object *object)
{
	uint32_t weights = 0;
	uint32_t chosen;
	size_t i = 0;

	for (size_t j = 0; j < ARRAY(calls); j++)
		weights += (uint32_t)calls[j].weight;
	for (chosen = pick(weights); chosen >= (uint32_t)calls[i].weight; i++)
		chosen -= (uint32_t)calls[i].weight;
	printf("%lu.%d %s: %s ", number, step, object->name, calls[i].name);
	calls[i].run(object);
}

static void run(uint64_t number)
{
	char long_name[sizeof(((struct sockaddr_un *)0)->sun_path) + 1] = "";
	struct object objects[OBJECTS];

	seed = number * 0x9e3779b97f4a7c15U;
	for (int i = 0; i < 8; i++)
		pick(1);
	for (size_t i = 0; i < MEMORY; i++)
		(edge - MEMORY)[i] = (char)(i * 7 + i / 251);
	for (int i = 0; i < OBJECTS; i++)
		make_object(&objects[i]);
	for (int i = 0; i < CALLS; i++)
		call_something(number, i, &objects[pick(OBJECTS)]);
	for (int i = 0; i < OBJECTS; i++) {
		tell_received("peer", objects[i].peer, objects[i].type != SOCK_STREAM);
		close(objects[i].peer);
		if (objects[i].fd != 999)
			close(objects[i].fd);
	}
	empty_world();
	memset(long_name, 'l', sizeof(long_name) - 1);
	unlink(long_name);
	unlink("made");
	fflush(stdout);
}

static char *memory_that_ends(size_t size)
{
	char *memory =
		mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(memory + size, size);
	return memory + size;
}

int main(int argc, char **argv)
{
	uint64_t first = argc == 3 ? strtoull(argv[1], NULL, 10) : 0;
	uint64_t count = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;

	/* Names that a user cannot make would be made. */
	if (geteuid() == 0)
		return 2;
	edge = memory_that_ends(MEMORY);
	for (size_t i = 0; i < ARRAY(edges); i++)
		edges[i] = memory_that_ends(4096);
	signal(SIGPIPE, on_signal);
	make_world();
	for (uint64_t i = 0; i < count; i++)
		run(first + i);
	return 0;
}
