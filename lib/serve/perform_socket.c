/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Performs socket(2), and connect(2) to a name server, with sockets of the session's private
 * network namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nonblocking.h"
#include "perform.h"
#include "util.h"

#define TYPE_MASK 0xf

/* Before the first socket: nobody can ask earlier. Where it fails, look-ups fail at once. */
static void resolver_listen(struct supervisor *supervisor)
{
	struct private_sockets *private_sockets = &supervisor->rules.private_sockets;
	int listeners[NETWORK_LISTENER_COUNT];

	if (!private_sockets->answers || private_sockets->cookie != 0)
		return;
	if (private_sockets_listeners(private_sockets, listeners))
		return;
	(void)host_names_listen(&supervisor->host_names, listeners);
	for (size_t i = 0; i < ARRAY_SIZE(listeners); i++)
		close(listeners[i]);
}

static int socket_take(struct supervisor *supervisor, int family, int type)
{
	resolver_listen(supervisor);
	return private_sockets_take(&supervisor->rules.private_sockets, family, type);
}

struct outcome perform_socket(struct supervisor *supervisor, struct request *request)
{
	const int family = (int)request->call.arguments[0];
	const int flags = (int)request->call.arguments[1];
	cleanup_fd int fd = socket_take(supervisor, family, flags & TYPE_MASK);
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

/* What a program has set that decides how it waits. */
static int options_copy(int from, int to)
{
	static const int options[] = { SO_SNDTIMEO, SO_RCVTIMEO };
	int flags = fcntl(from, F_GETFL);
	char value[16];

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		socklen_t size = sizeof(value);

		if (getsockopt(from, SOL_SOCKET, options[i], value, &size) ||
		    setsockopt(to, SOL_SOCKET, options[i], value, size))
			return -errno;
	}
	return flags < 0 || fcntl(to, F_SETFL, O_RDWR | (flags & O_NONBLOCK)) ? -errno : 0;
}

/* The caller's descriptor becomes a private socket, which then connects. Copies of it that the
 * caller has made before, and what it has set otherwise, stay with the old one. */
struct outcome perform_connect_private(struct supervisor *supervisor, struct request *request)
{
	cleanup_fd int fd = socket_take(supervisor, request->kind.domain, request->kind.type);
	int error = fd < 0 ? -EACCES : options_copy(request->socket_fd, fd);

	if (!error)
		error = notify_replace_descriptor(supervisor->listener.fd, request->call.id, fd,
						  (int)request->call.arguments[0], O_CLOEXEC);
	if (error == -ENOENT)
		return outcome_gone();
	if (error)
		return outcome_error(-error);
	nonblocking_close(request->socket_fd);
	request->socket_fd = fd_take(&fd);
	return perform_connect(supervisor, request);
}
