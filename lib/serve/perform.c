/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Performs connect, bind and listen on our own copies.
 */
#include "perform.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include "as_caller.h"
#include "judge.h"
#include "nonblocking.h"
#include "util.h"

struct outcome perform_by_kernel(struct supervisor *supervisor, struct request *request)
{
	if (!request_is_valid(supervisor, request))
		return outcome_gone();
	return (struct outcome){ .kind = OUTCOME_CONTINUE };
}

/* A connection that is not established yet: `error` is for a caller that does not wait, or no
 * longer. */
static struct outcome wait_or_give(struct request *request, int error)
{
	if (!request_may_wait(request) || request_is_late(request))
		return outcome_error(-error);
	request->started = error;
	return (struct outcome){ .kind = OUTCOME_WRITABLE };
}

/* For a unix peer without room for another connection: no event tells when there is room. */
static struct outcome wait_for_room(struct request *request)
{
	if (request_may_wait(request) && !request_is_late(request))
		return (struct outcome){ .kind = OUTCOME_RETRY };
	return outcome_error(EAGAIN);
}

static int disconnect(const struct request *request)
{
	const struct sockaddr_storage unspecified = { .ss_family = AF_UNSPEC };

	/* It empties the queue of a datagram socket, including the sockets in it. */
	if (request->kind.domain == AF_UNIX)
		nonblocking_guard();
	return connect(request->socket_fd, (const struct sockaddr *)&unspecified,
		       sizeof(struct sockaddr))
		       ? -errno
		       : 0;
}

static bool is_of_another_family(const struct request *request)
{
	size_t least = request->kind.domain == AF_INET ? sizeof(struct sockaddr_in) : SIN6_SHORT;

	return socket_is_inet(&request->kind) && request->kind.type == SOCK_STREAM &&
	       request->length >= least &&
	       request->address.generic.sa_family != request->kind.domain;
}

/* EALREADY of a call that may wait: it was restarted after a signal, and the connection continues.
 * After a wait the same call again reports how the connection ended. */
static struct outcome connect_result(struct request *request, int error)
{
	if (error == -EINPROGRESS || error == -EALREADY)
		return wait_or_give(request, request->started ? request->started : error);
	if (error == -EISCONN && request->started)
		error = 0;
	if (error == -EAGAIN && request->kind.domain == AF_UNIX)
		return wait_for_room(request);
	/* We are in a Landlock domain, which has an errno of its own for that. */
	if (error == -EINVAL && is_of_another_family(request))
		error = -EAFNOSUPPORT;
	return outcome_performed(error);
}

#define OWN_WAIT_MS 5

/* Also where the server has closed its end since. */
static bool is_established(int fd)
{
	int state = socket_tcp_state(fd);

	return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT;
}

/* A port can change hands until the connection is there, so it has to be there at once, and whoever
 * listened has to listen still. A full queue is no reason to wait for whoever comes then. */
static struct outcome connect_own(struct supervisor *supervisor, struct request *request)
{
	const int fd = request->socket_fd;
	int error = nonblocking_connect(fd, &request->address.generic, request->length);
	bool made = error == 0 || error == -EINPROGRESS;
	/* On a busy machine the other end answers a little later. */
	struct pollfd made_soon = { .fd = fd, .events = POLLOUT };

	if (!made)
		return outcome_performed(error);
	if (!is_established(fd))
		(void)poll(&made_soon, 1, OWN_WAIT_MS);
	if (!is_established(fd)) {
		(void)disconnect(request);
		if (request_may_wait(request) && !request_is_late(request))
			return (struct outcome){ .kind = OUTCOME_RETRY };
		return outcome_error(ECONNREFUSED);
	}
	if (tcp_listeners_serve(&supervisor->rules.tcp_listeners, fd, &request->own_endpoint))
		return request_may_wait(request) ? outcome_value(0) : outcome_performed(error);
	(void)disconnect(request);
	return outcome_error(ECONNREFUSED);
}

struct outcome perform_connect(struct supervisor *supervisor, struct request *request)
{
	if (request_is_disconnect(request))
		return outcome_performed(disconnect(request));
	if (request->own)
		return connect_own(supervisor, request);
	return connect_result(request,
			      nonblocking_connect(request->socket_fd, &request->address.generic,
						  request->length));
}

static int bind_now(const struct request *request)
{
	return bind(request->socket_fd, &request->address.generic, request->length) ? -errno : 0;
}

/* Relative to the caller's working directory, and with its umask. The path may lead through /proc
 * into a directory of a process that the caller may not access. */
static int bind_path(const struct supervisor *supervisor, const struct request *request)
{
	const struct caller *caller = &supervisor->copies.caller;
	cleanup_as_caller struct as_caller as_caller = { 0 };
	int error = as_caller_directory(&as_caller, caller->directory);

	if (error)
		return error;
	as_caller_umask(&as_caller, caller->status.umask);
	if (supervisor->uid != supervisor->rules.plan->header->uid && as_caller_untraced(&as_caller))
		return -EACCES;
	return bind_now(request);
}

/* Other threads' descriptors are the process's, and outlive the thread. */
static struct unix_holder holder_of(const struct supervisor *supervisor, const struct request *request)
{
	const struct caller *caller = &supervisor->copies.caller;

	return (struct unix_holder){
		.process = caller->known ? caller->status.group : request->call.thread,
		.number = (int)request->call.arguments[0],
	};
}

/* What the session will receive datagrams with is the session's. */
static void datagram_note(struct supervisor *supervisor, const struct request *request)
{
	const struct unix_holder holder = holder_of(supervisor, request);

	if (request->kind.domain == AF_UNIX && request->kind.type == SOCK_DGRAM)
		unix_listeners_note(&supervisor->rules.listeners, request->socket_fd, &holder,
				    (const void *)&request->address, request->length);
}

struct outcome perform_bind(struct supervisor *supervisor, struct request *request)
{
	datagram_note(supervisor, request);
	if (supervisor->rules.kernel_binds)
		return perform_by_kernel(supervisor, request);
	return outcome_performed(request_is_unix_path(request) ? bind_path(supervisor, request)
							       : bind_now(request));
}

/* Such a socket may be anybody's: another process made it listen, and holds it too. */
static bool listens_already(const struct request *request)
{
	int listens = 0;
	socklen_t size = sizeof(listens);

	return getsockopt(request->socket_fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) || listens;
}

/* Before Linux has made it listen, so that the user's other sessions know it from the start. A
 * socket that listens already may be anybody's: who made it do so shares it. */
static uint64_t listener_learn(struct supervisor *supervisor, const struct request *request)
{
	const struct unix_holder holder = holder_of(supervisor, request);

	if (listens_already(request))
		return 0;
	return unix_listeners_add(&supervisor->rules.listeners, request->socket_fd, &holder);
}

static struct outcome listen_unix(struct supervisor *supervisor, const struct request *request)
{
	uint64_t cookie = listener_learn(supervisor, request);
	int error = listen(request->socket_fd, (int)request->call.arguments[1]) ? errno : 0;

	if (!error)
		return outcome_value(0);
	unix_listeners_drop(&supervisor->rules.listeners, cookie);
	return outcome_error(error);
}

/* getsockname(2) also reports the port that a socket had before it was disconnected; listen(2)
 * would give it another. Here it is bound to the one that was judged. EINVAL: it has it; EACCES: we
 * lack the capability, and the port is checked afterwards. A positive errno. */
static int port_take(const struct plan *plan, int fd)
{
	union {
		struct sockaddr generic;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} address = { .in6 = { 0 } };
	socklen_t length = sizeof(address);

	if (getsockname(fd, &address.generic, &length))
		return errno;
	/* The wildcard address fits every socket: with other ones EINVAL could have other
	 * causes. */
	if (address.generic.sa_family == AF_INET) {
		if (plan_binds(plan, ntohs(address.in.sin_port)))
			address.in.sin_addr.s_addr = INADDR_ANY;
	} else if (plan_binds(plan, ntohs(address.in6.sin6_port))) {
		address.in6.sin6_addr = in6addr_any;
		address.in6.sin6_scope_id = 0;
	}
	if (bind(fd, &address.generic, length) == 0 || errno == EINVAL || errno == EACCES)
		return 0;
	return errno;
}

static struct outcome listen_tcp(struct supervisor *supervisor, const struct request *request)
{
	const struct plan *plan = supervisor->rules.plan;
	struct tcp_listeners *listeners = &supervisor->rules.tcp_listeners;
	uint64_t cookie =
		listens_already(request) ? 0 : tcp_listeners_add(listeners, request->socket_fd);
	int error = plan_binds(plan, 0) ? 0 : port_take(plan, request->socket_fd);

	if (!error)
		error = listen(request->socket_fd, (int)request->call.arguments[1]) ? errno : 0;
	if (!error && judge_is_listening_port(plan, request->socket_fd))
		return outcome_value(0);
	tcp_listeners_drop(listeners, cookie);
	if (error)
		return outcome_error(error);
	(void)disconnect(request);
	return outcome_error(EACCES);
}

struct outcome perform_listen(struct supervisor *supervisor, struct request *request)
{
	int error;

	if (request->kind.domain == AF_UNIX)
		return listen_unix(supervisor, request);
	if (socket_protocol(&request->kind) == PROTOCOL_TCP)
		return listen_tcp(supervisor, request);
	error = listen(request->socket_fd, (int)request->call.arguments[1]) ? errno : 0;
	return error ? outcome_error(error) : outcome_value(0);
}

struct outcome perform_setsockopt(struct supervisor *supervisor, struct request *request)
{
	const uint64_t *arguments = request->call.arguments;
	int error = setsockopt(request->socket_fd, (int)arguments[1], (int)arguments[2],
			       supervisor->copies.message.control, (socklen_t)arguments[4]);

	return outcome_performed(error ? -errno : 0);
}
