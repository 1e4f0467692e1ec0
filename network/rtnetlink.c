/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Builds rtnetlink messages and reads the kernel's acknowledgement of each.
 */
#include "rtnetlink.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#define MESSAGE_MAX 256

struct message {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
		struct rtmsg route;
		unsigned char rest[MESSAGE_MAX];
	};
};

static void message_begin(struct message *message, uint16_t type, uint16_t flags, size_t size)
{
	*message = (struct message){ .header = { 0 } };
	message->header.nlmsg_type = type;
	message->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	message->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
}

/* Fits: the longest message has three addresses. */
static struct rtattr *attribute_add(struct message *message, uint16_t type, const void *value,
				    size_t size)
{
	struct rtattr *attribute = (void *)((char *)message + NLMSG_ALIGN(message->header.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (uint16_t)RTA_LENGTH(size);
	if (size > 0)
		memcpy(RTA_DATA(attribute), value, size);
	message->header.nlmsg_len =
		(uint32_t)(NLMSG_ALIGN(message->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len));
	return attribute;
}

static void attribute_add_number(struct message *message, uint16_t type, uint32_t value)
{
	(void)attribute_add(message, type, &value, sizeof(value));
}

/* The kernel answers in the order of the questions, before send(2) returns. */
static int message_send(struct rtnetlink *rtnetlink, struct message *message)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		unsigned char rest[MESSAGE_MAX];
	} answer;
	ssize_t length;

	message->header.nlmsg_seq = ++rtnetlink->sequence;
	if (send(rtnetlink->fd, message, message->header.nlmsg_len, 0) < 0)
		return -errno;
	do {
		length = recv(rtnetlink->fd, &answer, sizeof(answer), 0);
		if (length < 0 && errno != EINTR)
			return -errno;
	} while (length < 0 || answer.header.nlmsg_seq != rtnetlink->sequence);
	if ((size_t)length < offsetof(typeof(answer), rest) || answer.header.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return answer.error.error;
}

int rtnetlink_open(struct rtnetlink *rtnetlink)
{
	rtnetlink->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	return rtnetlink->fd < 0 ? -errno : 0;
}

int rtnetlink_link_up(struct rtnetlink *rtnetlink, uint32_t index)
{
	struct message message;

	message_begin(&message, RTM_NEWLINK, 0, sizeof(message.link));
	message.link.ifi_index = (int)index;
	message.link.ifi_flags = IFF_UP;
	message.link.ifi_change = IFF_UP;
	return message_send(rtnetlink, &message);
}

static int link_add(struct rtnetlink *rtnetlink, uint32_t index, const char *kind)
{
	struct message message;
	struct rtattr *nest;

	message_begin(&message, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(message.link));
	message.link.ifi_index = (int)index;
	message.link.ifi_flags = IFF_UP;
	message.link.ifi_change = IFF_UP;
	nest = attribute_add(&message, IFLA_LINKINFO, NULL, 0);
	(void)attribute_add(&message, IFLA_INFO_KIND, kind, strlen(kind));
	nest->rta_len = (uint16_t)((char *)&message + message.header.nlmsg_len - (char *)nest);
	return message_send(rtnetlink, &message);
}

/* A machine may lack the module of either. */
int rtnetlink_link_add(struct rtnetlink *rtnetlink, uint32_t index)
{
	int error = link_add(rtnetlink, index, "dummy");

	return error == -EOPNOTSUPP ? link_add(rtnetlink, index, "bridge") : error;
}

static size_t address_size(int family)
{
	return family == AF_INET ? 4 : 16;
}

static int address_change(struct rtnetlink *rtnetlink, uint16_t type, uint16_t flags, int family,
			  const uint8_t *address, uint32_t index)
{
	const size_t size = address_size(family);
	struct message message;

	message_begin(&message, type, flags, sizeof(message.address));
	message.address.ifa_family = (uint8_t)family;
	message.address.ifa_prefixlen = (uint8_t)(8 * size);
	message.address.ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0;
	message.address.ifa_index = index;
	(void)attribute_add(&message, IFA_LOCAL, address, size);
	(void)attribute_add(&message, IFA_ADDRESS, address, size);
	return message_send(rtnetlink, &message);
}

int rtnetlink_address_add(struct rtnetlink *rtnetlink, int family, const uint8_t *address,
			  uint32_t index)
{
	int error = address_change(rtnetlink, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, family,
				   address, index);

	return error == -EEXIST ? 0 : error;
}

int rtnetlink_address_drop(struct rtnetlink *rtnetlink, int family, const uint8_t *address,
			   uint32_t index)
{
	return address_change(rtnetlink, RTM_DELADDR, 0, family, address, index);
}

static void route_begin(struct message *message, uint16_t type, uint16_t flags, int family,
			const uint8_t *prefix, uint8_t length)
{
	message_begin(message, type, flags, sizeof(message->route));
	message->route.rtm_family = (uint8_t)family;
	message->route.rtm_dst_len = length;
	message->route.rtm_table = RT_TABLE_LOCAL;
	message->route.rtm_protocol = RTPROT_BOOT;
	message->route.rtm_scope = family == AF_INET ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
	message->route.rtm_type = RTN_LOCAL;
	if (length > 0)
		(void)attribute_add(message, RTA_DST, prefix, address_size(family));
	attribute_add_number(message, RTA_OIF, LOOPBACK_INDEX);
}

int rtnetlink_route_add(struct rtnetlink *rtnetlink, int family, const uint8_t *prefix,
			uint8_t length, const uint8_t *source)
{
	struct message message;

	route_begin(&message, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, family, prefix, length);
	if (source)
		(void)attribute_add(&message, RTA_PREFSRC, source, address_size(family));
	return message_send(rtnetlink, &message);
}

int rtnetlink_route_drop(struct rtnetlink *rtnetlink, int family, const uint8_t *prefix,
			 uint8_t length)
{
	struct message message;

	route_begin(&message, RTM_DELROUTE, 0, family, prefix, length);
	return message_send(rtnetlink, &message);
}
