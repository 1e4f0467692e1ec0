/*
 * What the serving modules share.
 * Called by serve_*.c and supervise.
 * Distrusts every argument of the call.
 */
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include "clock.h"
#include "target.h"
#include "util.h"

#define GUARD_US    20000
#define GUARD_TICKS 3

struct outcome outcome_value(int64_t value)
{
	return (struct outcome){ OUTCOME_ANSWER, 0, value };
}

struct outcome outcome_error(int error)
{
	return (struct outcome){ OUTCOME_ANSWER, error, 0 };
}

struct outcome outcome_gone(void)
{
	return (struct outcome){ OUTCOME_GONE, 0, 0 };
}

struct outcome outcome_performed(ssize_t result)
{
	return result < 0 ? outcome_error((int)-result) : outcome_value(result);
}

static int socket_option(int fd, int option, int *ret_value)
{
	socklen_t size = sizeof(*ret_value);

	return getsockopt(fd, SOL_SOCKET, option, ret_value, &size) ? -errno : 0;
}

bool serve_is_valid(const struct supervisor *supervisor, const struct request *request)
{
	return notify_is_held(supervisor->listener.fd, request->call.id);
}

struct outcome serve_stages(struct supervisor *supervisor, struct request *request,
			    const struct stages *stages)
{
	int error = stages->fetch(supervisor, request);

	if (!serve_is_valid(supervisor, request))
		return outcome_gone();
	if (supervisor->caller.error)
		return serve_fail(supervisor, request, stages->operation,
				  strerror(-supervisor->caller.error));
	return stages->act(supervisor, request, stages->operation, error);
}

int serve_fetch_socket(struct supervisor *supervisor, struct request *request)
{
	int error;

	/* After a wait: the same file, whatever the number stands for by now, as the kernel does. */
	if (request->socket >= 0)
		return 0;
	request->socket = target_descriptor_kept(&supervisor->kept, request->call.thread,
						 (int)request->call.arguments[0]);
	if (request->socket == -EBADF)
		return EBADF;
	if (request->socket < 0) {
		supervisor->caller.error = request->socket;
		request->socket = -1;
		return EACCES;
	}
	error = socket_option(request->socket, SO_DOMAIN, &request->kind.domain);
	if (!error)
		error = socket_option(request->socket, SO_TYPE, &request->kind.type);
	if (!error)
		error = socket_option(request->socket, SO_PROTOCOL, &request->kind.protocol);
	return -error;
}

int serve_copy_address(struct request *request, uint64_t address, int64_t length)
{
	int error;

	/* As move_addr_to_kernel(): the length first, as an int. */
	if ((int)length < 0 || (int)length > (int)sizeof(request->address))
		return EINVAL;
	memset(&request->address, 0, sizeof(request->address));
	request->length = (socklen_t)length;
	error = target_read(request->call.thread, address, &request->address, request->length);
	return error == -EFAULT ? EFAULT : error ? EACCES : 0;
}

void serve_lead_nowhere(struct request *request)
{
	sa_family_t family = request->address.generic.sa_family;

	memset(&request->address, 0, sizeof(request->address));
	request->address.generic.sa_family = family;
}

bool serve_is_foreign(const struct supervisor *supervisor)
{
	const struct caller *caller = &supervisor->caller;

	return supervisor->mixed &&
	       (!caller->known || (caller->status.file_uid != 0 &&
				   caller->status.file_uid != supervisor->plan->header->uid));
}

struct outcome serve_by_kernel(const struct supervisor *supervisor, const struct request *request)
{
	if (!serve_is_valid(supervisor, request))
		return outcome_gone();
	return (struct outcome){ .kind = OUTCOME_CONTINUE };
}

/* Who it was is said only where the caller is there still. */
static void refusal_log(struct supervisor *supervisor, const struct request *request,
			const struct denial *denial)
{
	struct caller *caller = &supervisor->caller;

	caller_fetch_status(caller, request->call.thread);
	if (!serve_is_valid(supervisor, request))
		caller->known = false;
	denial_log(&supervisor->denials, supervisor->plan, request->call.thread,
		   caller->known ? &caller->status : NULL, denial);
}

struct outcome serve_refuse(struct supervisor *supervisor, const struct request *request,
			    const char *operation, const char *protocol, const char *destination,
			    const struct rule *rule)
{
	const struct denial denial = {
		.operation = operation,
		.protocol = protocol,
		.destination = destination,
		.rule = rule,
	};

	refusal_log(supervisor, request, &denial);
	return outcome_error(EACCES);
}

struct outcome serve_refuse_minor(struct supervisor *supervisor, const struct request *request,
				  const char *operation, const char *protocol,
				  const char *destination)
{
	const struct denial denial = {
		.operation = operation,
		.protocol = protocol,
		.destination = destination,
		.minor = true,
	};

	refusal_log(supervisor, request, &denial);
	return outcome_error(EACCES);
}

struct outcome serve_fail(struct supervisor *supervisor, const struct request *request,
			  const char *operation, const char *reason)
{
	const struct denial denial = {
		.operation = operation,
		.protocol = serve_protocol_name(&request->kind),
		.destination = "?",
		.reason = reason,
	};

	refusal_log(supervisor, request, &denial);
	return outcome_error(EACCES);
}

/* What sockets there can be: the filter's table of creatable ones. */
static const struct {
	struct socket_kind kind;
	enum protocol protocol;
	const char *name;
} kinds[] = {
	{ { AF_INET, SOCK_STREAM, IPPROTO_TCP }, PROTOCOL_TCP, "tcp" },
	{ { AF_INET6, SOCK_STREAM, IPPROTO_TCP }, PROTOCOL_TCP, "tcp" },
	{ { AF_INET, SOCK_DGRAM, IPPROTO_UDP }, PROTOCOL_UDP, "udp" },
	{ { AF_INET6, SOCK_DGRAM, IPPROTO_UDP }, PROTOCOL_UDP, "udp" },
	{ { AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE }, PROTOCOL_UDP, "udp" },
	{ { AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE }, PROTOCOL_UDP, "udp" },
	{ { AF_INET, SOCK_DGRAM, IPPROTO_ICMP }, PROTOCOL_ICMP, "icmp" },
	{ { AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6 }, PROTOCOL_ICMP, "icmp" },
	{ { AF_INET, SOCK_RAW, IPPROTO_ICMP }, PROTOCOL_ICMP, "icmp" },
	{ { AF_INET6, SOCK_RAW, IPPROTO_ICMPV6 }, PROTOCOL_ICMP, "icmp" },
};

enum protocol serve_protocol(const struct socket_kind *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (memcmp(kind, &kinds[i].kind, sizeof(*kind)) == 0)
			return kinds[i].protocol;
	return (enum protocol)0;
}

const char *serve_protocol_name(const struct socket_kind *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (memcmp(kind, &kinds[i].kind, sizeof(*kind)) == 0)
			return kinds[i].name;
	return kind->domain == AF_UNIX ? "unix" : kind->domain == AF_NETLINK ? "netlink" : "other";
}

bool serve_may_wait(struct request *request)
{
	struct timeval timeout = { 0 };
	socklen_t size = sizeof(timeout);
	int flags = fcntl(request->socket, F_GETFL);

	if (flags < 0 || (flags & O_NONBLOCK) || request->interrupted)
		return false;
	if (request->deadline == 0 &&
	    getsockopt(request->socket, SOL_SOCKET, SO_SNDTIMEO, &timeout, &size) == 0 &&
	    (timeout.tv_sec > 0 || timeout.tv_usec > 0))
		request->deadline = clock_now_ns() + (uint64_t)timeout.tv_sec * NS_PER_S +
				    (uint64_t)timeout.tv_usec * NS_PER_US;
	return true;
}

bool serve_is_late(const struct request *request)
{
	return request->deadline != 0 && clock_now_ns() >= request->deadline;
}

struct outcome serve_wait_for_room(struct request *request)
{
	if (serve_may_wait(request) && !serve_is_late(request))
		return (struct outcome){ .kind = OUTCOME_RETRY };
	return outcome_error(EAGAIN);
}

/* Another thread of the caller can switch the shared file back to blocking between our two calls.
 * An interval timer then ends the wait: its signal has a handler without SA_RESTART. Setting a
 * timer costs as much as a connect, so it ticks on while connects follow one another, and its
 * handler stops it after GUARD_TICKS without one. It ends the wait of a close as well. */
static volatile sig_atomic_t guard_idle;
static volatile sig_atomic_t guard_ticks; /* 1: the timer is set */

static void guard_set(suseconds_t us)
{
	const struct itimerval timer = { { 0, us }, { 0, us } };

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void guard_tick(int number)
{
	(void)number;
	if (++guard_idle < GUARD_TICKS)
		return;
	guard_ticks = 0;
	guard_set(0);
}

static void guard_start(void)
{
	/* First, so that no tick between the two stops a timer that we count on. */
	guard_idle = 0;
	if (guard_ticks)
		return;
	guard_ticks = 1;
	guard_set(GUARD_US);
}

int serve_begin(void)
{
	const struct sigaction action = { .sa_handler = guard_tick };

	return sigaction(SIGALRM, &action, NULL) ? -errno : 0;
}

static bool lingers(int fd)
{
	struct linger linger = { 0 };
	socklen_t size = sizeof(linger);

	return getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &size) == 0 && linger.l_onoff &&
	       linger.l_linger > 0;
}

void serve_close(int fd)
{
	if (fd < 0)
		return;
	/* Where the caller has closed or died, ours is the close that lingers. */
	if (lingers(fd))
		guard_start();
	close(fd);
}

static int connect_once(int socket, const struct sockaddr *address, socklen_t length)
{
	return connect(socket, address, length) ? -errno : 0;
}

int serve_connect_now(int socket, const struct sockaddr *address, socklen_t length)
{
	int flags = fcntl(socket, F_GETFL);
	int on = 1;
	int off = 0;
	int error;

	if (flags < 0)
		return -errno;
	if (flags & O_NONBLOCK)
		return connect_once(socket, address, length);
	guard_start();
	error = ioctl(socket, FIONBIO, &on) ? -errno : connect_once(socket, address, length);
	/* Over loopback the peer has answered by now, but only a second call looks. */
	if (error == -EINPROGRESS) {
		error = connect_once(socket, address, length);
		if (error == -EALREADY)
			error = -EINPROGRESS;
	}
	ioctl(socket, FIONBIO, &off);
	/* Interrupted by the guard: the connection is under way all the same. */
	return error == -EINTR ? -EINPROGRESS : error;
}
