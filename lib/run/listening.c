/*
 * Which unix sockets this session listens on, asked of the kernel's socket diagnosis.
 * Called by the serving of listen and of unix connect.
 * Distrusts names and inode numbers: both can be used again by somebody else's socket.
 */
#include "listening.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define UNIX_LISTEN 10 /* TCP_LISTEN, which unix sockets borrow */
#define REPLY_MAX   1024
#define ANY_COOKIE  UINT32_MAX

/* The kernel's macros are signed. */
#define ALIGNED(length) (((size_t)(length) + 3) & ~(size_t)3)
#define HEADER          ALIGNED(sizeof(struct nlmsghdr))
#define ATTRIBUTE       ALIGNED(sizeof(struct nlattr))

void listening_open(struct listening *listening)
{
	memset(listening, 0, sizeof(*listening));
	listening->diag =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
}

struct answer {
	struct unix_diag_msg socket;
	struct unix_diag_vfs file;
};

/* The file of the message; false where the socket has none or does not listen. */
static bool answer_parse(const char *reply, size_t length, struct answer *ret_answer)
{
	const struct nlmsghdr *header = (const void *)reply;
	const size_t fixed = HEADER + ALIGNED(sizeof(struct unix_diag_msg));

	if (length < fixed || header->nlmsg_type != SOCK_DIAG_BY_FAMILY || header->nlmsg_len > length)
		return false;
	memcpy(&ret_answer->socket, reply + HEADER, sizeof(ret_answer->socket));
	if (ret_answer->socket.udiag_state != UNIX_LISTEN)
		return false;
	for (size_t at = fixed; at + ATTRIBUTE <= header->nlmsg_len;) {
		struct nlattr attribute;

		memcpy(&attribute, reply + at, sizeof(attribute));
		if (attribute.nla_len < ATTRIBUTE || at + attribute.nla_len > header->nlmsg_len)
			return false;
		if (attribute.nla_type == UNIX_DIAG_VFS &&
		    attribute.nla_len >= ATTRIBUTE + sizeof(ret_answer->file)) {
			memcpy(&ret_answer->file, reply + at + ATTRIBUTE, sizeof(ret_answer->file));
			return true;
		}
		at += ALIGNED(attribute.nla_len);
	}
	return false;
}

/* The kernel answers within the send, so the reply is there to be read. */
static bool ask(int diag, uint32_t socket, const uint32_t cookie[2], struct answer *ret_answer)
{
	struct {
		struct nlmsghdr header;
		struct unix_diag_req request;
	} message = {
		.header = { .nlmsg_len = sizeof(message),
			    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			    .nlmsg_flags = NLM_F_REQUEST },
		.request = { .sdiag_family = AF_UNIX,
			     .udiag_states = UINT32_MAX,
			     .udiag_ino = socket,
			     .udiag_show = UDIAG_SHOW_VFS,
			     .udiag_cookie = { cookie[0], cookie[1] } },
	};
	char reply[REPLY_MAX] __attribute__((aligned(8)));
	ssize_t length;

	while (recv(diag, reply, sizeof(reply), MSG_DONTWAIT) > 0)
		;
	if (send(diag, &message, sizeof(message), 0) != (ssize_t)sizeof(message))
		return false;
	length = recv(diag, reply, sizeof(reply), MSG_DONTWAIT);
	return length > 0 && answer_parse(reply, (size_t)length, ret_answer);
}

void listening_add(struct listening *listening, int fd)
{
	static const uint32_t any[2] = { ANY_COOKIE, ANY_COOKIE };
	struct stat status;
	struct answer answer;
	uint32_t place = 0;

	if (listening->diag < 0 || fstat(fd, &status) ||
	    !ask(listening->diag, (uint32_t)status.st_ino, any, &answer))
		return;
	while (place < LISTENING_MAX && listening->sockets[place].socket != answer.socket.udiag_ino)
		place++;
	if (place == LISTENING_MAX)
		place = listening->next++ % LISTENING_MAX;
	listening->sockets[place].socket = answer.socket.udiag_ino;
	memcpy(listening->sockets[place].cookie, answer.socket.udiag_cookie,
	       sizeof(listening->sockets[place].cookie));
	listening->sockets[place].file = answer.file.udiag_vfs_ino;
	listening->sockets[place].device = answer.file.udiag_vfs_dev;
}

/* The kernel's own dev_t: 12 bits of major over 20 of minor. */
static dev_t device_of(uint32_t device)
{
	return makedev(device >> 20, device & 0xfffff);
}

bool listening_holds(struct listening *listening, dev_t device, ino_t inode)
{
	for (uint32_t i = 0; i < LISTENING_MAX; i++) {
		struct answer answer;

		if (listening->sockets[i].socket == 0 ||
		    listening->sockets[i].file != (uint32_t)inode ||
		    device_of(listening->sockets[i].device) != device)
			continue;
		if (ask(listening->diag, listening->sockets[i].socket, listening->sockets[i].cookie,
			&answer) &&
		    answer.file.udiag_vfs_ino == listening->sockets[i].file &&
		    answer.file.udiag_vfs_dev == listening->sockets[i].device)
			return true;
		listening->sockets[i].socket = 0;
	}
	return false;
}
