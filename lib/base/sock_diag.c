/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions to the kernel's socket diagnosis, and the frames of its answers.
 */
#include "sock_diag.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>

#include "compat.h"

int sock_diag_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);

	return fd < 0 ? -errno : fd;
}

int socket_cookie(int fd, uint64_t *ret_cookie)
{
	socklen_t size = sizeof(*ret_cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, ret_cookie, &size) ? -errno : 0;
}

uint64_t socket_namespace(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) ? 0 : cookie;
}

bool socket_shares_namespace(int one, int other)
{
	uint64_t cookie = socket_namespace(one);

	return cookie != 0 && cookie == socket_namespace(other);
}

int sock_diag_ask(int diag, struct nlmsghdr *question, size_t size)
{
	char stale[SOCK_DIAG_HEADER];

	/* What an earlier question left, so that no answer is taken for another's. */
	while (recv(diag, stale, sizeof(stale), MSG_DONTWAIT) > 0)
		;
	question->nlmsg_len = (uint32_t)size;
	question->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	question->nlmsg_flags |= NLM_F_REQUEST;
	if (send(diag, question, size, 0) != (ssize_t)size)
		return -errno;
	return 0;
}

int sock_diag_header(const char *reply, size_t length, struct nlmsghdr *ret_header)
{
	int32_t error; /* of NLMSG_ERROR and NLMSG_DONE alike */

	if (length < SOCK_DIAG_HEADER)
		return -EBADMSG;
	memcpy(ret_header, reply, sizeof(*ret_header));
	if (ret_header->nlmsg_len < SOCK_DIAG_HEADER || ret_header->nlmsg_len > length)
		return -EBADMSG;
	if (ret_header->nlmsg_type == SOCK_DIAG_BY_FAMILY)
		return 1;
	if (ret_header->nlmsg_len < SOCK_DIAG_HEADER + sizeof(error))
		return -EBADMSG;
	memcpy(&error, reply + SOCK_DIAG_HEADER, sizeof(error));
	if (ret_header->nlmsg_type == NLMSG_DONE && error >= 0)
		return 0;
	return error < 0 ? error : -EBADMSG;
}

/* 1: more is to come, 0: that was all, or a negative errno. */
static int part_read(const char *reply, size_t length,
		     int (*parse)(const char *message, size_t length, void *data), void *data)
{
	while (length >= SOCK_DIAG_HEADER) {
		struct nlmsghdr header;
		int more = sock_diag_header(reply, length, &header);
		int error;

		if (more <= 0)
			return more;
		error = parse(reply, header.nlmsg_len, data);
		if (error)
			return error;
		if (SOCK_DIAG_ALIGN(header.nlmsg_len) >= length)
			break;
		reply += SOCK_DIAG_ALIGN(header.nlmsg_len);
		length -= SOCK_DIAG_ALIGN(header.nlmsg_len);
	}
	return 1;
}

int sock_diag_each(int diag, int (*parse)(const char *message, size_t length, void *data), void *data)
{
	char reply[SOCK_DIAG_REPLY_MAX] __attribute__((aligned(8)));
	int more;

	do {
		ssize_t length = recv(diag, reply, sizeof(reply), MSG_DONTWAIT | MSG_TRUNC);

		if (length < 0)
			return -errno;
		if ((size_t)length > sizeof(reply))
			return -EMSGSIZE;
		more = part_read(reply, (size_t)length, parse, data);
	} while (more > 0);
	return more;
}
