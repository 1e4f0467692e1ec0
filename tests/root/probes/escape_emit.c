/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel sends for a socket that is connected to nobody, or by another way than the rules
 * mean. PATH names the interface that a sniffer listens to; what a probe has the kernel send
 * carries addresses of the caller's choice.
 */
#include "probe.h"

#include <linux/netlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <sys/ioctl.h>

#define GROUP   "239.83.76.67"
#define GROUP6  "ff0e::534c:434b"
#define SOURCE  "198.51.100.77"
#define SOURCE6 "2001:db8:77::77"
#define FAR     "203.0.113.1"
#define FAR6    "2001:db8:1::1"

static int stream(int domain)
{
	return socket(domain, SOCK_STREAM, 0);
}

/* What is set has to last until it is reported. */
static int set(int fd, int level, int option, const void *value, size_t size)
{
	if (fd < 0 || setsockopt(fd, level, option, value, (socklen_t)size))
		return errno;
	usleep(100000);
	return 0;
}

static unsigned interface(void)
{
	static unsigned number;

	if (!number)
		number = if_nametoindex(target.path);
	return number;
}

static struct sockaddr_storage storage_of(const char *address)
{
	struct sockaddr_storage storage = { 0 };
	struct sockaddr_in in = inet_to(address, 0);
	struct sockaddr_in6 in6 = inet6_to(address, 0);

	if (strchr(address, ':'))
		memcpy(&storage, &in6, sizeof(in6));
	else
		memcpy(&storage, &in, sizeof(in));
	return storage;
}

static struct group_req group(const char *address)
{
	return (struct group_req){ interface(), storage_of(address) };
}

static struct group_source_req group_source(const char *address, const char *source)
{
	return (struct group_source_req){ interface(), storage_of(address), storage_of(source) };
}

static struct group_filter group_filter(const char *address, const char *source)
{
	return (struct group_filter){ .gf_interface = interface(),
				      .gf_group = storage_of(address),
				      .gf_fmode = MCAST_INCLUDE,
				      .gf_numsrc = 1,
				      .gf_slist = { storage_of(source) } };
}

/* Memberships ---------------------------------------------------------------------------------- */

static int join_on(int fd)
{
	const struct group_req request = group(GROUP);

	return set(fd, IPPROTO_IP, MCAST_JOIN_GROUP, &request, sizeof(request));
}

static int join(void)
{
	return join_on(stream(AF_INET));
}

static int join_on_ipv6(void)
{
	return join_on(stream(AF_INET6));
}

static int join_ipv6_on(int fd)
{
	const struct group_req request = group(GROUP6);

	return set(fd, IPPROTO_IPV6, MCAST_JOIN_GROUP, &request, sizeof(request));
}

static int join_ipv6(void)
{
	return join_ipv6_on(stream(AF_INET6));
}

static int join_on_udp(void)
{
	return join_on(socket(AF_INET, SOCK_DGRAM, 0));
}

static int join_ipv6_on_udp(void)
{
	return join_ipv6_on(socket(AF_INET6, SOCK_DGRAM, 0));
}

static int join_on_ping(void)
{
	return join_on(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
}

static int join_source(void)
{
	const struct group_source_req request = group_source(GROUP, SOURCE);

	return set(stream(AF_INET), IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, &request, sizeof(request));
}

static int join_source_ipv6(void)
{
	const struct group_source_req request = group_source(GROUP6, SOURCE6);

	return set(stream(AF_INET6), IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, &request,
		   sizeof(request));
}

static int add_source(void)
{
	struct ip_mreq_source request = { .imr_multiaddr = inet_to(GROUP, 0).sin_addr,
					  .imr_sourceaddr = inet_to(SOURCE, 0).sin_addr };

	return set(stream(AF_INET), IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &request, sizeof(request));
}

static int add_on_udp(void)
{
	const struct ip_mreqn request = { inet_to(GROUP, 0).sin_addr, { 0 }, (int)interface() };

	return set(socket(AF_INET, SOCK_DGRAM, 0), IPPROTO_IP, IP_ADD_MEMBERSHIP, &request,
		   sizeof(request));
}

static int add_ipv6_on_udp(void)
{
	const struct ipv6_mreq request = { inet6_to(GROUP6, 0).sin6_addr, interface() };

	return set(socket(AF_INET6, SOCK_DGRAM, 0), IPPROTO_IPV6, IPV6_JOIN_GROUP, &request,
		   sizeof(request));
}

static int anycast(void)
{
	const struct ipv6_mreq request = { inet6_to(SOURCE6, 0).sin6_addr, interface() };

	return set(stream(AF_INET6), IPPROTO_IPV6, IPV6_JOIN_ANYCAST, &request, sizeof(request));
}

/* The list of sources follows on a group that was joined with one source. */
static int filter(void)
{
	const struct group_source_req request = group_source(GROUP, SOURCE);
	const struct group_filter sources = group_filter(GROUP, "198.51.100.78");
	int fd = stream(AF_INET);
	int error = set(fd, IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, &request, sizeof(request));

	return error ? error : set(fd, IPPROTO_IP, MCAST_MSFILTER, &sources, sizeof(sources));
}

static int filter_ipv6(void)
{
	const struct group_source_req request = group_source(GROUP6, SOURCE6);
	const struct group_filter sources = group_filter(GROUP6, "2001:db8:77::78");
	int fd = stream(AF_INET6);
	int error = set(fd, IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, &request, sizeof(request));

	return error ? error : set(fd, IPPROTO_IPV6, MCAST_MSFILTER, &sources, sizeof(sources));
}

static int with_high_bits(void)
{
	const struct group_req request = group(GROUP);
	long result = syscall(__NR_setsockopt, 1UL << 32 | (unsigned)stream(AF_INET),
			      1UL << 32 | IPPROTO_IP, 1UL << 32 | MCAST_JOIN_GROUP, &request,
			      sizeof(request));

	usleep(100000);
	return result_of(result);
}

/* One that came through a socket pair. */
static int on_received_socket(void)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .header = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	char byte = 'x';
	struct iovec vector = { &byte, 1 };
	struct msghdr message = { .msg_iov = &vector,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	int fd = stream(AF_INET);
	int pair[2];

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || sendmsg(pair[0], &message, 0) < 0 ||
	    recvmsg(pair[1], &message, 0) < 0)
		return errno;
	close(fd);
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return join_on(fd);
}

/* Another interface, or the address of another machine ------------------------------------------ */

/* The connection that a rule allows; it is over before anybody could answer. */
static int dial(int fd, const char *address)
{
	const struct sockaddr_storage storage = storage_of(address);
	struct sockaddr_in *in = (void *)&storage; /* ports of both families lie alike */

	in->sin_port = htons((in_port_t)target.allowed);
	if (connect(fd, (const void *)&storage, sizeof(storage)) == 0 || errno == EINPROGRESS)
		return usleep(100000);
	return errno;
}

static int dial_by(const char *address, int level, int option, const void *value, size_t size)
{
	int domain = strchr(address, ':') ? AF_INET6 : AF_INET;
	int fd = socket(domain, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int error = set(fd, level, option, value, size);

	return error ? error : dial(fd, address);
}

static int by_name(void)
{
	return dial_by("127.0.0.1", SOL_SOCKET, SO_BINDTODEVICE, target.path, strlen(target.path));
}

static int by_number(void)
{
	const int number = (int)interface();

	return dial_by("127.0.0.1", SOL_SOCKET, SO_BINDTOIFINDEX, &number, sizeof(number));
}

static int by_unicast(void)
{
	const uint32_t number = htonl(interface());

	return dial_by(FAR, IPPROTO_IP, 50 /* IP_UNICAST_IF */, &number, sizeof(number));
}

/* On an IPv6 socket. */
static int by_unicast_mapped(void)
{
	const uint32_t number = htonl(interface());

	return dial_by("::ffff:" FAR, IPPROTO_IP, 50 /* IP_UNICAST_IF */, &number, sizeof(number));
}

static int by_unicast_ipv6(void)
{
	const uint32_t number = htonl(interface());

	return dial_by(FAR6, IPPROTO_IPV6, 76 /* IPV6_UNICAST_IF */, &number, sizeof(number));
}

static int by_sticky(void)
{
	const struct in6_pktinfo info = { .ipi6_ifindex = interface() };

	return dial_by(FAR6, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
}

/* A source address that is nobody's here: answers go there. */
static int by_source(int level, int option)
{
	const struct sockaddr_in6 source = inet6_to(SOURCE6, 0);
	const int on = 1;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int error = set(fd, level, option, &on, sizeof(on));

	if (error || bind(fd, (const void *)&source, sizeof(source)))
		return error ? error : errno;
	return dial(fd, FAR6);
}

static int source_free(void)
{
	return by_source(IPPROTO_IPV6, 78 /* IPV6_FREEBIND */);
}

static int source_free_by_inet(void)
{
	return by_source(IPPROTO_IP, IP_FREEBIND);
}

static int source_transparent(void)
{
	return by_source(IPPROTO_IPV6, IPV6_TRANSPARENT);
}

/* A datagram to port 9 with a control message. */
static int send_with(const char *address, int level, int type, const void *data, size_t size)
{
	const struct sockaddr_storage to = storage_of(address);
	char control[CMSG_SPACE(64)] __attribute__((aligned(8))) = { 0 };
	struct cmsghdr *header = (void *)control;
	char byte = 'x';
	struct iovec vector = { &byte, 1 };
	struct msghdr message = { .msg_name = (void *)&to,
				  .msg_namelen = sizeof(struct sockaddr_in6),
				  .msg_iov = &vector,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = CMSG_SPACE(size) };
	int fd = socket(to.ss_family, SOCK_DGRAM, 0);

	if (fd < 0)
		return errno;
	((struct sockaddr_in *)(void *)&to)->sin_port = htons(9);
	*header = (struct cmsghdr){ CMSG_LEN(size), level, type };
	memcpy(CMSG_DATA(header), data, size);
	return result_of(sendmsg(fd, &message, 0));
}

static int message_interface(void)
{
	const struct in_pktinfo info = { .ipi_ifindex = (int)interface() };

	return send_with("127.0.0.1", IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

static int message_interface_mapped(void)
{
	const struct in_pktinfo info = { .ipi_ifindex = (int)interface() };

	return send_with("::ffff:127.0.0.1", IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

static int message_interface_ipv6(void)
{
	const struct in6_pktinfo info = { .ipi6_ifindex = interface() };

	return send_with("::1", IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
}

/* All there is --------------------------------------------------------------------------------- */

static const int levels[] = { 0,   1,   6,   17,  41,  58,  136, 255, 263, 270,
			      279, 280, 281, 282, 283, 284, 285, 286, 287 };
#define LEVELS (sizeof(levels) / sizeof(levels[0]))

/* True where one of them was taken. */
static bool try_values(int fd, int level, int option)
{
	const unsigned number = interface();
	const int one = 1, zero = 0;
	bool taken = false;
	const struct group_req requests[] = { group(GROUP), group(GROUP6) };
	const struct group_source_req sources[] = { group_source(GROUP, SOURCE),
						    group_source(GROUP6, SOURCE6) };
	const struct group_filter filters[] = { group_filter(GROUP, SOURCE),
						group_filter(GROUP6, SOURCE6) };
	const struct ip_mreqn index = { inet_to(GROUP, 0).sin_addr, { 0 }, (int)number };
	const struct ip_mreq_source source = { .imr_multiaddr = inet_to(GROUP, 0).sin_addr,
					       .imr_sourceaddr = inet_to(SOURCE, 0).sin_addr };
	const struct ip_msfilter list = { .imsf_multiaddr = inet_to(GROUP, 0).sin_addr,
					  .imsf_fmode = MCAST_EXCLUDE,
					  .imsf_numsrc = 1,
					  .imsf_slist = { inet_to(SOURCE, 0).sin_addr } };
	const struct ipv6_mreq mreq = { inet6_to(GROUP6, 0).sin6_addr, number };
	const struct {
		const void *value;
		size_t size;
	} values[] = {
		{ &one, 1 },
		{ &one, sizeof(one) },
		{ &number, sizeof(number) },
		{ target.path, strlen(target.path) },
		{ &requests[0], sizeof(requests[0]) },
		{ &requests[1], sizeof(requests[1]) },
		{ &sources[0], sizeof(sources[0]) },
		{ &sources[1], sizeof(sources[1]) },
		{ &filters[0], sizeof(filters[0]) },
		{ &filters[1], sizeof(filters[1]) },
		{ &index, sizeof(index) },
		{ &source, sizeof(source) },
		{ &list, sizeof(list) },
		{ &mreq, sizeof(mreq) },
		{ &requests[0], 128 },
		{ NULL, 0 },
		{ &zero, sizeof(zero) },
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		taken |= setsockopt(fd, level, option, values[i].value, (socklen_t)values[i].size) ==
			 0;
	return taken;
}

/* Each option that is taken meets a socket on which nothing was set. */
static void try_option(int *fd, int domain, int level, int option)
{
	unsigned char value[256] = { 1 };
	socklen_t size = sizeof(value);

	getsockopt(*fd, level, option, value, &size);
	if (try_values(*fd, level, option)) {
		close(*fd);
		*fd = stream(domain);
	}
}

static int walk(int domain)
{
	int fd = stream(domain);

	for (size_t i = 0; i < LEVELS; i++)
		for (int option = -1; option <= 600; option++)
			try_option(&fd, domain, levels[i], option);
	for (int level = -1; level < 300; level++)
		for (int option = 0; option < 130; option++)
			try_option(&fd, domain, level, option);
	close(fd);
	return 0;
}

static int walk_inet(void)
{
	return walk(AF_INET);
}

static int walk_inet6(void)
{
	return walk(AF_INET6);
}

static void try_message(int fd, int level, int type, size_t size)
{
	char control[CMSG_SPACE(64)] __attribute__((aligned(8))) = { 0 };
	struct cmsghdr *header = (void *)control;
	const unsigned number = interface();
	char byte = 'x';
	struct iovec vector = { &byte, 1 };
	struct msghdr message = { .msg_iov = &vector,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = CMSG_SPACE(size) };

	*header = (struct cmsghdr){ CMSG_LEN(size), level, type };
	memcpy(CMSG_DATA(header), &number, sizeof(number));
	sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void walk_messages(int fd)
{
	for (size_t i = 0; fd >= 0 && i < LEVELS; i++)
		for (int type = 0; type < 130; type++)
			for (size_t size = 4; size <= 64; size *= 2)
				try_message(fd, levels[i], type, size);
	close(fd);
}

static void walk_controls(int fd)
{
	for (unsigned long page = 0x8900; page <= 0x8b00; page += 0x100) {
		for (unsigned long command = page; command < page + 0x100; command++) {
			struct ifreq request[8] = { 0 };

			snprintf(request[0].ifr_name, IFNAMSIZ, "%s", target.path);
			ioctl(fd, command, request);
		}
	}
	close(fd);
}

/* Begins with a membership, so that bare something is seen. */
static int walk_rest(void)
{
	const struct sockaddr_in in = inet_to("127.0.0.1", target.allowed);
	int error = join();
	int fd = stream(AF_INET);
	int pair[2];

	if (connect(fd, (const void *)&in, sizeof(in)) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return errno;
	walk_messages(fd);
	walk_messages(pair[0]);
	walk_messages(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	walk_controls(stream(AF_INET));
	walk_controls(stream(AF_INET6));
	walk_controls(socket(AF_UNIX, SOCK_STREAM, 0));
	walk_controls(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	return error;
}

static const struct probe probes[] = {
	{ "join", join },
	{ "join_on_ipv6_socket", join_on_ipv6 },
	{ "join_ipv6", join_ipv6 },
	{ "join_on_udp", join_on_udp },
	{ "join_ipv6_on_udp", join_ipv6_on_udp },
	{ "join_on_ping", join_on_ping },
	{ "join_with_high_bits", with_high_bits },
	{ "join_on_received_socket", on_received_socket },
	{ "join_source", join_source },
	{ "join_source_ipv6", join_source_ipv6 },
	{ "add_source", add_source },
	{ "add_on_udp", add_on_udp },
	{ "add_ipv6_on_udp", add_ipv6_on_udp },
	{ "anycast", anycast },
	{ "filter", filter },
	{ "filter_ipv6", filter_ipv6 },
	{ "interface_by_name", by_name },
	{ "interface_by_number", by_number },
	{ "interface_by_unicast", by_unicast },
	{ "interface_by_unicast_mapped", by_unicast_mapped },
	{ "interface_by_unicast_ipv6", by_unicast_ipv6 },
	{ "interface_by_sticky", by_sticky },
	{ "interface_of_message", message_interface },
	{ "interface_of_message_mapped", message_interface_mapped },
	{ "interface_of_message_ipv6", message_interface_ipv6 },
	{ "source_free", source_free },
	{ "source_free_by_inet", source_free_by_inet },
	{ "source_transparent", source_transparent },
	{ "walk_options", walk_inet },
	{ "walk_options_ipv6", walk_inet6 },
	{ "walk_rest", walk_rest },
};
PROBE_MAIN(probes)
