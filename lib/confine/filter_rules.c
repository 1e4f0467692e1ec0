/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which calls a session is refused, and which ones trap: the tables, and what the facts select from
 * them. A new refusal is one row of `refused`, a new trapped call one row of trapped.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "compat.h"
#include "filter_rule.h"
#include "plan.h"
#include "refusable.h"
#include "trapped.h"
#include "util.h"

#define NAMESPACE_FLAGS                                                                \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)

/* Refused to every session, since other rules could be evaded by it. */
static const struct filter_rule refused[] = {
	/* other means for what is trapped */
	{ __NR_io_uring_setup, match_always, 0, 0, FAIL(EPERM) },
	{ __NR_io_uring_enter, match_always, 0, 0, FAIL(EPERM) },
	{ __NR_io_uring_register, match_always, 0, 0, FAIL(EPERM) },
	{ __NR_sendmsg, match_any_bit, 2, MSG_FASTOPEN, FAIL(EOPNOTSUPP) },
	{ __NR_sendmmsg, match_any_bit, 3, MSG_FASTOPEN, FAIL(EOPNOTSUPP) },
	{ __NR_socket, match_socket, 0, 0, 0 },
	{ __NR_socketpair, match_socketpair, 0, 0, 0 },
	{ __NR_sendto, match_any_bit, 3, MSG_FASTOPEN, FAIL(EOPNOTSUPP) },
	/* packets that the kernel would send for the caller, and other routes for the caller's */
	{ __NR_setsockopt, match_options, 0, 0, 0 },
	/* what the owner of a private socket's namespace could do */
	{ __NR_getsockopt, match_refused_reads, 0, 0, FAIL(EPERM) },
	{ __NR_ioctl, match_requests, 0, 0, FAIL(EPERM) },
	/* a second listener could answer for a supervisor that has died */
	{ __NR_seccomp, match_any_bit, 1, SECCOMP_FILTER_FLAG_NEW_LISTENER, FAIL(EBUSY) },
	{ __NR_prctl, match_marker, 0, 0, 0 },
	{ __NR_prctl, match_dumpable, 0, 0, 0 },
	/* namespaces: paths and networks would no longer be the supervisor's */
	{ __NR_unshare, match_namespaces, 0, NAMESPACE_FLAGS | CLONE_NEWTIME, FAIL(EPERM) },
	{ __NR_clone, match_namespaces, 0, NAMESPACE_FLAGS, FAIL(EPERM) },
	{ __NR_clone3, match_always, 0, 0, FAIL(ENOSYS) },
	{ __NR_setns, match_always, 0, 0, FAIL(EPERM) },
	/* what the kernel counts for the account that the supervisors of all sessions share */
	{ __NR_setuid, match_service_uids, 1, 0, FAIL(EPERM) },
	{ __NR_setfsuid, match_service_uids, 1, 0, FAIL(EPERM) },
	{ __NR_setreuid, match_service_uids, 2, 0, FAIL(EPERM) },
	{ __NR_setresuid, match_service_uids, 3, 0, FAIL(EPERM) },
	{ __NR_setgid, match_service_gids, 1, 0, FAIL(EPERM) },
	{ __NR_setfsgid, match_service_gids, 1, 0, FAIL(EPERM) },
	{ __NR_setregid, match_service_gids, 2, 0, FAIL(EPERM) },
	{ __NR_setresgid, match_service_gids, 3, 0, FAIL(EPERM) },
	{ __NR_fchown, match_service_owner, 1, 0, FAIL(EPERM) },
	{ __NR_fchownat, match_service_owner, 2, 0, FAIL(EPERM) },
#ifdef __NR_chown /* numbers that only the older machines have */
	{ __NR_chown, match_service_owner, 1, 0, FAIL(EPERM) },
	{ __NR_lchown, match_service_owner, 1, 0, FAIL(EPERM) },
#endif
	/* typing into a terminal that others read */
	{ __NR_ioctl, match_equal, 1, TIOCSTI, FAIL(EPERM) },
	{ __NR_ioctl, match_equal, 1, TIOCLINUX, FAIL(EPERM) },
	/* the protected processes, which may have the user's uid */
	{ __NR_kill, match_protected_pids, 0, 0, FAIL(EPERM) },
	{ __NR_tkill, match_protected_pids, 0, 0, FAIL(EPERM) },
	{ __NR_tgkill, match_protected_pids, 0, 0, FAIL(EPERM) },
	{ __NR_rt_sigqueueinfo, match_protected_pids, 0, 0, FAIL(EPERM) },
	{ __NR_rt_tgsigqueueinfo, match_protected_pids, 0, 0, FAIL(EPERM) },
	{ __NR_pidfd_open, match_protected_pids, 0, 0, FAIL(EPERM) },
	{ __NR_prlimit64, match_protected_pids, 0, 0, FAIL(EPERM) },
	{ __NR_setpriority, match_equal, 0, PRIO_USER, FAIL(EPERM) },
	{ __NR_setpriority, match_equal, 0, PRIO_PGRP, FAIL(EPERM) }, /* they may be in any group */
	{ __NR_setpriority, match_protected_pids, 1, 0, FAIL(EPERM) },
	{ __NR_ioprio_set, match_equal, 0, IOPRIO_WHO_USER, FAIL(EPERM) },
	{ __NR_ioprio_set, match_equal, 0, IOPRIO_WHO_PGRP, FAIL(EPERM) },
	{ __NR_ioprio_set, match_protected_pids, 1, 0, FAIL(EPERM) },
	{ __NR_sched_setaffinity, match_protected_pids, 0, 0, FAIL(EPERM) },
	{ __NR_sched_setattr, match_protected_pids, 0, 0, FAIL(EPERM) },
	{ __NR_sched_setparam, match_protected_pids, 0, 0, FAIL(EPERM) },
	{ __NR_sched_setscheduler, match_protected_pids, 0, 0, FAIL(EPERM) },
};

/* Refused unless the policy's [syscalls] allows it. */
#define REFUSABLE_ROW(name) { __NR_##name, match_always, 0, 0, FAIL(EPERM) },
static const struct filter_rule refusable[] = { REFUSABLE_CALLS(REFUSABLE_ROW) };
#undef REFUSABLE_ROW

/* Where files are restricted and Landlock cannot restrict truncation: a file that may only be read
 * could be emptied. */
static const struct filter_rule truncation[] = {
	{ __NR_truncate, match_always, 0, 0, FAIL(EACCES) },
	{ __NR_openat, match_truncating, 2, 0, FAIL(EACCES) },
	{ __NR_openat2, match_always, 0, 0, FAIL(ENOSYS) },
#ifdef __NR_open
	{ __NR_open, match_truncating, 1, 0, FAIL(EACCES) },
#endif
};

/* Where a process of the session may become root: an open(2) of a leased file waits for the owner
 * of the lease, 45 s, and root owns the files that every login reads. */
static const struct filter_rule leases[] = {
	{ __NR_fcntl, match_equal, 1, F_SETLEASE, FAIL(EACCES) },
	{ __NR_fcntl, match_equal, 1, F_SETDELEG, FAIL(EACCES) },
};

#define TRAPPED_ROW(name, when, fetch, judge, perform) { __NR_##name, when },
static const struct {
	uint32_t number;
	enum trap_when when;
} trapped[] = { TRAPPED_CALLS(TRAPPED_ROW) };
#undef TRAPPED_ROW

/* The policy's own rules are one a number at most. */
_Static_assert(ARRAY_SIZE(refused) + ARRAY_SIZE(refusable) + ARRAY_SIZE(truncation) +
			       ARRAY_SIZE(leases) + ARRAY_SIZE(trapped) + FILTER_CALL_LAST + 1 <=
		       FILTER_RULES_MAX,
	       "the rules of a filter must fit");

static bool traps(enum trap_when when, const struct filter_facts *facts)
{
	if (facts->forbid)
		return when >= TRAP_UIDS_1 && when != TRAP_EXEC && when != TRAP_FILTER &&
		       when != TRAP_PRCTL;
	if (when == TRAP_EXEC)
		return facts->gate_threads;
	/* A session's own rows have all options, and all kinds of sockets. */
	if (when == TRAP_OPTION || when == TRAP_SOCKET)
		return facts->gate;
	if (when >= TRAP_GATE_FIRST)
		return facts->gate;
	if (when == TRAP_BIND)
		return facts->trap_bind || (facts->flags & PLAN_UNIX_DGRAM);
	if (when == TRAP_DATAGRAM)
		return facts->datagrams ||
		       (facts->flags & (PLAN_UDP | PLAN_ICMP | PLAN_ICMP_RAW | PLAN_UNIX_DGRAM));
	if (when >= TRAP_MODE_1 && when <= TRAP_PLAIN)
		return facts->set_ids;
	return true;
}

/* How the arguments of a trapped call are tested. */
static struct filter_rule trapped_rule(uint32_t number, enum trap_when when,
				       const struct filter_facts *facts)
{
	struct filter_rule rule = { number, match_always, 0, 0, facts->forbid ? FAIL(EPERM) : TRAP };

	switch (when) {
	case TRAP_ALWAYS:
	case TRAP_BIND:
	case TRAP_DATAGRAM:
	case TRAP_PLAIN:
	case TRAP_EXEC:
		break;
	case TRAP_ADDRESSED:
		rule.match = match_not_null;
		rule.argument = 4;
		break;
	case TRAP_PROCESS:
	case TRAP_WHO:
		rule.match = match_any_bit;
		rule.argument = when == TRAP_WHO;
		rule.value = UINT32_MAX;
		break;
	case TRAP_MODE_1:
	case TRAP_MODE_2:
		rule.match = match_any_bit;
		rule.argument = 1 + when - TRAP_MODE_1;
		rule.value = S_ISUID | S_ISGID;
		break;
	case TRAP_OPEN_1:
	case TRAP_OPEN_2:
		rule.match = match_creating;
		rule.argument = 1 + when - TRAP_OPEN_1;
		rule.value = S_ISUID | S_ISGID;
		break;
	case TRAP_OPTION:
		rule.match = match_options;
		break;
	case TRAP_SOCKET:
		rule.match = match_private_socket;
		break;
	case TRAP_UIDS_1:
	case TRAP_UIDS_2:
	case TRAP_UIDS_3:
		rule.match = match_ids;
		rule.argument = 1 + when - TRAP_UIDS_1;
		rule.value = facts->gate_uid;
		break;
	case TRAP_FILTER:
		rule.match = match_added_filter;
		break;
	case TRAP_PRCTL:
		rule.match = match_equal;
		rule.value = PR_SET_SECCOMP;
		break;
	case TRAP_NAMESPACE:
		rule.match = match_any_bit;
		rule.value = CLONE_NEWUSER;
		break;
	case TRAP_SETNS:
		rule.match = match_setns;
		rule.argument = 1;
		break;
	}
	return rule;
}

static void rules_add(struct filter_rules *rules, const struct filter_rule *rule)
{
	size_t position = rules->count;

	for (; position > 0 && rules->rules[position - 1].number > rule->number; position--)
		rules->rules[position] = rules->rules[position - 1];
	rules->rules[position] = *rule;
	rules->count++;
}

static void rules_add_table(struct filter_rules *rules, const struct filter_rule *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		rules_add(rules, &table[i]);
}

static void rules_add_trapped(struct filter_rules *rules, const struct filter_facts *facts)
{
	for (size_t i = 0; i < ARRAY_SIZE(trapped); i++) {
		const struct filter_rule rule =
			trapped_rule(trapped[i].number, trapped[i].when, facts);

		if (traps(trapped[i].when, facts))
			rules_add(rules, &rule);
	}
}

static bool is_allowed(const struct filter_facts *facts, uint32_t number)
{
	for (uint32_t i = 0; i < facts->call_count; i++)
		if (facts->calls[i].number == number)
			return facts->calls[i].action == CALL_ALLOW;
	return false;
}

static void rules_add_refused(struct filter_rules *rules, const struct filter_facts *facts)
{
	/* First, so that no other rule decides about what the policy refuses. */
	for (uint32_t i = 0; i < facts->call_count; i++) {
		const struct filter_rule rule = { facts->calls[i].number, match_always, 0, 0,
						  FAIL(EPERM) };

		if (facts->calls[i].action == CALL_DENY && rule.number <= FILTER_CALL_LAST)
			rules_add(rules, &rule);
	}
	rules_add_table(rules, refused, ARRAY_SIZE(refused));
	for (size_t i = 0; i < ARRAY_SIZE(refusable); i++)
		if (!is_allowed(facts, refusable[i].number))
			rules_add(rules, &refusable[i]);
	if (facts->refuse_truncation)
		rules_add_table(rules, truncation, ARRAY_SIZE(truncation));
	if (facts->flags & PLAN_SETUID)
		rules_add_table(rules, leases, ARRAY_SIZE(leases));
}

void filter_rules_collect(struct filter_rules *rules, const struct filter_facts *facts)
{
	/* Its flags are in memory, and one of them makes a user namespace. */
	static const struct filter_rule around = { __NR_clone3, match_always, 0, 0, FAIL(ENOSYS) };

	static const struct filter_rule marker = { __NR_prctl, match_forbidden, 0, 0, FAIL(EALREADY) };

	if (facts->forbid)
		rules_add(rules, &marker);
	if (facts->gate || facts->forbid)
		rules_add(rules, &around);
	else
		rules_add_refused(rules, facts);
	if (!facts->nested)
		rules_add_trapped(rules, facts);
}
