/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a session starts. Distrusts what it receives.
 */
#include "handover.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "plan.h"
#include "start_wait.h"
#include "util.h"

#define MESSAGE_HEAD offsetof(struct handover_message, text)

int handover_pair(int ret_ends[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_ends) ? -errno : 0;
}

/* The start message ------------------------------------------------------------------------- */

void start_message_name(struct start_message *message, const char *service, const char *client)
{
	snprintf(message->service, sizeof(message->service), "%s", service ? service : "");
	snprintf(message->client, sizeof(message->client), "%s", client ? client : "");
}

void start_title(char ret_title[START_TITLE_MAX], const struct plan *plan, const char *service)
{
	snprintf(ret_title, START_TITLE_MAX, "%s %s %016llx", plan_string(plan, plan->header->user),
		 service, (unsigned long long)plan->header->session);
}

union control {
	struct cmsghdr header; /* for its alignment */
	char bytes[CMSG_SPACE(START_FDS * sizeof(int))];
};

/* Into a pair of which the other end is closed at once: there is nobody to answer. */
int start_message_pack(const struct start_message *message, const int fds[START_FDS], int *ret_fd)
{
	struct start_message sent = *message;
	struct iovec vector = { &sent, sizeof(sent) };
	union control control = { 0 };
	struct msghdr header = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
	};
	cleanup_fd int reader = -1;
	cleanup_fd int writer = -1;
	unsigned count = 0;
	int ends[2];
	int error = handover_pair(ends);

	if (error)
		return error;
	reader = ends[0];
	writer = ends[1];
	sent.version = START_VERSION;
	sent.fds = 0;
	for (unsigned i = 0; i < START_FDS; i++) {
		if (fds[i] < 0)
			continue;
		memcpy(CMSG_DATA(&control.header) + count++ * sizeof(int), &fds[i], sizeof(int));
		sent.fds |= 1U << i;
	}
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = (socklen_t)CMSG_LEN(count * sizeof(int));
	header.msg_controllen = (socklen_t)CMSG_SPACE(count * sizeof(int));
	if (sendmsg(writer, &header, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)sizeof(sent))
		return -errno;
	*ret_fd = fd_take(&reader);
	return 0;
}

/* Puts the descriptors that came where the message names them; false where the counts differ. */
static bool descriptors_take(const struct msghdr *header, uint32_t named, int fds[START_FDS])
{
	struct cmsghdr *control = CMSG_FIRSTHDR(header);
	unsigned place = 0;
	size_t count = 0;

	if (control && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS)
		count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(int));
		while (place < START_FDS && !(named & (1U << place)))
			place++;
		if (place == START_FDS)
			close(fd);
		else
			fds[place++] = fd;
	}
	return (size_t)__builtin_popcount(named) == count;
}

static bool is_sound(const struct start_message *message)
{
	const uint32_t needed = 1U << START_PLAN | 1U << START_PARENT;
	const bool has_child = message->fds & (1U << START_CHILD);

	if (message->service[START_SERVICE_MAX - 1] != '\0' ||
	    message->client[START_CLIENT_MAX - 1] != '\0')
		return false;
	if (message->version != START_VERSION || message->fds >> START_FDS ||
	    (message->fds & needed) != needed || message->child <= 0 || message->deadline_ms <= 0 ||
	    message->display < -1 || message->display > UINT16_MAX)
		return false;
	switch (message->mode) {
	case START_SHELL:
		return has_child && message->service_uid == 0;
	case START_OPEN:
	case START_GATE:
		return !has_child && message->service_uid != 0;
	default:
		return false;
	}
}

int start_message_open(int fd, struct start_message *ret_message, int ret_fds[START_FDS])
{
	struct start_message message = { 0 };
	struct iovec vector = { &message, sizeof(message) };
	union control control;
	struct msghdr header = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control),
	};
	int fds[START_FDS];
	ssize_t length;
	bool sound;

	for (unsigned i = 0; i < START_FDS; i++)
		fds[i] = -1;
	length = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (length < 0)
		return -errno;
	sound = descriptors_take(&header, message.fds, fds) && length == (ssize_t)sizeof(message) &&
		!(header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && is_sound(&message);
	for (unsigned i = 0; !sound && i < START_FDS; i++)
		util_cleanup_fd(&fds[i]);
	if (!sound)
		return -EPROTO;
	*ret_message = message;
	memcpy(ret_fds, fds, sizeof(fds));
	return 0;
}

/* What follows ------------------------------------------------------------------------------ */

/* The other end may have gone with messages unread. */
static int message_error(void)
{
	return errno == ECONNRESET ? -EPIPE : -errno;
}

static int message_send(int fd, const struct handover_message *message)
{
	size_t length = MESSAGE_HEAD + strlen(message->text);
	ssize_t sent;

	do {
		sent = send(fd, message, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? message_error() : 0;
}

int handover_send(int fd, enum handover kind, int value)
{
	return message_send(fd, &(struct handover_message){ .kind = (int32_t)kind, .value = value });
}

int handover_fail(int fd, const struct failure *failure)
{
	struct handover_message message = { .kind = HANDOVER_FAILED, .value = failure->error };

	memcpy(message.text, failure->text, strnlen(failure->text, sizeof(message.text) - 1));
	return message_send(fd, &message);
}

static bool message_is_sound(const struct handover_message *message)
{
	switch ((enum handover)message->kind) {
	case HANDOVER_FAILED:
		return message->value <= 0;
	case HANDOVER_LISTENER:
		return message->value >= 0;
	case HANDOVER_GO:
	case HANDOVER_SIGNAL:
		return message->value > 0;
	case HANDOVER_READY:
	case HANDOVER_STATUS:
		return true;
	}
	return false;
}

int handover_receive(int fd, struct handover_message *ret_message)
{
	struct handover_message message = { 0 };
	ssize_t length;

	do {
		length = recv(fd, &message, sizeof(message), MSG_DONTWAIT | MSG_TRUNC);
	} while (length < 0 && errno == EINTR);
	if (length < 0)
		return message_error();
	if (length == 0)
		return -EPIPE;
	if (length < (ssize_t)MESSAGE_HEAD || length >= (ssize_t)sizeof(message) ||
	    !message_is_sound(&message))
		return -EPROTO;
	*ret_message = message;
	return 0;
}

void handover_broken(struct failure *failure, const char *who, int error)
{
	if (error == -ETIMEDOUT)
		(void)failure_set(failure, 0, "%s did not answer in time", who);
	else if (error == -EPIPE)
		(void)failure_set(failure, 0, "%s exited without reporting an error", who);
	else
		(void)failure_set(failure, error, "%s sent an invalid message", who);
}

int handover_await(int fd, const char *who, enum handover kind, int64_t deadline_ms, int *ret_value,
		   struct failure *failure)
{
	struct handover_message message = { 0 };
	int error = start_await(fd, deadline_ms);

	if (!error)
		error = handover_receive(fd, &message);
	if (error) {
		handover_broken(failure, who, error);
	} else if (message.kind == HANDOVER_FAILED) {
		(void)failure_set(failure, message.value, "%s", message.text);
		error = message.value ? message.value : -EPROTO;
	} else if (message.kind != (int32_t)kind) {
		error = failure_set(failure, -EPROTO, "%s sent message %d instead of %d", who,
				    (int)message.kind, (int)kind);
	} else {
		*ret_value = message.value;
	}
	return error;
}
