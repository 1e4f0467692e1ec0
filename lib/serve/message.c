/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copies a message from its sender; of its control messages it keeps only those that cannot change
 * the destination.
 */
#include "message.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

#include "multicast.h"
#include "util.h"

/* Control messages that change how a datagram is sent, but not its destination. */
static const struct {
	int domain;
	int level;
	int type;
} harmless[] = {
	{ AF_INET, IPPROTO_IP, IP_PKTINFO },       { AF_INET, IPPROTO_IP, IP_TTL },
	{ AF_INET, IPPROTO_IP, IP_TOS },           { AF_INET, IPPROTO_UDP, UDP_SEGMENT },
	{ AF_INET6, IPPROTO_IPV6, IPV6_PKTINFO },  { AF_INET6, IPPROTO_IPV6, IPV6_HOPLIMIT },
	{ AF_INET6, IPPROTO_IPV6, IPV6_TCLASS },   { AF_INET6, IPPROTO_IPV6, IPV6_DONTFRAG },
	{ AF_INET6, IPPROTO_UDP, UDP_SEGMENT },    { AF_INET, SOL_SOCKET, SO_TIMESTAMPING },
	{ AF_INET6, SOL_SOCKET, SO_TIMESTAMPING },
};

/* A positive errno as import_iovec() gives it, and the sum in ret_total. */
static int copy_vectors(struct copies *copies, const struct request *request,
			const struct wire_header *header)
{
	struct message *message = &copies->message;
	struct iovec *vectors = message->vectors;
	int error;

	if (header->vector_count > MESSAGE_VECTORS)
		return EMSGSIZE;
	error = process_read(request->call.thread, header->vectors, vectors,
			     header->vector_count * sizeof(*vectors));
	if (error)
		return error == -EFAULT ? EFAULT : EACCES;
	message->vector_count = header->vector_count;
	message->total = 0;
	for (size_t i = 0; i < message->vector_count; i++) {
		if (vectors[i].iov_len > SSIZE_MAX)
			return EINVAL;
		if (vectors[i].iov_len > INT_MAX - message->total)
			vectors[i].iov_len = INT_MAX - message->total;
		message->total += vectors[i].iov_len;
	}
	return 0;
}

int message_copy_payload(struct copies *copies, const struct request *request)
{
	struct message *message = &copies->message;
	size_t skip = socket_is_stream(&request->kind) ? request->progress : 0;
	ssize_t length;

	if (!socket_is_stream(&request->kind) && message->total > MESSAGE_PAYLOAD) {
		message->unreadable = true;
		message->payload_length = message->total;
		return 0;
	}
	length = process_gather(request->call.thread, message->vectors, message->vector_count, skip,
				message->payload, MESSAGE_PAYLOAD);
	if (length < 0 && length != -EFAULT)
		return EACCES;
	message->unreadable = length < 0;
	message->payload_length = length < 0 ? message->total - skip : (size_t)length;
	return 0;
}

/* Replaces the numbers of the caller's descriptors by those of our copies. */
static int copy_descriptors(struct copies *copies, const struct request *request,
			    struct cmsghdr *control)
{
	struct message *message = &copies->message;
	unsigned char *data = CMSG_DATA(control);
	size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	if (message->descriptor_count + count > MESSAGE_DESCRIPTORS)
		return EINVAL;
	for (size_t i = 0; i < count; i++) {
		int number;
		int copy;

		memcpy(&number, data + i * sizeof(int), sizeof(int));
		copy = process_descriptor_cached(&copies->pidfds, request->call.thread, number);
		if (copy < 0)
			return copy == -EBADF ? EBADF : EACCES;
		message->descriptors[message->descriptor_count++] = copy;
		memcpy(data + i * sizeof(int), &copy, sizeof(int));
	}
	return 0;
}

/* The kernel lets only the sender state its own credentials; we may not state them for it, so the
 * implicit ones are left. */
static int check_credentials(struct caller *caller, const struct request *request,
			     struct cmsghdr *control)
{
	const struct process_status *status = &caller->status;
	struct ucred claimed;

	if (control->cmsg_len != CMSG_LEN(sizeof(claimed)))
		return EINVAL;
	memcpy(&claimed, CMSG_DATA(control), sizeof(claimed));
	caller_fetch_status(caller, request->call.thread);
	if (!caller->known || claimed.pid != status->group || claimed.uid != status->uid ||
	    claimed.gid != status->gid)
		return EPERM;
	return 0;
}

static bool is_harmless(const struct socket_kind *kind, const struct cmsghdr *control)
{
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		if (harmless[i].domain == kind->domain && harmless[i].level == control->cmsg_level &&
		    harmless[i].type == control->cmsg_type)
			return true;
	/* An IPv6 socket that sends to an IPv4 address takes IPv4's. */
	return kind->domain == AF_INET6 && control->cmsg_level == IPPROTO_IP &&
	       (control->cmsg_type == IP_PKTINFO || control->cmsg_type == IP_TTL ||
		control->cmsg_type == IP_TOS);
}

/* What the kernel ignores. */
static bool is_ignored(const struct socket_kind *kind, const struct cmsghdr *control)
{
	if (control->cmsg_level == SOL_SOCKET)
		return kind->domain != AF_NETLINK &&
		       (control->cmsg_type == SCM_RIGHTS || control->cmsg_type == SCM_CREDENTIALS);
	if (control->cmsg_level == IPPROTO_IPV6)
		return kind->domain != AF_INET6 || socket_is_stream(kind);
	return socket_is_stream(kind) || kind->domain == AF_NETLINK ||
	       (control->cmsg_level != IPPROTO_IP && control->cmsg_level != IPPROTO_UDP);
}

/* One control message; *ret_keep tells whether it is sent along. */
static int check_control(struct copies *copies, const struct request *request,
			 struct cmsghdr *control, bool *ret_keep)
{
	*ret_keep = request->kind.domain == AF_UNIX || !is_ignored(&request->kind, control);
	if (request->kind.domain != AF_UNIX)
		return !*ret_keep || is_harmless(&request->kind, control) ? 0
		       : request->kind.domain == AF_NETLINK               ? EINVAL
									  : EPERM;
	if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS)
		return copy_descriptors(copies, request, control);
	*ret_keep = false;
	if (control->cmsg_level != SOL_SOCKET)
		return 0; /* as the kernel takes it */
	if (control->cmsg_type != SCM_CREDENTIALS)
		return EINVAL;
	return check_credentials(&copies->caller, request, control);
}

/* A control message that the kernel will reject as malformed; returns the length. */
static size_t control_spoil(unsigned char *buffer)
{
	const struct cmsghdr malformed = { .cmsg_len = 1 };

	memcpy(buffer, &malformed, sizeof(malformed));
	return sizeof(malformed);
}

/* Copies the control buffer and rebuilds it from the messages that are kept. */
static int copy_control(struct copies *copies, const struct request *request,
			const struct wire_header *header)
{
	unsigned char *buffer = copies->message.control;
	size_t length = header->control_length;
	size_t kept = 0;
	int error;

	if (length > MESSAGE_CONTROL)
		return ENOBUFS;
	error = process_read(request->call.thread, header->control, buffer, length);
	if (error)
		return error == -EFAULT ? EFAULT : EACCES;
	for (size_t at = 0; at + sizeof(struct cmsghdr) <= length;) {
		struct cmsghdr *control = (void *)(buffer + at);
		uint64_t said; /* a size_t to the kernel, less to the C library */
		size_t space;
		bool keep;

		memcpy(&said, control, sizeof(said));
		if (said < sizeof(*control) || said > length - at) {
			kept = control_spoil(buffer);
			break;
		}
		space = CMSG_ALIGN(control->cmsg_len);
		if (space > length - at)
			space = length - at;
		error = check_control(copies, request, control, &keep);
		if (error == EINVAL) {
			kept = control_spoil(buffer);
			break;
		}
		if (error)
			return error;
		if (keep) {
			memmove(buffer + kept, control, space);
			kept += space;
		}
		at += space;
	}
	copies->message.control_length = kept;
	return 0;
}

static int copy_name(struct request *request, const struct wire_header *header)
{
	int32_t length = header->name_length;

	request->length = 0;
	if (header->name == 0 || length == 0)
		return 0;
	/* sendmsg cuts a long name where sendto refuses it. */
	if (length > (int32_t)sizeof(request->address))
		length = (int32_t)sizeof(request->address);
	return copy_address(request, header->name, length);
}

int message_copy(struct copies *copies, struct request *request, const struct wire_header *header)
{
	int error = copy_name(request, header);

	if (!error)
		copy_unix_caller(copies, request);
	if (!error)
		error = copy_vectors(copies, request, header);
	if (!error)
		error = message_copy_payload(copies, request);
	/* Descriptors travel with the first byte of a stream message. */
	if (!error && header->control_length != 0 && request->progress == 0)
		error = copy_control(copies, request, header);
	return error;
}

/* Where the destination exists on every interface. */
static bool needs_interface(const struct request *request)
{
	static const struct address broadcast = {
		.bytes = { [10] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }
	};
	struct endpoint endpoint;

	return endpoint_from_sockaddr(&request->address.storage, request->length, &endpoint) == 0 &&
	       (address_is_multicast(&endpoint.address) ||
		address_classify(&endpoint.address) == CLASS_LINKLOCAL ||
		memcmp(&endpoint.address, &broadcast, sizeof(broadcast)) == 0);
}

/* The offset of the interface number in each kind of control message. */
static const struct {
	int level;
	int type;
	size_t offset;
} interfaces[] = {
	{ IPPROTO_IP, IP_PKTINFO, offsetof(struct in_pktinfo, ipi_ifindex) },
	{ IPPROTO_IPV6, IPV6_PKTINFO, offsetof(struct in6_pktinfo, ipi6_ifindex) },
};

void message_clear_interface(struct message *message, const struct request *request)
{
	const unsigned any = 0;

	if (request->kind.domain == AF_UNIX || needs_interface(request))
		return;
	for (size_t at = 0; at + sizeof(struct cmsghdr) <= message->control_length;) {
		struct cmsghdr *control = (void *)(message->control + at);

		if (control->cmsg_len < sizeof(*control))
			break;
		for (size_t i = 0; i < ARRAY_SIZE(interfaces); i++)
			if (control->cmsg_level == interfaces[i].level &&
			    control->cmsg_type == interfaces[i].type &&
			    control->cmsg_len >= CMSG_LEN(interfaces[i].offset + sizeof(any)))
				memcpy(CMSG_DATA(control) + interfaces[i].offset, &any, sizeof(any));
		at += CMSG_ALIGN(control->cmsg_len);
	}
}
