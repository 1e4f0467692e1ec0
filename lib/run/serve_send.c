/*
 * sendto(2) with an address, sendmsg(2) and sendmmsg(2) on behalf: everything is copied, judged and
 * sent from the copy. Called by supervise. Distrusts the message: addresses, lengths, control
 * messages and the descriptors in them are the caller's choice, and may be others at the next look.
 */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "serve.h"
#include "target.h"
#include "util.h"

#define MESSAGES_MAX 1024  /* UIO_MAXIOV: of one sendmmsg, the kernel ignores the rest */
#define PAYLOAD_KEPT 65536 /* memory that stays ours after a message */
#define FLAGS_OURS   (MSG_DONTWAIT | MSG_NOSIGNAL)

/* struct user_msghdr and struct mmsghdr as the kernel reads them. */
struct wire_header {
	uint64_t name;
	int32_t name_length;
	uint32_t unused1;
	uint64_t vectors;
	uint64_t vector_count;
	uint64_t control;
	uint64_t control_length;
	uint32_t flags;
	uint32_t unused2;
};
struct wire_message {
	struct wire_header header;
	uint32_t sent;
	uint32_t unused;
};

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

/* A message copied out of the caller; payload and control lie in the supervisor's scratch
 * memory. */
struct message {
	int flags;
	size_t vector_count;
	size_t total;
	size_t payload_length;
	bool unreadable; /* the payload */
	size_t control_length;
	size_t descriptor_count;
};

static bool is_stream(const struct socket_kind *kind)
{
	return kind->type == SOCK_STREAM;
}

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

/* A stream goes in parts, from where it stands; a datagram is whole or too long. One that cannot be
 * read is sent all the same, from nowhere: the kernel looks at much else first. */
static int copy_payload(struct supervisor *supervisor, const struct request *request,
			struct message *message)
{
	size_t skip = is_stream(&request->kind) ? request->progress : 0;
	ssize_t length;

	if (!is_stream(&request->kind) && message->total > SCRATCH_PAYLOAD)
		return EMSGSIZE;
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
static int check_credentials(const struct request *request, struct cmsghdr *control)
{
	struct target_status status;
	struct ucred claimed;

	if (control->cmsg_len != CMSG_LEN(sizeof(claimed)))
		return EINVAL;
	memcpy(&claimed, CMSG_DATA(control), sizeof(claimed));
	if (target_read_status(request->call.thread, &status) || claimed.pid != status.group ||
	    claimed.uid != status.uid || claimed.gid != status.gid)
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
		return kind->domain != AF_INET6 || is_stream(kind);
	return is_stream(kind) || kind->domain == AF_NETLINK ||
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
	return control->cmsg_type == SCM_CREDENTIALS ? check_credentials(request, control) : EINVAL;
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

/* All that the message is made of, in the kernel's order; a positive errno. */
static int copy_message(struct supervisor *supervisor, struct request *request,
			const struct wire_header *header, struct message *message)
{
	int error = copy_name(request, header);

	if (!error)
		error = copy_vectors(supervisor, request, header, message);
	if (!error)
		error = copy_payload(supervisor, request, message);
	/* Descriptors travel with the first byte of a stream message. */
	if (!error && header->control_length != 0 && request->progress == 0)
		error = copy_control(supervisor, request, header, message);
	return error;
}

static void drop_descriptors(struct supervisor *supervisor, const struct message *message)
{
	for (size_t i = 0; i < message->descriptor_count; i++)
		serve_close(supervisor->scratch.descriptors[i]);
}

/* The destination of a datagram. An IPv4 socket takes AF_UNSPEC for AF_INET, an IPv6 one for no
 * name at all. */
static bool datagram_allows(struct supervisor *supervisor, struct request *request,
			    const char *operation, struct outcome *ret_refusal)
{
	if (request->length >= sizeof(sa_family_t) &&
	    request->address.generic.sa_family == AF_UNSPEC) {
		if (request->kind.domain == AF_INET6) {
			request->length = 0;
			return true;
		}
		request->address.generic.sa_family = AF_INET;
	}
	return serve_inet_allows(supervisor, request, operation, ret_refusal);
}

/* Judges the name where the kernel would use it, and drops it where the kernel would ignore it. */
static bool name_allows(struct supervisor *supervisor, struct request *request,
			const char *operation, int *ret_pin, struct outcome *ret_refusal)
{
	bool is_unix = request->kind.domain == AF_UNIX;

	if (request->length == 0)
		return true;
	/* The kernel refuses any, which would be. */
	if (is_stream(&request->kind) && is_unix) {
		request->length = sizeof(sa_family_t);
		return true;
	}
	if (is_stream(&request->kind) || (is_unix && request->kind.type == SOCK_SEQPACKET)) {
		request->length = 0;
		return true;
	}
	if (is_unix)
		return serve_unix_allows(supervisor, request, operation, ret_pin, ret_refusal);
	if (request->kind.domain == AF_NETLINK)
		return serve_netlink_allows(supervisor, request, operation, ret_refusal);
	return datagram_allows(supervisor, request, operation, ret_refusal);
}

/* The caller gets the signal that the kernel would have sent him. */
static void raise_pipe(const struct request *request)
{
	struct target_status status;

	if (target_read_status(request->call.thread, &status) == 0)
		syscall(__NR_tgkill, status.group, request->call.thread, SIGPIPE);
}

static int real_uid_take(uid_t uid)
{
	return syscall(__NR_setresuid, uid, -1, -1) ? -errno : 0;
}

static ssize_t send_copy(struct supervisor *supervisor, struct request *request,
			 const struct message *message)
{
	uid_t user = supervisor->plan->header->uid;
	struct iovec vector = { message->unreadable ? NULL : supervisor->scratch.payload,
				message->payload_length };
	struct msghdr header = {
		.msg_name = request->length ? &request->address : NULL,
		.msg_namelen = request->length,
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = message->control_length ? supervisor->scratch.control : NULL,
		.msg_controllen = (socklen_t)message->control_length,
	};
	/* The kernel counts descriptors under way by the sender's real uid, and under PAM the
	 * supervisors of all users share theirs: one session could use up what the others may send. */
	bool counted = message->descriptor_count > 0 && supervisor->uid != user;
	int error = counted ? real_uid_take(user) : 0;
	long sent;

	if (error)
		return error;
	/* Not by the C library, which may take fewer descriptors than the kernel. */
	sent = syscall(__NR_sendmsg, request->socket, &header,
		       (message->flags & ~MSG_ZEROCOPY) | FLAGS_OURS);
	if (sent < 0)
		sent = -errno;
	if (counted)
		(void)real_uid_take(supervisor->uid);
	return sent;
}

static struct outcome wait_to_send(const struct request *request)
{
	/* Whether the receiver of an unconnected datagram has room, no poll tells. */
	bool tells = request->kind.domain != AF_UNIX || request->kind.type != SOCK_DGRAM;

	return (struct outcome){ .kind = tells ? OUTCOME_WRITABLE : OUTCOME_RETRY };
}

static struct outcome sent_outcome(struct request *request, const struct message *message,
				   ssize_t sent)
{
	bool waits = !(message->flags & MSG_DONTWAIT) && serve_may_wait(request);

	if (sent >= 0 && is_stream(&request->kind)) {
		request->progress += (size_t)sent;
		if (request->progress >= message->total)
			return outcome_value((int64_t)request->progress);
		sent = -EAGAIN;
	}
	if (sent == -EAGAIN && waits && !serve_is_late(request))
		return wait_to_send(request);
	if (sent < 0 && request->progress > 0)
		return outcome_value((int64_t)request->progress);
	if (sent == -EPIPE && !(message->flags & MSG_NOSIGNAL) && is_stream(&request->kind))
		raise_pipe(request);
	return outcome_performed(sent);
}

/* Only at the end does the kernel look for who is to get a datagram: what else is wrong it says of
 * one to nobody. */
static struct outcome send_nowhere(struct supervisor *supervisor, struct request *request,
				   const struct message *message, const struct outcome *refusal)
{
	struct sockaddr_un *address = (void *)&request->address;
	ssize_t sent;

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/nowhere");
	request->length = sizeof(*address);
	sent = send_copy(supervisor, request, message);
	return sent == -ENOENT ? *refusal : sent_outcome(request, message, sent);
}

/* Our memory is not the caller's: the kernel could not tell him when it is free again. The flag
 * itself never reaches the kernel, for the socket's option can change meanwhile. */
static bool wants_zerocopy(const struct request *request, int flags)
{
	int enabled = 0;
	socklen_t size = sizeof(enabled);

	return (flags & MSG_ZEROCOPY) &&
	       getsockopt(request->socket, SOL_SOCKET, SO_ZEROCOPY, &enabled, &size) == 0 && enabled;
}

static struct outcome judge_and_send(struct supervisor *supervisor, struct request *request,
				     const char *operation, const struct message *message)
{
	cleanup_fd int pin = -1;
	struct outcome refusal;

	if (message->flags & MSG_FASTOPEN)
		return outcome_error(EOPNOTSUPP);
	if (wants_zerocopy(request, message->flags))
		return outcome_error(ENOBUFS);
	if (!name_allows(supervisor, request, operation, &pin, &refusal))
		return request->kind.domain == AF_UNIX && refusal.kind == OUTCOME_ANSWER
			       ? send_nowhere(supervisor, request, message, &refusal)
			       : refusal;
	return sent_outcome(request, message, send_copy(supervisor, request, message));
}

/* What was sent before the failure is told first, as the kernel does. */
static struct outcome send_failed(struct supervisor *supervisor, const struct request *request,
				  int error)
{
	if (!notify_is_held(supervisor->listener.fd, request->call.id))
		return outcome_gone();
	return request->progress > 0 ? outcome_value((int64_t)request->progress)
				     : outcome_error(error);
}

static void payload_drop(struct supervisor *supervisor, const struct message *message)
{
	if (!message->unreadable && message->payload_length > PAYLOAD_KEPT)
		madvise(supervisor->scratch.payload, SCRATCH_PAYLOAD, MADV_DONTNEED);
}

static struct outcome send_message(struct supervisor *supervisor, struct request *request,
				   const char *operation, const struct wire_header *header,
				   struct message *message)
{
	int error = copy_message(supervisor, request, header, message);
	struct outcome outcome;

	if (error)
		outcome = send_failed(supervisor, request, error);
	else if (!notify_is_held(supervisor->listener.fd, request->call.id))
		outcome = outcome_gone();
	else
		outcome = judge_and_send(supervisor, request, operation, message);
	drop_descriptors(supervisor, message);
	payload_drop(supervisor, message);
	return outcome;
}

/* The kernel looks at the length of a name that datagrams have, also where it is 0; but sendmsg(2),
 * by which it is sent, takes 0 for none. */
static bool lacks_name(const struct request *request)
{
	return request->length == 0 && request->kind.type != SOCK_STREAM &&
	       (request->kind.domain == AF_INET || request->kind.domain == AF_INET6);
}

struct outcome serve_sendto(struct supervisor *supervisor, struct request *request)
{
	const uint64_t *arguments = request->call.arguments;
	struct iovec *vector = supervisor->scratch.vectors;
	struct message message = { .flags = (int)arguments[3], .vector_count = 1 };
	int error = serve_pin(supervisor, request, "sendto");
	struct outcome outcome;

	if (!error)
		error = serve_copy_address(request, arguments[4], (int64_t)arguments[5]);
	if (!error && lacks_name(request))
		request->length = 1;
	if (!error) {
		vector->iov_base = (void *)(uintptr_t)arguments[1];
		vector->iov_len = arguments[2] > INT_MAX ? INT_MAX : arguments[2];
		message.total = vector->iov_len;
		error = copy_payload(supervisor, request, &message);
	}
	if (error)
		outcome = send_failed(supervisor, request, error);
	else if (!notify_is_held(supervisor->listener.fd, request->call.id))
		outcome = outcome_gone();
	else
		outcome = judge_and_send(supervisor, request, "sendto", &message);
	payload_drop(supervisor, &message);
	return outcome;
}

struct outcome serve_sendmsg(struct supervisor *supervisor, struct request *request)
{
	struct message message = { .flags = (int)request->call.arguments[2] };
	struct wire_header header;
	int error = serve_pin(supervisor, request, "sendmsg");

	if (!error)
		error = -target_read(request->call.thread, request->call.arguments[1], &header,
				     sizeof(header));
	if (error)
		return send_failed(supervisor, request, error);
	return send_message(supervisor, request, "sendmsg", &header, &message);
}

/* The message that is next; *ret_whole tells that another may follow it. */
static struct outcome send_next(struct supervisor *supervisor, struct request *request,
				bool *ret_whole)
{
	uint64_t at = request->call.arguments[1] + request->messages * sizeof(struct wire_message);
	struct message message = { .flags = (int)request->call.arguments[3] };
	struct wire_message wire;
	struct outcome outcome;
	uint32_t length;
	int error = -target_read(request->call.thread, at, &wire, sizeof(wire));

	if (error)
		return send_failed(supervisor, request, error);
	outcome = send_message(supervisor, request, "sendmmsg", &wire.header, &message);
	if (outcome.kind != OUTCOME_ANSWER || outcome.error)
		return outcome;
	request->progress = 0;
	*ret_whole = (size_t)outcome.value == message.total;
	length = (uint32_t)outcome.value;
	error = target_write(request->call.thread, at + offsetof(struct wire_message, sent),
			     &length, sizeof(length));
	return error ? outcome_error(EFAULT) : outcome;
}

/* After a wait it goes on with the message that had to wait. */
struct outcome serve_sendmmsg(struct supervisor *supervisor, struct request *request)
{
	uint32_t count = (uint32_t)request->call.arguments[2];
	struct outcome outcome = outcome_value(0);
	int error = serve_pin(supervisor, request, "sendmmsg");
	bool whole = true;

	if (error)
		return send_failed(supervisor, request, error);
	while (whole && request->messages < count && request->messages < MESSAGES_MAX) {
		whole = false;
		outcome = send_next(supervisor, request, &whole);
		if (outcome.kind != OUTCOME_ANSWER)
			return outcome;
		if (outcome.error)
			break;
		request->messages++;
	}
	return request->messages > 0 ? outcome_value(request->messages) : outcome;
}
