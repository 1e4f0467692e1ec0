/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One trapped call while it is served: the notification, our copies of descriptor and address, and
 * its progress. Copied into a slot of pending.h where it has to wait.
 */
#ifndef SANDLOCK_REQUEST_H
#define SANDLOCK_REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "notify.h"
#include "socket_kind.h"

#define SIN6_SHORT 24 /* RFC 2133: sockaddr_in6 without the scope; the kernel takes it */

struct request {
	struct notification call;
	int socket_fd; /* our copy of the caller's descriptor, or -1 */
	struct socket_kind kind;
	bool refreshed; /* the host names were requested again for this call */
	bool own;       /* connect: allowed where a session of the user listens at `own_endpoint` */
	struct endpoint own_endpoint;
	bool interrupted;  /* by a signal: it no longer waits */
	int started;       /* connect: in progress to `address`; the errno if it no longer waits */
	uint64_t deadline; /* of SO_SNDTIMEO, monotonic ns; 0: none */
	size_t progress;   /* bytes of a stream message already sent */
	uint32_t messages; /* sendmmsg: already sent */
	socklen_t length;
	union {
		struct sockaddr generic;
		struct sockaddr_storage storage;
	} address;
};

/* The outcome of serving. A refusal is an ANSWER with an errno. */
enum outcome_kind {
	OUTCOME_ANSWER = 0,
	OUTCOME_GONE,     /* the caller no longer exists, or has its answer: none is due */
	OUTCOME_WRITABLE, /* serve again when the socket is writable */
	OUTCOME_RETRY,    /* serve again a little later */
	OUTCOME_MORE,     /* serve again at once, but after others */
	OUTCOME_NEXT,     /* sendmmsg: the next message may follow */
	OUTCOME_CONTINUE, /* the kernel performs the call: only registers were judged */
};
struct outcome {
	enum outcome_kind kind;
	int error;     /* 0, or what the caller gets as errno */
	int64_t value; /* where error is 0 */
};

static inline struct outcome outcome_value(int64_t value)
{
	return (struct outcome){ OUTCOME_ANSWER, 0, value };
}
static inline struct outcome outcome_error(int error) /* a positive errno */
{
	return (struct outcome){ OUTCOME_ANSWER, error, 0 };
}
static inline struct outcome outcome_gone(void)
{
	return (struct outcome){ OUTCOME_GONE, 0, 0 };
}
/* For a call that was performed: a value, or a negative errno. */
static inline struct outcome outcome_performed(ssize_t result)
{
	return result < 0 ? outcome_error((int)-result) : outcome_value(result);
}

/* For an address that does not fit its socket: same family and length, all else zero, so that it
 * reaches nothing. The kernel then reports what is wrong with it, and with the socket, in its own
 * order. */
void request_invalidate_address(struct request *request);

/* True for connect's address AF_UNSPEC, which dissolves an association; never on unix streams,
 * which lack that. */
bool request_is_disconnect(const struct request *request);

/* True for a unix socket and an address that is a path. */
bool request_is_unix_path(const struct request *request);

/* The address becomes the unix socket that `path_fd` is open on. */
void request_set_path(struct request *request, int path_fd);

/* How many messages of a sendmmsg the kernel would send. */
uint32_t request_message_count(const struct request *request);

/* True where the caller expects the call to wait, and nothing has interrupted it. Sets the deadline
 * of SO_SNDTIMEO once. */
bool request_may_wait(struct request *request);
bool request_is_late(const struct request *request);

#endif
