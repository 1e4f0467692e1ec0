/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Domain names in wire form. Distrusts the text and the messages that it reads.
 */
#include "dns_name.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define POINTER       0xc0U
#define REVERSE_INET  "\7in-addr\4arpa"
#define REVERSE_INET6 "\3ip6\4arpa"
#define NIBBLES       32U

static uint8_t lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 'a' - 'A') : byte;
}

/* Room for the root's label is kept. */
static int label_add(struct dns_name *name, const uint8_t *bytes, size_t length)
{
	if (length == 0 || length > DNS_LABEL_MAX || name->length + length + 2 > DNS_NAME_MAX)
		return -EINVAL;
	name->bytes[name->length++] = (uint8_t)length;
	for (size_t i = 0; i < length; i++)
		name->bytes[name->length++] = lower(bytes[i]);
	return 0;
}

static void name_end(struct dns_name *name)
{
	name->bytes[name->length++] = 0;
}

int dns_name_parse(const char *text, struct dns_name *ret_name)
{
	struct dns_name name = { 0 };

	if (text[0] == '\0')
		return -EINVAL;
	if (strcmp(text, ".") == 0)
		text++;
	while (text[0]) {
		size_t length = strcspn(text, ".");

		if (label_add(&name, (const uint8_t *)text, length))
			return -EINVAL;
		text += length;
		text += text[0] == '.';
	}
	name_end(&name);
	*ret_name = name;
	return 0;
}

int dns_name_read(const uint8_t *message, size_t length, size_t *offset, struct dns_name *ret_name)
{
	struct dns_name name = { 0 };
	size_t at = *offset;
	size_t end = 0; /* what follows the name, once a pointer has been met */
	size_t lowest = at;

	for (;;) {
		uint8_t size;

		if (at >= length)
			return -EBADMSG;
		size = message[at++];
		if (size == 0)
			break;
		if (size <= DNS_LABEL_MAX) {
			if (size > length - at || label_add(&name, message + at, size))
				return -EBADMSG;
			at += size;
			continue;
		}
		if ((size & POINTER) != POINTER || at >= length)
			return -EBADMSG;
		if (end == 0)
			end = at + 1;
		at = (size_t)(size & ~POINTER) << 8 | message[at];
		if (at >= lowest)
			return -EBADMSG;
		lowest = at;
	}
	name_end(&name);
	*offset = end ? end : at;
	*ret_name = name;
	return 0;
}

static bool byte_is_plain(uint8_t byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
	       byte == '_';
}

void dns_name_format(const struct dns_name *name, char text[DNS_NAME_TEXT_MAX])
{
	char *to = text;

	for (size_t at = 0; name->bytes[at] != 0; at += name->bytes[at] + 1U) {
		if (at > 0)
			*to++ = '.';
		for (size_t i = 1; i <= name->bytes[at]; i++) {
			uint8_t byte = name->bytes[at + i];

			if (byte_is_plain(byte))
				*to++ = (char)byte;
			else
				to += snprintf(to, 5, "\\%03u", byte);
		}
	}
	if (to == text)
		*to++ = '.';
	*to = '\0';
}

bool dns_name_equals(const struct dns_name *left, const struct dns_name *right)
{
	return left->length == right->length && memcmp(left->bytes, right->bytes, left->length) == 0;
}

bool dns_name_is_below(const struct dns_name *name, const struct dns_name *above)
{
	size_t at = 0;

	/* Only where a label begins is the rest a name. */
	while (name->length - at > above->length)
		at += name->bytes[at] + 1U;
	return at > 0 && name->length - at == above->length &&
	       memcmp(name->bytes + at, above->bytes, above->length) == 0;
}

bool dns_name_is_plain(const struct dns_name *name)
{
	for (size_t at = 0; name->bytes[at] != 0; at += name->bytes[at] + 1U) {
		for (size_t i = 1; i <= name->bytes[at]; i++) {
			if (!byte_is_plain(name->bytes[at + i]))
				return false;
		}
	}
	return true;
}

/* A label that is a decimal number of an octet, without leading zeros; -1 for any other. */
static int label_octet(const uint8_t *label)
{
	int value = 0;

	if (label[0] == 0 || label[0] > 3 || (label[0] > 1 && label[1] == '0'))
		return -1;
	for (size_t i = 1; i <= label[0]; i++) {
		if (label[i] < '0' || label[i] > '9')
			return -1;
		value = 10 * value + label[i] - '0';
	}
	return value <= UINT8_MAX ? value : -1;
}

static int label_nibble(const uint8_t *label)
{
	if (label[0] != 1)
		return -1;
	if (label[1] >= '0' && label[1] <= '9')
		return label[1] - '0';
	return label[1] >= 'a' && label[1] <= 'f' ? label[1] - 'a' + 10 : -1;
}

static bool reverse_inet(const uint8_t *label, struct address *ret_address)
{
	struct address address = { .bytes = { [10] = 0xff, 0xff } };

	for (size_t i = 0; i < 4; i++, label += label[0] + 1U) {
		int octet = label_octet(label);

		if (octet < 0)
			return false;
		address.bytes[15 - i] = (uint8_t)octet;
	}
	*ret_address = address;
	return memcmp(label, REVERSE_INET, sizeof(REVERSE_INET)) == 0;
}

static bool reverse_inet6(const uint8_t *label, struct address *ret_address)
{
	struct address address = { 0 };

	for (size_t i = 0; i < NIBBLES; i++, label += 2) {
		int nibble = label_nibble(label);

		if (nibble < 0)
			return false;
		address.bytes[15 - i / 2] |= (uint8_t)(i % 2 ? nibble << 4 : nibble);
	}
	*ret_address = address;
	return memcmp(label, REVERSE_INET6, sizeof(REVERSE_INET6)) == 0;
}

bool dns_name_is_reverse(const struct dns_name *name, struct address *ret_address)
{
	/* Longer ones end in another name, shorter ones before a label is missing. */
	struct dns_name padded = { 0 };

	memcpy(padded.bytes, name->bytes, name->length);
	if (name->length == 2 * NIBBLES + sizeof(REVERSE_INET6))
		return reverse_inet6(padded.bytes, ret_address);
	return name->length <= 4 * 4 + sizeof(REVERSE_INET) &&
	       reverse_inet(padded.bytes, ret_address);
}
