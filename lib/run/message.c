/*
 * Copies a message out of its sender, and judges what travels along with it.
 * Called by serve_send.
 * Distrusts lengths, addresses, control messages, and the descriptors in them.
 */
#include "message.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/mman.h>

#include "multicast.h"
#include "serve.h"
#include "target.h"
#include "util.h"

#define PAYLOAD_KEPT 65536 /* memory that stays ours after a message */

/* Control messages that change how a datagram travels, but not to whom. */
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
static int copy_vectors(struct supervisor *supervisor, const struct request *request,
			const struct wire_header *header, struct message *message)
{
	struct iovec *vectors = supervisor->scratch.vectors;
	int error;

	if (header->vector_count > SCRATCH_VECTORS)
		return EMSGSIZE;
	error = target_read(request->call.thread, header->vectors, vectors,
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

int message_copy_payload(struct supervisor *supervisor, const struct request *request,
			 struct message *message)
{
	size_t skip = kind_is_stream(&request->kind) ? request->progress : 0;
	ssize_t length;

	if (!kind_is_stream(&request->kind) && message->total > SCRATCH_PAYLOAD) {
		message->unreadable = true;
		message->payload_length = message->total;
		return 0;
	}
	length = target_gather(request->call.thread, supervisor->scratch.vectors,
			       message->vector_count, skip, supervisor->scratch.payload,
			       SCRATCH_PAYLOAD);
	if (length < 0 && length != -EFAULT)
		return EACCES;
	message->unreadable = length < 0;
	message->payload_length = length < 0 ? message->total - skip : (size_t)length;
	return 0;
}

/* Replaces the numbers of the caller's descriptors by those of our copies. */
static int copy_descriptors(struct supervisor *supervisor, const struct request *request,
			    struct cmsghdr *control, struct message *message)
{
	unsigned char *data = CMSG_DATA(control);
	size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	if (message->descriptor_count + count > SCRATCH_DESCRIPTORS)
		return EINVAL;
	for (size_t i = 0; i < count; i++) {
		int number;
		int copy;

		memcpy(&number, data + i * sizeof(int), sizeof(int));
		copy = target_descriptor_kept(&supervisor->kept, request->call.thread, number);
		if (copy < 0)
			return copy == -EBADF ? EBADF : EACCES;
		supervisor->scratch.descriptors[message->descriptor_count++] = copy;
		memcpy(data + i * sizeof(int), &copy, sizeof(int));
	}
	return 0;
}

/* The kernel lets nobody but the sender say who he is; we may not say it for him, so it is left to
 * the implicit ones. */
static int check_credentials(struct caller *caller, const struct request *request,
			     struct cmsghdr *control)
{
	const struct target_status *status = &caller->status;
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

/* What the kernel passes over. */
static bool is_ignored(const struct socket_kind *kind, const struct cmsghdr *control)
{
	if (control->cmsg_level == SOL_SOCKET)
		return kind->domain != AF_NETLINK &&
		       (control->cmsg_type == SCM_RIGHTS || control->cmsg_type == SCM_CREDENTIALS);
	if (control->cmsg_level == IPPROTO_IPV6)
		return kind->domain != AF_INET6 || kind_is_stream(kind);
	return kind_is_stream(kind) || kind->domain == AF_NETLINK ||
	       (control->cmsg_level != IPPROTO_IP && control->cmsg_level != IPPROTO_UDP);
}

/* Judges one control message; *ret_keep tells whether it is sent along. */
static int judge_control(struct supervisor *supervisor, const struct request *request,
			 struct cmsghdr *control, struct message *message, bool *ret_keep)
{
	*ret_keep = request->kind.domain == AF_UNIX || !is_ignored(&request->kind, control);
	if (request->kind.domain != AF_UNIX)
		return !*ret_keep || is_harmless(&request->kind, control) ? 0
		       : request->kind.domain == AF_NETLINK               ? EINVAL
									  : EPERM;
	if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS)
		return copy_descriptors(supervisor, request, control, message);
	*ret_keep = false;
	if (control->cmsg_level != SOL_SOCKET)
		return 0; /* as the kernel takes it */
	if (control->cmsg_type != SCM_CREDENTIALS)
		return EINVAL;
	return check_credentials(&supervisor->caller, request, control);
}

/* What the kernel calls malformed, once it comes to it; the length. */
static size_t control_spoil(unsigned char *buffer)
{
	const struct cmsghdr malformed = { .cmsg_len = 1 };

	memcpy(buffer, &malformed, sizeof(malformed));
	return sizeof(malformed);
}

/* Copies the control buffer and rebuilds it from the messages that are kept. */
static int copy_control(struct supervisor *supervisor, const struct request *request,
			const struct wire_header *header, struct message *message)
{
	unsigned char *buffer = supervisor->scratch.control;
	size_t length = header->control_length;
	size_t kept = 0;
	int error;

	if (length > SCRATCH_CONTROL)
		return ENOBUFS;
	error = target_read(request->call.thread, header->control, buffer, length);
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
		error = judge_control(supervisor, request, control, message, &keep);
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
	message->control_length = kept;
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
	return serve_copy_address(request, header->name, length);
}

int message_copy(struct supervisor *supervisor, struct request *request,
		 const struct wire_header *header, struct message *message)
{
	int error = copy_name(request, header);

	if (!error)
		serve_fetch_unix(supervisor, request);
	if (!error)
		error = copy_vectors(supervisor, request, header, message);
	if (!error)
		error = message_copy_payload(supervisor, request, message);
	/* Descriptors travel with the first byte of a stream message. */
	if (!error && header->control_length != 0 && request->progress == 0)
		error = copy_control(supervisor, request, header, message);
	return error;
}

/* Where the destination is one of every interface's. */
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

/* Where the number of the interface is in what kinds of control messages. */
static const struct {
	int level;
	int type;
	size_t offset;
} interfaces[] = {
	{ IPPROTO_IP, IP_PKTINFO, offsetof(struct in_pktinfo, ipi_ifindex) },
	{ IPPROTO_IPV6, IPV6_PKTINFO, offsetof(struct in6_pktinfo, ipi6_ifindex) },
};

void message_clear_interface(struct supervisor *supervisor, const struct request *request,
			     const struct message *message)
{
	const unsigned any = 0;

	if (request->kind.domain == AF_UNIX || needs_interface(request))
		return;
	for (size_t at = 0; at + sizeof(struct cmsghdr) <= message->control_length;) {
		struct cmsghdr *control = (void *)(supervisor->scratch.control + at);

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

void message_drop(struct supervisor *supervisor, const struct message *message)
{
	for (size_t i = 0; i < message->descriptor_count; i++)
		serve_close(supervisor->scratch.descriptors[i]);
	if (!message->unreadable && message->payload_length > PAYLOAD_KEPT)
		madvise(supervisor->scratch.payload, SCRATCH_PAYLOAD, MADV_DONTNEED);
}
