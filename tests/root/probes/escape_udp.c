/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ways to a UDP listener that no rule names: by every call that sends, every form of the address.
 * Run by test_escape.py.
 */
#include "probe.h"

#include <sys/mman.h>

static int datagram(int domain)
{
	return socket(domain, SOCK_DGRAM, 0);
}

static int send_by_address(int socket, const void *address, socklen_t length)
{
	return socket < 0 ? errno : result_of(sendto(socket, "x", 1, 0, address, length));
}

static int send_inet(const char *address)
{
	struct sockaddr_in in = inet_to(address, target.refused);

	return send_by_address(datagram(AF_INET), &in, sizeof(in));
}

static int send_inet6(const char *address)
{
	struct sockaddr_in6 in6 = inet6_to(address, target.refused);

	return send_by_address(datagram(AF_INET6), &in6, sizeof(in6));
}

static int plain(void)
{
	return send_inet("127.0.0.1");
}

static int any(void)
{
	return send_inet("0.0.0.0");
}

static int plain6(void)
{
	return send_inet6("::1");
}

static int mapped(void)
{
	return send_inet6("::ffff:127.0.0.1");
}

static int any6(void)
{
	return send_inet6("::");
}

static int any_mapped(void)
{
	return send_inet6("::ffff:0.0.0.0");
}

static int inet_on_inet6(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);

	return send_by_address(datagram(AF_INET6), &in, sizeof(in));
}

static int without_family(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);

	in.sin_family = AF_UNSPEC;
	return send_by_address(datagram(AF_INET), &in, sizeof(in));
}

static int without_scope(void)
{
	struct sockaddr_in6 in6 = inet6_to("::1", target.refused);

	return send_by_address(datagram(AF_INET6), &in6, 24);
}

static int overlong(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);
	struct sockaddr_storage storage = { 0 };

	memcpy(&storage, &in, sizeof(in));
	return send_by_address(datagram(AF_INET), &storage, sizeof(storage));
}

static struct iovec vector = { (char *)"x", 1 };

static struct mmsghdr message_to(const struct sockaddr_in *in, socklen_t length)
{
	return (struct mmsghdr){ .msg_hdr = { .msg_name = (void *)(uintptr_t)in,
					      .msg_namelen = length,
					      .msg_iov = &vector,
					      .msg_iovlen = 1 } };
}

static int by_sendmsg(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);
	struct mmsghdr message = message_to(&in, sizeof(in));
	int socket = datagram(AF_INET);

	return socket < 0 ? errno : result_of(sendmsg(socket, &message.msg_hdr, 0));
}

static int by_sendmsg_cut(void)
{
	struct sockaddr_in in[20] = { inet_to("127.0.0.1", target.refused) };
	struct mmsghdr message = message_to(in, sizeof(in));
	int socket = datagram(AF_INET);

	return socket < 0 ? errno : result_of(sendmsg(socket, &message.msg_hdr, 0));
}

static int by_sendmsg_with_interface(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);
	struct mmsghdr message = message_to(&in, sizeof(in));
	char buffer[CMSG_SPACE(sizeof(struct in_pktinfo))] = "";
	struct cmsghdr *control = (void *)buffer;
	const struct in_pktinfo information = { .ipi_spec_dst = { htonl(INADDR_LOOPBACK) },
						.ipi_addr = in.sin_addr };
	int socket = datagram(AF_INET);

	control->cmsg_level = IPPROTO_IP;
	control->cmsg_type = IP_PKTINFO;
	control->cmsg_len = CMSG_LEN(sizeof(information));
	memcpy(CMSG_DATA(control), &information, sizeof(information));
	message.msg_hdr.msg_control = buffer;
	message.msg_hdr.msg_controllen = sizeof(buffer);
	return socket < 0 ? errno : result_of(sendmsg(socket, &message.msg_hdr, 0));
}

static int by_sendmmsg(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);
	struct mmsghdr message = message_to(&in, sizeof(in));
	int socket = datagram(AF_INET);

	return socket < 0 ? errno : result_of(sendmmsg(socket, &message, 1, 0));
}

/* The one before it may go: only as many as were sent are counted. */
static int by_sendmmsg_second(void)
{
	struct sockaddr_in first = inet_to("127.0.0.1", target.allowed);
	struct sockaddr_in second = inet_to("127.0.0.1", target.refused);
	struct mmsghdr messages[] = { message_to(&first, sizeof(first)),
				      message_to(&second, sizeof(second)) };
	int socket = datagram(AF_INET);
	int sent = socket < 0 ? -1 : sendmmsg(socket, messages, 2, 0);

	return sent < 0 ? errno : sent == 2 ? 0 : EACCES;
}

static int connected(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);
	int socket = datagram(AF_INET);

	if (socket < 0 || connect(socket, (const void *)&in, sizeof(in)))
		return errno;
	return result_of(send(socket, "x", 1, 0));
}

static int connected_elsewhere(void)
{
	struct sockaddr_in first = inet_to("127.0.0.1", target.allowed);
	struct sockaddr_in second = inet_to("127.0.0.1", target.refused);
	int socket = datagram(AF_INET);

	if (socket < 0 || connect(socket, (const void *)&first, sizeof(first)))
		return errno;
	return send_by_address(socket, &second, sizeof(second));
}

static int reconnected(void)
{
	struct sockaddr_in first = inet_to("127.0.0.1", target.allowed);
	struct sockaddr_in second = inet_to("127.0.0.1", target.refused);
	const struct sockaddr none = { AF_UNSPEC, { 0 } };
	int socket = datagram(AF_INET);

	if (socket < 0 || connect(socket, (const void *)&first, sizeof(first)) ||
	    connect(socket, &none, sizeof(none)) ||
	    connect(socket, (const void *)&second, sizeof(second)))
		return errno;
	return result_of(send(socket, "x", 1, 0));
}

static int other_loopback(void)
{
	return send_inet("127.0.0.2");
}

static int broadcast(void)
{
	struct sockaddr_in in = inet_to("127.255.255.255", target.refused);
	int socket = datagram(AF_INET);
	int on = 1;

	if (socket < 0 || setsockopt(socket, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)))
		return errno;
	return send_by_address(socket, &in, sizeof(in));
}

/* The first part names where all of it goes. */
static int corked(void)
{
	struct sockaddr_in first = inet_to("127.0.0.1", target.refused);
	struct sockaddr_in second = inet_to("127.0.0.1", target.allowed);
	int socket = datagram(AF_INET);

	if (socket < 0 || sendto(socket, "x", 1, MSG_MORE, (const void *)&first, sizeof(first)) < 0)
		return errno;
	return send_by_address(socket, &second, sizeof(second));
}

static int high_bits(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);
	int socket = datagram(AF_INET);

	if (socket < 0)
		return errno;
	return result_of(syscall(__NR_sendto, 1UL << 32 | (unsigned long)socket, "x", 1UL,
				 1UL << 32, &in, 1UL << 32 | sizeof(in)));
}

/* Races ---------------------------------------------------------------------------------------- */

static struct sockaddr_in *shared;
static struct msghdr *shared_message;
static struct sockaddr_in names[2];
static int raced;

static void *change_port(void *unused)
{
	volatile in_port_t *port = &shared->sin_port;

	for (;;) {
		*port = htons((in_port_t)target.allowed);
		*port = htons((in_port_t)target.refused);
	}
	return unused;
}

static void *change_name(void *unused)
{
	void *volatile *name = &shared_message->msg_name;

	for (;;) {
		*name = &names[0];
		*name = &names[1];
	}
	return unused;
}

static int sendto_shared(void)
{
	return send_by_address(raced, shared, sizeof(*shared));
}

static int sendmmsg_shared(void)
{
	struct mmsghdr messages[] = { message_to(shared, sizeof(*shared)),
				      message_to(shared, sizeof(*shared)) };

	return result_of(sendmmsg(raced, messages, 2, 0));
}

static int sendmsg_shared(void)
{
	return result_of(sendmsg(raced, shared_message, 0));
}

static int race_prepare(void)
{
	static struct sockaddr_in in;
	static struct mmsghdr message;

	in = names[0] = inet_to("127.0.0.1", target.allowed);
	names[1] = inet_to("127.0.0.1", target.refused);
	shared = &in;
	message = message_to(&names[0], sizeof(names[0]));
	shared_message = &message.msg_hdr;
	raced = datagram(AF_INET);
	return raced < 0 ? errno : 0;
}

/* What was sent may all have gone where it may: the listener knows. */
static int race_sendto(void)
{
	int error = race_prepare();

	return error ? error : race(change_port, sendto_shared);
}

static int race_sendmmsg(void)
{
	int error = race_prepare();

	return error ? error : race(change_port, sendmmsg_shared);
}

static int race_name(void)
{
	int error = race_prepare();

	return error ? error : race(change_name, sendmsg_shared);
}

/* The whole message goes and comes back while it is read. */
static void *change_mapping(void *unused)
{
	struct msghdr copy = *shared_message;
	int file = memfd_create("message", 0);

	copy.msg_name = &names[1];
	if (pwrite(file, &copy, sizeof(copy), 0) < 0)
		return unused;
	for (;;) {
		munmap(shared_message, 4096);
		(void)mmap(shared_message, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0);
	}
	return unused;
}

static int race_unmapped(void)
{
	int error = race_prepare();
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (error || page == MAP_FAILED)
		return error ? error : errno;
	shared_message = memcpy(page, shared_message, sizeof(*shared_message));
	return race(change_mapping, sendmsg_shared);
}

static const struct probe probes[] = {
	{ "sendto", plain },
	{ "sendto_any", any },
	{ "sendto_ipv6", plain6 },
	{ "sendto_mapped", mapped },
	{ "sendto_any_ipv6", any6 },
	{ "sendto_any_mapped", any_mapped },
	{ "sendto_ipv4_on_ipv6", inet_on_inet6 },
	{ "sendto_without_family", without_family },
	{ "sendto_without_scope", without_scope },
	{ "sendto_overlong", overlong },
	{ "sendmsg", by_sendmsg },
	{ "sendmsg_overlong", by_sendmsg_cut },
	{ "sendmsg_with_interface", by_sendmsg_with_interface },
	{ "sendmmsg", by_sendmmsg },
	{ "sendmmsg_behind_another", by_sendmmsg_second },
	{ "connected", connected },
	{ "connected_elsewhere", connected_elsewhere },
	{ "connected_again_after_unspec", reconnected },
	{ "sendto_other_loopback", other_loopback },
	{ "sendto_broadcast", broadcast },
	{ "sendto_corked", corked },
	{ "sendto_with_high_bits", high_bits },
	{ "race_sendto", race_sendto },
	{ "race_sendmmsg", race_sendmmsg },
	{ "race_name_of_sendmsg", race_name },
	{ "race_unmapped_message", race_unmapped },
};
PROBE_MAIN(probes)
