/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns the private network namespace of one session and hands out sockets of it. Parses no byte
 * that a user wrote: its requests are the supervisor's and of one size. Started with the
 * descriptors of lib/session/helper.h; ends when the supervisor does.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call_list.h"
#include "caps.h"
#include "compat.h"
#include "helper.h"
#include "namespace.h"
#include "network_request.h"
#include "util.h"

#define DNS_PORT    53
#define TCP_BACKLOG 128

struct network {
	struct namespace namespace;
	bool made;
	int error; /* why there is none: a negative errno */
};

/* Over what the namespace is made with: the user namespace of this process, or the machine's where
 * root has started it. */
#define IN_NAMESPACE (CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_NET_BIND_SERVICE))
#define TO_MAKE_IT   (IN_NAMESPACE | CAP_BIT(CAP_SYS_ADMIN))

/* Root's start gives the effective uid alone (spawn.h). Whoever is not root's makes a user
 * namespace, by which it may make the other one later. */
static int privileges_take(void)
{
	const uid_t uid = geteuid();

	if (getuid() != uid) {
		if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || setresuid(uid, uid, uid) ||
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
			return -errno;
		if (caps_set(TO_MAKE_IT, TO_MAKE_IT) == 0)
			return 0;
		(void)caps_set(0, 0);
	}
	if (unshare(CLONE_NEWUSER))
		return -errno;
	return caps_set(TO_MAKE_IT, TO_MAKE_IT);
}

static int harden(void)
{
	static const struct rlimit none = { 0, 0 };

	/* The plan is for the other helpers. */
	close(HELPER_PLAN_FD);
	if (fd_close_from(HELPER_SOCKET_FD + 1) || chdir("/") || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
	    setrlimit(RLIMIT_CORE, &none) || setrlimit(RLIMIT_FSIZE, &none))
		return -errno;
	return 0;
}

static int calls_limit(void)
{
	static const uint32_t calls[] = {
		__NR_recvfrom,      __NR_recvmsg,      __NR_sendto,          __NR_sendmsg,
		__NR_setsockopt,    __NR_bind,         __NR_listen,          __NR_connect,
		__NR_getsockname,   __NR_read,         __NR_close,           __NR_capset,
		__NR_clock_gettime, __NR_rt_sigreturn, __NR_restart_syscall, __NR_exit_group,
		__NR_fcntl,
	};
	static const struct call_limit limits[] = {
		{ __NR_socket, 0, ~0U, AF_INET },
		{ __NR_socket, 0, ~0U, AF_INET6 },
		{ __NR_socket, 0, ~0U, AF_NETLINK },
		{ __NR_unshare, 0, ~0U, CLONE_NEWNET },
		{ __NR_openat, 2, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC, 0 },
#ifdef __NR_open
		{ __NR_open, 1, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC, 0 },
#endif
		{ __NR_ioctl, 1, ~0U, 0x8933 }, /* SIOCGIFINDEX */
	};
	const struct call_list list = {
		calls,
		ARRAY_SIZE(calls),
		limits,
		ARRAY_SIZE(limits),
	};

	return call_list_load(&list);
}

/* The namespace costs the kernel a quarter of a megabyte: it is made when somebody needs it. */
static int namespace_take(struct network *network)
{
	if (network->made) {
		namespace_refresh(&network->namespace);
		return network->error;
	}
	network->made = true;
	if (!network->error)
		network->error = namespace_make(&network->namespace);
	(void)(network->error ? caps_set(0, 0) : caps_set(IN_NAMESPACE, IN_NAMESPACE));
	return network->error;
}

static int option_set(int fd, int level, int option)
{
	const int on = 1;

	return setsockopt(fd, level, option, &on, sizeof(on)) ? -errno : 0;
}

/* A reply leaves from the address that was asked, which is anybody's: for IPv6 only with FREEBIND. */
static int listener_options(int fd, int family, int type)
{
	int error = option_set(fd, SOL_SOCKET, SO_REUSEADDR);

	if (!error && family == AF_INET6)
		error = option_set(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	if (!error && family == AF_INET6)
		error = option_set(fd, IPPROTO_IPV6, IPV6_FREEBIND);
	if (error || type == SOCK_STREAM)
		return error;
	return family == AF_INET6 ? option_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO)
				  : option_set(fd, IPPROTO_IP, IP_PKTINFO);
}

static int listener_bind(int fd, int family, int type)
{
	const struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(DNS_PORT) };
	const struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(DNS_PORT) };
	int failed = family == AF_INET ? bind(fd, (const struct sockaddr *)&in, sizeof(in))
				       : bind(fd, (const struct sockaddr *)&in6, sizeof(in6));

	if (!failed && type == SOCK_STREAM)
		failed = listen(fd, TCP_BACKLOG);
	return failed ? -errno : 0;
}

static int listener_make(int family, int type)
{
	cleanup_fd int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = fd < 0 ? -errno : listener_options(fd, family, type);

	if (!error)
		error = listener_bind(fd, family, type);
	return error ? error : fd_take(&fd);
}

static bool request_is_sound(const struct network_request *request)
{
	if (request->kind == NETWORK_LISTENERS)
		return true;
	return request->kind == NETWORK_SOCKETS &&
	       (request->family == AF_INET || request->family == AF_INET6) &&
	       (request->type == SOCK_DGRAM || request->type == SOCK_STREAM) &&
	       request->count >= 1 && request->count <= NETWORK_SOCKETS_MAX;
}

/* The number of descriptors, or a negative errno. */
static int sockets_make(const struct network_request *request, int ret_sockets[NETWORK_SOCKETS_MAX])
{
	static const int families[] = { AF_INET, AF_INET6 };
	bool listeners = request->kind == NETWORK_LISTENERS;
	int wanted = listeners ? NETWORK_LISTENER_COUNT : (int)request->count;

	for (int i = 0; i < wanted; i++) {
		int fd = listeners
				 ? listener_make(families[i % 2], i < 2 ? SOCK_DGRAM : SOCK_STREAM)
				 : socket((int)request->family, (int)request->type | SOCK_CLOEXEC, 0);

		if (fd < 0) {
			int error = listeners ? fd : -errno;

			while (i-- > 0)
				close(ret_sockets[i]);
			return error;
		}
		ret_sockets[i] = fd;
	}
	return wanted;
}

static int answer_send(const struct network_answer *answer, const int *sockets, int count)
{
	char control[CMSG_SPACE(sizeof(int) * NETWORK_SOCKETS_MAX)]
		__attribute__((aligned(8))) = { 0 };
	const size_t size = sizeof(int) * (size_t)count;
	struct iovec vector = { (void *)(uintptr_t)answer, sizeof(*answer) };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
	struct cmsghdr *descriptors = (void *)control;
	ssize_t sent;

	if (count > 0) {
		message.msg_control = control;
		message.msg_controllen = (socklen_t)CMSG_SPACE(size);
		descriptors->cmsg_level = SOL_SOCKET;
		descriptors->cmsg_type = SCM_RIGHTS;
		descriptors->cmsg_len = (socklen_t)CMSG_LEN(size);
		memcpy(CMSG_DATA(descriptors), sockets, size);
	}
	do {
		sent = sendmsg(HELPER_SOCKET_FD, &message, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

static int request_answer(struct network *network, const struct network_request *request)
{
	struct network_answer answer = { .request = *request };
	int sockets[NETWORK_SOCKETS_MAX] = { 0 };
	int count = request_is_sound(request) ? namespace_take(network) : -EINVAL;
	int error;

	if (count == 0)
		count = sockets_make(request, sockets);
	if (count < 0)
		answer.error = -count;
	error = answer_send(&answer, sockets, count < 0 ? 0 : count);
	for (int i = 0; i < count; i++)
		close(sockets[i]);
	return error;
}

static void serve(struct network *network)
{
	struct network_request request;
	ssize_t length;

	for (;;) {
		length = recv(HELPER_SOCKET_FD, &request, sizeof(request), 0);
		if (length < 0 && errno == EINTR)
			continue;
		if (length != (ssize_t)sizeof(request) || request_answer(network, &request))
			return;
	}
}

int main(void)
{
	struct network network = { .made = false };
	int error = harden();

	if (!error)
		error = namespace_open(&network.namespace);
	network.error = error ? error : privileges_take();
	/* The change of ids and of namespaces has made it anew. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || calls_limit())
		return 1;
	serve(&network);
	return 0;
}
