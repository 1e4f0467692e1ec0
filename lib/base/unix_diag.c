/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's diagnosis of unix sockets. Allocates nothing.
 */
#include "unix_diag.h"

#include <errno.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include "sock_diag.h"

#define ATTRIBUTE SOCK_DIAG_ALIGN(sizeof(struct nlattr))

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
	const size_t fixed = SOCK_DIAG_HEADER + SOCK_DIAG_ALIGN(sizeof(struct unix_diag_msg));
	struct unix_diag_msg fields;
	struct unix_socket socket = { 0 };

	if (length < fixed)
		return -EBADMSG;
	memcpy(&fields, message + SOCK_DIAG_HEADER, sizeof(fields));
	socket.inode = fields.udiag_ino;
	socket.cookie = (uint64_t)fields.udiag_cookie[1] << 32 | fields.udiag_cookie[0];
	socket.type = fields.udiag_type;
	socket.listening = fields.udiag_state == SOCK_DIAG_LISTEN;
	for (size_t at = fixed; at + ATTRIBUTE <= length;) {
		struct nlattr attribute;

		memcpy(&attribute, message + at, sizeof(attribute));
		if (attribute.nla_len < ATTRIBUTE || attribute.nla_len > length - at)
			return -EBADMSG;
		attribute_take(&socket, attribute.nla_type, message + at + ATTRIBUTE,
			       attribute.nla_len - ATTRIBUTE);
		at += SOCK_DIAG_ALIGN(attribute.nla_len);
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
	question->request.sdiag_family = AF_UNIX;
	return sock_diag_ask(diag, &question->header, sizeof(*question));
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
	error = sock_diag_header(reply, (size_t)length, &header);
	if (error <= 0)
		return error == 0 ? -EBADMSG : error;
	return socket_parse(reply, header.nlmsg_len, ret_socket);
}

struct listing {
	void (*each)(const struct unix_socket *socket, void *data);
	void *data;
};

static int each_parse(const char *message, size_t length, void *data)
{
	const struct listing *listing = data;
	struct unix_socket socket;
	int error = socket_parse(message, length, &socket);

	if (!error)
		listing->each(&socket, listing->data);
	return error;
}

int unix_diag_each(int diag, bool listening, unsigned asked,
		   void (*each)(const struct unix_socket *socket, void *data), void *data)
{
	struct question question = {
		.header = { .nlmsg_flags = NLM_F_DUMP },
		.request = { .udiag_states = listening ? 1U << SOCK_DIAG_LISTEN : UINT32_MAX,
			     .udiag_show = (asked & UNIX_DIAG_FILE ? UDIAG_SHOW_VFS : 0) |
					   (asked & UNIX_DIAG_WHO ? UDIAG_SHOW_NAME | UDIAG_SHOW_UID
								  : 0) },
	};
	struct listing listing = { each, data };
	int error = ask(diag, &question);

	return error ? error : sock_diag_each(diag, each_parse, &listing);
}
