/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes the private network namespace and keeps its addresses and routes as the machine's are.
 */
#include "namespace.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

#define REFRESH_MS 1000
#define DNS_PORT   53

/* Where the default route leads to is asked by an address that nobody has a route of his own for: a
 * root name server's. Nothing is sent. */
static const struct server anywhere[] = {
	{ AF_INET, { 198, 41, 0, 4 }, 0 },
	{ AF_INET6, { 0x20, 0x01, 0x05, 0x03, 0xba, 0x3e, [14] = 0x02, [15] = 0x30 }, 0 },
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static size_t address_size(int family)
{
	return family == AF_INET ? 4 : 16;
}

union socket_address {
	struct sockaddr generic;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t socket_address_of(const struct server *server, union socket_address *ret_address)
{
	*ret_address = (union socket_address){ .in6 = { 0 } };
	if (server->family == AF_INET) {
		ret_address->in.sin_family = AF_INET;
		ret_address->in.sin_port = htons(DNS_PORT);
		memcpy(&ret_address->in.sin_addr, server->address, 4);
		return sizeof(ret_address->in);
	}
	ret_address->in6.sin6_family = AF_INET6;
	ret_address->in6.sin6_port = htons(DNS_PORT);
	ret_address->in6.sin6_scope_id = server->scope;
	memcpy(&ret_address->in6.sin6_addr, server->address, 16);
	return sizeof(ret_address->in6);
}

/* The address from which the machine would send there now. A UDP connect sends nothing. */
static bool source_find(const struct namespace *namespace, const struct server *to,
			uint8_t ret_source[16])
{
	const struct sockaddr unspecified = { .sa_family = AF_UNSPEC };
	int probe = namespace->probes[to->family == AF_INET6];
	union socket_address address;
	socklen_t length = socket_address_of(to, &address);

	(void)connect(probe, &unspecified, sizeof(unspecified));
	if (probe < 0 || connect(probe, &address.generic, length))
		return false;
	length = sizeof(address);
	if (getsockname(probe, &address.generic, &length))
		return false;
	memset(ret_source, 0, 16);
	if (to->family == AF_INET)
		memcpy(ret_source, &address.in.sin_addr, 4);
	else
		memcpy(ret_source, &address.in6.sin6_addr, 16);
	return true;
}

static bool is_link_local(const struct server *server)
{
	return server->family == AF_INET6 && server->address[0] == 0xfe &&
	       (server->address[1] & 0xc0) == 0x80;
}

/* A machine's own address and a server's are local on `lo`; a link-local server needs the interface
 * that resolv.conf names. What cannot be made leaves that destination unreachable, as where a
 * family is switched off. */
static void destination_make(struct namespace *namespace, struct destination *destination)
{
	const struct server *to = &destination->to;

	if (is_link_local(to)) {
		if (to->scope > LOOPBACK_INDEX)
			(void)rtnetlink_link_add(&namespace->rtnetlink, to->scope);
		(void)rtnetlink_address_add(&namespace->rtnetlink, AF_INET6, to->address, to->scope);
		return;
	}
	if (destination->reachable)
		(void)rtnetlink_address_add(&namespace->rtnetlink, to->family, destination->source,
					    LOOPBACK_INDEX);
	(void)rtnetlink_route_add(&namespace->rtnetlink, to->family, to->address, destination->length,
				  destination->reachable ? destination->source : NULL);
}

static void destination_drop(struct namespace *namespace, struct destination *destination)
{
	const struct server *to = &destination->to;

	if (is_link_local(to))
		return;
	(void)rtnetlink_route_drop(&namespace->rtnetlink, to->family, to->address,
				   destination->length);
}

/* The address of which no destination is sent from any more. */
static void source_drop(struct namespace *namespace, int family, const uint8_t source[16])
{
	for (uint32_t i = 0; i < namespace->count; i++) {
		const struct destination *other = &namespace->destinations[i];

		if (other->made && other->reachable && other->to.family == family &&
		    memcmp(other->source, source, address_size(family)) == 0)
			return;
	}
	(void)rtnetlink_address_drop(&namespace->rtnetlink, family, source, LOOPBACK_INDEX);
}

/* A default route only where the machine has one: else a family without one would look usable. */
static void destination_follow(struct namespace *namespace, struct destination *destination)
{
	const struct destination before = *destination;
	bool wanted;

	destination->reachable = source_find(namespace, &destination->to, destination->source);
	wanted = destination->length > 0 || destination->reachable;
	if (before.made && wanted && before.reachable == destination->reachable &&
	    memcmp(before.source, destination->source, sizeof(before.source)) == 0)
		return;
	if (before.made)
		destination_drop(namespace, destination);
	destination->made = wanted;
	if (wanted)
		destination_make(namespace, destination);
	if (before.made && before.reachable)
		source_drop(namespace, before.to.family, before.source);
}

static struct destination default_of(size_t family)
{
	return (struct destination){ .to = anywhere[family] };
}

static bool is_same(const struct server *left, const struct server *right)
{
	return left->family == right->family && left->scope == right->scope &&
	       memcmp(left->address, right->address, sizeof(left->address)) == 0;
}

/* A server that resolv.conf names no longer stays: a program may still ask it. */
static void servers_follow(struct namespace *namespace)
{
	struct server servers[SERVERS_MAX];
	uint32_t count = servers_read(namespace->probes[0], servers);

	for (uint32_t i = 0; i < count && namespace->count < DESTINATIONS_MAX; i++) {
		const struct server *server = &servers[i];
		uint32_t known = ARRAY_SIZE(anywhere);

		while (known < namespace->count &&
		       !is_same(&namespace->destinations[known].to, server))
			known++;
		if (known == namespace->count)
		namespace->destinations[namespace->count++] = (struct destination){
			.to = *server,
			.length = (uint8_t)(8 * address_size(server->family)),
		};
	}
}

void namespace_refresh(struct namespace *namespace)
{
	uint64_t now = now_ms();

	if (namespace->refreshed != 0 && now - namespace->refreshed < REFRESH_MS)
		return;
	namespace->refreshed = now;
	servers_follow(namespace);
	for (uint32_t i = 0; i < namespace->count; i++)
		destination_follow(namespace, &namespace->destinations[i]);
}

int namespace_open(struct namespace *namespace)
{
	*namespace = (struct namespace){ .rtnetlink = { .fd = -1 } };
	/* A machine may lack a family. */
	namespace->probes[0] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	namespace->probes[1] = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (size_t i = 0; i < ARRAY_SIZE(anywhere); i++)
	namespace->destinations[namespace->count++] = default_of(i);
	return namespace->probes[0] < 0 && namespace->probes[1] < 0 ? -errno : 0;
}

int namespace_make(struct namespace *namespace)
{
	int error = unshare(CLONE_NEWNET) ? -errno : rtnetlink_open(&namespace->rtnetlink);

	if (!error)
		error = rtnetlink_link_up(&namespace->rtnetlink, LOOPBACK_INDEX);
	if (!error)
		namespace_refresh(namespace);
	return error;
}
