/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Judges connect, bind, listen and the sends: here for internet and netlink addresses.
 */
#include "judge.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "caller_path.h"
#include "util.h"
#include "vouchers.h"

/* The endpoint that the kernel would read from this address; false where it would read none. */
static bool read_endpoint(const struct request *request, struct endpoint *ret_endpoint)
{
	sa_family_t family = request->address.generic.sa_family;
	socklen_t length = request->length;

	if (length < sizeof(family))
		return false;
	if (request->kind.domain == AF_INET && family != AF_INET)
		return false;
	/* An IPv6 datagram socket may be given an IPv4 address; a stream socket may not. */
	if (request->kind.domain == AF_INET6 && family != AF_INET6 &&
	    (family != AF_INET || request->kind.type == SOCK_STREAM))
		return false;
	if (family == AF_INET6 && length >= SIN6_SHORT && length < sizeof(struct sockaddr_in6))
		length = sizeof(struct sockaddr_in6);
	return endpoint_from_sockaddr(&request->address.storage, length, ret_endpoint) == 0;
}

static void write_address(struct request *request, const struct address *address)
{
	struct sockaddr_in *in = (void *)&request->address;
	struct sockaddr_in6 *in6 = (void *)&request->address;

	if (request->address.generic.sa_family == AF_INET)
		memcpy(&in->sin_addr, address->bytes + 12, sizeof(in->sin_addr));
	else
		memcpy(&in6->sin6_addr, address->bytes, sizeof(in6->sin6_addr));
}

/* What the inet socket is bound to; port 0: to nothing yet. False for any other socket. */
static bool bound_endpoint(int fd, struct endpoint *ret_endpoint)
{
	struct sockaddr_storage storage = { 0 };
	socklen_t length = sizeof(storage);

	return getsockname(fd, (struct sockaddr *)&storage, &length) == 0 &&
	       endpoint_from_sockaddr(&storage, length, ret_endpoint) == 0;
}

/* 0.0.0.0, as an IPv6 socket says it too, reaches the address that the socket is bound to, else
 * loopback; :: reaches loopback, of the family of what the socket is bound to. */
static struct address meant_address(int fd, const struct address *unspecified)
{
	struct endpoint bound;
	struct address loopback = { .bytes = { [15] = 1 } };
	bool inet = bound_endpoint(fd, &bound) && address_family(&bound.address) == FAMILY_INET &&
		    !address_is_unspecified(&bound.address);

	if (address_family(unspecified) == FAMILY_INET && inet)
		return bound.address;
	if (address_family(unspecified) == FAMILY_INET || inet)
		memcpy(loopback.bytes, (const uint8_t[]){ [10] = 0xff, 0xff, 127, [15] = 1 }, 16);
	return loopback;
}

/* getaddrinfo connects datagram sockets only to sort addresses, and copes with a refusal. Only
 * where UDP is there for name resolution alone. */
static bool only_sorts_addresses(const struct rules *rules, const struct request *request)
{
	return request->call.call == __NR_connect &&
	       socket_protocol(&request->kind) == PROTOCOL_UDP &&
	       !(rules->ruleset.written & PROTOCOL_UDP);
}

static void refuse_endpoint(const struct rules *rules, const struct request *request,
			    const struct endpoint *endpoint, const struct rule *rule,
			    struct judgement *judgement)
{
	enum protocol protocol = socket_protocol(&request->kind);
	char text[ENDPOINT_TEXT_MAX];

	endpoint_format(endpoint, text);
	judgement_refuse(judgement, socket_protocol_name(&request->kind), text, rule);
	judgement->is_minor = only_sorts_addresses(rules, request);
	/* A host name in a rule for this port may have got new addresses. */
	if (!rule && ruleset_names_host(&rules->ruleset, protocol, endpoint->port))
		judgement->kind = JUDGEMENT_LATER;
}

/* A UDP socket at a port of udp_answer sends wherever no rule forbids; its port stays as it is, for
 * a connect(2) that dissolves an association waits until we are done. */
static bool answers(const struct rules *rules, const struct request *request,
		    const struct endpoint *endpoint)
{
	struct endpoint bound;

	return socket_protocol(&request->kind) == PROTOCOL_UDP &&
	       address_classify(&endpoint->address) != CLASS_SPECIAL &&
	       bound_endpoint(request->socket_fd, &bound) && bound.port != 0 &&
	       plan_answers(rules->plan, bound.port);
}

/* @own: the connection is looked at once more when it is made. */
static bool is_own_listener(struct rules *rules, struct request *request,
			    const struct endpoint *endpoint)
{
	if (request->call.call != __NR_connect || socket_protocol(&request->kind) != PROTOCOL_TCP ||
	    !ruleset_own_rule(&rules->ruleset, endpoint) ||
	    !tcp_listeners_serve(&rules->tcp_listeners, request->socket_fd, endpoint))
		return false;
	request->own = true;
	request->own_endpoint = *endpoint;
	return true;
}

static void judge_inet(struct rules *rules, struct request *request, struct judgement *judgement)
{
	enum protocol protocol = socket_protocol(&request->kind);
	struct verdict verdict = { VERDICT_DENY, NULL };
	struct endpoint endpoint;

	if (!read_endpoint(request, &endpoint)) {
		request_invalidate_address(request);
		judgement_allow(judgement);
		return;
	}
	if (address_is_unspecified(&endpoint.address)) {
		endpoint.address = meant_address(request->socket_fd, &endpoint.address);
		/* Performed with this address: the socket could be bound elsewhere meanwhile. */
		write_address(request, &endpoint.address);
	}
	if (judge_is_private(rules, request)) {
		judge_private_destination(rules, request, &endpoint, judgement);
		return;
	}
	if (protocol)
		verdict = ruleset_decide(&rules->ruleset, protocol, &endpoint);
	if (verdict.kind == VERDICT_ALLOW ||
	    (!verdict.rule &&
	     (answers(rules, request, &endpoint) || is_own_listener(rules, request, &endpoint))))
		judgement_allow(judgement);
	else if (!verdict.rule && judge_goes_private(rules, request, &endpoint))
		judgement->kind = JUDGEMENT_PRIVATE;
	else
		refuse_endpoint(rules, request, &endpoint, verdict.rule, judgement);
}

/* Only the kernel may be a netlink peer. */
static void judge_netlink(struct request *request, struct judgement *judgement)
{
	const struct sockaddr_nl *netlink = (const void *)&request->address;

	if (request->length < sizeof(*netlink) || netlink->nl_family != AF_NETLINK)
		request_invalidate_address(request);
	if (netlink->nl_pid == 0 && netlink->nl_groups == 0)
		judgement_allow(judgement);
	else
		judgement_refuse(judgement, "netlink", "process", NULL);
}

/* An inherited socket of a kind that the filter lets nobody create: all is refused. */
static void judge_destination(struct rules *rules, const struct copies *copies,
			      struct request *request, struct judgement *judgement)
{
	switch (request->kind.domain) {
	case AF_INET:
	case AF_INET6:
		judge_inet(rules, request, judgement);
		break;
	case AF_UNIX:
		judge_unix(rules, copies, request, judgement);
		break;
	case AF_NETLINK:
		judge_netlink(request, judgement);
		break;
	}
}

/* connect(AF_UNSPEC) dissolves an association and reaches nothing. */
void judge_connect(struct rules *rules, const struct copies *copies, struct request *request,
		   struct judgement *judgement)
{
	request->own = false;
	if (request->started || request_is_disconnect(request))
		judgement_allow(judgement);
	else
		judge_destination(rules, copies, request, judgement);
}

/* An IPv4 socket takes AF_UNSPEC for AF_INET, an IPv6 one for no name at all. */
static void datagram_name(struct request *request)
{
	if (request->length < sizeof(sa_family_t) || request->address.generic.sa_family != AF_UNSPEC)
		return;
	if (request->kind.domain == AF_INET6)
		request->length = 0;
	else if (request->kind.domain == AF_INET)
		request->address.generic.sa_family = AF_INET;
}

/* Drops the name where the kernel would ignore it. */
static void stream_name(struct request *request)
{
	/* On a unix stream it refuses every name, without reading it. */
	if (request->length > 0)
		request->length = request->kind.domain == AF_UNIX && socket_is_stream(&request->kind)
					  ? sizeof(sa_family_t)
					  : 0;
}

void judge_send(struct rules *rules, const struct copies *copies, struct request *request,
		struct judgement *judgement)
{
	bool is_unix = request->kind.domain == AF_UNIX;
	bool named = !socket_is_stream(&request->kind) &&
		     !(is_unix && request->kind.type == SOCK_SEQPACKET);

	if (named)
		datagram_name(request);
	else
		stream_name(request);
	if (!named || request->length == 0) {
		judgement_allow(judgement);
		return;
	}
	judgement->kernel_first = is_unix;
	judge_destination(rules, copies, request, judgement);
}

/*
 * The length of what was sent is written into the caller's memory, but a process number can be
 * another process's by then. Where /proc does not let us open the memory it is written by number,
 * directly after the check; but not where a user who denies that access has chosen the address, and
 * a program with more rights could get the number.
 */
static bool length_is_writable(const struct rules *rules, const struct caller *caller)
{
	return caller->memory >= 0 || !rules->multi_uid ||
	       (caller->known && !caller_is_plain(caller, rules->plan->header->uid));
}

void judge_sendmmsg(struct rules *rules, const struct copies *copies, struct request *request,
		    struct judgement *judgement)
{
	if (request_message_count(request) == 0) {
		judgement_allow(judgement);
		return;
	}
	if (length_is_writable(rules, &copies->caller)) {
		judge_send(rules, copies, request, judgement);
		return;
	}
	judgement_fail(judgement, socket_protocol_name(&request->kind), "not dumpable");
	judgement->error = EFAULT;
}

/* As inet_bind() reads it: AF_UNSPEC for AF_INET where the address is any, an IPv6 address without
 * its scope. 0 or what the kernel answers. */
static int bind_endpoint(struct request *request, struct endpoint *ret_endpoint)
{
	const struct sockaddr_in *in = (const void *)&request->address;
	bool is_inet = request->kind.domain == AF_INET;
	socklen_t length = request->length;

	if (length < (is_inet ? sizeof(*in) : SIN6_SHORT))
		return EINVAL;
	if (is_inet && in->sin_family == AF_UNSPEC && in->sin_addr.s_addr == INADDR_ANY)
		request->address.generic.sa_family = AF_INET;
	if (!is_inet && length < sizeof(struct sockaddr_in6))
		length = sizeof(struct sockaddr_in6);
	return endpoint_from_sockaddr(&request->address.storage, length, ret_endpoint) ? EAFNOSUPPORT
										       : 0;
}

static void refuse_port(const struct request *request, const struct endpoint *endpoint,
			struct judgement *judgement)
{
	char text[ENDPOINT_TEXT_MAX];

	endpoint_format(endpoint, text);
	judgement_refuse(judgement, socket_protocol_name(&request->kind), text, NULL);
}

static void judge_bind_inet(const struct rules *rules, struct request *request,
			    struct judgement *judgement)
{
	enum protocol protocol = socket_protocol(&request->kind);
	struct endpoint endpoint;
	int error = bind_endpoint(request, &endpoint);

	if (error)
		judgement_mistake(judgement, error);
	/* Of port 0 the listen decides: clients choose a source address by it, and look for IPv6;
	 * and of the address, as where Landlock decides binds. */
	else if (protocol == PROTOCOL_ICMP || (protocol && endpoint.port == 0) ||
		 (protocol == PROTOCOL_TCP && plan_binds_somewhere(rules->plan, endpoint.port)) ||
		 (protocol == PROTOCOL_UDP && (plan_binds_at(rules->plan, &endpoint) ||
					       plan_answers(rules->plan, endpoint.port))) ||
		 (!protocol && plan_binds(rules->plan, endpoint.port)) ||
		 judge_is_private(rules, request))
		judgement_allow(judgement);
	else
		refuse_port(request, &endpoint, judgement);
}

/* File permissions decide where a socket may be created, and ours are the caller's; only the umask,
 * the root and the working directory have to be taken from the caller. */
static void judge_bind_unix(const struct rules *rules, const struct copies *copies,
			    const struct request *request, struct judgement *judgement)
{
	bool is_path = request_is_unix_path(request);

	if (is_path && !copies->caller.known)
		judgement_fail(judgement, "unix", "unreadable status");
	else if (is_path && judge_is_other_user(rules, copies))
		judgement_fail(judgement, "unix", "process of another user");
	else if (is_path && !caller_root_is_ours(&copies->caller))
		judgement_fail(judgement, "unix", "other root directory");
	else
		judgement_allow(judgement);
}

void judge_bind(struct rules *rules, const struct copies *copies, struct request *request,
		struct judgement *judgement)
{
	if (rules->kernel_binds) {
		judgement_allow(judgement);
		return;
	}
	switch (request->kind.domain) {
	case AF_INET:
	case AF_INET6:
		judge_bind_inet(rules, request, judgement);
		break;
	case AF_UNIX:
		judge_bind_unix(rules, copies, request, judgement);
		break;
	case AF_NETLINK:
		judgement_allow(judgement);
		break;
	}
}

bool judge_is_listening_port(const struct plan *plan, int fd)
{
	struct endpoint bound;

	return bound_endpoint(fd, &bound) && plan_listens_at(plan, &bound);
}

/* The port of a socket that is connecting is gone after a shutdown(2), at any moment; that of a
 * closed one stays until it connects. */
static bool is_connected(int fd)
{
	int state = socket_tcp_state(fd);

	return state != TCP_CLOSE && state != TCP_LISTEN;
}

static void judge_listen_tcp(const struct rules *rules, const struct request *request,
			     struct judgement *judgement)
{
	struct endpoint bound = { 0 };

	if (is_connected(request->socket_fd))
		judgement_mistake(judgement, EINVAL);
	else if (bound_endpoint(request->socket_fd, &bound) && plan_listens_at(rules->plan, &bound))
		judgement_allow(judgement);
	else
		refuse_port(request, &bound, judgement);
}

/* A socket that has a name never gets another one: what has none could get a reserved one before
 * the kernel looks, which refuses it anyway. */
static void judge_listen_unix(const struct request *request, struct judgement *judgement)
{
	struct sockaddr_un address = { 0 };
	socklen_t length = sizeof(address);
	const size_t start = offsetof(struct sockaddr_un, sun_path);

	if (getsockname(request->socket_fd, (struct sockaddr *)&address, &length))
		judgement_mistake(judgement, errno);
	else if (request->kind.type == SOCK_DGRAM)
		judgement_mistake(judgement, EOPNOTSUPP);
	else if (length <= start)
		judgement_mistake(judgement, EINVAL);
	else if (address.sun_path[0] == '\0' &&
		 unix_listeners_reserves(address.sun_path + 1, length - start - 1))
		judgement_refuse(judgement, "unix", "@" UNIX_LISTENERS_PREFIX, NULL);
	else
		judgement_allow(judgement);
}

void judge_listen(struct rules *rules, const struct copies *copies, struct request *request,
		  struct judgement *judgement)
{
	(void)copies;
	if (request->kind.domain == AF_UNIX)
		judge_listen_unix(request, judgement);
	else if (socket_protocol(&request->kind) == PROTOCOL_TCP)
		judge_listen_tcp(rules, request, judgement);
	else
		judgement_allow(judgement);
}
