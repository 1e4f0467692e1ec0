/*
 * Addresses, prefixes and port ranges, their text and their sockaddr.
 * Called by the policy reader, the ruleset and the supervisor.
 * Distrusts the text it parses and the sockaddr it reads.
 */
#include "endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

#define INET_OFFSET 12 /* bytes before the IPv4 address in a mapped one */

#define MAPPED_PREFIX 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff

#define INET_PREFIX(a, b, c, d, length)                                \
	{                                                              \
		{ { MAPPED_PREFIX, a, b, c, d } }, FAMILY_INET, length \
	}
#define INET6_PREFIX(first, second, last, length)                          \
	{                                                                  \
		{ { first, second, [15] = (last) } }, FAMILY_INET6, length \
	}

static const uint8_t mapped_prefix[INET_OFFSET] = { MAPPED_PREFIX };

static const struct {
	struct prefix prefix;
	enum address_class class;
} classes[] = {
	{ INET_PREFIX(127, 0, 0, 0, 8), CLASS_LOOPBACK },
	{ INET6_PREFIX(0, 0, 1, 128), CLASS_LOOPBACK },
	{ INET_PREFIX(10, 0, 0, 0, 8), CLASS_PRIVATE },
	{ INET_PREFIX(172, 16, 0, 0, 12), CLASS_PRIVATE },
	{ INET_PREFIX(192, 168, 0, 0, 16), CLASS_PRIVATE },
	{ INET6_PREFIX(0xfc, 0, 0, 7), CLASS_PRIVATE },
	{ INET_PREFIX(169, 254, 0, 0, 16), CLASS_LINKLOCAL },
	{ INET6_PREFIX(0xfe, 0x80, 0, 10), CLASS_LINKLOCAL },
	{ INET_PREFIX(224, 0, 0, 0, 4), CLASS_SPECIAL },
	{ INET6_PREFIX(0xff, 0, 0, 8), CLASS_SPECIAL },
	{ INET_PREFIX(100, 64, 0, 0, 10), CLASS_SPECIAL },
	{ INET_PREFIX(0, 0, 0, 0, 32), CLASS_SPECIAL },
	{ INET6_PREFIX(0, 0, 0, 128), CLASS_SPECIAL },
	{ INET_PREFIX(255, 255, 255, 255, 32), CLASS_SPECIAL },
};

enum address_family address_family(const struct address *address)
{
	bool mapped = memcmp(address->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;

	return mapped ? FAMILY_INET : FAMILY_INET6;
}

enum address_class address_classify(const struct address *address)
{
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (prefix_contains(&classes[i].prefix, address))
			return classes[i].class;
	}
	return CLASS_GLOBAL;
}

bool address_is_unspecified(const struct address *address)
{
	static const struct prefix inet = INET_PREFIX(0, 0, 0, 0, 32);
	static const struct prefix inet6 = INET6_PREFIX(0, 0, 0, 128);

	return prefix_contains(&inet, address) || prefix_contains(&inet6, address);
}

struct address address_mask(const struct address *address, uint8_t length)
{
	struct address masked = *address;
	size_t bits = length;

	if (address_family(address) == FAMILY_INET)
		bits += 8 * INET_OFFSET;
	for (size_t i = 0; i < sizeof(masked.bytes); i++) {
		size_t kept = bits > 8 ? 8 : bits;

		masked.bytes[i] &= (uint8_t)(0xff00U >> kept);
		bits -= kept;
	}
	return masked;
}

int address_parse(const char *text, struct address *ret_address)
{
	struct address address = { { MAPPED_PREFIX } };

	if (inet_pton(AF_INET, text, address.bytes + INET_OFFSET) != 1 &&
	    inet_pton(AF_INET6, text, address.bytes) != 1)
		return -EINVAL;
	*ret_address = address;
	return 0;
}

void address_format(const struct address *address, char text[ADDRESS_TEXT_MAX])
{
	if (address_family(address) == FAMILY_INET)
		inet_ntop(AF_INET, address->bytes + INET_OFFSET, text, ADDRESS_TEXT_MAX);
	else
		inet_ntop(AF_INET6, address->bytes, text, ADDRESS_TEXT_MAX);
}

void endpoint_format(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_MAX])
{
	bool inet = address_family(&endpoint->address) == FAMILY_INET;
	char address[ADDRESS_TEXT_MAX];

	address_format(&endpoint->address, address);
	snprintf(text, ENDPOINT_TEXT_MAX, inet ? "%s:%u" : "[%s]:%u", address,
		 (unsigned int)endpoint->port);
}

static int endpoint_from_inet(const struct sockaddr_storage *storage, socklen_t length,
			      struct endpoint *ret_endpoint)
{
	struct endpoint endpoint = { .address = { { MAPPED_PREFIX } } };
	struct sockaddr_in inet;

	if (length < sizeof(inet))
		return -EINVAL;
	memcpy(&inet, storage, sizeof(inet));
	memcpy(endpoint.address.bytes + INET_OFFSET, &inet.sin_addr, sizeof(inet.sin_addr));
	endpoint.port = ntohs(inet.sin_port);
	*ret_endpoint = endpoint;
	return 0;
}

static int endpoint_from_inet6(const struct sockaddr_storage *storage, socklen_t length,
			       struct endpoint *ret_endpoint)
{
	struct sockaddr_in6 inet6;

	if (length < sizeof(inet6))
		return -EINVAL;
	memcpy(&inet6, storage, sizeof(inet6));
	memcpy(ret_endpoint->address.bytes, &inet6.sin6_addr, sizeof(inet6.sin6_addr));
	ret_endpoint->port = ntohs(inet6.sin6_port);
	return 0;
}

int endpoint_from_sockaddr(const struct sockaddr_storage *storage, socklen_t length,
			   struct endpoint *ret_endpoint)
{
	if (length < sizeof(storage->ss_family))
		return -EINVAL;
	if (storage->ss_family == AF_INET)
		return endpoint_from_inet(storage, length, ret_endpoint);
	if (storage->ss_family == AF_INET6)
		return endpoint_from_inet6(storage, length, ret_endpoint);
	return -EAFNOSUPPORT;
}

bool prefix_contains(const struct prefix *prefix, const struct address *address)
{
	struct address masked = address_mask(address, prefix->length);

	return address_family(address) == prefix->family &&
	       memcmp(&masked, &prefix->address, sizeof(masked)) == 0;
}
