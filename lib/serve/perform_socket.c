/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Performs socket(2): the caller gets a socket of the session's private network namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "perform.h"
#include "util.h"

#define TYPE_MASK 0xf

struct outcome perform_socket(struct supervisor *supervisor, struct request *request)
{
	const int family = (int)request->call.arguments[0];
	const int flags = (int)request->call.arguments[1];
	cleanup_fd int fd =
		private_sockets_take(&supervisor->rules.private_sockets, family, flags & TYPE_MASK);
	int error = fd < 0 ? fd : 0;

	if (!error && (flags & SOCK_NONBLOCK) && fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK))
		error = -errno;
	if (!error)
		error = notify_answer_descriptor(supervisor->listener.fd, request->call.id, fd,
						 flags & SOCK_CLOEXEC ? O_CLOEXEC : 0);
	if (error == -ENOENT || error == -EINPROGRESS || !error)
		return outcome_gone();
	return outcome_error(-error);
}
