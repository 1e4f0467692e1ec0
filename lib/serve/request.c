/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One trapped call: its address, and whether it may wait.
 */
#include "request.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/un.h>

#include "clock.h"

#define MESSAGES_MAX 1024 /* UIO_MAXIOV: the kernel ignores the rest */

void request_invalidate_address(struct request *request)
{
	sa_family_t family = request->address.generic.sa_family;

	memset(&request->address, 0, sizeof(request->address));
	request->address.generic.sa_family = family;
}

bool request_is_disconnect(const struct request *request)
{
	return request->length >= sizeof(sa_family_t) &&
	       request->address.generic.sa_family == AF_UNSPEC &&
	       (request->kind.domain != AF_UNIX || request->kind.type == SOCK_DGRAM);
}

bool request_is_unix_path(const struct request *request)
{
	return request->kind.domain == AF_UNIX && request->length > sizeof(sa_family_t) &&
	       request->address.generic.sa_data[0] != '\0';
}

void request_set_path(struct request *request, int path_fd)
{
	struct sockaddr_un *address = (void *)&request->address;

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d", path_fd);
	request->length = sizeof(*address);
}

uint32_t request_message_count(const struct request *request)
{
	const uint32_t count = (uint32_t)request->call.arguments[2];

	return count < MESSAGES_MAX ? count : MESSAGES_MAX;
}

bool request_may_wait(struct request *request)
{
	struct timeval timeout = { 0 };
	socklen_t size = sizeof(timeout);
	int flags = fcntl(request->socket_fd, F_GETFL);

	if (flags < 0 || (flags & O_NONBLOCK) || request->interrupted)
		return false;
	if (request->deadline == 0 &&
	    getsockopt(request->socket_fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, &size) == 0 &&
	    (timeout.tv_sec > 0 || timeout.tv_usec > 0))
		request->deadline = clock_now_ns() + (uint64_t)timeout.tv_sec * NS_PER_S +
				    (uint64_t)timeout.tv_usec * NS_PER_US;
	return true;
}

bool request_is_late(const struct request *request)
{
	return request->deadline != 0 && clock_now_ns() >= request->deadline;
}
