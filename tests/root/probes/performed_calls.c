/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls that a supervisor performs for somebody else, one line each: what they answered.
 * Run by test_semantics.py bare and inside; the lines must be the same. Words: part, port that
 * answers, port whose queue is full, closed port.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define MEBIBYTE (1 << 20)
#define SHORT_US 200000 /* until an alarm or a timeout */
#define BAD      ((void *)8)

static int answering, full, closed;
static char *memory; /* a mebibyte, and behind it nothing */
static volatile sig_atomic_t signals;
static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };

static void on_signal(int number)
{
	(void)number;
	signals++;
}

/* What a call answered. */
static void tell(const char *what, long result)
{
	if (result < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, result);
	fflush(stdout);
}

static void tell_signals(void)
{
	printf("  signals: %d\n", (int)signals);
	signals = 0;
}

static struct sockaddr_in inet_to(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons((in_port_t)port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static struct sockaddr_in6 inet6_to(const char *address, int port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons((in_port_t)port) };

	inet_pton(AF_INET6, address, &in6.sin6_addr);
	return in6;
}

static struct sockaddr_un unix_to(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	return un;
}

static int dial(int socket, int port)
{
	struct sockaddr_in in = inet_to(port);

	return connect(socket, (const void *)&in, sizeof(in));
}

static int dial_unix(int socket, const char *path)
{
	struct sockaddr_un un = unix_to(path);

	return connect(socket, (const void *)&un, sizeof(un));
}

static int disconnect(int socket)
{
	const struct sockaddr none = { AF_UNSPEC, { 0 } };

	return connect(socket, &none, sizeof(none));
}

static int stream(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int connected(void)
{
	int socket = stream();

	if (dial(socket, answering))
		exit(2);
	return socket;
}

static void pair(int type, int ends[2])
{
	if (socketpair(AF_UNIX, type, 0, ends))
		exit(2);
}

static void close_pair(const int ends[2])
{
	close(ends[0]);
	close(ends[1]);
}

static long send_message(int socket, const void *bytes, size_t length, int flags)
{
	struct iovec vector = { (void *)(uintptr_t)bytes, length };
	const struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };

	return sendmsg(socket, &header, flags);
}

static void alarm_soon(int flags)
{
	const struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };
	const struct itimerval timer = { { 0, 0 }, { 0, SHORT_US } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void set_timeout(int socket)
{
	const struct timeval timeout = { 0, SHORT_US };

	setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
}

/* Threads that act while a call is held -------------------------------------------------------- */

struct helper {
	int from; /* a descriptor to close, to put in its place, or to read until the end */
	int to;
	long length;
};

static void *close_later(void *argument)
{
	usleep(SHORT_US);
	close(((struct helper *)argument)->to);
	return NULL;
}

static void *replace_later(void *argument)
{
	struct helper *helper = argument;

	usleep(SHORT_US);
	dup2(helper->from, helper->to);
	return NULL;
}

static void *read_later(void *argument)
{
	static char bytes[65536];
	struct helper *helper = argument;
	ssize_t length;

	usleep(2 * SHORT_US);
	while ((length = read(helper->from, bytes, sizeof(bytes))) > 0)
		helper->length += length;
	return NULL;
}

/* A message that has to wait, while `act` does something to its descriptor. */
static void send_while(const char *what, void *(*act)(void *))
{
	int ends[2];
	int others[2];
	pthread_t actor;
	pthread_t reader;

	pair(SOCK_STREAM, ends);
	pair(SOCK_STREAM, others);
	fcntl(others[1], F_SETFL, O_NONBLOCK);

	struct helper acting = { others[0], ends[0], 0 };
	struct helper reading = { ends[1], -1, 0 };

	pthread_create(&actor, NULL, act, &acting);
	pthread_create(&reader, NULL, read_later, &reading);
	tell(what, send_message(ends[0], memory, MEBIBYTE, 0));
	close(ends[0]);
	pthread_join(actor, NULL);
	pthread_join(reader, NULL);
	printf("  the peer got %ld\n", reading.length);
	tell("  the other one got", read(others[1], memory, 1));
	close_pair(others);
}

/* Sends ---------------------------------------------------------------------------------------- */

static void broken_pipes(void)
{
	int ends[2];
	int socket;

	for (size_t i = 0; i < 3; i++) {
		pair(types[i], ends);
		close(ends[1]);
		tell("peer closed", send_message(ends[0], "x", 1, 0));
		tell_signals();
		pair(types[i], ends);
		shutdown(ends[0], SHUT_WR);
		tell("own end shut", send_message(ends[0], "x", 1, 0));
		tell_signals();
		tell("own end shut, no signal", send_message(ends[0], "x", 1, MSG_NOSIGNAL));
		tell_signals();
		close_pair(ends);
		pair(types[i], ends);
		shutdown(ends[1], SHUT_RD);
		tell("peer shut", send_message(ends[0], "x", 1, 0));
		tell_signals();
		close_pair(ends);
	}
	socket = connected();
	shutdown(socket, SHUT_WR);
	tell("tcp shut", send_message(socket, "x", 1, 0));
	tell_signals();
	tell("tcp unconnected", send_message(stream(), "x", 1, 0));
	tell_signals();
}

static void together(void)
{
	static struct mmsghdr messages[1030];
	struct iovec vector = { memory, 100 };
	struct helper reading = { 0 };
	pthread_t reader;
	int ends[2];

	for (size_t i = 0; i < 1030; i++)
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &vector, .msg_iovlen = 1 };
	pair(SOCK_STREAM, ends);
	tell("sendmmsg of 100", sendmmsg(ends[0], messages, 100, 0));
	tell("sendmmsg of none", sendmmsg(ends[0], messages, 0, 0));
	tell("sendmmsg from nowhere", sendmmsg(ends[0], BAD, 3, 0));
	messages[3].msg_hdr.msg_iov = BAD;
	tell("sendmmsg with a bad fourth", sendmmsg(ends[0], messages, 10, 0));
	tell("sendmmsg with a bad first", sendmmsg(ends[0], messages + 3, 10, 0));
	messages[3].msg_hdr.msg_iov = &vector;
	close_pair(ends);
	pair(SOCK_DGRAM, ends);
	reading.from = ends[1];
	pthread_create(&reader, NULL, read_later, &reading);
	tell("sendmmsg of 1030 that wait", sendmmsg(ends[0], messages, 1030, 0));
	shutdown(ends[1], SHUT_RDWR);
	pthread_join(reader, NULL);
	close_pair(ends);
	pair(SOCK_STREAM, ends);
	vector.iov_len = MEBIBYTE;
	tell("sendmmsg of parts", sendmmsg(ends[0], messages, 3, MSG_DONTWAIT));
	printf("  a part: %d\n", messages[0].msg_len > 0 && messages[0].msg_len < MEBIBYTE);
	close_pair(ends);
	pair(SOCK_STREAM, ends);
	alarm_soon(SA_RESTART);
	tell("sendmmsg interrupted", sendmmsg(ends[0], messages, 3, 0));
	printf("  a part: %d\n", messages[0].msg_len > 0 && messages[0].msg_len < MEBIBYTE);
	tell_signals();
	close_pair(ends);
}

static void controls(void)
{
	char buffer[CMSG_SPACE(sizeof(struct ucred))] = "";
	struct ucred forged = { getpid(), getuid(), getgid() + 1 };
	struct iovec vector = { (char *)"x", 1 };
	struct msghdr header = { .msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = buffer,
				 .msg_controllen = CMSG_SPACE(sizeof(int)) };
	struct cmsghdr *control = CMSG_FIRSTHDR(&header);
	int directory = open("/", O_PATH);
	int ends[2];

	pair(SOCK_STREAM, ends);
	control->cmsg_level = IPPROTO_IP;
	control->cmsg_type = 1;
	control->cmsg_len = CMSG_LEN(sizeof(int));
	tell("control of another level", sendmsg(ends[0], &header, 0));
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = 99;
	tell("control of an unknown type", sendmsg(ends[0], &header, 0));
	control->cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(control), &directory, sizeof(int));
	tell("an O_PATH descriptor", sendmsg(ends[0], &header, 0));
	control->cmsg_len = 3;
	tell("control too short", sendmsg(ends[0], &header, 0));
	control->cmsg_len = 1000;
	tell("control too long", sendmsg(ends[0], &header, 0));
	control->cmsg_len = CMSG_LEN(0);
	tell("no descriptors", sendmsg(ends[0], &header, 0));
	control->cmsg_type = SCM_CREDENTIALS;
	control->cmsg_len = CMSG_LEN(sizeof(forged));
	memcpy(CMSG_DATA(control), &forged, sizeof(forged));
	header.msg_controllen = sizeof(buffer);
	tell("another group", sendmsg(ends[0], &header, 0));
	header.msg_controllen = 8;
	tell("control of 8 bytes", sendmsg(ends[0], &header, 0));
	header.msg_control = BAD;
	header.msg_controllen = CMSG_SPACE(sizeof(int));
	tell("control from nowhere", sendmsg(ends[0], &header, 0));
	header.msg_control = NULL;
	tell("a length of no control", sendmsg(ends[0], &header, 0));
	close_pair(ends);
}

static void vectors(void)
{
	static struct iovec many[1025];
	struct iovec negative = { memory, SIZE_MAX };
	struct msghdr header = { .msg_iov = many, .msg_iovlen = 1024 };
	int ends[2];

	for (size_t i = 0; i < 1025; i++)
		many[i] = (struct iovec){ memory, 10 };
	pair(SOCK_STREAM, ends);
	tell("1024 vectors", sendmsg(ends[0], &header, 0));
	header.msg_iovlen = 1025;
	tell("1025 vectors", sendmsg(ends[0], &header, 0));
	header.msg_iovlen = 0;
	tell("no vectors", sendmsg(ends[0], &header, 0));
	header.msg_iov = &negative;
	header.msg_iovlen = 1;
	tell("a negative length", sendmsg(ends[0], &header, 0));
	header.msg_iov = BAD;
	tell("vectors from nowhere", sendmsg(ends[0], &header, 0));
	tell("bytes from nowhere", send_message(ends[0], BAD, 1, 0));
	tell("a page and nothing behind it",
	     send_message(ends[0], memory + MEBIBYTE - 5000, 10000, 0));
	close_pair(ends);
	pair(SOCK_DGRAM, ends);
	tell("a datagram with nothing behind it",
	     send_message(ends[0], memory + MEBIBYTE - 5000, 10000, 0));
	close_pair(ends);
}

static void waits(void)
{
	struct helper reading = { 0 };
	pthread_t reader;
	int ends[2];
	long sent;

	pair(SOCK_STREAM, ends);
	set_timeout(ends[0]);
	sent = send_message(ends[0], memory, MEBIBYTE, 0);
	printf("a part in time: %d\n", sent > 0 && sent < MEBIBYTE);
	tell("nothing in time", send_message(ends[0], memory, MEBIBYTE, 0));
	close_pair(ends);
	pair(SOCK_STREAM, ends);
	alarm_soon(SA_RESTART);
	sent = send_message(ends[0], memory, MEBIBYTE, 0);
	printf("a part until the alarm: %d\n", sent > 0 && sent < MEBIBYTE);
	alarm_soon(0);
	tell("nothing until the alarm", send_message(ends[0], memory, 1000, 0));
	reading.from = ends[1];
	pthread_create(&reader, NULL, read_later, &reading);
	alarm_soon(SA_RESTART);
	tell("restarted after the alarm", send_message(ends[0], memory, 1000, 0));
	tell_signals();
	close(ends[0]);
	pthread_join(reader, NULL);
	close(ends[1]);
}

static void sends(void)
{
	send_while("closed while it waits", close_later);
	send_while("replaced while it waits", replace_later);
	broken_pipes();
	together();
	controls();
	vectors();
	waits();
}

/* Connects ------------------------------------------------------------------------------------- */

/* Makes room for one that waits, after its alarm. */
static void *accept_later(void *argument)
{
	usleep(2 * SHORT_US);
	while (accept(((struct helper *)argument)->from, NULL, NULL) >= 0)
		;
	return NULL;
}

/* A connect that finds no room is interrupted by a signal that restarts it, and ends well; what it
 * came to is `told`. */
static void restarted(const char *told, int server, int client, const struct sockaddr *address,
		      socklen_t length)
{
	struct helper accepting = { .from = server };
	pthread_t thread;

	pthread_create(&thread, NULL, accept_later, &accepting);
	alarm_soon(SA_RESTART);
	tell(told, connect(client, address, length));
	tell_signals();
	shutdown(server, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(server);
	close(client);
}

static void connect_restarted(void)
{
	struct sockaddr_in in = inet_to(closed);
	socklen_t size = sizeof(in);
	int server = stream();
	const int on = 1;

	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	tell("bind", bind(server, (const void *)&in, sizeof(in)));
	listen(server, 0);
	for (int i = 0; i < 4; i++)
		(void)connect(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), (const void *)&in,
			      size);
	restarted("restarted", server, stream(), (const void *)&in, size);
}

static void connects(void)
{
	const struct sockaddr_nl netlink = { .nl_family = AF_NETLINK };
	struct sockaddr_in6 in6 = inet6_to("::1", closed);
	struct sockaddr_in in = inet_to(closed);
	struct pollfd ready;
	int error = -1;
	socklen_t size = sizeof(error);
	int socket_ = connected();

	tell("connected twice", dial(socket_, answering));
	tell("disconnected", disconnect(socket_));
	tell("and again", dial(socket_, answering));
	socket_ = stream();
	tell("closed port", dial(socket_, closed));
	tell("closed port again", dial(socket_, closed));
	tell("then one that answers", dial(socket_, answering));
	ready = (struct pollfd){ socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), POLLOUT, 0 };
	tell("closed port, nonblocking", dial(ready.fd, closed));
	poll(&ready, 1, 1000);
	getsockopt(ready.fd, SOL_SOCKET, SO_ERROR, &error, &size);
	printf("  then %s, events %x\n", strerrorname_np(error), (unsigned)ready.revents);
	socket_ = stream();
	set_timeout(socket_);
	tell("not in time", dial(socket_, full));
	tell("not in time, again", dial(socket_, full));
	socket_ = stream();
	alarm_soon(0);
	tell("interrupted", dial(socket_, full));
	alarm_soon(0);
	tell("interrupted again", dial(socket_, full));
	fcntl(socket_, F_SETFL, O_NONBLOCK);
	tell("then nonblocking", dial(socket_, full));
	signals = 0;
	socket_ = socket(AF_INET6, SOCK_STREAM, 0);
	tell("ipv4 on ipv6", connect(socket_, (const void *)&in, sizeof(in)));
	tell("23 bytes", connect(socket_, (const void *)&in6, 23));
	tell("24 bytes", connect(socket_, (const void *)&in6, 24));
	socket_ = socket(AF_NETLINK, SOCK_RAW, 0);
	tell("netlink", connect(socket_, (const void *)&netlink, sizeof(netlink)));
	tell("netlink disconnected", disconnect(socket_));
	connect_restarted();
}

/* Who the two ends of a connection say that they are. */
static void tell_peers(int client, int server)
{
	int ends[] = { client, accept(server, NULL, NULL) };

	for (int i = 0; i < 2; i++) {
		struct ucred peer = { 0 };
		socklen_t size = sizeof(peer);

		tell("peer's credentials",
		     getsockopt(ends[i], SOL_SOCKET, SO_PEERCRED, &peer, &size));
		printf("  own uid and gid: %d\n", peer.uid == getuid() && peer.gid == getgid());
	}
	close(ends[1]);
}

static void unix_connects(void)
{
	struct sockaddr_un un = unix_to("server");
	int server = socket(AF_UNIX, SOCK_STREAM, 0);
	int client = socket(AF_UNIX, SOCK_STREAM, 0);

	unlink("server");
	tell("bind", bind(server, (const void *)&un, sizeof(un)));
	tell("not listening", dial_unix(client, "server"));
	listen(server, 0);
	tell("seqpacket to a stream", dial_unix(socket(AF_UNIX, SOCK_SEQPACKET, 0), "server"));
	tell("connected", dial_unix(client, "server"));
	tell_peers(client, server);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	tell("connected", dial_unix(client, "server"));
	client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	tell("no room, nonblocking", dial_unix(client, "server"));
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	set_timeout(client);
	tell("no room in time", dial_unix(client, "server"));
	alarm_soon(0);
	tell("no room until the alarm", dial_unix(socket(AF_UNIX, SOCK_STREAM, 0), "server"));
	signals = 0;
	restarted("room after the alarm", server, socket(AF_UNIX, SOCK_STREAM, 0),
		  (const void *)&un, sizeof(un));
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	tell("nobody there any more", dial_unix(client, "server"));
	unlink("server");
	tell("nothing there", dial_unix(client, "server"));
	tell("a directory", dial_unix(client, "/tmp"));
	tell("out of reach", dial_unix(client, "/root/server"));
	tell("from nowhere", connect(client, BAD, sizeof(un)));
	tell("disconnect of a stream", disconnect(client));
	client = socket(AF_UNIX, SOCK_DGRAM, 0);
	tell("disconnect of a datagram", disconnect(client));
	un = unix_to("/nonexistent");
	tell("datagram to nowhere", sendto(client, "x", 1, 0, (const void *)&un, sizeof(un)));
	un.sun_family = AF_UNSPEC;
	tell("datagram without family", sendto(client, "x", 1, 0, (const void *)&un, sizeof(un)));
	un.sun_family = AF_UNIX;
	for (int length = -1; length < 4; length++)
		tell("datagram by length",
		     sendto(client, "x", 1, 0, (const void *)&un, (socklen_t)length));
	tell("datagram, too long", sendto(client, "x", 1, 0, (const void *)&un, 129));
}

/* Datagrams ------------------------------------------------------------------------------------ */

static void tell_peer(int socket)
{
	struct sockaddr_storage storage = { 0 };
	const void *address = &storage;
	const struct sockaddr_in *in = address;
	const struct sockaddr_in6 *in6 = address;
	socklen_t size = sizeof(storage);
	char text[INET6_ADDRSTRLEN] = "nobody";

	if (getpeername(socket, (struct sockaddr *)&storage, &size) == 0) {
		if (storage.ss_family == AF_INET)
			inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
		else
			inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
	}
	printf("  to %s\n", text);
}

static void udp_addresses(void)
{
	static const int lengths[] = { 0, 8, 15, 16, 28, 128, 129, -1 };
	static const char *const addresses[] = { "::1", "::ffff:127.0.0.1", "::", "::ffff:0.0.0.0" };
	struct sockaddr_in any = inet_to(answering);
	struct sockaddr_storage to = { 0 };
	struct sockaddr_in in = inet_to(answering);
	int socket_ = socket(AF_INET, SOCK_DGRAM, 0);

	memcpy(&to, &in, sizeof(in));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		tell("udp by length",
		     sendto(socket_, "x", 1, 0, (const void *)&to, (socklen_t)lengths[i]));
	any.sin_addr.s_addr = INADDR_ANY;
	tell("udp to any", sendto(socket_, "x", 1, 0, (const void *)&any, sizeof(any)));
	in.sin_family = AF_UNSPEC;
	tell("udp without family", sendto(socket_, "x", 1, 0, (const void *)&in, sizeof(in)));
	in.sin_family = AF_UNIX;
	tell("udp of another family", sendto(socket_, "x", 1, 0, (const void *)&in, sizeof(in)));
	tell("udp to nobody", send(socket_, "x", 1, 0));
	tell("udp of no bytes", sendto(socket_, "", 0, 0, (const void *)&any, sizeof(any)));
	tell("udp of 65507", sendto(socket_, memory, 65507, 0, (const void *)&any, sizeof(any)));
	tell("udp of 65508", sendto(socket_, memory, 65508, 0, (const void *)&any, sizeof(any)));
	tell("udp connected to any", connect(socket_, (const void *)&any, sizeof(any)));
	tell_peer(socket_);
	tell("udp disconnected", disconnect(socket_));
	tell_peer(socket_);
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct sockaddr_in6 in6 = inet6_to(addresses[i], answering);

		socket_ = socket(AF_INET6, SOCK_DGRAM, 0);
		tell(addresses[i], sendto(socket_, "x", 1, 0, (const void *)&in6, sizeof(in6)));
		tell("  24 bytes", sendto(socket_, "x", 1, 0, (const void *)&in6, 24));
		tell("  23 bytes", sendto(socket_, "x", 1, 0, (const void *)&in6, 23));
		tell("  connected", connect(socket_, (const void *)&in6, sizeof(in6)));
		tell_peer(socket_);
		in6.sin6_family = AF_UNSPEC;
		if (!IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
			tell("  without family",
			     sendto(socket_, "x", 1, 0, (const void *)&in6, sizeof(in6)));
		close(socket_);
	}
}

static void udp_messages(void)
{
	struct sockaddr_in in = inet_to(answering);
	struct iovec vector = { (char *)"x", 1 };
	struct msghdr header = {
		.msg_name = &in, .msg_namelen = sizeof(in), .msg_iov = &vector, .msg_iovlen = 1
	};
	struct mmsghdr messages[] = { { .msg_hdr = header },
				      { .msg_hdr = header },
				      { .msg_hdr = header } };
	static const int flags[] = { 0, MSG_MORE, 0, MSG_OOB, MSG_CONFIRM, MSG_DONTROUTE };
	int socket_ = socket(AF_INET, SOCK_DGRAM, 0);

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		tell("udp by flags", sendmsg(socket_, &header, flags[i]));
	header.msg_namelen = 200;
	tell("udp, name too long", sendmsg(socket_, &header, 0));
	header.msg_namelen = (socklen_t)-1;
	tell("udp, name of -1", sendmsg(socket_, &header, 0));
	header.msg_namelen = 0;
	tell("udp, no name", sendmsg(socket_, &header, 0));
	header.msg_name = BAD;
	header.msg_namelen = sizeof(in);
	tell("udp, name from nowhere", sendmsg(socket_, &header, 0));
	messages[2].msg_hdr.msg_name = NULL;
	tell("udp, three and no name", sendmmsg(socket_, messages, 3, 0));
	printf("  lengths %u %u %u\n", messages[0].msg_len, messages[1].msg_len, messages[2].msg_len);
	dial(socket_, closed);
	tell("udp to a closed port", send_message(socket_, "x", 1, 0));
	usleep(50000);
	tell("  then", send_message(socket_, "x", 1, 0));
	shutdown(socket_, SHUT_WR);
	tell("udp shut", send_message(socket_, "x", 1, 0));
	tell_signals();
}

static void udp_binds(void)
{
	struct sockaddr_in in = { .sin_family = AF_UNSPEC };
	struct sockaddr_in6 in6 = inet6_to("::1", 0);
	int socket_ = socket(AF_INET, SOCK_DGRAM, 0);

	tell("bind without family", bind(socket_, (const void *)&in, sizeof(in)));
	tell("bind again", bind(socket_, (const void *)&in, sizeof(in)));
	socket_ = socket(AF_INET, SOCK_DGRAM, 0);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	tell("bind without family to an address", bind(socket_, (const void *)&in, sizeof(in)));
	in.sin_family = AF_INET;
	in.sin_addr.s_addr = htonl(0x01020304);
	tell("bind to another machine's", bind(socket_, (const void *)&in, sizeof(in)));
	tell("bind of 8 bytes", bind(socket_, (const void *)&in, 8));
	tell("bind of ipv6", bind(socket_, (const void *)&in6, sizeof(in6)));
	tell("bind from nowhere", bind(socket_, BAD, sizeof(in)));
	tell("bind of no socket", bind(0, BAD, sizeof(in)));
	socket_ = socket(AF_INET6, SOCK_DGRAM, 0);
	tell("bind of ipv4 on ipv6", bind(socket_, (const void *)&in, sizeof(in)));
	tell("bind of 23 bytes", bind(socket_, (const void *)&in6, 23));
	tell("bind of 24 bytes", bind(socket_, (const void *)&in6, 24));
}

static void unix_bind(const char *what, const struct sockaddr_un *un, socklen_t length)
{
	int socket_ = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un got = { 0 };
	socklen_t size = sizeof(got);
	char path[sizeof(got.sun_path) + 1] = "";
	struct stat status = { 0 };

	tell(what, bind(socket_, (const void *)un, length));
	getsockname(socket_, (struct sockaddr *)&got, &size);
	memcpy(path, got.sun_path, sizeof(got.sun_path));
	stat(path, &status);
	printf("  %u bytes, \"%s\", mode %o\n", size, path, status.st_mode);
	tell("  twice", bind(socket_, (const void *)un, length));
	close(socket_);
	unlink(path);
}

static void unix_binds(void)
{
	struct sockaddr_un un = unix_to("bound");
	struct sockaddr_un long_one = { .sun_family = AF_UNIX };

	umask(077);
	unix_bind("unix bind, umask 077", &un, sizeof(un));
	umask(022);
	unix_bind("unix bind, umask 022", &un, offsetof(struct sockaddr_un, sun_path) + 5);
	memset(long_one.sun_path, 'l', sizeof(long_one.sun_path));
	unix_bind("unix bind of 108", &long_one, sizeof(long_one));
	unix_bind("unix bind of 109", &long_one, sizeof(long_one) + 1);
	un = unix_to("/nonexistent/bound");
	unix_bind("unix bind below nothing", &un, sizeof(un));
	un = unix_to("/etc/bound");
	unix_bind("unix bind out of reach", &un, sizeof(un));
	un.sun_family = AF_INET;
	unix_bind("unix bind of another family", &un, sizeof(un));
}

static void datagrams(void)
{
	udp_addresses();
	udp_messages();
	udp_binds();
	unix_binds();
}

static const struct {
	const char *name;
	void (*run)(void);
} parts[] = { { "sends", sends },
	      { "connects", connects },
	      { "unix_connects", unix_connects },
	      { "datagrams", datagrams } };

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	answering = atoi(argv[2]);
	full = atoi(argv[3]);
	closed = atoi(argv[4]);
	signal(SIGPIPE, on_signal);
	memory = mmap(NULL, 2 * MEBIBYTE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(memory + MEBIBYTE, MEBIBYTE);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strcmp(parts[i].name, argv[1]) == 0)
			parts[i].run();
	return 0;
}
