/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The grammar of network rules: [scheme://]target:ports. Pure. Distrusts the text: it is split
 * before it is expanded, so no expansion is syntax.
 */
#ifndef SANDLOCK_POLICY_NETWORK_H
#define SANDLOCK_POLICY_NETWORK_H

#include "endpoint.h"
#include "policy_values.h"
#include "ruleset.h"

#define NET_HOST_MAX  256 /* a name of RFC 1123 with *. before it, and NUL */
#define NET_PORTS_MAX 512 /* more cannot stand in a logical line */

struct net_ports {
	uint32_t count;                          /* 0: every port */
	struct port_range ranges[NET_PORTS_MAX]; /* sorted, disjoint, not adjacent */
};

struct net_rule {
	uint8_t protocols; /* of the scheme; 0: no scheme */
	enum target target;
	enum address_class class; /* TARGET_CLASS */
	struct prefix prefix;     /* TARGET_PREFIX */
	char host[NET_HOST_MAX];  /* TARGET_HOST, lower case; "*." before it: all names below */
	struct net_ports ports;
};

/* `account` NULL: the parts that wait for a uid are not checked, and then keep no value. -EINVAL
 * with `why`. */
int net_rule_parse(const char *text, const struct account *account, struct net_rule *ret_rule,
		   char why[WHY_MAX]);

/* @global, @loopback, @private or @linklocal. */
int net_class_parse(const char *text, enum address_class *ret_class, char why[WHY_MAX]);

/* One item of net_bind: ports, or address:ports with an address or a class; port 0 is allowed and
 * means an ephemeral one. The target is TARGET_ANY, TARGET_CLASS or TARGET_PREFIX, or TARGET_HOST
 * with an empty name where it waits for an account. */
int net_bind_parse(const char *text, const struct account *account, struct net_rule *ret_bind,
		   char why[WHY_MAX]);

/* One item of udp_answer: ports alone. */
int net_answer_parse(const char *text, const struct account *account, struct net_ports *ret_ports,
		     char why[WHY_MAX]);

#endif
