/*
 * sendto(2) with an address, sendmsg(2) and sendmmsg(2) on behalf: a message is copied, its name
 * judged, and it is sent from the copy. Called by supervise. Distrusts the message and the state of
 * the socket; a send that had to wait begins anew, behind what was sent already.
 */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "message.h"
#include "serve.h"
#include "target.h"
#include "util.h"

#define MESSAGES_MAX 1024   /* UIO_MAXIOV: of one sendmmsg, the kernel ignores the rest */
#define TURN_NS      250000 /* of one sendmmsg, until others have theirs */
#define FLAGS_OURS   (MSG_DONTWAIT | MSG_NOSIGNAL)

/* struct mmsghdr as the kernel reads it. */
struct wire_message {
	struct wire_header header;
	uint32_t sent;
	uint32_t unused;
};

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
	/* The kernel refuses every name there is, without a look at it. */
	if (kind_is_stream(&request->kind) && is_unix) {
		request->length = sizeof(sa_family_t);
		return true;
	}
	if (kind_is_stream(&request->kind) || (is_unix && request->kind.type == SOCK_SEQPACKET)) {
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
static void raise_pipe(const struct supervisor *supervisor, const struct request *request)
{
	cleanup_fd int pidfd = target_pidfd(request->call.thread);

	/* Whoever has the number later is not reached by the pidfd. */
	if (pidfd >= 0 && serve_is_valid(supervisor, request))
		(void)target_signal(pidfd, SIGPIPE);
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
	/* The receiver is told the sender's real uid, and the kernel counts descriptors under way
	 * by it. Under PAM the supervisors of all users share theirs: what we say ourselves is
	 * known by it, and one session could use up what the others may send. */
	bool named = supervisor->uid != user &&
		     (request->kind.domain == AF_UNIX || request->kind.domain == AF_NETLINK);
	int error = named ? real_uid_take(user) : 0;
	long sent;

	if (error)
		return error;
	/* Not by the C library, which may take fewer descriptors than the kernel. */
	sent = syscall(__NR_sendmsg, request->socket, &header,
		       (message->flags & ~MSG_ZEROCOPY) | FLAGS_OURS);
	if (sent < 0)
		sent = -errno;
	if (named)
		(void)real_uid_take(supervisor->uid);
	return sent;
}

static struct outcome wait_to_send(const struct request *request)
{
	/* Whether the receiver of an unconnected datagram has room, no poll tells. */
	bool tells = request->kind.domain != AF_UNIX || request->kind.type != SOCK_DGRAM;

	return (struct outcome){ .kind = tells ? OUTCOME_WRITABLE : OUTCOME_RETRY };
}

static struct outcome sent_outcome(const struct supervisor *supervisor, struct request *request,
				   const struct message *message, ssize_t sent)
{
	bool waits = !(message->flags & MSG_DONTWAIT) && serve_may_wait(request);

	/* A datagram that we have no room for was sent from nowhere. */
	if (sent == -EFAULT && !kind_is_stream(&request->kind) && message->total > SCRATCH_PAYLOAD)
		sent = -EMSGSIZE;
	if (sent >= 0 && kind_is_stream(&request->kind)) {
		request->progress += (size_t)sent;
		if (request->progress >= message->total)
			return outcome_value((int64_t)request->progress);
		sent = -EAGAIN;
	}
	if (sent == -EAGAIN && waits && !serve_is_late(request))
		return wait_to_send(request);
	if (sent < 0 && request->progress > 0)
		return outcome_value((int64_t)request->progress);
	if (sent == -EPIPE && !(message->flags & MSG_NOSIGNAL) && kind_is_stream(&request->kind))
		raise_pipe(supervisor, request);
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
	return sent == -ENOENT ? *refusal : sent_outcome(supervisor, request, message, sent);
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
	message_clear_interface(supervisor, request, message);
	return sent_outcome(supervisor, request, message, send_copy(supervisor, request, message));
}

/* What was copied, or not: a positive errno. What was sent before the failure is told first, as the
 * kernel does. */
static struct outcome send_act(struct supervisor *supervisor, struct request *request,
			       const char *operation, int error)
{
	if (!error)
		return judge_and_send(supervisor, request, operation, &supervisor->scratch.message);
	return request->progress > 0 ? outcome_value((int64_t)request->progress)
				     : outcome_error(error);
}

static struct outcome send_message(struct supervisor *supervisor, struct request *request,
				   const struct stages *stages, int flags)
{
	struct message *message = &supervisor->scratch.message;
	struct outcome outcome;

	*message = (struct message){ .flags = flags };
	outcome = serve_stages(supervisor, request, stages);
	message_drop(supervisor, message);
	return outcome;
}

/* The kernel looks at the length of a name that datagrams have, also where it is 0; but sendmsg(2),
 * by which it is sent, takes 0 for none. */
static bool lacks_name(const struct request *request)
{
	return request->length == 0 && request->kind.type != SOCK_STREAM &&
	       (request->kind.domain == AF_INET || request->kind.domain == AF_INET6);
}

static int sendto_fetch(struct supervisor *supervisor, struct request *request)
{
	const uint64_t *arguments = request->call.arguments;
	struct iovec *vector = supervisor->scratch.vectors;
	struct message *message = &supervisor->scratch.message;
	int error = serve_fetch_socket(supervisor, request);

	if (!error)
		error = serve_copy_address(request, arguments[4], (int64_t)arguments[5]);
	if (error)
		return error;
	serve_fetch_unix(supervisor, request);
	if (lacks_name(request))
		request->length = 1;
	vector->iov_base = (void *)(uintptr_t)arguments[1];
	vector->iov_len = arguments[2] > INT_MAX ? INT_MAX : arguments[2];
	message->vector_count = 1;
	message->total = vector->iov_len;
	return message_copy_payload(supervisor, request, message);
}

struct outcome serve_sendto(struct supervisor *supervisor, struct request *request)
{
	static const struct stages stages = { "sendto", sendto_fetch, send_act };

	return send_message(supervisor, request, &stages, (int)request->call.arguments[3]);
}

static int sendmsg_fetch(struct supervisor *supervisor, struct request *request)
{
	struct wire_header header;
	int error = serve_fetch_socket(supervisor, request);

	if (!error)
		error = -target_read(request->call.thread, request->call.arguments[1], &header,
				     sizeof(header));
	return error ? error
		     : message_copy(supervisor, request, &header, &supervisor->scratch.message);
}

struct outcome serve_sendmsg(struct supervisor *supervisor, struct request *request)
{
	static const struct stages stages = { "sendmsg", sendmsg_fetch, send_act };

	return send_message(supervisor, request, &stages, (int)request->call.arguments[2]);
}

/* Where the message that is next lies in the caller's memory. */
static uint64_t next_message(const struct request *request)
{
	return request->call.arguments[1] + request->messages * sizeof(struct wire_message);
}

static int sendmmsg_fetch(struct supervisor *supervisor, struct request *request)
{
	struct wire_message wire;
	int error = serve_fetch_socket(supervisor, request);

	if (error)
		return error;
	error = -target_read(request->call.thread, next_message(request), &wire, sizeof(wire));
	if (error)
		return error;
	caller_fetch_memory(&supervisor->caller, request->call.thread);
	return message_copy(supervisor, request, &wire.header, &supervisor->scratch.message);
}

/*
 * The length of what was sent is written into the caller's memory, and a number leads to whoever
 * has it by then. Into a program that /proc does not let us open it is written by number, directly
 * after the check; but not where a user who forbids that has chosen the address, and a program with
 * more rights could get the number.
 */
static bool length_is_writable(const struct supervisor *supervisor)
{
	const struct caller *caller = &supervisor->caller;

	return caller->memory >= 0 || !supervisor->mixed ||
	       (caller->known && !caller_is_plain(caller, supervisor->plan->header->uid));
}

static int write_length(const struct supervisor *supervisor, const struct request *request,
			uint32_t length)
{
	uint64_t at = next_message(request) + offsetof(struct wire_message, sent);

	if (supervisor->caller.memory >= 0)
		return target_memory_write(supervisor->caller.memory, at, &length, sizeof(length));
	if (!serve_is_valid(supervisor, request))
		return -ESRCH;
	return target_write(request->call.thread, at, &length, sizeof(length));
}

static struct outcome sendmmsg_act(struct supervisor *supervisor, struct request *request,
				   const char *operation, int error)
{
	struct outcome outcome;

	if (!error && !length_is_writable(supervisor)) {
		(void)serve_fail(supervisor, request, operation, "not dumpable");
		return outcome_error(EFAULT);
	}
	outcome = send_act(supervisor, request, operation, error);
	if (outcome.kind != OUTCOME_ANSWER || outcome.error)
		return outcome;
	request->progress = 0;
	return write_length(supervisor, request, (uint32_t)outcome.value) ? outcome_error(EFAULT)
									  : outcome;
}

static struct outcome none_act(struct supervisor *supervisor, struct request *request,
			       const char *operation, int error)
{
	(void)supervisor;
	(void)request;
	(void)operation;
	return error ? outcome_error(error) : outcome_value(0);
}

/* After a wait it goes on with the message that had to wait. It goes back to the listener where
 * many messages take long; a signal ends it between two. */
struct outcome serve_sendmmsg(struct supervisor *supervisor, struct request *request)
{
	static const struct stages stages = { "sendmmsg", sendmmsg_fetch, sendmmsg_act };
	static const struct stages none = { "sendmmsg", serve_fetch_socket, none_act };
	const uint32_t count = (uint32_t)request->call.arguments[2];
	const uint32_t last = count < MESSAGES_MAX ? count : MESSAGES_MAX;
	const uint64_t end = clock_now_ns() + TURN_NS;
	struct outcome outcome = outcome_value(0);
	int flags = (int)request->call.arguments[3];

	if (last == 0)
		return serve_stages(supervisor, request, &none);
	do {
		if (request->messages > 0 && request->interrupted)
			break;
		if (request->messages > 0 && clock_now_ns() >= end)
			return (struct outcome){ .kind = OUTCOME_MORE };
		outcome = send_message(supervisor, request, &stages, flags);
		if (outcome.kind != OUTCOME_ANSWER)
			return outcome;
		if (outcome.error)
			break;
		request->messages++;
	} while (request->messages < last &&
		 (size_t)outcome.value == supervisor->scratch.message.total);
	return request->messages > 0 ? outcome_value(request->messages) : outcome;
}
