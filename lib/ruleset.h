/*
 * The decision: may this (protocol, address, port) be reached, and which rule says so.
 * Called by the supervisor, by `sandlockctl test` and by tests with the same tables; pure, no malloc, no I/O.
 * Distrusts nothing: the tables were validated by plan_map, the endpoint is any value at all.
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

enum target {
	TARGET_ANY = 0, /* every address, IPv4 and IPv6 */
	TARGET_CLASS,   /* @word: enum address_class */
	TARGET_PREFIX,  /* an address is a prefix of full length */
	TARGET_HOST,    /* a name: index into the plan's hosts */
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
	uint32_t file;        /* plan string: the file it stands in */
};

/* One (rule, port range), sorted by (key, length, rule) within its group. Whatever else holds a key
 * that this entry holds is found by `wider`: first the entries before it with the same key and
 * length, then those of the next wider prefix. */
struct ruleset_entry {
	struct address key; /* prefix address, or class or host number in the last four bytes */
	struct port_range ports;
	uint32_t rule;
	uint32_t wider;  /* index of an earlier entry of the group, or ENTRY_NONE */
	uint32_t length; /* bits of the key, counted from its first byte, for IPv4 too */
};
#define ENTRY_NONE UINT32_MAX

/* The entries of one kind, adjacent. */
struct ruleset_group {
	uint8_t target;
	uint8_t family; /* TARGET_PREFIX only */
	uint16_t unused;
	uint32_t first;
	uint32_t count;
};

struct ruleset {
	const struct rule *rules;
	const struct port_range *ports;
	const struct ruleset_entry *entries;
	const struct ruleset_group *groups;
	const struct host_table *hosts; /* NULL: no name has answered */
	uint32_t rule_count;
	uint32_t port_count;
	uint32_t entry_count;
	uint32_t group_count;
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

/* A deny rule wins over every allow rule; among equals the one written first is named.
 * PROTOCOL_ICMP ignores ports. `address` must not be unspecified (the caller judges what it stands
 * for); an unspecified one matches only TARGET_ANY, CLASS_SPECIAL and prefixes. */
struct verdict ruleset_decide(const struct ruleset *ruleset, enum protocol protocol,
			      const struct endpoint *endpoint);

/* True where at least one allow rule carries the protocol. */
bool ruleset_opens(const struct ruleset *ruleset, enum protocol protocol);

/* True where a rule that names a host allows this port of it, whatever its addresses are. */
bool ruleset_names_host(const struct ruleset *ruleset, enum protocol protocol, uint16_t port);

/* Build side: how many entries `rules` need, and the filling of both tables (groups needs room for
 * RULESET_GROUPS_MAX). Sorts in place. */
#define RULESET_GROUPS_MAX 5
uint32_t ruleset_count_entries(const struct rule *rules, uint32_t rule_count);
void ruleset_index(const struct rule *rules, uint32_t rule_count, const struct port_range *ports,
		   struct ruleset_entry *entries, struct ruleset_group *groups,
		   uint32_t *ret_group_count);

/* 0 where ports, rules and index are sound, -EINVAL otherwise; the first looks at ports and rules
 * only, and ruleset_index wants what passes it. Hostile input. */
int ruleset_validate_rules(const struct ruleset *ruleset, uint32_t host_count);
int ruleset_validate(const struct ruleset *ruleset, uint32_t host_count);

#endif
