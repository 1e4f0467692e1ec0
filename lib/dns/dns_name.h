/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Domain names in wire form, lower case: what is compared is what a name server sees, byte for
 * byte. Pure, no allocation. Text and messages are hostile.
 */
#ifndef SANDLOCK_DNS_NAME_H
#define SANDLOCK_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "endpoint.h"

#define DNS_NAME_MAX      255 /* bytes, the root label included */
#define DNS_LABEL_MAX     63
#define DNS_NAME_TEXT_MAX (4 * DNS_NAME_MAX + 1)

/* Labels, each a length and its bytes; the last one is the root's, of length 0. */
struct dns_name {
	uint8_t length;
	uint8_t bytes[DNS_NAME_MAX];
};

/* "a.example.com", with or without a dot at the end; "." is the root. -EINVAL for an empty or too
 * long label or name. Any byte but a dot may be in a label. */
int dns_name_parse(const char *text, struct dns_name *ret_name);

/* The name at *offset of a message of `length` bytes; *offset is then what follows it there.
 * Follows compression only backwards, so it always ends. -EBADMSG. */
int dns_name_read(const uint8_t *message, size_t length, size_t *offset, struct dns_name *ret_name);

/* Without a dot at the end; a byte that is not a letter, digit, - or _ as \DDD. */
void dns_name_format(const struct dns_name *name, char text[DNS_NAME_TEXT_MAX]);

bool dns_name_equals(const struct dns_name *left, const struct dns_name *right);

/* True where `name` is `above` with labels before it. No name is below itself. */
bool dns_name_is_below(const struct dns_name *name, const struct dns_name *above);

/* True where every label is of letters, digits, - and _: what a host name may be made of. */
bool dns_name_is_plain(const struct dns_name *name);

/* The address that a name of in-addr.arpa or ip6.arpa stands for; false for any other name. */
bool dns_name_is_reverse(const struct dns_name *name, struct address *ret_address);

#endif
