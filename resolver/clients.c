/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads the session's questions, and replies from where they arrived.
 */
#include "clients.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "util.h"

#define IDLE_MS   10000U
#define TURN_MAX  64 /* datagrams of one listener, until others have their turn */
#define IS_TCP(i) ((i) >= 2)

/* ---- replies ---- */

union control {
	char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	struct cmsghdr align;
};

static void source_set(struct msghdr *message, int level, int type, const void *data, size_t length)
{
	struct cmsghdr *header;

	message->msg_controllen = CMSG_SPACE(length);
	header = CMSG_FIRSTHDR(message);
	header->cmsg_level = level;
	header->cmsg_type = type;
	header->cmsg_len = CMSG_LEN(length);
	memcpy(CMSG_DATA(header), data, length);
}

/* From the address that was asked: programs compare. */
static void datagram_reply(struct client_question *question, const uint8_t *reply, size_t length)
{
	struct clients *clients = question->clients;
	struct iovec part = { (void *)(uintptr_t)reply, length };
	union control control = { 0 };
	struct msghdr message = { .msg_name = &question->peer,
				  .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control };

	if (question->generation != clients->generation)
		return;
	if (question->peer.ss_family == AF_INET) {
		struct in_pktinfo source = { 0 };

		memcpy(&source.ipi_spec_dst, question->asked.bytes + 12, sizeof(source.ipi_spec_dst));
		source_set(&message, IPPROTO_IP, IP_PKTINFO, &source, sizeof(source));
		message.msg_namelen = sizeof(struct sockaddr_in);
	} else {
		struct in6_pktinfo source = { .ipi6_ifindex = question->interface };

		memcpy(&source.ipi6_addr, question->asked.bytes, sizeof(source.ipi6_addr));
		source_set(&message, IPPROTO_IPV6, IPV6_PKTINFO, &source, sizeof(source));
		message.msg_namelen = sizeof(struct sockaddr_in6);
	}
	(void)sendmsg(clients->listeners[question->listener].watch.fd, &message,
		      MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void connection_close(struct connection *connection)
{
	loop_remove(connection->clients->loop, &connection->watch);
	util_cleanup_fd(&connection->watch.fd);
	connection->watch.fd = -1;
	connection->generation++;
	free(connection->output);
	connection->output = NULL;
	free(connection->input);
	connection->input = NULL;
}

static void connection_watch(struct connection *connection, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = &connection->watch };

	(void)epoll_ctl(connection->clients->loop->epoll, EPOLL_CTL_MOD, connection->watch.fd,
			&event);
}

static void connection_reply(struct connection *connection, const uint8_t *reply, size_t length)
{
	connection->waits = false;
	connection->output = malloc(2 + length);
	if (!connection->output) {
		connection_close(connection);
		return;
	}
	connection->output[0] = (uint8_t)(length >> 8);
	connection->output[1] = (uint8_t)length;
	memcpy(connection->output + 2, reply, length);
	connection->output_length = 2 + length;
	connection->output_sent = 0;
	connection_watch(connection, EPOLLOUT);
}

void client_reply(struct client_question *question, unsigned rcode, enum dns_reason reason,
		  struct dns_answer *answer, uint32_t age)
{
	struct clients *clients = question->clients;
	struct connection *connection = question->connection;
	size_t size = DNS_TCP_MAX;
	size_t length;

	if (!connection)
		size = question->question.size < DNS_UDP_MAX ? question->question.size : DNS_UDP_MAX;
	length = dns_reply_build(&question->question, rcode, reason, answer, age, clients->message,
				 size);
	question->used = false;
	if (length == 0)
		return;
	if (!connection)
		datagram_reply(question, clients->message, length);
	else if (connection->watch.fd >= 0 && connection->generation == question->generation)
		connection_reply(connection, clients->message, length);
}

/* ---- questions ---- */

static struct client_question *question_new(struct clients *clients)
{
	for (size_t i = 0; i < CLIENT_QUESTIONS_MAX; i++) {
		struct client_question *question = &clients->questions[i];

		if (question->used)
			continue;
		memset(question, 0, sizeof(*question));
		question->clients = clients;
		question->used = true;
		return question;
	}
	return NULL;
}

/* False where the message is no question. */
static bool question_take(struct client_question *question, const uint8_t *message, size_t length)
{
	int rcode = dns_question_parse(message, length, &question->question);

	if (rcode < 0) {
		question->used = false;
		return false;
	}
	if (rcode == DNS_NOERROR)
		question->clients->answer(question, question->clients->context);
	else
		client_reply(question, (unsigned)rcode, DNS_REASON_NONE, NULL, 0);
	return true;
}

/* Where a datagram arrived; false where the kernel does not say. */
static bool asked_read(struct msghdr *message, struct client_question *question)
{
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
	     header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(header), sizeof(info));
			question->asked = (struct address){ .bytes = { [10] = 0xff, 0xff } };
			memcpy(question->asked.bytes + 12, &info.ipi_addr, sizeof(info.ipi_addr));
			return true;
		}
		if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(header), sizeof(info));
			memcpy(question->asked.bytes, &info.ipi6_addr, sizeof(info.ipi6_addr));
			if (address_classify(&question->asked) == CLASS_LINKLOCAL)
				question->interface = info.ipi6_ifindex;
			return true;
		}
	}
	return false;
}

static bool datagram_take(struct clients *clients, int listener)
{
	struct client_question *question = question_new(clients);
	struct iovec part = { clients->message, CLIENT_MESSAGE_MAX };
	char control[256];
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	ssize_t length;

	if (question) {
		message.msg_name = &question->peer;
		message.msg_namelen = sizeof(question->peer);
	}
	length = recvmsg(clients->listeners[listener].watch.fd, &message, MSG_DONTWAIT);
	/* Where there is no room it is lost, as on any network. */
	if (!question)
		return length >= 0;
	if (length < 0 || (message.msg_flags & MSG_TRUNC) || !asked_read(&message, question)) {
		question->used = false;
		return length >= 0;
	}
	question->listener = listener;
	question->generation = clients->generation;
	(void)question_take(question, clients->message, (size_t)length);
	return true;
}

/* ---- connections ---- */

static void connection_input(struct connection *connection)
{
	struct client_question *question;
	struct sockaddr_storage storage = { 0 };
	socklen_t size = sizeof(storage);
	struct endpoint endpoint;
	size_t length;

	if (connection->received < 2)
		return;
	length = (size_t)connection->input[0] << 8 | connection->input[1];
	if (length > CLIENT_MESSAGE_MAX) {
		connection_close(connection);
		return;
	}
	if (connection->received < 2 + length)
		return;
	question = question_new(connection->clients);
	if (!question || getsockname(connection->watch.fd, (struct sockaddr *)&storage, &size) ||
	    endpoint_from_sockaddr(&storage, size, &endpoint)) {
		if (question)
			question->used = false;
		connection_close(connection);
		return;
	}
	question->connection = connection;
	question->generation = connection->generation;
	question->asked = endpoint.address;
	connection->waits = true;
	connection_watch(connection, 0);
	connection->received -= 2 + length;
	memcpy(connection->clients->message, connection->input + 2, length);
	memmove(connection->input, connection->input + 2 + length, connection->received);
	if (!question_take(question, connection->clients->message, length))
		connection_close(connection);
}

static void connection_receive(struct connection *connection)
{
	ssize_t received = recv(connection->watch.fd, connection->input + connection->received,
				2 + CLIENT_MESSAGE_MAX - connection->received, MSG_DONTWAIT);

	if (received < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (received <= 0) {
		connection_close(connection);
		return;
	}
	connection->received += (size_t)received;
	connection_input(connection);
}

static void connection_send(struct connection *connection)
{
	ssize_t sent = send(connection->watch.fd, connection->output + connection->output_sent,
			    connection->output_length - connection->output_sent,
			    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (sent < 0) {
		connection_close(connection);
		return;
	}
	connection->output_sent += (size_t)sent;
	if (connection->output_sent < connection->output_length)
		return;
	free(connection->output);
	connection->output = NULL;
	connection_watch(connection, EPOLLIN);
	/* The next question may be here already. */
	connection_input(connection);
}

static void connection_ready(struct watch *watch, uint32_t events)
{
	struct connection *connection = container_of(watch, struct connection, watch);

	if (watch->fd < 0)
		return;
	connection->deadline_ms = upstream_now_ms() + IDLE_MS;
	if (connection->output)
		connection_send(connection);
	else if (!connection->waits)
		connection_receive(connection);
	else if (events & (EPOLLHUP | EPOLLERR))
		connection_close(connection);
}

/* One that has been idle for longest makes room. */
static struct connection *connection_new(struct clients *clients)
{
	struct connection *oldest = &clients->connections[0];

	for (size_t i = 0; i < CLIENT_CONNECTIONS_MAX; i++) {
		struct connection *connection = &clients->connections[i];

		if (connection->watch.fd < 0)
			return connection;
		if (connection->deadline_ms < oldest->deadline_ms)
			oldest = connection;
	}
	connection_close(oldest);
	return oldest;
}

static bool connection_take(struct clients *clients, int listener)
{
	struct connection *connection;
	int fd = accept4(clients->listeners[listener].watch.fd, NULL, NULL,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return false;
	connection = connection_new(clients);
	connection->input = malloc(2 + CLIENT_MESSAGE_MAX);
	if (!connection->input) {
		close(fd);
		return true;
	}
	connection->watch.fd = fd;
	connection->waits = false;
	connection->received = 0;
	connection->deadline_ms = upstream_now_ms() + IDLE_MS;
	if (loop_add(clients->loop, &connection->watch, EPOLLIN)) {
		close(fd);
		connection->watch.fd = -1;
		free(connection->input);
		connection->input = NULL;
	}
	return true;
}

/* ---- all ---- */

static void listener_ready(struct watch *watch, uint32_t events)
{
	struct listener *listener = container_of(watch, struct listener, watch);
	struct clients *clients = listener->clients;
	int index = (int)(listener - clients->listeners);
	bool more = watch->fd >= 0;

	(void)events;
	for (int i = 0; i < TURN_MAX && more; i++)
		more = IS_TCP(index) ? connection_take(clients, index)
				     : datagram_take(clients, index);
}

static void listeners_close(struct clients *clients)
{
	clients->generation++;
	for (int i = 0; i < CLIENT_LISTENERS; i++) {
		struct watch *watch = &clients->listeners[i].watch;

		if (watch->fd >= 0)
			loop_remove(clients->loop, watch);
		util_cleanup_fd(&watch->fd);
		watch->fd = -1;
	}
}

int clients_listen(struct clients *clients, const int listeners[CLIENT_LISTENERS])
{
	int error = 0;

	listeners_close(clients);
	for (int i = 0; i < CLIENT_LISTENERS; i++) {
		clients->listeners[i].watch.fd = listeners[i];
		/* What is not waited for is not in the set, and removing it does no harm. */
		if (!error && fcntl(listeners[i], F_SETFL, O_NONBLOCK))
			error = -errno;
		if (!error)
			error = loop_add(clients->loop, &clients->listeners[i].watch, EPOLLIN);
	}
	if (error)
		listeners_close(clients);
	return error;
}

uint64_t clients_tick(struct clients *clients)
{
	uint64_t now = upstream_now_ms();
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < CLIENT_CONNECTIONS_MAX; i++) {
		struct connection *connection = &clients->connections[i];

		if (connection->watch.fd < 0)
			continue;
		if (connection->deadline_ms <= now)
			connection_close(connection);
		else if (connection->deadline_ms < next)
			next = connection->deadline_ms;
	}
	return next;
}

void clients_open(struct clients *clients, struct loop *loop,
		  void (*answer)(struct client_question *question, void *context), void *context)
{
	clients->loop = loop;
	clients->answer = answer;
	clients->context = context;
	for (int i = 0; i < CLIENT_LISTENERS; i++)
		clients->listeners[i] = (struct listener){ { -1, listener_ready }, clients };
	for (size_t i = 0; i < CLIENT_CONNECTIONS_MAX; i++) {
		clients->connections[i].clients = clients;
		clients->connections[i].watch = (struct watch){ -1, connection_ready };
	}
}
