/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The decision: may this (protocol, address, port) be reached, and which rule decides. Pure, no
 * malloc, no I/O.
 */
#ifndef SANDLOCK_RULESET_H
#define SANDLOCK_RULESET_H

#include <stdbool.h>
#include <stdint.h>

#include "endpoint.h"
#include "host_table.h"

enum protocol {
	PROTOCOL_TCP = 1 << 0,
	PROTOCOL_UDP = 1 << 1,
	PROTOCOL_ICMP = 1 << 2,
};
#define PROTOCOL_COUNT 3

enum target {
	TARGET_ANY = 0, /* every address, IPv4 and IPv6 */
	TARGET_CLASS,   /* @word: enum address_class */
	TARGET_PREFIX,  /* an address is a prefix of full length */
	TARGET_HOST,    /* a name: index into the plan's hosts */
	TARGET_OWN,     /* loopback, TCP, where a session of the user listens; never of a denial */
};

/* One rule as written (an item of net_allow or net_deny) or implied (dns). */
struct rule {
	uint8_t protocols;    /* set of enum protocol */
	uint8_t deny;         /* 1: net_deny */
	uint8_t target;       /* enum target */
	uint8_t implicit;     /* 1: not written by the administrator */
	struct prefix prefix; /* TARGET_PREFIX, masked */
	uint16_t line;        /* in `file`; 0 for an implicit rule */
	uint32_t value;       /* TARGET_CLASS: the class; TARGET_HOST: the host */
	uint32_t ports_first; /* into the ruleset's ports */
	uint32_t ports_count; /* 0: every port */
	uint32_t text;        /* plan string: the item as written, or "dns" */
	uint32_t label;       /* plan string: `key.label`, or "" */
	uint32_t file;        /* plan string: the file of the rule */
};

struct ruleset {
	const struct rule *rules;
	const struct port_range *ports;
	const struct host_table *hosts; /* NULL: no addresses are known */
	uint32_t rule_count;
	uint32_t port_count;
	/* Made by ruleset_index; without it every decision is a denial. */
	uint32_t table_count;
	uint32_t written; /* set of enum protocol: what written allow rules carry */
	const struct ruleset_table *tables;
	const uint32_t *buckets;
	const struct ruleset_entry *entries;
};

/* A kind that is neither may be added: "hand this connection to another process of ours". */
enum verdict_kind {
	VERDICT_DENY = 0,
	VERDICT_ALLOW,
};
struct verdict {
	enum verdict_kind kind;
	const struct rule *rule; /* the deciding rule; NULL: no rule matched */
};

/* A deny rule overrides every allow rule; among equals the one written first decides. A deny rule
 * also matches an address that embeds one that it covers (see address_embeds). PROTOCOL_ICMP
 * ignores ports. `address` must not be unspecified (the caller decides what it stands for); an
 * unspecified one matches only TARGET_ANY, CLASS_SPECIAL and prefixes. */
struct verdict ruleset_decide(const struct ruleset *ruleset, enum protocol protocol,
			      const struct endpoint *endpoint);

/* The rule for @own that allows TCP to this endpoint if a session of the user listens there; NULL:
 * none. Only where ruleset_decide has found no rule. */
const struct rule *ruleset_own_rule(const struct ruleset *ruleset, const struct endpoint *endpoint);

/* True where a rule that names a host allows this port of it, whatever its addresses are. */
bool ruleset_names_host(const struct ruleset *ruleset, enum protocol protocol, uint16_t port);

/* True where an allow rule of any protocol, at any port, covers the address, whatever denies parts
 * of it. `address` as in ruleset_decide. */
bool ruleset_covers_address(const struct ruleset *ruleset, const struct address *address);

/* How many (protocol, port range) pairs the rules have; UINT32_MAX for more. */
#define RULESET_PAIRS_MAX (1U << 20)
uint32_t ruleset_count_pairs(const struct ruleset *ruleset);

/* Hostile input. */
bool prefix_is_sound(const struct prefix *prefix);

/* -EINVAL where ports or rules are not sound, -E2BIG above RULESET_PAIRS_MAX. Hostile input. */
int ruleset_validate(const struct ruleset *ruleset, uint32_t host_count);

#endif
