/*
 * setsockopt(2) on behalf, of what the filter leaves to the supervisor: memberships in groups, and
 * addresses that are not this machine's. The value is copied once, judged, and set from the copy.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "multicast.h"
#include "serve.h"
#include "socket_options.h"
#include "target.h"

/* Where the group is in struct group_req, group_source_req and group_filter. */
#define GROUP_OFFSET 8

/* A copied value. */
struct option {
	int level;
	int name;
	const unsigned char *value;
	socklen_t length;
};

/* ip_mreq, ip_mreqn, ip_mreq_source and ip_msfilter begin with an IPv4 address, ipv6_mreq with an
 * IPv6 one. A positive errno. */
static int read_bare_group(const struct option *option, struct address *ret_group)
{
	struct address group = { .bytes = { [10] = 0xff, 0xff } };
	size_t skip = option->level == IPPROTO_IPV6 ? 0 : 12;

	if (option->length < sizeof(group.bytes) - skip)
		return EINVAL;
	memcpy(group.bytes + skip, option->value, sizeof(group.bytes) - skip);
	*ret_group = group;
	return 0;
}

static int read_group(const struct option *option, struct address *ret_group)
{
	struct sockaddr_storage storage;
	struct endpoint endpoint;

	if (option->name < MCAST_JOIN_GROUP)
		return read_bare_group(option, ret_group);
	if (option->length < GROUP_OFFSET + sizeof(storage))
		return EINVAL;
	memcpy(&storage, option->value + GROUP_OFFSET, sizeof(storage));
	if (endpoint_from_sockaddr(&storage, sizeof(storage), &endpoint))
		return EINVAL;
	*ret_group = endpoint.address;
	return 0;
}

static struct outcome option_perform(const struct request *request, const struct option *option)
{
	return outcome_performed(setsockopt(request->socket, option->level, option->name,
					    option->value, option->length)
					 ? -errno
					 : 0);
}

/* Reports of a membership say to the network what a datagram to the group could say. */
static struct outcome set_membership(struct supervisor *supervisor, struct request *request,
				     const char *operation, const struct option *option)
{
	char text[ADDRESS_TEXT_MAX];
	struct address group;
	int error = read_group(option, &group);

	if (error)
		return outcome_error(error);
	if (!address_is_multicast(&group))
		return outcome_error(EINVAL);
	if (multicast_allows(&supervisor->ruleset, &group))
		return option_perform(request, option);
	address_format(&group, text);
	return serve_refuse(supervisor, request, operation, "udp", text, NULL);
}

/* IPv4 sends nothing from an address that is not the machine's; IPv6 does, and the answers go
 * there. */
static struct outcome set_nonlocal(const struct request *request, const struct option *option)
{
	return request->kind.domain == AF_INET6 ? outcome_error(EPERM)
						: option_perform(request, option);
}

static int option_fetch(struct supervisor *supervisor, struct request *request)
{
	int length = (int)request->call.arguments[4];
	int error = serve_fetch_socket(supervisor, request);

	if (error)
		return error;
	if (length < 0)
		return EINVAL;
	if (length > SCRATCH_CONTROL)
		return ENOBUFS;
	error = target_read(request->call.thread, request->call.arguments[3],
			    supervisor->scratch.control, (size_t)length);
	return error == -EFAULT ? EFAULT : error ? EACCES : 0;
}

static struct outcome option_act(struct supervisor *supervisor, struct request *request,
				 const char *operation, int error)
{
	const struct option option = {
		.level = (int)request->call.arguments[1],
		.name = (int)request->call.arguments[2],
		.value = supervisor->scratch.control,
		.length = (socklen_t)request->call.arguments[4],
	};

	if (error)
		return outcome_error(error);
	switch (socket_option_decide((uint32_t)option.level, (uint32_t)option.name)) {
	case OPTION_GROUP:
		return set_membership(supervisor, request, operation, &option);
	case OPTION_NONLOCAL:
		return set_nonlocal(request, &option);
	case OPTION_UNKNOWN:
	case OPTION_ALLOWED:
	case OPTION_DATAGRAM:
	case OPTION_REFUSED:
	case OPTION_UNSUPPORTED:
		break;
	}
	return outcome_error(EPERM);
}

struct outcome serve_setsockopt(struct supervisor *supervisor, struct request *request)
{
	static const struct stages stages = { "setsockopt", option_fetch, option_act };

	return serve_stages(supervisor, request, &stages);
}
