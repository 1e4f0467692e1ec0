/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copies out of the caller of a trapped call.
 */
#include "copies.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/un.h>

#include "nonblocking.h"
#include "util.h"

#define PAYLOAD_KEPT 65536 /* memory that stays ours after a message */

void copies_open(struct copies *copies, bool multi_uid, gid_t gid)
{
	copies->gid = gid;
	copies->multi_uid = multi_uid;
	caller_open(&copies->caller);
}

int copy_socket(struct copies *copies, struct request *request)
{
	/* After a wait: the same file, even if the number is another one by now, as in the
	 * kernel. */
	if (request->socket_fd >= 0)
		return 0;
	request->socket_fd = process_descriptor_cached(&copies->pidfds, request->call.thread,
						       (int)request->call.arguments[0]);
	if (request->socket_fd == -EBADF)
		return EBADF;
	if (request->socket_fd < 0) {
		copies->caller.error = request->socket_fd;
		request->socket_fd = -1;
		return EACCES;
	}
	return socket_kind_read(request->socket_fd, &request->kind);
}

int copy_address(struct request *request, uint64_t address, int64_t length)
{
	int error;

	/* As move_addr_to_kernel(): the length first, as an int. */
	if ((int)length < 0 || (int)length > (int)sizeof(request->address))
		return EINVAL;
	memset(&request->address, 0, sizeof(request->address));
	request->length = (socklen_t)length;
	error = process_read(request->call.thread, address, &request->address, request->length);
	return error == -EFAULT ? EFAULT : error ? EACCES : 0;
}

void copy_unix_caller(struct copies *copies, const struct request *request)
{
	const struct sockaddr_un *address = (const void *)&request->address;

	if (request->kind.domain != AF_UNIX ||
	    request->length <= offsetof(struct sockaddr_un, sun_path))
		return;
	if (copies->multi_uid)
		caller_fetch_status(&copies->caller, request->call.thread);
	if (address->sun_path[0] != '\0')
		caller_fetch_directories(&copies->caller, request->call.thread,
					 address->sun_path[0] != '/');
}

void copies_forget_message(struct copies *copies)
{
	struct message *message = &copies->message;

	for (size_t i = 0; i < message->descriptor_count; i++)
		nonblocking_close(message->descriptors[i]);
	message->descriptor_count = 0;
	if (!message->unreadable && message->payload_length > PAYLOAD_KEPT)
		madvise(message->payload, MESSAGE_PAYLOAD, MADV_DONTNEED);
	message->payload_length = 0;
}

void copies_forget(struct copies *copies)
{
	copies_forget_message(copies);
	caller_forget(&copies->caller);
}
