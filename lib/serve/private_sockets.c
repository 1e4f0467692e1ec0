/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asks the network helper for sockets and keeps a few. Distrusts its answers' shape alone: it is
 * ours, and reads nothing that a user wrote.
 */
#include "private_sockets.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "sock_diag.h"
#include "util.h"

#define STOCK_LOW 4 /* below it more are asked for */

static void helper_lost(struct private_sockets *private_sockets)
{
	log_line(LOG_WARNING, "sandlock-network has ended: new UDP sockets of this session fail "
			      "with EPERM, and its look-ups fail");
	loop_remove(private_sockets->loop, &private_sockets->helper);
	util_cleanup_fd(&private_sockets->helper.fd);
	private_sockets->helper.fd = -1;
}

static struct private_stock *stock_of(struct private_sockets *private_sockets,
				      const struct network_request *request)
{
	if (request->kind != NETWORK_SOCKETS || request->type != SOCK_DGRAM)
		return &private_sockets->other;
	return &private_sockets->stocks[request->family == AF_INET6];
}

static void stock_put(struct private_sockets *private_sockets, struct private_stock *stock, int fd)
{
	if (private_sockets->cookie == 0)
		private_sockets->cookie = socket_namespace(fd);
	if (stock->count < NETWORK_SOCKETS_MAX)
		stock->sockets[stock->count++] = fd;
	else
		close(fd);
}

/* Said once: the helper will not change its mind. */
static void refusal_take(struct private_sockets *private_sockets, int error)
{
	if (private_sockets->error == 0)
		log_line(LOG_WARNING,
			 "cannot create a network namespace: %s; UDP sockets of this session fail with "
			 "EPERM, and its look-ups fail",
			 strerror(error));
	private_sockets->error = error;
}

/* Datagram sockets are kept whenever they come; of others only what somebody waits for. */
static bool is_wanted(const struct private_sockets *private_sockets,
		      const struct private_stock *stock, const struct network_request *request)
{
	const struct network_request *awaited = private_sockets->awaited;

	return stock != &private_sockets->other ||
	       (awaited && request->kind == awaited->kind && request->family == awaited->family &&
		request->type == awaited->type);
}

/* One answer; -EAGAIN where there is none. */
static int answer_receive(struct private_sockets *private_sockets)
{
	char control[CMSG_SPACE(sizeof(int) * NETWORK_SOCKETS_MAX)] __attribute__((aligned(8)));
	struct network_answer answer;
	struct iovec vector = { &answer, sizeof(answer) };
	struct msghdr message = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *descriptors = (const void *)control;
	ssize_t length =
		recvmsg(private_sockets->helper.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct private_stock *stock;
	int fd;

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (length != (ssize_t)sizeof(answer)) {
		helper_lost(private_sockets);
		return -EPIPE;
	}
	stock = stock_of(private_sockets, &answer.request);
	stock->asked = false;
	private_sockets->late = false;
	if (answer.error)
		refusal_take(private_sockets, answer.error);
	if (message.msg_controllen < sizeof(*descriptors) || descriptors->cmsg_type != SCM_RIGHTS)
		return 0;
	for (size_t at = CMSG_LEN(0); at + sizeof(fd) <= descriptors->cmsg_len; at += sizeof(fd)) {
		memcpy(&fd, control + at, sizeof(fd));
		if (is_wanted(private_sockets, stock, &answer.request))
			stock_put(private_sockets, stock, fd);
		else
			close(fd);
	}
	return 0;
}

static void helper_ready(struct watch *watch, uint32_t events)
{
	(void)events;
	(void)answer_receive(container_of(watch, struct private_sockets, helper));
}

static int ask(struct private_sockets *private_sockets, struct private_stock *stock,
	       const struct network_request *request)
{
	if (private_sockets->helper.fd < 0)
		return -EPERM;
	if (stock->asked)
		return 0;
	if (send(private_sockets->helper.fd, request, sizeof(*request),
		 MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -errno;
	stock->asked = true;
	return 0;
}

/* The answer is waited for once: on a machine that is very busy others of the session go on. */
static int helper_is_late(struct private_sockets *private_sockets)
{
	if (!private_sockets->late)
		log_line(LOG_WARNING, "sandlock-network does not answer in time: UDP sockets of "
				      "this session fail with EPERM until it does");
	private_sockets->late = true;
	return -EPERM;
}

/* Until the answer is here. Who has ended tells so at once. */
static int answer_await(struct private_sockets *private_sockets, const struct private_stock *stock)
{
	int error = 0;

	while (stock->asked && !error) {
		struct pollfd descriptor = { private_sockets->helper.fd, POLLIN, 0 };
		int wait = private_sockets->late ? 0 : PRIVATE_WAIT_MS;

		if (poll(&descriptor, 1, wait) == 0)
			return helper_is_late(private_sockets);
		error = answer_receive(private_sockets);
		if (error == -EAGAIN)
			error = 0;
	}
	if (error)
		return -EPERM;
	return stock->count > 0 ? 0 : -EPERM;
}

static int stock_fill(struct private_sockets *private_sockets, const struct network_request *request)
{
	struct private_stock *stock = stock_of(private_sockets, request);
	int error = ask(private_sockets, stock, request);

	private_sockets->awaited = request;
	if (!error)
		error = answer_await(private_sockets, stock);
	private_sockets->awaited = NULL;
	return error ? -EPERM : 0;
}

int private_sockets_open(struct private_sockets *private_sockets, struct loop *loop, int helper)
{
	private_sockets->loop = loop;
	private_sockets->helper.fd = helper;
	private_sockets->helper.ready = helper_ready;
	return helper < 0 ? 0 : loop_add(loop, &private_sockets->helper, EPOLLIN);
}

int private_sockets_take(struct private_sockets *private_sockets, int family, int type)
{
	struct network_request request = {
		.kind = NETWORK_SOCKETS,
		.family = (uint32_t)family,
		.type = (uint32_t)type,
		.count = type == SOCK_DGRAM ? NETWORK_SOCKETS_MAX : 1,
	};
	struct private_stock *stock = stock_of(private_sockets, &request);
	int error = stock->count > 0 ? 0 : stock_fill(private_sockets, &request);
	int fd;

	if (error)
		return error;
	fd = stock->sockets[--stock->count];
	request.count = NETWORK_SOCKETS_MAX - stock->count;
	/* In the background. Where it fails, whoever needs one waits. */
	if (type == SOCK_DGRAM && stock->count < STOCK_LOW)
		(void)ask(private_sockets, stock, &request);
	return fd;
}

int private_sockets_listeners(struct private_sockets *private_sockets,
			      int ret_listeners[NETWORK_LISTENER_COUNT])
{
	const struct network_request request = { .kind = NETWORK_LISTENERS };
	struct private_stock *stock = &private_sockets->other;
	int error = stock_fill(private_sockets, &request);

	if (error)
		return error;
	if (stock->count != NETWORK_LISTENER_COUNT)
		error = -EPROTO;
	while (stock->count > 0) {
		int fd = stock->sockets[--stock->count];

		if (error)
			close(fd);
		else
			ret_listeners[stock->count] = fd;
	}
	return error;
}

bool private_sockets_have(const struct private_sockets *private_sockets, int fd)
{
	return private_sockets->cookie != 0 && socket_namespace(fd) == private_sockets->cookie;
}
