/*
 * Internet destinations: what an address means on a socket, and whether a rule allows it.
 * Called by supervise and by the other serving modules.
 * Distrusts the address, the socket's state, and every thread that shares it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "serve.h"
#include "util.h"

/* What the kernel would take for an endpoint of this socket; false where it would not. */
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
	if (family == AF_INET6 && length >= SERVE_SIN6_SHORT && length < sizeof(struct sockaddr_in6))
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

bool serve_bound_endpoint(int fd, struct endpoint *ret_endpoint)
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
	bool inet = serve_bound_endpoint(fd, &bound) &&
		    address_family(&bound.address) == FAMILY_INET &&
		    !address_is_unspecified(&bound.address);

	if (address_family(unspecified) == FAMILY_INET && inet)
		return bound.address;
	if (address_family(unspecified) == FAMILY_INET || inet)
		memcpy(loopback.bytes, (const uint8_t[]){ [10] = 0xff, 0xff, 127, [15] = 1 }, 16);
	return loopback;
}

/* getaddrinfo connects datagram sockets only to sort addresses, and takes a refusal for an answer,
 * where the one reason for UDP is name resolution. */
static bool only_sorts_addresses(const struct supervisor *supervisor, const struct request *request)
{
	return request->call.call == __NR_connect && serve_protocol(&request->kind) == PROTOCOL_UDP &&
	       !(supervisor->ruleset.written & PROTOCOL_UDP);
}

/* No rule matched, but a name may have got new addresses: those that the rules of this port name
 * are asked for again, once for each call. */
static bool awaits_names(struct supervisor *supervisor, struct request *request, uint16_t port)
{
	if (!ruleset_names_host(&supervisor->ruleset, serve_protocol(&request->kind), port))
		return false;
	if (request->asked)
		return names_are_awaited(&supervisor->names);
	request->asked = true;
	return names_ask(&supervisor->names);
}

bool serve_inet_allows(struct supervisor *supervisor, struct request *request,
		       const char *operation, struct outcome *ret_refusal)
{
	enum protocol protocol = serve_protocol(&request->kind);
	char text[ENDPOINT_TEXT_MAX];
	struct endpoint endpoint;
	struct verdict verdict;

	if (!read_endpoint(request, &endpoint)) {
		serve_lead_nowhere(request);
		return true;
	}
	if (address_is_unspecified(&endpoint.address)) {
		endpoint.address = meant_address(request->socket, &endpoint.address);
		/* Perform on what is judged: the socket could be bound elsewhere meanwhile. */
		write_address(request, &endpoint.address);
	}
	verdict = protocol ? ruleset_decide(&supervisor->ruleset, protocol, &endpoint)
			   : (struct verdict){ VERDICT_DENY, NULL };
	switch (verdict.kind) {
	case VERDICT_ALLOW:
		return true;
	case VERDICT_DENY:
		break;
	}
	if (!verdict.rule && awaits_names(supervisor, request, endpoint.port)) {
		*ret_refusal = (struct outcome){ .kind = OUTCOME_RETRY };
		return false;
	}
	endpoint_format(&endpoint, text);
	if (only_sorts_addresses(supervisor, request))
		*ret_refusal = serve_refuse_minor(supervisor, request, operation,
						  serve_protocol_name(&request->kind), text);
	else
		*ret_refusal = serve_refuse(supervisor, request, operation,
					    serve_protocol_name(&request->kind), text, verdict.rule);
	return false;
}
