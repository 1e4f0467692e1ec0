/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rtnetlink(7): interfaces, addresses and local routes of the private namespace. Each function
 * waits for the kernel's answer; 0 or a negative errno. Knows nothing of why.
 */
#ifndef SANDLOCK_RTNETLINK_H
#define SANDLOCK_RTNETLINK_H

#include <stdint.h>

#define LOOPBACK_INDEX 1 /* in every namespace */

struct rtnetlink {
	int fd; /* -1: not open */
	uint32_t sequence;
};

/* In the namespace that the calling process is in. */
int rtnetlink_open(struct rtnetlink *rtnetlink);

int rtnetlink_link_up(struct rtnetlink *rtnetlink, uint32_t index);

/* An interface with this index that leads nowhere, up. */
int rtnetlink_link_add(struct rtnetlink *rtnetlink, uint32_t index);

/* One address, without a network around it. One that is there already is no error. */
int rtnetlink_address_add(struct rtnetlink *rtnetlink, int family, const uint8_t *address,
			  uint32_t index);
int rtnetlink_address_drop(struct rtnetlink *rtnetlink, int family, const uint8_t *address,
			   uint32_t index);

/* All that the prefix covers is this machine, and is sent to from `source` (NULL: any). */
int rtnetlink_route_add(struct rtnetlink *rtnetlink, int family, const uint8_t *prefix,
			uint8_t length, const uint8_t *source);
int rtnetlink_route_drop(struct rtnetlink *rtnetlink, int family, const uint8_t *prefix,
			 uint8_t length);

#endif
