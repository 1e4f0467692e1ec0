/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One rule of the seccomp program: a call number, a test of its arguments, an action.
 */
#ifndef SANDLOCK_FILTER_RULE_H
#define SANDLOCK_FILTER_RULE_H

#include <stddef.h>
#include <stdint.h>

#include "bpf.h"
#include "filter_facts.h"

#define ALLOW     SECCOMP_RET_ALLOW
#define TRAP      SECCOMP_RET_USER_NOTIF
#define FAIL(err) (SECCOMP_RET_ERRNO | (err))

/* Rules of the same number are tried in the order of the tables: the first that matches returns its
 * action, and where none does the call is allowed. */
struct filter_rule {
	uint32_t number;
	void (*match)(struct bpf *bpf, const struct filter_facts *facts,
		      const struct filter_rule *rule);
	uint32_t argument;
	uint32_t value;
	uint32_t action;
};

/* Sorted by number; rules of one number stay in the order in which they were added. */
#define FILTER_RULES_MAX 768
struct filter_rules {
	struct filter_rule rules[FILTER_RULES_MAX];
	size_t count;
};

/* filter_rules.c: the rules that the facts require. */
void filter_rules_collect(struct filter_rules *rules, const struct filter_facts *facts);

/* filter_match.c: tests of arguments. Each writes instructions that return the rule's action where
 * it matches, and continue where it does not. */
#define MATCH_PROTOTYPE(name)                                                \
	void match_##name(struct bpf *bpf, const struct filter_facts *facts, \
			  const struct filter_rule *rule)
MATCH_PROTOTYPE(always);
MATCH_PROTOTYPE(equal);   /* the low word of the argument is the value (the kernel reads no more) */
MATCH_PROTOTYPE(any_bit); /* the low word of the argument has a bit of the value */
MATCH_PROTOTYPE(not_null);   /* any of the 64 bits of the argument is set */
MATCH_PROTOTYPE(namespaces); /* flags of new namespaces that the policy does not allow */
MATCH_PROTOTYPE(truncating); /* flags of open(2) that empty a file without opening it for writing */
MATCH_PROTOTYPE(creating);   /* flags of open(2) that make a file whose mode, in the next argument,
				has a bit of the value */
MATCH_PROTOTYPE(protected_pids); /* a protected process, or the group that it leads */
MATCH_PROTOTYPE(ids);            /* one of the first `argument` arguments is the value */
MATCH_PROTOTYPE(service_uids);   /* one of them is the service account's */
MATCH_PROTOTYPE(service_gids);
MATCH_PROTOTYPE(service_owner); /* a new owner, or group in the next argument, is the service
				   account: a set-uid program would have its uid */
MATCH_PROTOTYPE(added_filter);  /* seccomp(2) without the key of the gate */
MATCH_PROTOTYPE(setns);         /* it may mean a user namespace */
MATCH_PROTOTYPE(marker);        /* prctl(FILTER_MARKER) */
MATCH_PROTOTYPE(forbidden);     /* prctl(FILTER_FORBIDS) of the uid that is forbidden */
MATCH_PROTOTYPE(dumpable);      /* a process makes itself non-dumpable, and must not */

/* filter_sockets.c: the kinds of sockets that may be created; decides every one. */
MATCH_PROTOTYPE(socket);
MATCH_PROTOTYPE(socketpair);
MATCH_PROTOTYPE(private_socket); /* one that the supervisor gives */

/* filter_options.c: the socket options; decides every one. */
MATCH_PROTOTYPE(options);

/* Of getsockopt(2) and ioctl(2), what is refused. */
MATCH_PROTOTYPE(refused_reads);
MATCH_PROTOTYPE(requests);
#undef MATCH_PROTOTYPE

#endif
