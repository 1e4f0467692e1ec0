/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The seccomp program of a session: a search tree over call numbers, and a block of argument tests
 * at each leaf. Pure. Distrusts registers; a test that does not match ends in the block's default,
 * which the row names.
 */
#include "filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/ioprio.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "assembler.h"
#include "compat.h"
#include "filter_options.h"
#include "plan.h"
#include "refusable.h"
#include "trapped.h"
#include "util.h"

#define NAMESPACE_FLAGS                                                                \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)

/* One call number. Rows of the same number are tried in the order of the tables: the first test
 * that holds ends in the row's action, and where none does the call is allowed. */
struct row {
	uint32_t number;
	void (*emit)(struct assembler *assembler, const struct row *row);
	uint32_t argument;
	uint32_t value;
	uint32_t action;
};

/* What may be created; `needs` are plan flags, all of which must be set. Everything else is
 * EPERM. */
struct socket_row {
	uint32_t family;
	uint32_t type;
	uint32_t protocol;
	uint32_t needs;
};
static const struct socket_row creatable[] = {
	{ AF_UNIX, SOCK_STREAM, 0, 0 },
	{ AF_UNIX, SOCK_STREAM, AF_UNIX, 0 },
	{ AF_UNIX, SOCK_SEQPACKET, 0, 0 },
	{ AF_UNIX, SOCK_SEQPACKET, AF_UNIX, 0 },
	{ AF_UNIX, SOCK_DGRAM, 0, PLAN_UNIX_DGRAM },
	{ AF_UNIX, SOCK_DGRAM, AF_UNIX, PLAN_UNIX_DGRAM },
	{ AF_UNIX, SOCK_RAW, 0, PLAN_UNIX_DGRAM }, /* the kernel makes a datagram socket of it */
	{ AF_INET, SOCK_STREAM, 0, 0 },
	{ AF_INET, SOCK_STREAM, IPPROTO_TCP, 0 },
	{ AF_INET6, SOCK_STREAM, 0, 0 },
	{ AF_INET6, SOCK_STREAM, IPPROTO_TCP, 0 },
	{ AF_INET, SOCK_DGRAM, 0, PLAN_UDP },
	{ AF_INET, SOCK_DGRAM, IPPROTO_UDP, PLAN_UDP },
	{ AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, PLAN_UDP },
	{ AF_INET6, SOCK_DGRAM, 0, PLAN_UDP },
	{ AF_INET6, SOCK_DGRAM, IPPROTO_UDP, PLAN_UDP },
	{ AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE, PLAN_UDP },
	{ AF_INET, SOCK_DGRAM, IPPROTO_ICMP, PLAN_ICMP },
	{ AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, PLAN_ICMP },
	{ AF_INET, SOCK_RAW, IPPROTO_ICMP, PLAN_ICMP_RAW },
	{ AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, PLAN_ICMP_RAW },
	{ AF_NETLINK, SOCK_RAW, 0, 0 }, /* NETLINK_ROUTE: getaddrinfo and if_nameindex read it */
	{ AF_NETLINK, SOCK_DGRAM, 0, 0 },
};

static void emit_always(struct assembler *assembler, const struct row *row)
{
	emit_return(assembler, row->action);
}

/* The action where (low word of argument & value) != 0. */
static void emit_any_bit(struct assembler *assembler, const struct row *row)
{
	emit_load_low(assembler, row->argument);
	emit(assembler, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | BPF_JSET, row->value, 0, 1));
	emit_return(assembler, row->action);
}

/* The action where the low word of argument is value; the kernel, too, reads no more of these. */
static void emit_equal(struct assembler *assembler, const struct row *row)
{
	emit_load_low(assembler, row->argument);
	emit_return_if(assembler, BPF_JEQ, row->value, row->action);
}

/* The action where any of the 64 bits of argument is set. */
static void emit_not_null(struct assembler *assembler, const struct row *row)
{
	emit_load_low(assembler, row->argument);
	emit(assembler, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | BPF_JEQ, 0, 0, 2));
	emit_load_high(assembler, row->argument);
	emit(assembler, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | BPF_JEQ, 0, 1, 0));
	emit_return(assembler, row->action);
}

/* Flags of new namespaces; @userns leaves those that need no privilege to a browser's own
 * sandbox. */
static void emit_namespaces(struct assembler *assembler, const struct row *row)
{
	struct row narrowed = *row;

	if (assembler->facts->flags & PLAN_USERNS)
		narrowed.value &= ~(uint32_t)(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET);
	emit_any_bit(assembler, &narrowed);
}

/* The action for open(2) flags that empty a file without opening it for writing. */
static void emit_emptying(struct assembler *assembler, const struct row *row)
{
	emit_load_low(assembler, row->argument);
	emit(assembler,
	     (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, O_TRUNC | O_WRONLY | O_RDWR));
	emit_return_if(assembler, BPF_JEQ, O_TRUNC, row->action);
}

/* The action where flags in argument make a file whose mode, in the next argument, has a bit of
 * value; without them the mode is anything. */
static void emit_creating(struct assembler *assembler, const struct row *row)
{
	emit_load_low(assembler, row->argument);
	emit(assembler, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | BPF_JSET,
						     O_CREAT | (O_TMPFILE & ~O_DIRECTORY), 0, 3));
	emit_load_low(assembler, row->argument + 1);
	emit(assembler, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | BPF_JSET, row->value, 0, 1));
	emit_return(assembler, row->action);
}

/* setsockopt(2): what the table of socket options says. */
static void emit_options(struct assembler *assembler, const struct row *row)
{
	(void)row;
	filter_options_emit(assembler);
}

/* The action where argument names a keeper of the session, as a process or as a group. */
static void emit_protected_pids(struct assembler *assembler, const struct row *row)
{
	emit_load_low(assembler, row->argument);
	for (size_t i = 0; i < FILTER_PROTECTED_MAX; i++) {
		uint32_t pid = assembler->facts->protected_pids[i];

		if (pid == 0)
			continue;
		emit_return_if(assembler, BPF_JEQ, pid, row->action);
		emit_return_if(assembler, BPF_JEQ, 0U - pid, row->action);
	}
}

/* The action where the low word of one of the first arguments is value; `argument` is how many. */
static void emit_uids(struct assembler *assembler, const struct row *row)
{
	for (uint32_t i = 0; i < row->argument; i++) {
		emit_load_low(assembler, i);
		emit_return_if(assembler, BPF_JEQ, row->value, row->action);
	}
}

/* The action where one of the first arguments is the service account's uid; `argument` is how many. */
static void emit_service_uids(struct assembler *assembler, const struct row *row)
{
	struct row uids = *row;

	uids.value = assembler->facts->service_uid;
	if (uids.value != 0)
		emit_uids(assembler, &uids);
}

static void emit_service_gids(struct assembler *assembler, const struct row *row)
{
	struct row gids = *row;

	gids.value = assembler->facts->service_gid;
	if (gids.value != 0)
		emit_uids(assembler, &gids);
}

/* chown(2) and its kin: the action where the new owner, argument `argument`, is the service
 * account, or the group behind it is: a set-uid program would have its uid. */
static void emit_service_owner(struct assembler *assembler, const struct row *row)
{
	const struct filter_facts *facts = assembler->facts;

	if (facts->service_uid == 0)
		return;
	emit_load_low(assembler, row->argument);
	emit_return_if(assembler, BPF_JEQ, facts->service_uid, row->action);
	if (facts->service_gid == 0)
		return;
	emit_load_low(assembler, row->argument + 1);
	emit_return_if(assembler, BPF_JEQ, facts->service_gid, row->action);
}

/* seccomp(2): the action where a filter is added, unless argument 3, which the kernel does not
 * read, is the key of the gate. */
static void emit_filter(struct assembler *assembler, const struct row *row)
{
	const uint64_t key = assembler->facts->gate_key;

	emit_load_low(assembler, 0);
	emit(assembler,
	     (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | BPF_JEQ, SECCOMP_SET_MODE_FILTER, 0, 5));
	emit_load_low(assembler, 3);
	emit(assembler, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | BPF_JEQ, (uint32_t)key, 0, 2));
	emit_load_high(assembler, 3);
	emit(assembler,
	     (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | BPF_JEQ, (uint32_t)(key >> 32), 1, 0));
	emit_return(assembler, row->action);
}

/* setns(2): the action where a user namespace may be meant. */
static void emit_setns(struct assembler *assembler, const struct row *row)
{
	emit_equal(assembler, row);
	emit_any_bit(assembler, &(struct row){ .argument = row->argument,
					       .value = CLONE_NEWUSER,
					       .action = row->action });
}

#define SOCKET_KEY(family, type, protocol) ((family) << 24 | (type) << 16 | (protocol))

/* Family, type and protocol as one word. Types carry SOCK_NONBLOCK and SOCK_CLOEXEC above their
 * four bits. */
static void emit_creation(struct assembler *assembler, bool unix_only)
{
	emit_load_low(assembler, 0);
	emit_return_if(assembler, BPF_JGT, 0xff, FAIL(EPERM));
	emit(assembler, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 24));
	emit(assembler, (struct sock_filter)BPF_STMT(BPF_MISC | BPF_TAX, 0));
	emit_load_low(assembler, 1);
	emit(assembler, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf));
	emit(assembler, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 16));
	emit(assembler, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_OR | BPF_X, 0));
	emit(assembler, (struct sock_filter)BPF_STMT(BPF_MISC | BPF_TAX, 0));
	emit_load_low(assembler, 2);
	emit_return_if(assembler, BPF_JGT, 0xffff, FAIL(EPERM));
	emit(assembler, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_OR | BPF_X, 0));
	for (size_t i = 0; i < ARRAY_SIZE(creatable); i++) {
		const struct socket_row *row = &creatable[i];

		if ((row->needs & assembler->facts->flags) != row->needs)
			continue;
		if (unix_only && row->family != AF_UNIX)
			continue;
		emit_return_if(assembler, BPF_JEQ,
			       SOCKET_KEY(row->family, row->type, row->protocol), ALLOW);
	}
	/* As a kernel without audit: on EPERM the programs that open sessions give up. */
	emit_return_if(assembler, BPF_JEQ, SOCKET_KEY(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT),
		       FAIL(EPROTONOSUPPORT));
	emit_return(assembler, FAIL(EPERM));
}

static void emit_socket(struct assembler *assembler, const struct row *row)
{
	(void)row;
	emit_creation(assembler, false);
}

static void emit_socketpair(struct assembler *assembler, const struct row *row)
{
	(void)row;
	emit_creation(assembler, true);
}

/* The action where all 64 bits of argument are `value`. */
static void emit_equal_whole(struct assembler *assembler, uint32_t argument, uint64_t value,
			     uint32_t action)
{
	emit_load_low(assembler, argument);
	emit(assembler,
	     (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | BPF_JEQ, (uint32_t)value, 0, 3));
	emit_load_high(assembler, argument);
	emit_return_if(assembler, BPF_JEQ, (uint32_t)(value >> 32), action);
}

/* What prctl(FILTER_MARKER) answers. */
static void emit_marker(struct assembler *assembler, const struct row *row)
{
	const struct filter_facts *facts = assembler->facts;
	size_t skip;

	(void)row;
	emit_load_low(assembler, 0);
	emit(assembler, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | BPF_JEQ, FILTER_MARKER, 1, 0));
	skip = assembler->length;
	emit(assembler, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
	emit_equal_whole(assembler, 1, facts->digest, FAIL(FILTER_MARKER_SAME));
	emit_equal_whole(assembler, 2, facts->endpoints, FAIL(FILTER_MARKER_ENDPOINTS));
	emit_return(assembler, FAIL(FILTER_MARKER_OTHER));
	set_jump(assembler, skip);
}

/* Where the supervisor needs it, a process believes to have made itself non-dumpable. */
static void emit_dumpable(struct assembler *assembler, const struct row *row)
{
	(void)row;
	if (!assembler->facts->keep_dumpable)
		return;
	emit_load_low(assembler, 0);
	emit(assembler,
	     (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | BPF_JEQ, PR_SET_DUMPABLE, 0, 3));
	emit_load_low(assembler, 1);
	emit_return_if(assembler, BPF_JEQ, 0, FAIL(0));
}

/* What is refused to every session, or its other rules would not hold. */
static const struct row refused[] = {
	/* other ways to do what is trapped */
	{ __NR_io_uring_setup, emit_always, 0, 0, FAIL(EPERM) },
	{ __NR_io_uring_enter, emit_always, 0, 0, FAIL(EPERM) },
	{ __NR_io_uring_register, emit_always, 0, 0, FAIL(EPERM) },
	{ __NR_sendmsg, emit_any_bit, 2, MSG_FASTOPEN, FAIL(EOPNOTSUPP) },
	{ __NR_sendmmsg, emit_any_bit, 3, MSG_FASTOPEN, FAIL(EOPNOTSUPP) },
	{ __NR_socket, emit_socket, 0, 0, 0 },
	{ __NR_socketpair, emit_socketpair, 0, 0, 0 },
	{ __NR_sendto, emit_any_bit, 3, MSG_FASTOPEN, FAIL(EOPNOTSUPP) },
	/* what the kernel would send for the caller, and other ways for its packets */
	{ __NR_setsockopt, emit_options, 0, 0, 0 },
	/* a second listener could answer for a supervisor that is gone */
	{ __NR_seccomp, emit_any_bit, 1, SECCOMP_FILTER_FLAG_NEW_LISTENER, FAIL(EBUSY) },
	{ __NR_prctl, emit_marker, 0, 0, 0 },
	{ __NR_prctl, emit_dumpable, 0, 0, 0 },
	/* namespaces: paths and networks would no longer be the supervisor's */
	{ __NR_unshare, emit_namespaces, 0, NAMESPACE_FLAGS | CLONE_NEWTIME, FAIL(EPERM) },
	{ __NR_clone, emit_namespaces, 0, NAMESPACE_FLAGS, FAIL(EPERM) },
	{ __NR_clone3, emit_always, 0, 0, FAIL(ENOSYS) },
	{ __NR_setns, emit_always, 0, 0, FAIL(EPERM) },
	/* what the kernel counts for the account that the supervisors of all sessions share */
	{ __NR_setuid, emit_service_uids, 1, 0, FAIL(EPERM) },
	{ __NR_setfsuid, emit_service_uids, 1, 0, FAIL(EPERM) },
	{ __NR_setreuid, emit_service_uids, 2, 0, FAIL(EPERM) },
	{ __NR_setresuid, emit_service_uids, 3, 0, FAIL(EPERM) },
	{ __NR_setgid, emit_service_gids, 1, 0, FAIL(EPERM) },
	{ __NR_setfsgid, emit_service_gids, 1, 0, FAIL(EPERM) },
	{ __NR_setregid, emit_service_gids, 2, 0, FAIL(EPERM) },
	{ __NR_setresgid, emit_service_gids, 3, 0, FAIL(EPERM) },
	{ __NR_fchown, emit_service_owner, 1, 0, FAIL(EPERM) },
	{ __NR_fchownat, emit_service_owner, 2, 0, FAIL(EPERM) },
#ifdef __NR_chown /* numbers that only the older machines have */
	{ __NR_chown, emit_service_owner, 1, 0, FAIL(EPERM) },
	{ __NR_lchown, emit_service_owner, 1, 0, FAIL(EPERM) },
#endif
	/* typing into a terminal that others read */
	{ __NR_ioctl, emit_equal, 1, TIOCSTI, FAIL(EPERM) },
	{ __NR_ioctl, emit_equal, 1, TIOCLINUX, FAIL(EPERM) },
	/* the session's keepers, which may have the user's uid */
	{ __NR_kill, emit_protected_pids, 0, 0, FAIL(EPERM) },
	{ __NR_tkill, emit_protected_pids, 0, 0, FAIL(EPERM) },
	{ __NR_tgkill, emit_protected_pids, 0, 0, FAIL(EPERM) },
	{ __NR_rt_sigqueueinfo, emit_protected_pids, 0, 0, FAIL(EPERM) },
	{ __NR_rt_tgsigqueueinfo, emit_protected_pids, 0, 0, FAIL(EPERM) },
	{ __NR_pidfd_open, emit_protected_pids, 0, 0, FAIL(EPERM) },
	{ __NR_prlimit64, emit_protected_pids, 0, 0, FAIL(EPERM) },
	{ __NR_setpriority, emit_equal, 0, PRIO_USER, FAIL(EPERM) },
	{ __NR_setpriority, emit_equal, 0, PRIO_PGRP, FAIL(EPERM) }, /* they may be in any group */
	{ __NR_setpriority, emit_protected_pids, 1, 0, FAIL(EPERM) },
	{ __NR_ioprio_set, emit_equal, 0, IOPRIO_WHO_USER, FAIL(EPERM) },
	{ __NR_ioprio_set, emit_equal, 0, IOPRIO_WHO_PGRP, FAIL(EPERM) },
	{ __NR_ioprio_set, emit_protected_pids, 1, 0, FAIL(EPERM) },
	{ __NR_sched_setaffinity, emit_protected_pids, 0, 0, FAIL(EPERM) },
	{ __NR_sched_setattr, emit_protected_pids, 0, 0, FAIL(EPERM) },
	{ __NR_sched_setparam, emit_protected_pids, 0, 0, FAIL(EPERM) },
	{ __NR_sched_setscheduler, emit_protected_pids, 0, 0, FAIL(EPERM) },
};

/* What is refused unless the policy's [syscalls] allows it. */
#define REFUSABLE_ROW(name) { __NR_##name, emit_always, 0, 0, FAIL(EPERM) },
static const struct row refusable[] = { REFUSABLE_CALLS(REFUSABLE_ROW) };
#undef REFUSABLE_ROW

/* Where files are restricted and Landlock cannot hold truncation: a file that may only be read
 * could be emptied. */
static const struct row truncation[] = {
	{ __NR_truncate, emit_always, 0, 0, FAIL(EACCES) },
	{ __NR_openat, emit_emptying, 2, 0, FAIL(EACCES) },
	{ __NR_openat2, emit_always, 0, 0, FAIL(ENOSYS) },
#ifdef __NR_open
	{ __NR_open, emit_emptying, 1, 0, FAIL(EACCES) },
#endif
};

/* Where somebody inside may become root: everybody else's open(2) of a file waits for whoever has a
 * lease on it, 45 s, and root owns the files that every login reads. */
static const struct row leases[] = {
	{ __NR_fcntl, emit_equal, 1, F_SETLEASE, FAIL(EACCES) },
	{ __NR_fcntl, emit_equal, 1, F_SETDELEG, FAIL(EACCES) },
};

#define TRAPPED_ROW(name, when, fetch, judge, perform) { __NR_##name, when },
static const struct {
	uint32_t number;
	enum trap_when when;
} trapped[] = { TRAPPED_CALLS(TRAPPED_ROW) };
#undef TRAPPED_ROW

/* The policy's own rows are one a number at most. */
#define ROWS_MAX                                                                \
	(ARRAY_SIZE(refused) + ARRAY_SIZE(refusable) + ARRAY_SIZE(truncation) + \
	 ARRAY_SIZE(leases) + ARRAY_SIZE(trapped) + FILTER_CALL_LAST + 1)

static bool traps(enum trap_when when, const struct filter_facts *facts)
{
	if (facts->forbid)
		return when >= TRAP_UIDS_1 && when != TRAP_EXEC && when != TRAP_FILTER &&
		       when != TRAP_PRCTL;
	if (when == TRAP_EXEC)
		return facts->gate_threads;
	/* A session's own row has all options. */
	if (when == TRAP_OPTION)
		return facts->gate;
	if (when >= TRAP_GATE_FIRST)
		return facts->gate;
	if (when == TRAP_BIND)
		return facts->trap_bind;
	if (when == TRAP_DATAGRAM)
		return facts->datagrams ||
		       (facts->flags & (PLAN_UDP | PLAN_ICMP | PLAN_ICMP_RAW | PLAN_UNIX_DGRAM));
	if (when >= TRAP_MODE_1 && when <= TRAP_PLAIN)
		return facts->set_ids;
	return true;
}

/* How the arguments of a trapped call are tested. */
static struct row trapped_row(uint32_t number, enum trap_when when, const struct filter_facts *facts)
{
	struct row row = { number, emit_always, 0, 0, facts->forbid ? FAIL(EPERM) : TRAP };

	switch (when) {
	case TRAP_ALWAYS:
	case TRAP_BIND:
	case TRAP_DATAGRAM:
	case TRAP_PLAIN:
	case TRAP_EXEC:
		break;
	case TRAP_ADDRESSED:
		row.emit = emit_not_null;
		row.argument = 4;
		break;
	case TRAP_PROCESS:
	case TRAP_WHO:
		row.emit = emit_any_bit;
		row.argument = when == TRAP_WHO;
		row.value = UINT32_MAX;
		break;
	case TRAP_MODE_1:
	case TRAP_MODE_2:
		row.emit = emit_any_bit;
		row.argument = 1 + when - TRAP_MODE_1;
		row.value = S_ISUID | S_ISGID;
		break;
	case TRAP_OPEN_1:
	case TRAP_OPEN_2:
		row.emit = emit_creating;
		row.argument = 1 + when - TRAP_OPEN_1;
		row.value = S_ISUID | S_ISGID;
		break;
	case TRAP_OPTION:
		row.emit = emit_options;
		break;
	case TRAP_UIDS_1:
	case TRAP_UIDS_2:
	case TRAP_UIDS_3:
		row.emit = emit_uids;
		row.argument = 1 + when - TRAP_UIDS_1;
		row.value = facts->gate_uid;
		break;
	case TRAP_FILTER:
		row.emit = emit_filter;
		break;
	case TRAP_PRCTL:
		row.emit = emit_equal;
		row.value = PR_SET_SECCOMP;
		break;
	case TRAP_NAMESPACE:
		row.emit = emit_any_bit;
		row.value = CLONE_NEWUSER;
		break;
	case TRAP_SETNS:
		row.emit = emit_setns;
		row.argument = 1;
		break;
	}
	return row;
}

/* Sorted by number; rows of one number stay in the order in which they were added. */
struct rows {
	struct row rows[ROWS_MAX];
	size_t count;
};

static void rows_add(struct rows *rows, const struct row *row)
{
	size_t position = rows->count;

	for (; position > 0 && rows->rows[position - 1].number > row->number; position--)
		rows->rows[position] = rows->rows[position - 1];
	rows->rows[position] = *row;
	rows->count++;
}

static void rows_add_table(struct rows *rows, const struct row *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		rows_add(rows, &table[i]);
}

static void rows_add_trapped(struct rows *rows, const struct filter_facts *facts)
{
	for (size_t i = 0; i < ARRAY_SIZE(trapped); i++) {
		const struct row row = trapped_row(trapped[i].number, trapped[i].when, facts);

		if (traps(trapped[i].when, facts))
			rows_add(rows, &row);
	}
}

static bool is_allowed(const struct filter_facts *facts, uint32_t number)
{
	for (uint32_t i = 0; i < facts->call_count; i++)
		if (facts->calls[i].number == number)
			return facts->calls[i].action == CALL_ALLOW;
	return false;
}

static void rows_add_refused(struct rows *rows, const struct filter_facts *facts)
{
	/* First, so that nothing else decides about what the policy refuses. */
	for (uint32_t i = 0; i < facts->call_count; i++) {
		const struct row row = { facts->calls[i].number, emit_always, 0, 0, FAIL(EPERM) };

		if (facts->calls[i].action == CALL_DENY && row.number <= FILTER_CALL_LAST)
			rows_add(rows, &row);
	}
	rows_add_table(rows, refused, ARRAY_SIZE(refused));
	for (size_t i = 0; i < ARRAY_SIZE(refusable); i++)
		if (!is_allowed(facts, refusable[i].number))
			rows_add(rows, &refusable[i]);
	if (facts->refuse_truncation)
		rows_add_table(rows, truncation, ARRAY_SIZE(truncation));
	if (facts->flags & PLAN_SETUID)
		rows_add_table(rows, leases, ARRAY_SIZE(leases));
}

static void rows_collect(struct rows *rows, const struct filter_facts *facts)
{
	/* Its flags are in memory, and one of them makes a user namespace. */
	static const struct row around = { __NR_clone3, emit_always, 0, 0, FAIL(ENOSYS) };

	if (facts->gate || facts->forbid)
		rows_add(rows, &around);
	else
		rows_add_refused(rows, facts);
	if (!facts->nested)
		rows_add_trapped(rows, facts);
}

static void emit_tree(struct assembler *assembler, const struct row *rows, size_t count);

static void emit_rows(struct assembler *assembler, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		rows[i].emit(assembler, &rows[i]);
}

/* The accumulator holds the number. Rows of one number share a leaf; where they are more than a
 * conditional jump reaches, they are made once more after a long one. */
static void emit_leaf(struct assembler *assembler, const struct row *rows, size_t count)
{
	size_t position = assembler->length;

	emit(assembler, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | BPF_JEQ, rows->number, 0, 0));
	emit_rows(assembler, rows, count);
	if (!set_branch(assembler, position)) {
		assembler->length = position;
		emit(assembler,
		     (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | BPF_JEQ, rows->number, 1, 0));
		emit(assembler, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
		emit_rows(assembler, rows, count);
		set_jump(assembler, position + 1);
	}
	emit_return(assembler, ALLOW);
}

/* The numbers from `number` on are searched right of `left`. A conditional jump reaches 255
 * instructions; where that is too short, what lies left is made once more behind a long one. */
static void emit_branch(struct assembler *assembler, uint32_t number, const struct row *left,
			size_t count)
{
	size_t position = assembler->length;
	size_t distance;

	emit(assembler, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | BPF_JGE, number, 0, 0));
	emit_tree(assembler, left, count);
	distance = assembler->length - position - 1;
	if (distance <= UINT8_MAX && position < FILTER_LENGTH_MAX) {
		assembler->program[position].jt = (uint8_t)distance;
		return;
	}
	assembler->length = position;
	emit(assembler, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | BPF_JGE, number, 0, 1));
	emit(assembler, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
	emit_tree(assembler, left, count);
	set_jump(assembler, position + 1);
}

static void emit_tree(struct assembler *assembler, const struct row *rows, size_t count)
{
	size_t middle = count / 2;

	while (middle > 0 && rows[middle - 1].number == rows[middle].number)
		middle--;
	if (middle == 0) {
		for (middle = count / 2; middle < count; middle++)
			if (rows[middle].number != rows[0].number)
				break;
	}
	if (middle == count) {
		emit_leaf(assembler, rows, count);
		return;
	}
	emit_branch(assembler, rows[middle].number, rows, middle);
	emit_tree(assembler, rows + middle, count - middle);
}

int filter_build(const struct filter_facts *facts, struct sock_filter *program, size_t *ret_length)
{
	struct assembler assembler = { program, 0, facts };
	struct rows rows = { .count = 0 };

	rows_collect(&rows, facts);
	emit_load(&assembler, offsetof(struct seccomp_data, arch));
	emit(&assembler,
	     (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | BPF_JEQ, COMPAT_AUDIT_ARCH, 1, 0));
	emit_return(&assembler, FAIL(ENOSYS));
	emit_load(&assembler, offsetof(struct seccomp_data, nr));
	/* x32 numbers lie beyond it too */
	emit_return_if(&assembler, BPF_JGT, FILTER_CALL_LAST, FAIL(ENOSYS));
	emit_tree(&assembler, rows.rows, rows.count);
	if (assembler.length > FILTER_LENGTH_MAX)
		return -E2BIG;
	*ret_length = assembler.length;
	return 0;
}
