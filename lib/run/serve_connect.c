/*
 * connect(2) on behalf: to internet, unix and netlink addresses, without ever waiting inside the
 * call. Called by supervise. Distrusts the address and the socket; a restarted call finds its
 * connection under way and goes on with that one.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>

#include "serve.h"
#include "util.h"

/* A connection that is not there yet: `error` is what a caller gets who does not wait, or no
 * longer. */
static struct outcome wait_or_give(struct request *request, int error)
{
	if (!serve_may_wait(request) || serve_is_late(request))
		return outcome_error(-error);
	request->started = error;
	return (struct outcome){ .kind = OUTCOME_WRITABLE };
}

static struct outcome connect_perform(struct request *request)
{
	int error = serve_connect_now(request->socket, &request->address.generic, request->length);

	/* EALREADY of a call that may wait: restarted after a signal, the connection goes on. */
	if (error == -EINPROGRESS || error == -EALREADY)
		return wait_or_give(request, error);
	return outcome_performed(error);
}

/* After a wait: the same call again tells how the connection ended. */
static struct outcome connect_go_on(struct request *request)
{
	int error = serve_connect_now(request->socket, &request->address.generic, request->length);

	if (error == -EALREADY || error == -EINPROGRESS)
		return wait_or_give(request, request->started);
	return outcome_performed(error == -EISCONN ? 0 : error);
}

/* connect(AF_UNSPEC) dissolves an association, and goes nowhere. Unix streams know no such thing. */
static bool is_disconnect(const struct request *request)
{
	return request->length >= sizeof(sa_family_t) &&
	       request->address.generic.sa_family == AF_UNSPEC &&
	       (request->kind.domain != AF_UNIX || request->kind.type == SOCK_DGRAM);
}

static struct outcome disconnect(struct request *request)
{
	const struct sockaddr_storage unspecified = { .ss_family = AF_UNSPEC };
	int error = connect(request->socket, (const struct sockaddr *)&unspecified,
			    sizeof(struct sockaddr));

	return outcome_performed(error ? -errno : 0);
}

static bool is_of_another_family(const struct request *request)
{
	size_t least = request->kind.domain == AF_INET ? sizeof(struct sockaddr_in)
						       : SERVE_SIN6_SHORT;

	return request->kind.type == SOCK_STREAM && request->length >= least &&
	       request->address.generic.sa_family != request->kind.domain;
}

static struct outcome connect_inet(struct supervisor *supervisor, struct request *request)
{
	struct outcome outcome;

	if (!serve_inet_allows(supervisor, request, "connect", &outcome))
		return outcome;
	outcome = connect_perform(request);
	/* Ours is a Landlock domain, which has a word of its own for that. */
	if (outcome.error == EINVAL && is_of_another_family(request))
		outcome.error = EAFNOSUPPORT;
	return outcome;
}

static struct outcome connect_unix(struct supervisor *supervisor, struct request *request)
{
	cleanup_fd int pin = -1;
	struct outcome refusal;
	int error;

	if (!serve_unix_allows(supervisor, request, "connect", &pin, &refusal))
		return refusal;
	error = serve_connect_now(request->socket, &request->address.generic, request->length);
	return error == -EAGAIN ? serve_wait_for_room(request) : outcome_performed(error);
}

bool serve_netlink_allows(struct supervisor *supervisor, struct request *request,
			  const char *operation, struct outcome *ret_refusal)
{
	const struct sockaddr_nl *netlink = (const void *)&request->address;

	if (request->length < sizeof(*netlink) || netlink->nl_family != AF_NETLINK)
		serve_lead_nowhere(request);
	if (netlink->nl_pid == 0 && netlink->nl_groups == 0)
		return true;
	*ret_refusal = serve_refuse(supervisor, request, operation, "netlink", "process", NULL);
	return false;
}

static struct outcome connect_netlink(struct supervisor *supervisor, struct request *request)
{
	struct outcome refusal;

	if (!serve_netlink_allows(supervisor, request, "connect", &refusal))
		return refusal;
	return connect_perform(request);
}

static int connect_fetch(struct supervisor *supervisor, struct request *request)
{
	int error;

	if (request->started)
		return 0;
	error = serve_fetch_socket(supervisor, request);
	/* The kernel reads the address before it looks what the descriptor is. */
	if (!error || error == ENOTSOCK) {
		int copy_error = serve_copy_address(request, request->call.arguments[1],
						    (int64_t)request->call.arguments[2]);

		error = copy_error ? copy_error : error;
	}
	if (!error)
		serve_fetch_unix(supervisor, request);
	return error;
}

static struct outcome connect_act(struct supervisor *supervisor, struct request *request,
				  const char *operation, int error)
{
	if (request->started)
		return connect_go_on(request);
	if (error)
		return outcome_error(error);
	if (is_disconnect(request))
		return disconnect(request);
	switch (request->kind.domain) {
	case AF_INET:
	case AF_INET6:
		return connect_inet(supervisor, request);
	case AF_UNIX:
		return connect_unix(supervisor, request);
	case AF_NETLINK:
		return connect_netlink(supervisor, request);
	default:
		return serve_refuse(supervisor, request, operation, "other", "?", NULL);
	}
}

struct outcome serve_connect(struct supervisor *supervisor, struct request *request)
{
	static const struct stages stages = { "connect", connect_fetch, connect_act };

	return serve_stages(supervisor, request, &stages);
}
