/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends a message from our copy of it. A send that had to wait continues after what was sent
 * already.
 */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "as_caller.h"
#include "fetch.h"
#include "message.h"
#include "nonblocking.h"
#include "perform.h"
#include "util.h"

#define FLAGS_OURS (MSG_DONTWAIT | MSG_NOSIGNAL)
#define NOWHERE    (-1) /* no descriptor has this number */

/* The caller gets the signal that the kernel would have sent it. */
static void raise_pipe(const struct supervisor *supervisor, const struct request *request)
{
	cleanup_fd int pidfd = process_pidfd(request->call.thread);

	/* The pidfd does not reach a later process of that number. */
	if (pidfd >= 0 && request_is_valid(supervisor, request))
		(void)process_signal(pidfd, SIGPIPE);
}

/* The receiver sees the sender's real uid, and the kernel counts descriptors in flight by it. Under
 * PAM the supervisors of all users share theirs: our own messages are recognised by it, and one
 * session could use up what the others may send. */
static bool names_its_sender(const struct supervisor *supervisor, const struct request *request)
{
	return supervisor->uid != supervisor->rules.plan->header->uid &&
	       (request->kind.domain == AF_UNIX || request->kind.domain == AF_NETLINK);
}

static ssize_t send_copy(struct supervisor *supervisor, struct request *request)
{
	struct message *message = &supervisor->copies.message;
	struct iovec vector = { message->unreadable ? NULL : message->payload,
				message->payload_length };
	struct msghdr header = {
		.msg_name = request->length ? &request->address : NULL,
		.msg_namelen = request->length,
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = message->control_length ? message->control : NULL,
		.msg_controllen = (socklen_t)message->control_length,
	};
	cleanup_as_caller struct as_caller as_caller = { 0 };
	int error = names_its_sender(supervisor, request)
			    ? as_caller_uid(&as_caller, supervisor->rules.plan->header->uid,
					    supervisor->uid)
			    : 0;
	long sent;

	if (error)
		return error;
	/* A datagram to a closed peer empties the queue, including the sockets in it. */
	if (request->kind.domain == AF_UNIX && request->kind.type == SOCK_DGRAM)
		nonblocking_guard();
	/* Not by the C library, which may take fewer descriptors than the kernel. MSG_ZEROCOPY
	 * never reaches the kernel, for the socket's option can change meanwhile. */
	sent = syscall(__NR_sendmsg, request->socket_fd, &header,
		       (message->flags & ~MSG_ZEROCOPY) | FLAGS_OURS);
	return sent < 0 ? -errno : sent;
}

static struct outcome wait_to_send(const struct request *request)
{
	/* poll(2) cannot tell whether the receiver of an unconnected datagram has room. */
	bool tells = request->kind.domain != AF_UNIX || request->kind.type != SOCK_DGRAM;

	return (struct outcome){ .kind = tells ? OUTCOME_WRITABLE : OUTCOME_RETRY };
}

static struct outcome sent_outcome(const struct supervisor *supervisor, struct request *request,
				   ssize_t sent)
{
	const struct message *message = &supervisor->copies.message;
	bool is_stream = socket_is_stream(&request->kind);
	bool waits = !(message->flags & MSG_DONTWAIT) && request_may_wait(request);

	/* A datagram that is too long for our buffer cannot have been sent. */
	if (sent == -EFAULT && !is_stream && message->total > MESSAGE_PAYLOAD)
		sent = -EMSGSIZE;
	if (sent >= 0 && is_stream) {
		request->progress += (size_t)sent;
		if (request->progress >= message->total)
			return outcome_value((int64_t)request->progress);
		sent = -EAGAIN;
	}
	if (sent == -EAGAIN && waits && !request_is_late(request))
		return wait_to_send(request);
	if (sent < 0 && request->progress > 0)
		return outcome_value((int64_t)request->progress);
	if (sent == -EPIPE && !(message->flags & MSG_NOSIGNAL) && is_stream)
		raise_pipe(supervisor, request);
	return outcome_performed(sent);
}

/* A sendmmsg without messages sends nothing. */
static bool is_empty(const struct request *request)
{
	return request->call.call == __NR_sendmmsg && request_message_count(request) == 0;
}

struct outcome perform_send(struct supervisor *supervisor, struct request *request)
{
	if (is_empty(request))
		return outcome_value(0);
	message_clear_interface(&supervisor->copies.message, request);
	return sent_outcome(supervisor, request, send_copy(supervisor, request));
}

struct outcome perform_send_refused(struct supervisor *supervisor, struct request *request,
				    const struct outcome *outcome)
{
	ssize_t sent;

	request_set_path(request, NOWHERE);
	sent = send_copy(supervisor, request);
	return sent == -ENOENT ? *outcome : sent_outcome(supervisor, request, sent);
}

/* Where the memory cannot be opened it is written by number, directly after the check
 * (judge_sendmmsg). */
static int write_length(const struct supervisor *supervisor, const struct request *request,
			uint32_t length)
{
	const struct caller *caller = &supervisor->copies.caller;
	uint64_t at = fetch_length_address(request);

	if (caller->memory >= 0)
		return process_memory_write(caller->memory, at, &length, sizeof(length));
	if (!request_is_valid(supervisor, request))
		return -ESRCH;
	return process_write(request->call.thread, at, &length, sizeof(length));
}

struct outcome perform_message_end(struct supervisor *supervisor, struct request *request,
				   const struct outcome *outcome)
{
	bool whole = (size_t)outcome->value == supervisor->copies.message.total;

	if (is_empty(request))
		return *outcome;
	request->progress = 0;
	if (write_length(supervisor, request, (uint32_t)outcome->value))
		return outcome_error(EFAULT);
	request->messages++;
	if (whole && request->messages < request_message_count(request))
		return (struct outcome){ .kind = OUTCOME_NEXT };
	return outcome_value(request->messages);
}
