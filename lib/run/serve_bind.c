/*
 * bind(2) and listen(2) on behalf.
 * Called by supervise.
 * Distrusts the port that a socket seems to have: it is judged by number each time.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "serve.h"
#include "target.h"
#include "util.h"

/* Names of listeners are few words; "port 0" is an ephemeral one. */
static struct outcome refuse_port(struct supervisor *supervisor, struct request *request,
				  const char *operation, const struct endpoint *endpoint)
{
	char text[ENDPOINT_TEXT_MAX];

	endpoint_format(endpoint, text);
	return serve_refuse(supervisor, request, operation, serve_protocol_name(&request->kind),
			    text, NULL);
}

static struct outcome bind_perform(struct request *request)
{
	int error = bind(request->socket, &request->address.generic, request->length);

	return outcome_performed(error ? -errno : 0);
}

static struct outcome bind_inet(struct supervisor *supervisor, struct request *request)
{
	enum protocol protocol = serve_protocol(&request->kind);
	const struct sockaddr_in *in = (const void *)&request->address;
	struct sockaddr_storage *storage = &request->address.storage;
	socklen_t length = request->length;
	struct endpoint endpoint;

	/* The kernel takes AF_UNSPEC for AF_INET where the address is any, and an IPv6 address
	 * without its scope. */
	if (length < (request->kind.domain == AF_INET ? sizeof(*in) : SERVE_SIN6_SHORT))
		return outcome_error(EINVAL);
	if (in->sin_family == AF_UNSPEC && in->sin_addr.s_addr == INADDR_ANY &&
	    request->kind.domain == AF_INET)
		storage->ss_family = AF_INET;
	if (request->kind.domain == AF_INET6 && length < sizeof(struct sockaddr_in6))
		length = sizeof(struct sockaddr_in6);
	if (endpoint_from_sockaddr(storage, length, &endpoint))
		return outcome_error(EAFNOSUPPORT);
	if (protocol != PROTOCOL_ICMP && !plan_binds(supervisor->plan, endpoint.port) &&
	    !(protocol == PROTOCOL_UDP && endpoint.port == 0))
		return refuse_port(supervisor, request, "bind", &endpoint);
	return bind_perform(request);
}

/* What PAM's supervisors hold beyond the user's rights. */
static int tracing_set(bool effective)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { 0 };
	struct __user_cap_data_struct *set = &sets[CAP_TO_INDEX(CAP_SYS_PTRACE)];

	set->permitted = CAP_TO_MASK(CAP_SYS_PTRACE);
	set->effective = effective ? set->permitted : 0;
	return syscall(__NR_capset, &header, sets) ? -errno : 0;
}

/* The path may lead through /proc into a directory of a process that is not the caller's to look
 * into. */
static struct outcome bind_path(struct supervisor *supervisor, struct request *request)
{
	bool traces = supervisor->uid != supervisor->plan->header->uid;
	struct outcome outcome;

	if (traces && tracing_set(false))
		return serve_fail(supervisor, request, "bind", "capabilities");
	outcome = bind_perform(request);
	if (traces)
		(void)tracing_set(true);
	return outcome;
}

static bool is_path(const struct request *request)
{
	return request->length > sizeof(sa_family_t) && request->address.generic.sa_data[0] != '\0';
}

/* Where a socket may be made is a matter of file permissions, which are ours as they are the
 * caller's; only the umask, the root and the working directory have to be his. */
static struct outcome bind_unix(struct supervisor *supervisor, struct request *request)
{
	const struct caller *caller = &supervisor->caller;
	struct outcome outcome;
	mode_t ours;

	if (!is_path(request))
		return bind_perform(request);
	if (!caller->known)
		return serve_fail(supervisor, request, "bind", "no status");
	if (serve_is_foreign(supervisor))
		return serve_fail(supervisor, request, "bind", "another user's process");
	if (serve_enter_directory(supervisor))
		return serve_fail(supervisor, request, "bind", "another root directory");
	ours = umask(caller->status.umask);
	outcome = bind_path(supervisor, request);
	umask(ours);
	(void)serve_leave_directory();
	return outcome;
}

static int bind_fetch(struct supervisor *supervisor, struct request *request)
{
	int error = serve_fetch_socket(supervisor, request);

	if (!error)
		error = serve_copy_address(request, request->call.arguments[1],
					   (int64_t)request->call.arguments[2]);
	if (!error && request->kind.domain == AF_UNIX && is_path(request)) {
		caller_fetch_status(&supervisor->caller, request->call.thread);
		caller_fetch_place(&supervisor->caller, request->call.thread, true);
	}
	return error;
}

static struct outcome bind_act(struct supervisor *supervisor, struct request *request,
			       const char *operation, int error)
{
	if (error)
		return outcome_error(error);
	switch (request->kind.domain) {
	case AF_INET:
	case AF_INET6:
		return bind_inet(supervisor, request);
	case AF_UNIX:
		return bind_unix(supervisor, request);
	case AF_NETLINK:
		return bind_perform(request);
	default:
		return serve_refuse(supervisor, request, operation, "other", "?", NULL);
	}
}

struct outcome serve_bind(struct supervisor *supervisor, struct request *request)
{
	static const struct stages stages = { "bind", bind_fetch, bind_act };

	return serve_stages(supervisor, request, &stages);
}

/* A socket that has no port gets one from listen() itself: that is a bind of port 0. */
static bool listens(const struct plan *plan, const struct endpoint *bound)
{
	return plan_binds(plan, 0) || (bound->port != 0 && plan_binds(plan, bound->port));
}

/* Before Linux has made it listen, so that the user's other sessions know it from the start. A
 * socket that listens already may be anybody's: who made it do so shares it. */
static uint64_t listener_learn(struct supervisor *supervisor, int fd)
{
	int listens_already = 0;
	socklen_t size = sizeof(listens_already);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens_already, &size) || listens_already)
		return 0;
	return unix_listeners_add(&supervisor->listeners, fd);
}

/* A socket that has a name never gets another one. One without could be given a reserved name
 * before the kernel looks; without a name the kernel refuses too. */
static struct outcome listen_unix(struct supervisor *supervisor, struct request *request,
				  const char *operation)
{
	struct sockaddr_un address = { 0 };
	socklen_t length = sizeof(address);
	const size_t start = offsetof(struct sockaddr_un, sun_path);
	uint64_t cookie;
	int error;

	if (getsockname(request->socket, (struct sockaddr *)&address, &length))
		return outcome_error(errno);
	if (request->kind.type == SOCK_DGRAM)
		return outcome_error(EOPNOTSUPP);
	if (length <= start)
		return outcome_error(EINVAL);
	if (address.sun_path[0] == '\0' &&
	    unix_listeners_reserves(address.sun_path + 1, length - start - 1))
		return serve_refuse(supervisor, request, operation, "unix",
				    "@" UNIX_LISTENERS_PREFIX, NULL);
	cookie = listener_learn(supervisor, request->socket);
	error = listen(request->socket, (int)request->call.arguments[1]) ? errno : 0;
	if (!error)
		return outcome_value(0);
	unix_listeners_drop(&supervisor->listeners, cookie);
	return outcome_error(error);
}

static struct outcome listen_act(struct supervisor *supervisor, struct request *request,
				 const char *operation, int error)
{
	struct endpoint bound = { 0 };

	if (error)
		return outcome_error(error);
	if (serve_protocol(&request->kind) == PROTOCOL_TCP &&
	    (!serve_bound_endpoint(request->socket, &bound) || !listens(supervisor->plan, &bound)))
		return refuse_port(supervisor, request, operation, &bound);
	if (request->kind.domain == AF_UNIX)
		return listen_unix(supervisor, request, operation);
	if (listen(request->socket, (int)request->call.arguments[1]))
		return outcome_error(errno);
	return outcome_value(0);
}

struct outcome serve_listen(struct supervisor *supervisor, struct request *request)
{
	static const struct stages stages = { "listen", serve_fetch_socket, listen_act };

	return serve_stages(supervisor, request, &stages);
}
