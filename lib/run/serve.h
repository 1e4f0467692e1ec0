/*
 * What the serving modules share: one serve_<call>() for each row of lib/trapped.h, and what they
 * have in common. Called by supervise alone. Each serves a request from the start or, after a wait,
 * again, in stages: fetch, ask whether the notification is still valid, act.
 */
#ifndef SANDLOCK_SERVE_H
#define SANDLOCK_SERVE_H

#include <sys/un.h>

#include "supervise.h"
#include "trapped.h"

#define SERVE_PROTOTYPE(name, when) \
	struct outcome serve_##name(struct supervisor *supervisor, struct request *request);
TRAPPED_CALLS(SERVE_PROTOTYPE)
#undef SERVE_PROTOTYPE

#define SERVE_TEXT_MAX   160 /* of a destination in a log line */
#define SERVE_SIN6_SHORT 24  /* RFC 2133: sockaddr_in6 without the scope; the kernel takes it */

/* Once, before anything is served: takes SIGALRM, which must not be blocked. */
int serve_begin(void);

struct outcome outcome_value(int64_t value);
struct outcome outcome_error(int error); /* a positive errno */
struct outcome outcome_gone(void);

/* The outcome of what was performed on behalf: a value, or a negative errno. */
struct outcome outcome_performed(ssize_t result);

/*
 * How a call is served: `fetch` copies what the call needs out of its caller, by number, and gives
 * a positive errno for what cannot be had; then it is asked whether the notification is still
 * valid, and only then were the copies the caller's; `act` decides and performs on the copies
 * alone. What takes long between asks again (serve_is_valid) directly before it performs.
 */
struct stages {
	const char *operation;
	int (*fetch)(struct supervisor *supervisor, struct request *request);
	struct outcome (*act)(struct supervisor *supervisor, struct request *request,
			      const char *operation, int error);
};
struct outcome serve_stages(struct supervisor *supervisor, struct request *request,
			    const struct stages *stages);

/* True while the call is pending: what was learnt by its caller's number was its caller's. */
bool serve_is_valid(const struct supervisor *supervisor, const struct request *request);

/* Takes a copy of the descriptor in argument 0, once, and learns its kind; 0 or a positive errno.
 * What cannot be served is told by supervisor->caller.error. */
int serve_fetch_socket(struct supervisor *supervisor, struct request *request);

/* Copies a sockaddr of the caller's, of `length` as the caller says; 0, EINVAL, EFAULT, EACCES. The
 * rest is zero. */
int serve_copy_address(struct request *request, uint64_t address, int64_t length);

/* For an address that is none for its socket: of the same family and length, but all else zero, so
 * that it leads nowhere. What is wrong with it, and with the socket, the kernel then says in its
 * own order. */
void serve_lead_nowhere(struct request *request);

/* True where the caller, as fetched, is neither the user nor root: what is done on behalf is done
 * as the user, who may reach what the caller could not. */
bool serve_is_foreign(const struct supervisor *supervisor);

/* Closes a copy of a descriptor of the caller's (or nothing: -1) without waiting for what it has
 * not sent. */
void serve_close(int fd);

/* The kernel performs the call as it stands: only where nothing was judged that can change while
 * the caller waits, as his memory and his descriptors can. */
struct outcome serve_by_kernel(const struct supervisor *supervisor, const struct request *request);

/* Logs a refusal by `rule` (NULL: default) and returns EACCES. */
struct outcome serve_refuse(struct supervisor *supervisor, const struct request *request,
			    const char *operation, const char *protocol, const char *destination,
			    const struct rule *rule);

/* The same, by no rule, for what libraries try by themselves and take a refusal for an answer. */
struct outcome serve_refuse_minor(struct supervisor *supervisor, const struct request *request,
				  const char *operation, const char *protocol,
				  const char *destination);

/* The same for what cannot be decided. */
struct outcome serve_fail(struct supervisor *supervisor, const struct request *request,
			  const char *operation, const char *reason);

/* The protocol that rules speak of, 0 for any other socket. */
enum protocol serve_protocol(const struct socket_kind *kind);
const char *serve_protocol_name(const struct socket_kind *kind);

/* True where the caller expects the call to wait, and nothing has interrupted it. Sets the deadline
 * of SO_SNDTIMEO once. */
bool serve_may_wait(struct request *request);
bool serve_is_late(const struct request *request);

/* What a caller gets whose unix peer has no room for another connection: nobody tells when there is
 * some. */
struct outcome serve_wait_for_room(struct request *request);

/* connect(2) that never waits, whatever the socket says: -EINPROGRESS or -EAGAIN instead. */
int serve_connect_now(int socket, const struct sockaddr *address, socklen_t length);

/* serve_inet.c: judges the inet endpoint in request->address for a socket of this kind, and makes
 * the address that which was judged (an unspecified one becomes what it stands for, what is none
 * becomes one that leads nowhere). True: allowed. Else *ret_refusal is the outcome, logged. */
bool serve_inet_allows(struct supervisor *supervisor, struct request *request,
		       const char *operation, struct outcome *ret_refusal);

/* What the inet socket is bound to; port 0: to nothing yet. False for any other socket. */
bool serve_bound_endpoint(int fd, struct endpoint *ret_endpoint);

/* The same for netlink, where the kernel alone may be spoken to. */
bool serve_netlink_allows(struct supervisor *supervisor, struct request *request,
			  const char *operation, struct outcome *ret_refusal);

/* serve_unix.c: what judging a unix address needs of its caller. To be fetched with it. */
void serve_fetch_unix(struct supervisor *supervisor, const struct request *request);

/* serve_unix.c: enters the caller's working directory, so that a path of his can be used as it is.
 * -EACCES where his root is not ours. */
int serve_enter_directory(const struct supervisor *supervisor);

/* Back to the root, so that no directory of his stays in use by us. */
int serve_leave_directory(void);

/* serve_unix.c: the same for a unix destination. A path is pinned: *ret_pin is an O_PATH descriptor
 * of the socket that was judged, and request->address becomes the pin's own path; -1 for an
 * abstract name. The caller closes it after use. */
bool serve_unix_allows(struct supervisor *supervisor, struct request *request,
		       const char *operation, int *ret_pin, struct outcome *ret_refusal);

#endif
