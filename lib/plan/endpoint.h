/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses, prefixes and port ranges, their text and their sockaddr. Pure, no allocation, no I/O.
 * Both the text of a policy and the sockaddr of a confined process are hostile.
 */
#ifndef SANDLOCK_ENDPOINT_H
#define SANDLOCK_ENDPOINT_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define ADDRESS_TEXT_MAX  46 /* INET6_ADDRSTRLEN */
#define ENDPOINT_TEXT_MAX (ADDRESS_TEXT_MAX + 8)

/* An IPv6 address; IPv4 is held in its mapped form ::ffff:a.b.c.d, and a mapped one is IPv4. */
struct address {
	uint8_t bytes[16];
};

/* The same as two numbers, the first bit on top: what is compared and masked most. */
#define ADDRESS_BITS 128U
#define INET_BITS    32U
struct address_bits {
	uint64_t high;
	uint64_t low;
};

enum address_family {
	FAMILY_INET = 4,
	FAMILY_INET6 = 6,
};

/* What the words of a rule mean; each address has exactly one class. */
enum address_class {
	CLASS_GLOBAL = 0, /* what is none of the others */
	CLASS_LOOPBACK,   /* 127/8, ::1 */
	CLASS_PRIVATE,    /* RFC 1918, 100.64/10, fc00::/7 */
	CLASS_LINKLOCAL,  /* 169.254/16, fe80::/10 */
	CLASS_SPECIAL,    /* 0/8, multicast, 240/4, ::/96, fec0::/10 */
};

/* Length counts the bits of the family's own address: 0..32 or 0..128. */
struct prefix {
	struct address address;
	uint8_t family; /* enum address_family */
	uint8_t length;
};

/* Both ends included, low <= high. */
struct port_range {
	uint16_t low;
	uint16_t high;
};

struct endpoint {
	struct address address;
	uint16_t port; /* host byte order */
};

static inline struct address_bits address_bits(const struct address *address)
{
	struct address_bits bits;

	memcpy(&bits, address->bytes, sizeof(bits));
	return (struct address_bits){ be64toh(bits.high), be64toh(bits.low) };
}

static inline uint64_t word_mask(uint32_t length)
{
	return length < 64 ? ~(UINT64_MAX >> length) : UINT64_MAX;
}

/* Clears what lies beyond the first `length` of all the bits. */
static inline struct address_bits address_bits_mask(struct address_bits bits, uint32_t length)
{
	bits.high &= word_mask(length);
	bits.low &= word_mask(length < 64 ? 0 : length - 64);
	return bits;
}

enum address_family address_family(const struct address *address);

/* An address that embeds an IPv4 one has that one's class. */
enum address_class address_classify(const struct address *address);

/* True for NAT64's 64:ff9b::/96 and 6to4's 2002::/16: what is sent there may arrive at the IPv4
 * address *ret_inet. (A mapped address is an IPv4 one, and embeds none.) */
bool address_embeds(const struct address *address, struct address *ret_inet);

bool address_is_unspecified(const struct address *address);

/* Clears what lies beyond `length` bits of the family of `address`. */
struct address address_mask(const struct address *address, uint8_t length);

/* `text` is an IPv4 dotted quad or an IPv6 address without brackets; -EINVAL for all else
 * (no octal, no short forms, no zone). */
int address_parse(const char *text, struct address *ret_address);

/* Always ends in NUL; IPv6 without brackets. */
void address_format(const struct address *address, char text[ADDRESS_TEXT_MAX]);

/* a.b.c.d:port or [v6]:port */
void endpoint_format(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_MAX]);

/* Reads AF_INET and AF_INET6 of at least their full size; -EAFNOSUPPORT for other families,
 * -EINVAL for a short one. `length` is what the kernel would use, already clamped by the caller. */
int endpoint_from_sockaddr(const struct sockaddr_storage *storage, socklen_t length,
			   struct endpoint *ret_endpoint);

/* How many of the bits of an address the prefix is about, the mapped form's first 96 included. */
uint32_t prefix_bits(const struct prefix *prefix);
bool prefix_contains(const struct prefix *prefix, const struct address *address);

#endif
