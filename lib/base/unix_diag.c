/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's diagnosis of unix sockets. Allocates nothing.
 */
#include "unix_diag.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#define UNIX_LISTEN 10 /* TCP_LISTEN, which unix sockets borrow */
#define REPLY_MAX   16384

/* The kernel's macros are signed. */
#define ALIGNED(length) (((size_t)(length) + 3) & ~(size_t)3)
#define HEADER          ALIGNED(sizeof(struct nlmsghdr))
#define ATTRIBUTE       ALIGNED(sizeof(struct nlattr))

int unix_diag_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);

	return fd < 0 ? -errno : fd;
}

int socket_cookie(int fd, uint64_t *ret_cookie)
{
	socklen_t size = sizeof(*ret_cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, ret_cookie, &size) ? -errno : 0;
}

/* The kernel's own dev_t: 12 bits of major over 20 of minor. */
static dev_t device_of(uint32_t device)
{
	return makedev(device >> 20, device & 0xfffff);
}

static void attribute_take(struct unix_socket *socket, unsigned type, const char *data, size_t length)
{
	struct unix_diag_vfs file;
	uint32_t uid;

	if (type == UNIX_DIAG_VFS && length >= sizeof(file)) {
		memcpy(&file, data, sizeof(file));
		socket->has_file = true;
		socket->file = file.udiag_vfs_ino;
		socket->device = device_of(file.udiag_vfs_dev);
	} else if (type == UNIX_DIAG_UID && length >= sizeof(uid)) {
		memcpy(&uid, data, sizeof(uid));
		socket->has_uid = true;
		socket->uid = uid;
	} else if (type == UNIX_DIAG_NAME) {
		socket->name = data;
		socket->name_length = length;
	}
}

/* `message` holds `length` bytes, of which the header has been checked. */
static int socket_parse(const char *message, size_t length, struct unix_socket *ret_socket)
{
	const size_t fixed = HEADER + ALIGNED(sizeof(struct unix_diag_msg));
	struct unix_diag_msg fields;
	struct unix_socket socket = { 0 };

	if (length < fixed)
		return -EBADMSG;
	memcpy(&fields, message + HEADER, sizeof(fields));
	socket.inode = fields.udiag_ino;
	socket.cookie = (uint64_t)fields.udiag_cookie[1] << 32 | fields.udiag_cookie[0];
	socket.type = fields.udiag_type;
	socket.listening = fields.udiag_state == UNIX_LISTEN;
	for (size_t at = fixed; at + ATTRIBUTE <= length;) {
		struct nlattr attribute;

		memcpy(&attribute, message + at, sizeof(attribute));
		if (attribute.nla_len < ATTRIBUTE || attribute.nla_len > length - at)
			return -EBADMSG;
		attribute_take(&socket, attribute.nla_type, message + at + ATTRIBUTE,
			       attribute.nla_len - ATTRIBUTE);
		at += ALIGNED(attribute.nla_len);
	}
	*ret_socket = socket;
	return 0;
}

struct question {
	struct nlmsghdr header;
	struct unix_diag_req request;
};

static int ask(int diag, struct question *question)
{
	char stale[HEADER];

	/* What an earlier question left, so that no answer is taken for another's. */
	while (recv(diag, stale, sizeof(stale), MSG_DONTWAIT) > 0)
		;
	question->header.nlmsg_len = sizeof(*question);
	question->header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	question->header.nlmsg_flags |= NLM_F_REQUEST;
	question->request.sdiag_family = AF_UNIX;
	if (send(diag, question, sizeof(*question), 0) != (ssize_t)sizeof(*question))
		return -errno;
	return 0;
}

/* The kernel answers within the send, so a reply is there to be read. 1: `ret_header` is that of a
 * socket, 0: the end, or a negative errno. */
static int header_read(const char *reply, size_t length, struct nlmsghdr *ret_header)
{
	int32_t error; /* of NLMSG_ERROR and NLMSG_DONE alike */

	if (length < HEADER)
		return -EBADMSG;
	memcpy(ret_header, reply, sizeof(*ret_header));
	if (ret_header->nlmsg_len < HEADER || ret_header->nlmsg_len > length)
		return -EBADMSG;
	if (ret_header->nlmsg_type == SOCK_DIAG_BY_FAMILY)
		return 1;
	if (ret_header->nlmsg_len < HEADER + sizeof(error))
		return -EBADMSG;
	memcpy(&error, reply + HEADER, sizeof(error));
	if (ret_header->nlmsg_type == NLMSG_DONE && error >= 0)
		return 0;
	return error < 0 ? error : -EBADMSG;
}

/* Without the uid, over which kernels of 2022 fall in an exact question. */
int unix_diag_find(int diag, uint32_t inode, uint64_t cookie, struct unix_socket *ret_socket)
{
	struct question question = {
		.request = { .udiag_states = UINT32_MAX,
			     .udiag_ino = inode,
			     .udiag_show = UDIAG_SHOW_VFS,
			     .udiag_cookie = { (uint32_t)cookie, (uint32_t)(cookie >> 32) } },
	};
	char reply[1024] __attribute__((aligned(8)));
	struct nlmsghdr header;
	ssize_t length;
	int error = ask(diag, &question);

	if (error)
		return error;
	length = recv(diag, reply, sizeof(reply), MSG_DONTWAIT);
	if (length < 0)
		return -errno;
	error = header_read(reply, (size_t)length, &header);
	if (error <= 0)
		return error == 0 ? -EBADMSG : error;
	return socket_parse(reply, header.nlmsg_len, ret_socket);
}

/* 1: more is to come, 0: that was all, or a negative errno. */
static int part_read(const char *reply, size_t length,
		     void (*each)(const struct unix_socket *socket, void *data), void *data)
{
	while (length >= HEADER) {
		struct nlmsghdr header;
		struct unix_socket socket;
		int more = header_read(reply, length, &header);
		int error;

		if (more <= 0)
			return more;
		error = socket_parse(reply, header.nlmsg_len, &socket);
		if (error)
			return error;
		each(&socket, data);
		if (ALIGNED(header.nlmsg_len) >= length)
			break;
		reply += ALIGNED(header.nlmsg_len);
		length -= ALIGNED(header.nlmsg_len);
	}
	return 1;
}

int unix_diag_each(int diag, bool listening, unsigned asked,
		   void (*each)(const struct unix_socket *socket, void *data), void *data)
{
	struct question question = {
		.header = { .nlmsg_flags = NLM_F_DUMP },
		.request = { .udiag_states = listening ? 1U << UNIX_LISTEN : UINT32_MAX,
			     .udiag_show = (asked & UNIX_DIAG_FILE ? UDIAG_SHOW_VFS : 0) |
					   (asked & UNIX_DIAG_WHO ? UDIAG_SHOW_NAME | UDIAG_SHOW_UID
								  : 0) },
	};
	char reply[REPLY_MAX] __attribute__((aligned(8)));
	int more = ask(diag, &question);

	if (more < 0)
		return more;
	do {
		ssize_t length = recv(diag, reply, sizeof(reply), MSG_DONTWAIT | MSG_TRUNC);

		if (length < 0)
			return -errno;
		if ((size_t)length > sizeof(reply))
			return -EMSGSIZE;
		more = part_read(reply, (size_t)length, each, data);
	} while (more > 0);
	return more;
}
