/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The TCP sockets that listen, as the kernel's diagnosis has them. Allocates nothing.
 */
#include "tcp_diag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <netinet/in.h>
#include <string.h>

#include "sock_diag.h"

struct question {
	struct nlmsghdr header;
	struct inet_diag_req_v2 request;
};

struct listing {
	void (*each)(const struct tcp_socket *socket, void *data);
	void *data;
};

static int socket_parse(const char *message, size_t length, void *data)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const struct listing *listing = data;
	struct inet_diag_msg fields;
	struct tcp_socket socket;

	if (length < SOCK_DIAG_HEADER + sizeof(fields))
		return -EBADMSG;
	memcpy(&fields, message + SOCK_DIAG_HEADER, sizeof(fields));
	if (fields.idiag_family == AF_INET6) {
		memcpy(socket.local.address.bytes, fields.id.idiag_src, 16);
	} else {
		memcpy(socket.local.address.bytes, mapped, sizeof(mapped));
		memcpy(socket.local.address.bytes + sizeof(mapped), fields.id.idiag_src, 4);
	}
	socket.local.port = ntohs(fields.id.idiag_sport);
	socket.cookie = (uint64_t)fields.id.idiag_cookie[1] << 32 | fields.id.idiag_cookie[0];
	listing->each(&socket, listing->data);
	return 0;
}

int tcp_diag_each(int diag, int family, void (*each)(const struct tcp_socket *socket, void *data),
		  void *data)
{
	struct question question = {
		.header = { .nlmsg_flags = NLM_F_DUMP },
		.request = { .sdiag_family = (uint8_t)family,
			     .sdiag_protocol = IPPROTO_TCP,
			     .idiag_states = 1U << SOCK_DIAG_LISTEN },
	};
	struct listing listing = { each, data };
	int error = sock_diag_ask(diag, &question.header, sizeof(question));

	return error ? error : sock_diag_each(diag, socket_parse, &listing);
}
