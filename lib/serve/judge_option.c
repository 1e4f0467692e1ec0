/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Judges the socket options that the filter leaves to the supervisor: memberships in groups, and
 * addresses that are not this machine's.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "judge.h"
#include "multicast.h"
#include "socket_options.h"

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

/* Reports of a membership tell the network as much as a datagram to the group could. */
static void judge_membership(const struct rules *rules, const struct option *option,
			     struct judgement *judgement)
{
	char text[ADDRESS_TEXT_MAX];
	struct address group;
	int error = read_group(option, &group);

	if (error || !address_is_multicast(&group)) {
		judgement_mistake(judgement, error ? error : EINVAL);
	} else if (multicast_allows(&rules->ruleset, &group)) {
		judgement_allow(judgement);
	} else {
		address_format(&group, text);
		judgement_refuse(judgement, "udp", text, NULL);
	}
}

/* IPv4 sends nothing from an address that is not the machine's; IPv6 does, and answers go to that
 * address. */
static void judge_nonlocal(const struct request *request, struct judgement *judgement)
{
	if (request->kind.domain == AF_INET6)
		judgement_mistake(judgement, EPERM);
	else
		judgement_allow(judgement);
}

/* The filter decides all others: here they are refused. */
void judge_setsockopt(struct rules *rules, const struct copies *copies, struct request *request,
		      struct judgement *judgement)
{
	const struct option option = {
		.level = (int)request->call.arguments[1],
		.name = (int)request->call.arguments[2],
		.value = copies->message.control,
		.length = (socklen_t)request->call.arguments[4],
	};

	switch (socket_option_decide((uint32_t)option.level, (uint32_t)option.name)) {
	case OPTION_GROUP:
		judge_membership(rules, &option, judgement);
		break;
	case OPTION_NONLOCAL:
		judge_nonlocal(request, judgement);
		break;
	case OPTION_UNKNOWN:
	case OPTION_ALLOWED:
	case OPTION_DATAGRAM:
	case OPTION_REFUSED:
	case OPTION_UNSUPPORTED:
		judgement_mistake(judgement, EPERM);
		break;
	}
}
