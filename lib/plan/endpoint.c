/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses, prefixes and port ranges, their text and their sockaddr.
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

#define NAT64_HIGH  0x0064ff9b00000000ULL /* 64:ff9b::/96 */
#define SIX_TO_FOUR 0x2002U               /* 2002::/16, then the IPv4 address */

#define INET_CLASS(a, b, c, d, length, class)                                           \
	{                                                                               \
		{ 0, 0xffffULL << INET_BITS | (a) << 24 | (b) << 16 | (c) << 8 | (d) }, \
			{ UINT64_MAX, UINT64_MAX << (INET_BITS - (length)) }, class     \
	}
#define INET6_CLASS(first, length, class)                                         \
	{                                                                         \
		{ (first) << 48, 0 }, { UINT64_MAX << (64 - (length)), 0 }, class \
	}
#define INET6_ONE(last, class)                                 \
	{                                                      \
		{ 0, last }, { UINT64_MAX, UINT64_MAX }, class \
	}

static const struct {
	struct address_bits bits;
	struct address_bits mask;
	enum address_class class;
} classes[] = {
	INET_CLASS(127U, 0U, 0U, 0U, 8, CLASS_LOOPBACK),
	INET_CLASS(10U, 0U, 0U, 0U, 8, CLASS_PRIVATE),
	INET_CLASS(172U, 16U, 0U, 0U, 12, CLASS_PRIVATE),
	INET_CLASS(192U, 168U, 0U, 0U, 16, CLASS_PRIVATE),
	INET_CLASS(100U, 64U, 0U, 0U, 10, CLASS_PRIVATE),
	INET_CLASS(169U, 254U, 0U, 0U, 16, CLASS_LINKLOCAL),
	INET_CLASS(0U, 0U, 0U, 0U, 8, CLASS_SPECIAL),
	INET_CLASS(224U, 0U, 0U, 0U, 3, CLASS_SPECIAL),
	INET6_ONE(1, CLASS_LOOPBACK),
	{ { 0, 0 }, { UINT64_MAX, UINT64_MAX << INET_BITS }, CLASS_SPECIAL },
	INET6_CLASS(0xfc00ULL, 7, CLASS_PRIVATE),
	INET6_CLASS(0xfe80ULL, 10, CLASS_LINKLOCAL),
	INET6_CLASS(0xfec0ULL, 10, CLASS_SPECIAL),
	INET6_CLASS(0xff00ULL, 8, CLASS_SPECIAL),
};

static bool bits_are_inet(struct address_bits bits)
{
	return bits.high == 0 && bits.low >> INET_BITS == 0xffff;
}

enum address_family address_family(const struct address *address)
{
	return bits_are_inet(address_bits(address)) ? FAMILY_INET : FAMILY_INET6;
}

static struct address address_of_bits(struct address_bits bits)
{
	struct address address;

	bits = (struct address_bits){ htobe64(bits.high), htobe64(bits.low) };
	memcpy(address.bytes, &bits, sizeof(bits));
	return address;
}

bool address_embeds(const struct address *address, struct address *ret_inet)
{
	struct address_bits bits = address_bits(address);
	uint64_t inet;

	if (bits.high == NAT64_HIGH && bits.low >> INET_BITS == 0)
		inet = bits.low;
	else if (bits.high >> 48 == SIX_TO_FOUR)
		inet = bits.high >> 16 & UINT32_MAX;
	else
		return false;
	*ret_inet = address_of_bits((struct address_bits){ 0, 0xffffULL << INET_BITS | inet });
	return true;
}

enum address_class address_classify(const struct address *address)
{
	struct address_bits bits = address_bits(address);
	struct address inet;

	if (address_embeds(address, &inet))
		bits = address_bits(&inet);
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (((bits.high ^ classes[i].bits.high) & classes[i].mask.high) == 0 &&
		    ((bits.low ^ classes[i].bits.low) & classes[i].mask.low) == 0)
			return classes[i].class;
	}
	return CLASS_GLOBAL;
}

bool address_is_unspecified(const struct address *address)
{
	struct address_bits bits = address_bits(address);

	return bits.high == 0 && (bits.low == 0 || bits.low == 0xffffULL << INET_BITS);
}

struct address address_mask(const struct address *address, uint8_t length)
{
	const struct prefix prefix = { .family = (uint8_t)address_family(address), .length = length };

	return address_of_bits(address_bits_mask(address_bits(address), prefix_bits(&prefix)));
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

uint32_t prefix_bits(const struct prefix *prefix)
{
	return prefix->family == FAMILY_INET ? ADDRESS_BITS - INET_BITS + prefix->length
					     : prefix->length;
}

bool prefix_contains(const struct prefix *prefix, const struct address *address)
{
	struct address_bits bits = address_bits(address);
	struct address_bits masked = address_bits_mask(bits, prefix_bits(prefix));
	struct address_bits own = address_bits(&prefix->address);

	return prefix->family == address_family(address) && masked.high == own.high &&
	       masked.low == own.low;
}
