/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first stage of a trapped call: our copies of its arguments.
 */
#include "fetch.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>

#include "message.h"

/* struct mmsghdr as the kernel reads it. */
struct wire_message {
	struct wire_header header;
	uint32_t sent;
	uint32_t unused;
};

int fetch_nothing(struct copies *copies, struct request *request)
{
	(void)copies;
	(void)request;
	return 0;
}

int fetch_caller(struct copies *copies, struct request *request)
{
	caller_fetch_status(&copies->caller, request->call.thread);
	return 0;
}

int fetch_ids(struct copies *copies, struct request *request)
{
	caller_fetch_groups(&copies->caller, request->call.thread, copies->gid);
	return fetch_caller(copies, request);
}

int fetch_socket(struct copies *copies, struct request *request)
{
	return copy_socket(copies, request);
}

int fetch_listen(struct copies *copies, struct request *request)
{
	int error = copy_socket(copies, request);

	if (!error && request->kind.domain == AF_UNIX)
		caller_fetch_status(&copies->caller, request->call.thread);
	return error;
}

int fetch_connect(struct copies *copies, struct request *request)
{
	int error;

	/* After a wait there is nothing new to look at. */
	if (request->started)
		return 0;
	error = copy_socket(copies, request);
	/* The kernel reads the address before it looks at the descriptor. */
	if (!error || error == ENOTSOCK) {
		int copy_error = copy_address(request, request->call.arguments[1],
					      (int64_t)request->call.arguments[2]);

		error = copy_error ? copy_error : error;
	}
	if (!error)
		copy_unix_caller(copies, request);
	return error;
}

int fetch_bind(struct copies *copies, struct request *request)
{
	int error = copy_socket(copies, request);

	if (!error)
		error = copy_address(request, request->call.arguments[1],
				     (int64_t)request->call.arguments[2]);
	if (!error && request->kind.domain == AF_UNIX)
		caller_fetch_status(&copies->caller, request->call.thread);
	if (!error && request_is_unix_path(request))
		caller_fetch_directories(&copies->caller, request->call.thread, true);
	return error;
}

static void message_begin(struct copies *copies, uint64_t flags)
{
	struct message *message = &copies->message;

	message->flags = (int)flags;
	message->vector_count = 0;
	message->total = 0;
	message->payload_length = 0;
	message->unreadable = false;
	message->control_length = 0;
	message->descriptor_count = 0;
}

/* Zero copy would use our memory: the kernel could not tell the caller when it is free again. */
static bool wants_zerocopy(const struct request *request, int flags)
{
	int enabled = 0;
	socklen_t size = sizeof(enabled);

	return (flags & MSG_ZEROCOPY) &&
	       getsockopt(request->socket_fd, SOL_SOCKET, SO_ZEROCOPY, &enabled, &size) == 0 &&
	       enabled;
}

/* Answered as by a kernel without TCP Fast Open: MSG_FASTOPEN is a connect that Landlock does not
 * see. */
static int message_end(const struct copies *copies, const struct request *request, int error)
{
	if (error)
		return error;
	if (copies->message.flags & MSG_FASTOPEN)
		return EOPNOTSUPP;
	return wants_zerocopy(request, copies->message.flags) ? ENOBUFS : 0;
}

/* The kernel checks the length of a datagram's name even where it is 0; but sendmsg(2), by which we
 * send it, takes 0 as no name. */
static bool lacks_name(const struct request *request)
{
	return request->length == 0 && !socket_is_stream(&request->kind) &&
	       socket_is_inet(&request->kind);
}

int fetch_sendto(struct copies *copies, struct request *request)
{
	const uint64_t *arguments = request->call.arguments;
	struct message *message = &copies->message;
	int error;

	message_begin(copies, arguments[3]);
	error = copy_socket(copies, request);
	if (!error)
		error = copy_address(request, arguments[4], (int64_t)arguments[5]);
	if (error)
		return error;
	copy_unix_caller(copies, request);
	if (lacks_name(request))
		request->length = 1;
	message->vectors[0].iov_base = (void *)(uintptr_t)arguments[1];
	message->vectors[0].iov_len = arguments[2] > INT_MAX ? INT_MAX : arguments[2];
	message->vector_count = 1;
	message->total = message->vectors[0].iov_len;
	return message_end(copies, request, message_copy_payload(copies, request));
}

int fetch_sendmsg(struct copies *copies, struct request *request)
{
	struct wire_header header;
	int error;

	message_begin(copies, request->call.arguments[2]);
	error = copy_socket(copies, request);
	if (!error)
		error = -process_read(request->call.thread, request->call.arguments[1], &header,
				      sizeof(header));
	if (!error)
		error = message_copy(copies, request, &header);
	return message_end(copies, request, error);
}

static uint64_t next_message(const struct request *request)
{
	return request->call.arguments[1] + request->messages * sizeof(struct wire_message);
}

uint64_t fetch_length_address(const struct request *request)
{
	return next_message(request) + offsetof(struct wire_message, sent);
}

int fetch_sendmmsg(struct copies *copies, struct request *request)
{
	struct wire_message wire;
	int error;

	message_begin(copies, request->call.arguments[3]);
	error = copy_socket(copies, request);
	if (error || request_message_count(request) == 0)
		return error;
	error = -process_read(request->call.thread, next_message(request), &wire, sizeof(wire));
	if (error)
		return error;
	caller_fetch_memory(&copies->caller, request->call.thread);
	return message_end(copies, request, message_copy(copies, request, &wire.header));
}

/* The value is stored where a message's control data would be. */
int fetch_setsockopt(struct copies *copies, struct request *request)
{
	int length = (int)request->call.arguments[4];
	int error = copy_socket(copies, request);

	if (error)
		return error;
	if (length < 0)
		return EINVAL;
	if (length > MESSAGE_CONTROL)
		return ENOBUFS;
	error = process_read(request->call.thread, request->call.arguments[3],
			     copies->message.control, (size_t)length);
	return error == -EFAULT ? EFAULT : error ? EACCES : 0;
}
