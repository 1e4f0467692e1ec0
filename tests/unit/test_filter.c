/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The seccomp program in a simulator: every refusal by name, every socket, every foreign ABI.
 * Numbers come from libseccomp, which knows nothing of our tables.
 * The oracles are written from the policy's text, not from the filter's tables.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf_simulator.h"
#include "compat.h"
#include "filter.h"
#include "filter_fixture.h"
#include "plan.h"
#include "util.h"

static uint32_t ask_abi(const struct built *built, uint32_t arch, int number,
			const uint64_t arguments[6])
{
	struct seccomp_data data = { .nr = number, .arch = arch };

	for (int i = 0; arguments && i < 6; i++)
		data.args[i] = arguments[i];
	return bpf_simulate(built->program, built->length, &data, NULL);
}

#define ask(built, number, ...) \
	ask_abi(built, COMPAT_AUDIT_ARCH, number, (const uint64_t[6]){ __VA_ARGS__ })

static int number_of(const char *name)
{
	int number = seccomp_syscall_resolve_name(name);

	assert_true(number >= 0);
	return number;
}

/* What every session is refused, whatever the arguments. */
static const struct {
	const char *name;
	uint32_t action;
} always[] = {
	{ "io_uring_setup", FAIL(EPERM) },    { "io_uring_enter", FAIL(EPERM) },
	{ "io_uring_register", FAIL(EPERM) }, { "setns", FAIL(EPERM) },
	{ "clone3", FAIL(ENOSYS) },
};

/* What [syscalls] may give back. */
static const char *const by_default[] = {
	"mount",         "umount2",           "pivot_root",      "fsopen",      "fspick",
	"fsconfig",      "fsmount",           "move_mount",      "open_tree",   "mount_setattr",
	"bpf",           "perf_event_open",   "userfaultfd",     "init_module", "finit_module",
	"delete_module", "kexec_load",        "kexec_file_load", "add_key",     "request_key",
	"keyctl",        "open_by_handle_at",
};

/* Calls that have a test of their own here, by argument. */
static const char *const by_argument[] = {
	"socket",
	"socketpair",
	"sendto",
	"sendmsg",
	"sendmmsg",
	"connect",
	"listen",
	"bind",
	"setsockopt",
	"seccomp",
	"prctl",
	"unshare",
	"clone",
	"ioctl",
	"kill",
	"tkill",
	"tgkill",
	"rt_sigqueueinfo",
	"rt_tgsigqueueinfo",
	"pidfd_open",
	"prlimit64",
	"setpriority",
	"ioprio_set",
	"sched_setaffinity",
	"sched_setattr",
	"sched_setparam",
	"sched_setscheduler",
};

static bool is_listed(int number, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (number == seccomp_syscall_resolve_name(names[i]))
			return true;
	return false;
}

static void refused_calls_are_refused_whatever_the_arguments(void **state)
{
	struct built built;

	(void)state;
	build(&built, &(struct filter_facts){ 0 });
	for (size_t i = 0; i < ARRAY_SIZE(always); i++) {
		assert_int_equal(always[i].action, ask(&built, number_of(always[i].name), 0));
		assert_int_equal(always[i].action,
				 ask(&built, number_of(always[i].name), ~0ULL, ~0ULL, ~0ULL, ~0ULL));
	}
	for (size_t i = 0; i < ARRAY_SIZE(by_default); i++)
		assert_int_equal(FAIL(EPERM), ask(&built, number_of(by_default[i]), 0));
	assert_int_equal(FAIL(EPERM), ask(&built, __NR_open_tree_attr, 0));
}

static void every_other_call_is_allowed(void **state)
{
	struct built built;

	(void)state;
	build(&built, &(struct filter_facts){ 0 });
	for (int number = 0; number <= FILTER_CALL_LAST; number++) {
		bool refused = number == __NR_open_tree_attr ||
			       is_listed(number, by_default, ARRAY_SIZE(by_default)) ||
			       is_listed(number, by_argument, ARRAY_SIZE(by_argument));

		for (size_t i = 0; i < ARRAY_SIZE(always); i++)
			refused |= number == seccomp_syscall_resolve_name(always[i].name);
		if (!refused)
			assert_int_equal(ALLOW, ask(&built, number, ~0ULL, ~0ULL, ~0ULL, ~0ULL,
						    ~0ULL, ~0ULL));
	}
}

static void foreign_abis_and_unknown_numbers_do_not_exist(void **state)
{
	static const uint32_t foreign[] = {
		AUDIT_ARCH_I386,    AUDIT_ARCH_ARM,     AUDIT_ARCH_AARCH64, AUDIT_ARCH_X86_64,
		AUDIT_ARCH_PPC64LE, AUDIT_ARCH_RISCV64, AUDIT_ARCH_MIPS,    0,
		UINT32_MAX,
	};
	static const int unknown[] = {
		FILTER_CALL_LAST + 1, 1000, 0x40000000, 0x40000000 + 42, INT32_MAX, -1, INT32_MIN
	};
	struct built built;

	(void)state;
	build(&built, &(struct filter_facts){ .flags = PLAN_FLAGS });
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
		for (int number = 0; number < 512; number++)
			if (foreign[i] != COMPAT_AUDIT_ARCH)
				assert_int_equal(FAIL(ENOSYS),
						 ask_abi(&built, foreign[i], number, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		assert_int_equal(FAIL(ENOSYS), ask(&built, unknown[i], 0));
	for (int number = 0; number <= FILTER_CALL_LAST; number++)
		assert_int_equal(FAIL(ENOSYS), ask(&built, number | 0x40000000, 0));
}

/* POLICY's "what stays creatable", sentence by sentence. */
static bool may_create(uint32_t flags, uint32_t family, uint32_t type, uint32_t protocol)
{
	bool inet = family == AF_INET || family == AF_INET6;
	uint32_t icmp = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	if (family == AF_UNIX) {
		bool datagram = type == SOCK_DGRAM || (type == SOCK_RAW && protocol == 0);

		return (protocol == 0 || protocol == AF_UNIX) &&
		       (type == SOCK_STREAM || type == SOCK_SEQPACKET ||
			(datagram && (flags & PLAN_UNIX_DGRAM)));
	}
	if (family == AF_NETLINK)
		return protocol == 0 && (type == SOCK_RAW || type == SOCK_DGRAM);
	if (inet && type == SOCK_STREAM)
		return protocol == 0 || protocol == IPPROTO_TCP;
	if (inet && type == SOCK_DGRAM && protocol == icmp)
		return flags & PLAN_ICMP;
	if (inet && type == SOCK_RAW && protocol == icmp)
		return flags & PLAN_ICMP_RAW;
	if (inet && type == SOCK_DGRAM)
		return (flags & PLAN_UDP) &&
		       (protocol == 0 || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE);
	return false;
}

/* Where UDP is closed the supervisor answers with a socket that leads nowhere. */
static bool is_private(uint32_t flags, uint32_t family, uint32_t type, uint32_t protocol)
{
	return !(flags & PLAN_UDP) && (family == AF_INET || family == AF_INET6) &&
	       type == SOCK_DGRAM && (protocol == 0 || protocol == IPPROTO_UDP);
}

static void requests_that_change_interfaces_are_refused(void **state)
{
	static const uint32_t reading[] = { 0x8912, 0x8913, 0x8915, 0x8927, 0x8933, 0x8906 };
	static const uint32_t writing[] = { 0x8914, 0x8916, 0x891a, 0x8922, 0x8924, 0x8946,
					    0x894c, 0x89a0, 0x89f0, 0x890b, 0x8955, 0x89ff };
	struct built built;

	(void)state;
	build(&built, &(struct filter_facts){ 0 });
	for (size_t i = 0; i < ARRAY_SIZE(reading); i++)
		assert_int_equal(ALLOW, ask(&built, __NR_ioctl, 3, GARBAGE | reading[i], 4096));
	for (size_t i = 0; i < ARRAY_SIZE(writing); i++)
		assert_int_equal(FAIL(EPERM), ask(&built, __NR_ioctl, 3, GARBAGE | writing[i], 4096));
	assert_int_equal(ALLOW, ask(&built, __NR_ioctl, 3, 0x80108906, 4096)); /* SIOCGSTAMP */
}

static void tables_of_packet_filters_are_not_read(void **state)
{
	static const struct {
		uint32_t level;
		uint32_t option;
		uint32_t action;
	} cases[] = {
		{ IPPROTO_IP, 63, ALLOW },         { IPPROTO_IP, 64, FAIL(EPERM) },
		{ IPPROTO_IP, 79, FAIL(EPERM) },   { IPPROTO_IP, 80, ALLOW },
		{ IPPROTO_IP, 81, FAIL(EPERM) },   { IPPROTO_IP, UINT32_MAX, FAIL(EPERM) },
		{ IPPROTO_IPV6, 63, ALLOW },       { IPPROTO_IPV6, 64, FAIL(EPERM) },
		{ IPPROTO_IPV6, 65, FAIL(EPERM) }, { IPPROTO_IPV6, 66, ALLOW },
		{ IPPROTO_IPV6, 68, FAIL(EPERM) }, { IPPROTO_IPV6, 69, FAIL(EPERM) },
		{ IPPROTO_IPV6, 70, ALLOW },       { IPPROTO_IPV6, 80, ALLOW },
		{ IPPROTO_TCP, 64, ALLOW },        { SOL_SOCKET, 65, ALLOW },
	};
	struct built built;

	(void)state;
	build(&built, &(struct filter_facts){ 0 });
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(cases[i].action, ask(&built, __NR_getsockopt, 3, cases[i].level,
						      GARBAGE | cases[i].option, 4096, 4096));
}

static void private_sockets_are_left_to_the_outermost_supervisor(void **state)
{
	const struct {
		struct filter_facts facts;
		uint32_t action;
	} cases[] = {
		{ { 0 }, NOTIFY },
		{ { .nested = true }, ALLOW },
		{ { .gate = true, .gate_uid = 1000, .gate_key = 1 }, NOTIFY },
		{ { .gate = true, .gate_uid = 1000, .gate_key = 1, .flags = PLAN_UDP }, ALLOW },
		{ { .forbid = true, .gate_uid = 1000 }, ALLOW },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct built built;
		const uint32_t datagram = SOCK_DGRAM | SOCK_CLOEXEC;

		build(&built, &cases[i].facts);
		assert_int_equal(cases[i].action, ask(&built, __NR_socket, AF_INET, datagram, 0));
		assert_int_equal(cases[i].action,
				 ask(&built, __NR_socket, AF_INET6, datagram, IPPROTO_UDP));
		assert_int_equal(ALLOW, ask(&built, __NR_socket, AF_INET, SOCK_STREAM, 0));
	}
}

static void sockets_are_created_as_the_policy_says(void **state)
{
	static const uint32_t protocols[] = { 0,   1,     2,     6,           16,        17,  33,
					      58,  132,   136,   255,         256,       262, 263,
					      511, 65535, 65536, 0x10000006U, UINT32_MAX };
	static const uint32_t flags[] = {
		0, PLAN_UDP, PLAN_ICMP, PLAN_ICMP_RAW, PLAN_UNIX_DGRAM, PLAN_FLAGS
	};
	struct built built;

	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(flags); f++) {
		build(&built, &(struct filter_facts){ .flags = flags[f] });
		for (uint32_t family = 0; family <= 300; family++)
			for (uint32_t type = 0; type < 16; type++)
				for (size_t p = 0; p < ARRAY_SIZE(protocols); p++) {
					bool created =
						may_create(flags[f], family, type, protocols[p]);
					bool private =
						is_private(flags[f], family, type, protocols[p]);
					uint32_t expected = private   ? NOTIFY
							    : created ? ALLOW
								      : FAIL(EPERM);
					uint32_t pair = created && family == AF_UNIX ? ALLOW
										     : FAIL(EPERM);

					assert_int_equal(expected,
							 ask(&built, __NR_socket, GARBAGE | family,
							     type, GARBAGE | protocols[p]));
					assert_int_equal(expected,
							 ask(&built, __NR_socket, family,
							     type | SOCK_NONBLOCK | SOCK_CLOEXEC,
							     protocols[p]));
					assert_int_equal(pair, ask(&built, __NR_socketpair, family,
								   type, protocols[p], 4096));
				}
	}
}

static void trapped_calls_trap_as_the_facts_say(void **state)
{
	struct built built;

	(void)state;
	build(&built, &(struct filter_facts){ 0 });
	assert_int_equal(NOTIFY, ask(&built, __NR_connect, 3, 4096, 16));
	assert_int_equal(NOTIFY, ask(&built, __NR_listen, 3, 5));
	assert_int_equal(ALLOW, ask(&built, __NR_bind, 3, 4096, 16));
	assert_int_equal(ALLOW, ask(&built, __NR_sendmsg, 3, 4096, 0));
	assert_int_equal(ALLOW, ask(&built, __NR_sendmmsg, 3, 4096, 1, 0));
	build(&built, &(struct filter_facts){ .datagrams = true });
	assert_int_equal(NOTIFY, ask(&built, __NR_sendmsg, 3, 4096, 0));
	assert_int_equal(NOTIFY, ask(&built, __NR_sendmmsg, 3, 4096, 1, 0));
	build(&built, &(struct filter_facts){ .trap_bind = true });
	assert_int_equal(NOTIFY, ask(&built, __NR_bind, 3, 4096, 16));
	for (uint32_t flag = PLAN_UDP; flag <= PLAN_UNIX_DGRAM; flag <<= 1) {
		build(&built, &(struct filter_facts){ .flags = flag });
		assert_int_equal(NOTIFY, ask(&built, __NR_sendmsg, 3, 4096, 0));
		assert_int_equal(NOTIFY, ask(&built, __NR_sendmmsg, 3, 4096, 1, 0));
	}
	/* Which of them the session binds. */
	build(&built, &(struct filter_facts){ .flags = PLAN_UNIX_DGRAM });
	assert_int_equal(NOTIFY, ask(&built, __NR_bind, 3, 4096, 16));
	build(&built,
	      &(struct filter_facts){ .flags = PLAN_FLAGS, .trap_bind = true, .nested = true });
	assert_int_equal(ALLOW, ask(&built, __NR_connect, 3, 4096, 16));
	assert_int_equal(ALLOW, ask(&built, __NR_bind, 3, 4096, 16));
	assert_int_equal(ALLOW, ask(&built, __NR_listen, 3, 5));
	assert_int_equal(ALLOW, ask(&built, __NR_sendto, 3, 4096, 5, 0, 4096, 16));
	assert_int_equal(ALLOW, ask(&built, __NR_sendmsg, 3, 4096, 0));
	assert_int_equal(ALLOW, ask(&built, __NR_sendmmsg, 3, 4096, 1, 0));
}

/* The calls by which a process gets a uid, and how many arguments are one. */
static const struct {
	const char *name;
	unsigned uids;
} becoming[] = { { "setuid", 1 }, { "setfsuid", 1 }, { "setreuid", 2 }, { "setresuid", 3 } };

/* Each argument that is a uid ends in `action` where it is 1000, and no other register does. */
static void assert_becoming(const struct built *built, uint32_t action)
{
	for (size_t i = 0; i < ARRAY_SIZE(becoming); i++) {
		for (unsigned at = 0; at < 6; at++) {
			uint64_t arguments[6] = { 0, 1001, UINT32_MAX, 0, 0, 0 };
			uint32_t expected = at < becoming[i].uids ? action : ALLOW;

			arguments[at] = 1000;
			assert_int_equal(expected, ask_abi(built, COMPAT_AUDIT_ARCH,
							   number_of(becoming[i].name), arguments));
			arguments[at] |= GARBAGE;
			assert_int_equal(expected, ask_abi(built, COMPAT_AUDIT_ARCH,
							   number_of(becoming[i].name), arguments));
		}
		assert_int_equal(ALLOW, ask(built, number_of(becoming[i].name), UINT32_MAX,
					    UINT32_MAX, UINT32_MAX));
	}
}

/* In a new user namespace the uid could have another number. */
static void assert_namespaces(const struct built *built, uint32_t action)
{
	assert_int_equal(action, ask(built, number_of("unshare"), CLONE_NEWUSER | CLONE_FS));
	assert_int_equal(action, ask(built, number_of("clone"), CLONE_NEWUSER | CLONE_VM));
	assert_int_equal(action, ask(built, number_of("setns"), 3, CLONE_NEWUSER));
	assert_int_equal(action, ask(built, number_of("setns"), 3, GARBAGE));
	assert_int_equal(ALLOW, ask(built, number_of("unshare"), CLONE_NEWNS | CLONE_THREAD));
	assert_int_equal(ALLOW, ask(built, number_of("clone"), CLONE_VM | CLONE_NEWNET));
	assert_int_equal(ALLOW, ask(built, number_of("setns"), 3, CLONE_NEWNS));
	assert_int_equal(FAIL(ENOSYS), ask(built, number_of("clone3"), 4096, 88));
}

/* The account that the supervisors of all sessions share is nobody's inside, with and without nesting. */
static void service_account_is_refused_to_sessions(void **state)
{
	static const struct {
		const char *name;
		unsigned first; /* of its arguments */
		unsigned uids;
		unsigned gids; /* behind them */
	} calls[] = {
		{ "setuid", 0, 1, 0 },    { "setfsuid", 0, 1, 0 },  { "setreuid", 0, 2, 0 },
		{ "setresuid", 0, 3, 0 }, { "setgid", 0, 0, 1 },    { "setfsgid", 0, 0, 1 },
		{ "setregid", 0, 0, 2 },  { "setresgid", 0, 0, 3 }, { "chown", 1, 1, 1 },
		{ "lchown", 1, 1, 1 },    { "fchown", 1, 1, 1 },    { "fchownat", 2, 1, 1 },
	};

	(void)state;
	for (int nested = 0; nested < 2; nested++) {
		struct built built;

		build(&built, &(struct filter_facts){
				      .service_uid = 998, .service_gid = 997, .nested = nested });
		for (size_t i = 0; i < ARRAY_SIZE(calls) * 6; i++) {
			const unsigned at = (unsigned)i % 6;
			const unsigned uids = calls[i / 6].first + calls[i / 6].uids;
			const unsigned gids = uids + calls[i / 6].gids;
			const bool uid = at >= calls[i / 6].first && at < uids;
			const bool gid = at >= uids && at < gids;
			uint64_t arguments[6] = { 0, 1, UINT32_MAX, 0, 0, 0 };

			arguments[at] = GARBAGE | 998;
			assert_int_equal(uid ? FAIL(EPERM) : ALLOW,
					 ask_abi(&built, COMPAT_AUDIT_ARCH,
						 number_of(calls[i / 6].name), arguments));
			arguments[at] = 997;
			assert_int_equal(gid ? FAIL(EPERM) : ALLOW,
					 ask_abi(&built, COMPAT_AUDIT_ARCH,
						 number_of(calls[i / 6].name), arguments));
		}
	}
}

/* Whoever would become the user asks; all else a gate leaves as it was. */
static void gate_traps_what_becomes_the_user_and_refuses_nothing(void **state)
{
	struct filter_facts facts = {
		.gate = true, .gate_uid = 1000, .gate_key = 1, .flags = PLAN_UNIX_DGRAM
	};
	struct built gate;
	struct built threads;
	struct built session;

	(void)state;
	build(&gate, &facts);
	build(&session, &(struct filter_facts){ .flags = PLAN_UNIX_DGRAM });
	assert_becoming(&gate, NOTIFY);
	assert_becoming(&session, ALLOW);
	assert_namespaces(&gate, NOTIFY);
	assert_int_equal(ALLOW, ask(&gate, number_of("execve"), 4096, 4096, 4096));
	build(&threads, &(struct filter_facts){ .gate = true, .gate_threads = true });
	assert_int_equal(NOTIFY, ask(&threads, number_of("execve"), 4096, 4096, 4096));
	assert_int_equal(NOTIFY, ask(&threads, number_of("execveat"), 3, 4096, 4096, 4096, 0));
	assert_int_equal(NOTIFY, ask(&gate, number_of("connect"), 3));
	assert_int_equal(NOTIFY, ask(&gate, number_of("listen"), 3));
	assert_int_equal(NOTIFY, ask(&gate, number_of("sendmsg"), 3));
	for (size_t i = 0; i < ARRAY_SIZE(by_default); i++)
		assert_int_equal(ALLOW, ask(&gate, number_of(by_default[i]), 0));
	assert_int_equal(ALLOW, ask(&gate, number_of("socket"), AF_PACKET, SOCK_RAW, 0));
	assert_int_equal(FAIL(ENOSYS), ask_abi(&gate, AUDIT_ARCH_I386, 0, NULL));
}

/* The number of filters tells who is confined: nobody else adds one. */
static void gate_traps_filters_without_its_key(void **state)
{
	const uint64_t key = 0x123456789abcdef1;
	const uint64_t wrong[] = { 0, key ^ 1, key ^ 1ULL << 63, (uint32_t)key, key & GARBAGE };
	struct built gate;

	(void)state;
	build(&gate, &(struct filter_facts){ .gate = true, .gate_key = key });
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(NOTIFY, ask(&gate, number_of("seccomp"), 1, 0, 4096, wrong[i]));
		assert_int_equal(NOTIFY, ask(&gate, number_of("seccomp"), GARBAGE | 1,
					     SECCOMP_FILTER_FLAG_NEW_LISTENER, 4096, wrong[i]));
	}
	assert_int_equal(ALLOW, ask(&gate, number_of("seccomp"), 1, 0, 4096, key));
	assert_int_equal(ALLOW, ask(&gate, number_of("seccomp"), SECCOMP_GET_ACTION_AVAIL, 0, 4096));
	assert_int_equal(NOTIFY, ask(&gate, number_of("prctl"), PR_SET_SECCOMP, 2, 4096, key));
	assert_int_equal(ALLOW, ask(&gate, number_of("prctl"), PR_SET_NAME, 4096));
}

/* What a refused login leaves behind. */
static void refusal_forbids_to_become_the_user_and_nothing_else(void **state)
{
	struct built refusal;

	(void)state;
	build(&refusal, &(struct filter_facts){ .forbid = true, .gate_uid = 1000 });
	assert_becoming(&refusal, FAIL(EPERM));
	assert_namespaces(&refusal, FAIL(EPERM));
	for (int number = 0; number <= FILTER_CALL_LAST; number++)
		if (number != number_of("clone3"))
			assert_int_equal(ALLOW, ask(&refusal, number, 1, 1, 1, 1, 1, 1));
	assert_int_equal(FAIL(EALREADY), ask(&refusal, number_of("prctl"), FILTER_FORBIDS, 1000));
	assert_int_equal(ALLOW, ask(&refusal, number_of("prctl"), FILTER_FORBIDS, 1001));
	assert_int_equal(ALLOW, ask(&refusal, number_of("prctl"), FILTER_FORBIDS, UINT32_MAX));
}

/* Who is refused before anybody knows which uid it would be. */
static void refusal_of_an_unknown_user_forbids_every_uid_but_root_s(void **state)
{
	static const uint64_t uids[] = { 1, 2, 1000, 65534, INT32_MAX, UINT32_MAX - 1 };
	struct built refusal;

	(void)state;
	build(&refusal, &(struct filter_facts){ .forbid = true, .gate_uid = FILTER_UID_ANY });
	for (size_t i = 0; i < ARRAY_SIZE(becoming); i++) {
		const int number = number_of(becoming[i].name);

		for (unsigned at = 0; at < 3; at++)
			for (size_t j = 0; j < ARRAY_SIZE(uids); j++) {
				uint64_t arguments[6] = { 0, UINT32_MAX, 0, 1, 1, 1 };

				arguments[at] = uids[j];
				assert_int_equal(at < becoming[i].uids ? FAIL(EPERM) : ALLOW,
						 ask_abi(&refusal, COMPAT_AUDIT_ARCH, number,
							 arguments));
			}
		assert_int_equal(ALLOW, ask(&refusal, number, 0, 0, 0));
		assert_int_equal(ALLOW, ask(&refusal, number, UINT32_MAX, UINT32_MAX, UINT32_MAX));
	}
	assert_namespaces(&refusal, FAIL(EPERM));
	assert_int_equal(FAIL(EALREADY), ask(&refusal, number_of("prctl"), FILTER_FORBIDS, 1000));
	assert_int_equal(FAIL(EALREADY),
			 ask(&refusal, number_of("prctl"), FILTER_FORBIDS, UINT32_MAX));
}

/* Two filters that trap the same would leave the call to the newer one, which nobody serves. */
static void session_behind_a_gate_traps_nothing(void **state)
{
	struct filter_facts facts = { .nested = true,
				      .flags = PLAN_UDP | PLAN_UNIX_DGRAM,
				      .trap_bind = true };
	struct built built;

	(void)state;
	build(&built, &facts);
	for (int number = 0; number <= FILTER_CALL_LAST; number++)
		assert_int_not_equal(NOTIFY, ask(&built, number, 1, 1, 1, 1, 1, 1));
}

/* libpam and sudo give up a session on EPERM, and go on without audit on this. */
static void audit_is_refused_as_by_a_kernel_without_it(void **state)
{
	struct built built;

	(void)state;
	build(&built, &(struct filter_facts){ 0 });
	assert_int_equal(FAIL(EPROTONOSUPPORT), ask(&built, number_of("socket"), AF_NETLINK,
						    SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT));
	assert_int_equal(FAIL(EPERM), ask(&built, number_of("socketpair"), AF_NETLINK, SOCK_RAW,
					  NETLINK_KOBJECT_UEVENT));
}

static void sendto_traps_only_with_an_address(void **state)
{
	struct built built;

	(void)state;
	build(&built, &(struct filter_facts){ 0 });
	assert_int_equal(ALLOW, ask(&built, __NR_sendto, 3, 4096, 5, 0, 0, 16));
	assert_int_equal(NOTIFY, ask(&built, __NR_sendto, 3, 4096, 5, 0, 1, 16));
	assert_int_equal(NOTIFY, ask(&built, __NR_sendto, 3, 4096, 5, 0, 0x100000000ULL, 0));
	assert_int_equal(NOTIFY, ask(&built, __NR_sendto, 3, 4096, 5, 0, ~0ULL, 0));
}

static void fast_open_is_switched_off_for_every_send(void **state)
{
	const uint64_t flags = MSG_FASTOPEN | MSG_NOSIGNAL;
	struct built built;

	(void)state;
	build(&built, &(struct filter_facts){ .flags = PLAN_FLAGS });
	assert_int_equal(FAIL(EOPNOTSUPP), ask(&built, __NR_sendto, 3, 4096, 5, flags, 4096, 16));
	assert_int_equal(FAIL(EOPNOTSUPP),
			 ask(&built, __NR_sendto, 3, 4096, 5, flags | GARBAGE, 0, 0));
	assert_int_equal(FAIL(EOPNOTSUPP), ask(&built, __NR_sendmsg, 3, 4096, flags));
	assert_int_equal(FAIL(EOPNOTSUPP), ask(&built, __NR_sendmmsg, 3, 4096, 1, flags));
}

static void namespaces_are_refused_flag_by_flag(void **state)
{
	struct built built, browser;

	(void)state;
	build(&built, &(struct filter_facts){ 0 });
	build(&browser, &(struct filter_facts){ .flags = PLAN_USERNS });
	for (int bit = 0; bit < 32; bit++) {
		uint64_t flag = 1ULL << bit;
		bool unprivileged = flag & (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET);
		bool refused = flag & (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
				       CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET);

		assert_int_equal(refused ? FAIL(EPERM) : ALLOW,
				 ask(&built, __NR_clone, flag | GARBAGE));
		assert_int_equal(refused && !unprivileged ? FAIL(EPERM) : ALLOW,
				 ask(&browser, __NR_clone, flag));
		/* In clone this bit is part of the exit signal. */
		refused |= flag == CLONE_NEWTIME;
		assert_int_equal(refused ? FAIL(EPERM) : ALLOW,
				 ask(&built, __NR_unshare, flag | GARBAGE));
		assert_int_equal(refused && !unprivileged ? FAIL(EPERM) : ALLOW,
				 ask(&browser, __NR_unshare, flag));
	}
	assert_int_equal(FAIL(EPERM), ask(&browser, __NR_unshare, CLONE_NEWUSER | CLONE_NEWNS));
}

static void terminal_injection_with_high_bits_is_refused(void **state)
{
	struct built built;

	(void)state;
	build(&built, &(struct filter_facts){ 0 });
	assert_int_equal(FAIL(EPERM), ask(&built, __NR_ioctl, 0, 0x5412, 4096)); /* TIOCSTI */
	assert_int_equal(FAIL(EPERM), ask(&built, __NR_ioctl, 0, GARBAGE | 0x5412, 4096));
	assert_int_equal(FAIL(EPERM), ask(&built, __NR_ioctl, 0, 0x541c, 4096)); /* TIOCLINUX */
	assert_int_equal(ALLOW, ask(&built, __NR_ioctl, 0, 0x5413, 4096));       /* TIOCGWINSZ */
	assert_int_equal(ALLOW, ask(&built, __NR_ioctl, 0x5412, 0x5401, 0x5412));
}

static void leases_are_refused_where_somebody_inside_may_become_root(void **state)
{
	struct built built;

	(void)state;
	build(&built, &(struct filter_facts){ .flags = PLAN_SETUID });
	assert_int_equal(FAIL(EACCES), ask(&built, __NR_fcntl, 3, 1024, 1)); /* F_SETLEASE */
	assert_int_equal(FAIL(EACCES), ask(&built, __NR_fcntl, 3, GARBAGE | 1024, 1));
	assert_int_equal(FAIL(EACCES), ask(&built, __NR_fcntl, 3, 1040, 4096)); /* F_SETDELEG */
	assert_int_equal(ALLOW, ask(&built, __NR_fcntl, 1024, 1025, 1024));     /* F_GETLEASE */
	assert_int_equal(ALLOW, ask(&built, __NR_fcntl, 3, 6, 4096));           /* F_SETLK */
	build(&built, &(struct filter_facts){ .flags = PLAN_FLAGS & ~PLAN_SETUID });
	assert_int_equal(ALLOW, ask(&built, __NR_fcntl, 3, 1024, 1));
}

static void second_listener_is_refused_and_other_filters_are_not(void **state)
{
	struct built built;

	(void)state;
	build(&built, &(struct filter_facts){ 0 });
	assert_int_equal(FAIL(EBUSY),
			 ask(&built, __NR_seccomp, 1, SECCOMP_FILTER_FLAG_NEW_LISTENER, 4096));
	assert_int_equal(FAIL(EBUSY), ask(&built, __NR_seccomp, 1, GARBAGE | 0xff, 4096));
	assert_int_equal(ALLOW, ask(&built, __NR_seccomp, 1, SECCOMP_FILTER_FLAG_LOG, 4096));
}

static void set_id_bits_are_trapped_where_set_uid_programs_work(void **state)
{
	static const struct {
		const char *name;
		int mode; /* argument */
		bool creates;
	} calls[] = {
		{ "fchmod", 1, false },  { "fchmodat", 2, false },
		{ "mknodat", 2, false }, { "openat", 3, true },
#ifdef __NR_open
		{ "chmod", 1, false },   { "creat", 1, false },
		{ "mknod", 1, false },   { "open", 2, true },
#endif
	};
	static const struct filter_facts nested = { .set_ids = true, .nested = true };
	struct built off, on, inner;

	(void)state;
	build(&off, &(struct filter_facts){ 0 });
	build(&on, &(struct filter_facts){ .set_ids = true });
	build(&inner, &nested);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		int number = number_of(calls[i].name);

		for (uint64_t mode = 0; mode <= 07777; mode++) {
			uint64_t arguments[6] = { 3, 4096, O_WRONLY | O_CREAT };
			uint32_t expected = mode & 06000 ? NOTIFY : ALLOW;

			if (calls[i].creates)
				arguments[calls[i].mode - 1] = O_WRONLY | O_CREAT;
			arguments[calls[i].mode] = GARBAGE | S_IFREG | mode;
			assert_int_equal(ALLOW, ask_abi(&off, COMPAT_AUDIT_ARCH, number, arguments));
			assert_int_equal(ALLOW,
					 ask_abi(&inner, COMPAT_AUDIT_ARCH, number, arguments));
			assert_int_equal(expected,
					 ask_abi(&on, COMPAT_AUDIT_ARCH, number, arguments));
			if (!calls[i].creates)
				continue;
			arguments[calls[i].mode - 1] = O_RDWR | O_TMPFILE;
			assert_int_equal(expected,
					 ask_abi(&on, COMPAT_AUDIT_ARCH, number, arguments));
			arguments[calls[i].mode - 1] = O_RDWR | O_TRUNC | O_DIRECTORY;
			assert_int_equal(ALLOW, ask_abi(&on, COMPAT_AUDIT_ARCH, number, arguments));
		}
	}
	assert_int_equal(NOTIFY, ask(&on, number_of("setxattr"), 4096, 4096, 4096, 20));
	assert_int_equal(NOTIFY, ask(&on, number_of("lsetxattr"), 4096, 4096, 4096, 20));
	assert_int_equal(NOTIFY, ask(&on, number_of("fsetxattr"), 3, 4096, 4096, 20));
	assert_int_equal(NOTIFY, ask(&on, 463, 3, 4096, 0, 4096)); /* setxattrat */
	assert_int_equal(ALLOW, ask(&off, number_of("setxattr"), 4096, 4096, 4096, 20));
	assert_int_equal(NOTIFY, ask(&on, 452, 3, 4096, 04755, 0)); /* fchmodat2 */
	assert_int_equal(ALLOW, ask(&on, 452, 3, 4096, 0755, 0));
	assert_int_equal(NOTIFY, ask(&on, number_of("openat2"), 3, 4096, 4096, 24));
	assert_int_equal(ALLOW, ask(&inner, number_of("openat2"), 3, 4096, 4096, 24));
	assert_int_equal(ALLOW, ask(&off, number_of("openat2"), 3, 4096, 4096, 24));
}

static void marker_tells_where_a_process_is(void **state)
{
	const uint64_t digest = 0x1122334455667788ULL, endpoints = 0x99aabbccddeeff00ULL;
	struct built built;

	(void)state;
	build(&built, &(struct filter_facts){ .digest = digest, .endpoints = endpoints });
	assert_int_equal(FAIL(FILTER_MARKER_SAME), ask(&built, __NR_prctl, FILTER_MARKER, digest, 0));
	assert_int_equal(FAIL(FILTER_MARKER_ENDPOINTS),
			 ask(&built, __NR_prctl, FILTER_MARKER, 1, endpoints));
	assert_int_equal(FAIL(FILTER_MARKER_OTHER), ask(&built, __NR_prctl, FILTER_MARKER, 0, 0));
	assert_int_equal(FAIL(FILTER_MARKER_OTHER),
			 ask(&built, __NR_prctl, FILTER_MARKER, digest ^ 1ULL << 32, endpoints ^ 1));
	assert_int_equal(FAIL(FILTER_MARKER_OTHER),
			 ask(&built, __NR_prctl, FILTER_MARKER, digest ^ 1, endpoints ^ 1ULL << 63));
	assert_int_equal(ALLOW, ask(&built, __NR_prctl, FILTER_MARKER + 1, digest, endpoints));
}

static void dumpable_is_kept_where_the_supervisor_needs_it(void **state)
{
	struct built built;

	(void)state;
	build(&built, &(struct filter_facts){ .keep_dumpable = true });
	assert_int_equal(FAIL(0), ask(&built, __NR_prctl, PR_SET_DUMPABLE, 0));
	assert_int_equal(ALLOW, ask(&built, __NR_prctl, PR_SET_DUMPABLE, 1));
	assert_int_equal(ALLOW, ask(&built, __NR_prctl, PR_GET_DUMPABLE, 0));
	build(&built, &(struct filter_facts){ 0 });
	assert_int_equal(ALLOW, ask(&built, __NR_prctl, PR_SET_DUMPABLE, 0));
}

static void protected_pids_are_refused_by_number_and_as_a_group(void **state)
{
	static const struct {
		const char *name;
		int argument;
		uint32_t others; /* what is done where it names any other process */
	} guarded[] = {
		{ "kill", 0, ALLOW },
		{ "tkill", 0, ALLOW },
		{ "tgkill", 0, ALLOW },
		{ "rt_sigqueueinfo", 0, ALLOW },
		{ "rt_tgsigqueueinfo", 0, ALLOW },
		{ "pidfd_open", 0, ALLOW },
		{ "prlimit64", 0, NOTIFY },
		{ "setpriority", 1, NOTIFY },
		{ "ioprio_set", 1, NOTIFY },
		{ "sched_setaffinity", 0, NOTIFY },
		{ "sched_setattr", 0, NOTIFY },
		{ "sched_setparam", 0, NOTIFY },
		{ "sched_setscheduler", 0, NOTIFY },
	};
	static const uint32_t keepers[] = { 100, 200, 300 };
	struct built built;

	(void)state;
	build(&built, &(struct filter_facts){ .protected_pids = { 100, 200, 300 } });
	for (size_t i = 0; i < ARRAY_SIZE(guarded); i++) {
		int number = number_of(guarded[i].name);
		uint64_t arguments[6] = { 0 };

		assert_int_equal(ALLOW, ask_abi(&built, COMPAT_AUDIT_ARCH, number, arguments));
		for (size_t k = 0; k < ARRAY_SIZE(keepers); k++) {
			arguments[guarded[i].argument] = GARBAGE | keepers[k];
			assert_int_equal(FAIL(EPERM),
					 ask_abi(&built, COMPAT_AUDIT_ARCH, number, arguments));
			arguments[guarded[i].argument] = (uint32_t)-keepers[k];
			assert_int_equal(FAIL(EPERM),
					 ask_abi(&built, COMPAT_AUDIT_ARCH, number, arguments));
			arguments[guarded[i].argument] = keepers[k] + 1;
			assert_int_equal(guarded[i].others,
					 ask_abi(&built, COMPAT_AUDIT_ARCH, number, arguments));
		}
	}
}

static void priorities_of_groups_and_users_are_left_alone(void **state)
{
	struct built built;

	(void)state;
	build(&built, &(struct filter_facts){ 0 });
	for (uint64_t which = 0; which < 5; which++) {
		assert_int_equal(which == 1 || which == 2 ? FAIL(EPERM) : ALLOW,
				 ask(&built, __NR_setpriority, which, 0));
		assert_int_equal(which == 2 || which == 3 ? FAIL(EPERM) : ALLOW,
				 ask(&built, __NR_ioprio_set, which, 0));
	}
}

static void calls_of_the_policy_are_denied_and_given_back(void **state)
{
	const struct plan_call calls[] = {
		{ __NR_connect, CALL_DENY }, { __NR_getppid, CALL_DENY },
		{ __NR_bpf, CALL_ALLOW },    { __NR_io_uring_setup, CALL_ALLOW },
		{ 100000, CALL_DENY },
	};
	struct built built;

	(void)state;
	build(&built, &(struct filter_facts){ .calls = calls, .call_count = ARRAY_SIZE(calls) });
	assert_int_equal(FAIL(EPERM), ask(&built, __NR_connect, 3, 4096, 16));
	assert_int_equal(FAIL(EPERM), ask(&built, __NR_getppid, 0));
	assert_int_equal(ALLOW, ask(&built, __NR_bpf, 0));
	assert_int_equal(FAIL(EPERM), ask(&built, __NR_perf_event_open, 0));
	assert_int_equal(FAIL(EPERM), ask(&built, __NR_io_uring_setup, 0));
}

static void every_call_denied_still_fits(void **state)
{
	struct plan_call calls[FILTER_CALL_LAST + 1];
	struct built built;

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(calls); i++)
		calls[i] = (struct plan_call){ i, CALL_DENY };
	build(&built, &(struct filter_facts){ .flags = PLAN_FLAGS,
					      .calls = calls,
					      .call_count = ARRAY_SIZE(calls),
					      .trap_bind = true,
					      .refuse_truncation = true,
					      .keep_dumpable = true,
					      .protected_pids = { 1, 2, 3, 4 } });
	for (int number = 0; number <= FILTER_CALL_LAST; number++)
		assert_int_equal(FAIL(EPERM), ask(&built, number, 0));
}

static void truncation_is_held_where_landlock_cannot(void **state)
{
	struct built built;

	(void)state;
	build(&built, &(struct filter_facts){ .refuse_truncation = true });
	assert_int_equal(FAIL(EACCES), ask(&built, __NR_truncate, 4096, 0));
	assert_int_equal(ALLOW, ask(&built, __NR_ftruncate, 3, 0));
	assert_int_equal(FAIL(ENOSYS), ask(&built, __NR_openat2, 3, 4096, 4096));
	assert_int_equal(FAIL(EACCES), ask(&built, __NR_openat, 3, 4096, O_RDONLY | O_TRUNC));
	assert_int_equal(ALLOW, ask(&built, __NR_openat, 3, 4096, O_WRONLY | O_TRUNC));
	assert_int_equal(ALLOW, ask(&built, __NR_openat, 3, 4096, O_RDONLY));
	build(&built, &(struct filter_facts){ 0 });
	assert_int_equal(ALLOW, ask(&built, __NR_truncate, 4096, 0));
	assert_int_equal(ALLOW, ask(&built, __NR_openat, 3, 4096, O_RDONLY | O_TRUNC));
}

static void untrapped_calls_take_few_steps(void **state)
{
	struct built built;

	(void)state;
	build(&built, &(struct filter_facts){ .flags = PLAN_FLAGS, .trap_bind = true });
	assert_in_range(built.length, 1, 800);
	for (int number = 0; number <= FILTER_CALL_LAST; number++) {
		struct seccomp_data data = { .nr = number, .arch = COMPAT_AUDIT_ARCH };
		size_t steps;

		assert_int_not_equal(SIMULATOR_INVALID,
				     bpf_simulate(built.program, built.length, &data, &steps));
		if (!is_listed(number, by_argument, ARRAY_SIZE(by_argument)))
			assert_in_range(steps, 1, 25);
	}
}

static void simulator_refuses_what_it_does_not_know(void **state)
{
	static const struct sock_filter strange[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sizeof(struct seccomp_data)),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_IMM, 0),
		BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 0),
		BPF_STMT(BPF_ST, 0),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 1),
		BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32),
		BPF_STMT(BPF_MISC | BPF_TXA, 0),
		BPF_STMT(BPF_RET | BPF_A, 0),
		BPF_STMT(BPF_JMP | BPF_JA, 1),
		BPF_STMT(BPF_JMP | BPF_JA, UINT32_MAX),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 255),
	};
	const struct seccomp_data data = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(strange); i++) {
		const struct sock_filter program[] = { strange[i], BPF_STMT(BPF_RET | BPF_K, ALLOW) };

		assert_int_equal(SIMULATOR_INVALID, bpf_simulate(program, 2, &data, NULL));
	}
	assert_int_equal(SIMULATOR_INVALID, bpf_simulate(strange, 0, &data, NULL));
}

static bool load(const struct built *built)
{
	struct sock_fprog loaded = { (unsigned short)built->length,
				     (void *)(uintptr_t)built->program };

	return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &loaded) == 0;
}

/* The child's status tells how far it came. */
static int confined_child(const struct built *built)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || !load(built))
		return 1;
	if (getppid() <= 0)
		return 2;
	if (socket(AF_PACKET, SOCK_RAW, 0) >= 0 || errno != EPERM)
		return 3;
	if (prctl(FILTER_MARKER, 7, 0, 0, 0) != -1 || errno != FILTER_MARKER_SAME)
		return 4;
	return socket(AF_INET, SOCK_STREAM, 0) < 0 ? 5 : 0;
}

static int run_confined(int (*confined)(const struct built *built), const struct built *built)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		_exit(confined(built));
	assert_int_equal(child, waitpid(child, &status, 0));
	return status;
}

static void program_is_taken_by_the_kernel(void **state)
{
	struct built built;

	(void)state;
	build(&built,
	      &(struct filter_facts){ .digest = 7, .nested = true, .protected_pids = { 1, 2, 3 } });
	assert_int_equal(0, run_confined(confined_child, &built));
}

/* Nothing can be done under it but to end. */
static int loading_child(const struct built *built)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || !load(built))
		return 1;
	/* Past what a sanitizer does at the end. */
	return (int)syscall(__NR_exit_group, 0);
}

static void longest_program_is_taken_by_the_kernel(void **state)
{
	struct plan_call calls[FILTER_CALL_LAST + 1];
	struct filter_facts facts = { .flags = PLAN_FLAGS,
				      .calls = calls,
				      .trap_bind = true,
				      .refuse_truncation = true,
				      .keep_dumpable = true,
				      .protected_pids = { 1, 2, 3, 4 } };
	struct built built;

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (i != __NR_exit_group && i != __NR_exit)
			calls[facts.call_count++] = (struct plan_call){ i, CALL_DENY };
	build(&built, &facts);
	assert_int_equal(0, run_confined(loading_child, &built));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_calls_are_refused_whatever_the_arguments),
		cmocka_unit_test(every_other_call_is_allowed),
		cmocka_unit_test(foreign_abis_and_unknown_numbers_do_not_exist),
		cmocka_unit_test(sockets_are_created_as_the_policy_says),
		cmocka_unit_test(requests_that_change_interfaces_are_refused),
		cmocka_unit_test(tables_of_packet_filters_are_not_read),
		cmocka_unit_test(private_sockets_are_left_to_the_outermost_supervisor),
		cmocka_unit_test(trapped_calls_trap_as_the_facts_say),
		cmocka_unit_test(gate_traps_what_becomes_the_user_and_refuses_nothing),
		cmocka_unit_test(gate_traps_filters_without_its_key),
		cmocka_unit_test(service_account_is_refused_to_sessions),
		cmocka_unit_test(refusal_forbids_to_become_the_user_and_nothing_else),
		cmocka_unit_test(refusal_of_an_unknown_user_forbids_every_uid_but_root_s),
		cmocka_unit_test(session_behind_a_gate_traps_nothing),
		cmocka_unit_test(audit_is_refused_as_by_a_kernel_without_it),
		cmocka_unit_test(sendto_traps_only_with_an_address),
		cmocka_unit_test(fast_open_is_switched_off_for_every_send),
		cmocka_unit_test(namespaces_are_refused_flag_by_flag),
		cmocka_unit_test(terminal_injection_with_high_bits_is_refused),
		cmocka_unit_test(leases_are_refused_where_somebody_inside_may_become_root),
		cmocka_unit_test(second_listener_is_refused_and_other_filters_are_not),
		cmocka_unit_test(set_id_bits_are_trapped_where_set_uid_programs_work),
		cmocka_unit_test(marker_tells_where_a_process_is),
		cmocka_unit_test(dumpable_is_kept_where_the_supervisor_needs_it),
		cmocka_unit_test(protected_pids_are_refused_by_number_and_as_a_group),
		cmocka_unit_test(priorities_of_groups_and_users_are_left_alone),
		cmocka_unit_test(calls_of_the_policy_are_denied_and_given_back),
		cmocka_unit_test(every_call_denied_still_fits),
		cmocka_unit_test(truncation_is_held_where_landlock_cannot),
		cmocka_unit_test(untrapped_calls_take_few_steps),
		cmocka_unit_test(simulator_refuses_what_it_does_not_know),
		cmocka_unit_test(program_is_taken_by_the_kernel),
		cmocka_unit_test(longest_program_is_taken_by_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
