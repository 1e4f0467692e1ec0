/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * setsockopt(2) in the simulator: the filter against the table, and the table against names written down by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "bpf_simulator.h"
#include "compat.h"
#include "filter.h"
#include "filter_fixture.h"
#include "plan.h"
#include "socket_options.h"
#include "util.h"

static uint32_t ask(const struct built *built, uint64_t level, uint64_t option)
{
	const struct seccomp_data data = { .nr = __NR_setsockopt,
					   .arch = COMPAT_AUDIT_ARCH,
					   .args = { 3, level, option, 4096, 4 } };

	return bpf_simulate(built->program, built->length, &data, NULL);
}

static uint32_t expected(const struct filter_facts *facts, enum option_decision decision)
{
	uint32_t served = facts->nested ? ALLOW : NOTIFY;

	switch (decision) {
	case OPTION_UNKNOWN:
		return FAIL(ENOPROTOOPT);
	case OPTION_ALLOWED:
		return ALLOW;
	case OPTION_DATAGRAM:
		return facts->flags & PLAN_UDP ? ALLOW : FAIL(EPERM);
	case OPTION_GROUP:
		return facts->groups ? served : FAIL(EPERM);
	case OPTION_NONLOCAL:
		return served;
	case OPTION_REFUSED:
		return FAIL(EPERM);
	case OPTION_UNSUPPORTED:
		return FAIL(EOPNOTSUPP);
	}
	return 0;
}

static const struct filter_facts settings[] = {
	{ .flags = 0 },
	{ .flags = PLAN_UDP },
	{ .flags = PLAN_UDP, .groups = true },
	{ .flags = PLAN_FLAGS, .groups = true, .nested = true },
	{ .flags = PLAN_FLAGS, .trap_bind = true, .protected_pids = { 1, 2, 3, 4 } },
};

static void table_is_sorted_and_disjoint(void **state)
{
	(void)state;
	for (size_t i = 0; i < socket_option_count; i++)
		assert_true(socket_options[i].first <= socket_options[i].last);
	for (size_t i = 1; i < socket_option_count; i++) {
		const struct socket_option *before = &socket_options[i - 1];

		assert_true(before->level < socket_options[i].level ||
			    (before->level == socket_options[i].level &&
			     before->last < socket_options[i].first));
	}
}

static void filter_decides_every_option_as_the_table_says(void **state)
{
	static const uint32_t odd[] = { 0x7fffffff, 0x80000000, UINT32_MAX };
	struct built built;

	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(settings); s++) {
		build(&built, &settings[s]);
		for (uint32_t level = 0; level < 320; level++) {
			for (uint32_t option = 0; option < 1100; option++)
				assert_int_equal(expected(&settings[s],
							  socket_option_decide(level, option)),
						 ask(&built, level, GARBAGE | option));
			for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
				assert_int_equal(FAIL(ENOPROTOOPT), ask(&built, level, odd[i]));
				assert_int_equal(FAIL(ENOPROTOOPT), ask(&built, odd[i], level));
			}
		}
		assert_int_equal(ask(&built, IPPROTO_IP, MCAST_JOIN_GROUP),
				 ask(&built, GARBAGE | IPPROTO_IP, GARBAGE | MCAST_JOIN_GROUP));
	}
}

struct named {
	int level;
	int option;
};

/* What ordinary programs set: curl, openssh, Java, Go, node, python, browsers, daemons. */
static const struct named ordinary[] = {
	{ SOL_SOCKET, SO_REUSEADDR },
	{ SOL_SOCKET, SO_REUSEPORT },
	{ SOL_SOCKET, SO_KEEPALIVE },
	{ SOL_SOCKET, SO_BROADCAST },
	{ SOL_SOCKET, SO_LINGER },
	{ SOL_SOCKET, SO_OOBINLINE },
	{ SOL_SOCKET, SO_SNDBUF },
	{ SOL_SOCKET, SO_RCVBUF },
	{ SOL_SOCKET, SO_SNDBUFFORCE },
	{ SOL_SOCKET, SO_RCVBUFFORCE },
	{ SOL_SOCKET, SO_RCVTIMEO },
	{ SOL_SOCKET, SO_SNDTIMEO },
	{ SOL_SOCKET, SO_RCVLOWAT },
	{ SOL_SOCKET, SO_PRIORITY },
	{ SOL_SOCKET, SO_PASSCRED },
	{ SOL_SOCKET, SO_PASSSEC },
	{ SOL_SOCKET, SO_TIMESTAMP },
	{ SOL_SOCKET, SO_TIMESTAMPNS },
	{ SOL_SOCKET, SO_TIMESTAMPING },
	{ SOL_SOCKET, SO_ZEROCOPY },
	{ SOL_SOCKET, SO_ATTACH_FILTER },
	{ SOL_SOCKET, SO_DETACH_FILTER },
	{ SOL_SOCKET, SO_INCOMING_CPU },
	{ SOL_SOCKET, SO_PEEK_OFF },
	{ SOL_SOCKET, SO_MAX_PACING_RATE },
	{ SOL_SOCKET, SO_BUSY_POLL },
	{ SOL_SOCKET, SO_RXQ_OVFL },
	{ SOL_SOCKET, SO_TXTIME },
	{ IPPROTO_TCP, TCP_NODELAY },
	{ IPPROTO_TCP, TCP_CORK },
	{ IPPROTO_TCP, TCP_QUICKACK },
	{ IPPROTO_TCP, TCP_KEEPIDLE },
	{ IPPROTO_TCP, TCP_KEEPINTVL },
	{ IPPROTO_TCP, TCP_KEEPCNT },
	{ IPPROTO_TCP, TCP_SYNCNT },
	{ IPPROTO_TCP, TCP_MAXSEG },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT },
	{ IPPROTO_TCP, TCP_CONGESTION },
	{ IPPROTO_TCP, TCP_DEFER_ACCEPT },
	{ IPPROTO_TCP, TCP_LINGER2 },
	{ IPPROTO_TCP, TCP_WINDOW_CLAMP },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT },
	{ IPPROTO_TCP, TCP_FASTOPEN },
	{ IPPROTO_TCP, TCP_SAVE_SYN },
	{ IPPROTO_TCP, TCP_INQ },
	{ IPPROTO_IP, IP_TOS },
	{ IPPROTO_IP, IP_TTL },
	{ IPPROTO_IP, IP_RECVERR },
	{ IPPROTO_IP, IP_RECVTTL },
	{ IPPROTO_IP, IP_RECVTOS },
	{ IPPROTO_IP, IP_PKTINFO },
	{ IPPROTO_IP, IP_MTU_DISCOVER },
	{ IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT },
	{ IPPROTO_IP, IP_MULTICAST_TTL },
	{ IPPROTO_IP, IP_MULTICAST_LOOP },
	{ IPPROTO_IP, IP_MULTICAST_ALL },
	{ IPPROTO_IP, IP_RECVORIGDSTADDR },
	{ IPPROTO_IP, IP_MINTTL },
	{ IPPROTO_IPV6, IPV6_V6ONLY },
	{ IPPROTO_IPV6, IPV6_RECVERR },
	{ IPPROTO_IPV6, IPV6_TCLASS },
	{ IPPROTO_IPV6, IPV6_RECVTCLASS },
	{ IPPROTO_IPV6, IPV6_UNICAST_HOPS },
	{ IPPROTO_IPV6, IPV6_RECVHOPLIMIT },
	{ IPPROTO_IPV6, IPV6_RECVPKTINFO },
	{ IPPROTO_IPV6, IPV6_MTU_DISCOVER },
	{ IPPROTO_IPV6, IPV6_DONTFRAG },
	{ IPPROTO_IPV6, IPV6_MTU },
	{ IPPROTO_IPV6, IPV6_ADDR_PREFERENCES },
	{ IPPROTO_IPV6, IPV6_AUTOFLOWLABEL },
	{ IPPROTO_IPV6, IPV6_MULTICAST_HOPS },
	{ IPPROTO_IPV6, IPV6_MULTICAST_LOOP },
	{ IPPROTO_UDP, UDP_CORK },
	{ IPPROTO_UDP, UDP_SEGMENT },
	{ IPPROTO_UDP, UDP_GRO },
	{ SOL_RAW, 1 /* ICMP_FILTER */ },
	{ SOL_ICMPV6, 1 /* ICMP6_FILTER */ },
	{ SOL_NETLINK, 1 /* NETLINK_ADD_MEMBERSHIP */ },
	{ SOL_NETLINK, 11 /* NETLINK_EXT_ACK */ },
	{ SOL_NETLINK, 12 /* NETLINK_GET_STRICT_CHK */ },
};

static void what_ordinary_programs_set_is_allowed_everywhere(void **state)
{
	struct built built;

	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(settings); s++) {
		build(&built, &settings[s]);
		for (size_t i = 0; i < ARRAY_SIZE(ordinary); i++)
			assert_int_equal(ALLOW, ask(&built, (uint64_t)ordinary[i].level,
						    (uint64_t)ordinary[i].option));
	}
}

/* Headers of the caller's own, other ways and sources, and what makes the kernel speak. */
static const struct named never[] = {
	{ IPPROTO_IP, IP_OPTIONS },
	{ IPPROTO_IP, IP_HDRINCL },
	{ IPPROTO_IP, IP_ROUTER_ALERT },
	{ IPPROTO_IP, IP_TRANSPARENT },
	{ IPPROTO_IP, IP_UNICAST_IF },
	{ IPPROTO_IP, IP_IPSEC_POLICY },
	{ IPPROTO_IP, IP_XFRM_POLICY },
	{ IPPROTO_IPV6, IPV6_HDRINCL },
	{ IPPROTO_IPV6, IPV6_RTHDR },
	{ IPPROTO_IPV6, IPV6_HOPOPTS },
	{ IPPROTO_IPV6, IPV6_DSTOPTS },
	{ IPPROTO_IPV6, IPV6_RTHDRDSTOPTS },
	{ IPPROTO_IPV6, IPV6_2292PKTOPTIONS },
	{ IPPROTO_IPV6, IPV6_FLOWLABEL_MGR },
	{ IPPROTO_IPV6, IPV6_PKTINFO },
	{ IPPROTO_IPV6, IPV6_UNICAST_IF },
	{ IPPROTO_IPV6, IPV6_TRANSPARENT },
	{ IPPROTO_IPV6, IPV6_JOIN_ANYCAST },
	{ IPPROTO_IPV6, IPV6_ADDRFORM },
	{ SOL_RAW, IPV6_HDRINCL },
	{ SOL_SOCKET, SO_BINDTODEVICE },
	{ SOL_SOCKET, SO_BINDTOIFINDEX },
	{ SOL_SOCKET, SO_MARK },
	{ IPPROTO_TCP, TCP_REPAIR },
	{ IPPROTO_TCP, TCP_REPAIR_OPTIONS },
	{ IPPROTO_TCP, TCP_ULP },
	{ IPPROTO_TCP, TCP_MD5SIG },
	{ IPPROTO_TCP, TCP_MD5SIG_EXT },
	{ IPPROTO_UDP, UDP_ENCAP },
	{ IPPROTO_UDPLITE, UDP_ENCAP },
};

static void what_changes_the_way_of_packets_is_refused_everywhere(void **state)
{
	struct built built;

	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(settings); s++) {
		build(&built, &settings[s]);
		for (size_t i = 0; i < ARRAY_SIZE(never); i++)
			assert_int_equal(FAIL(EPERM), ask(&built, (uint64_t)never[i].level,
							  (uint64_t)never[i].option));
		assert_int_equal(FAIL(EOPNOTSUPP), ask(&built, IPPROTO_TCP, TCP_FASTOPEN_CONNECT));
		/* netfilter, multicast routing, virtual servers, and what a newer kernel has */
		for (uint64_t option = 64; option < 1400; option++) {
			assert_int_equal(FAIL(ENOPROTOOPT), ask(&built, IPPROTO_IP, option));
			if (option > 78)
				assert_int_equal(FAIL(ENOPROTOOPT),
						 ask(&built, IPPROTO_IPV6, option));
		}
	}
}

static const struct named memberships[] = {
	{ IPPROTO_IP, IP_ADD_MEMBERSHIP },
	{ IPPROTO_IP, IP_DROP_MEMBERSHIP },
	{ IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP },
	{ IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP },
	{ IPPROTO_IP, IP_BLOCK_SOURCE },
	{ IPPROTO_IP, IP_UNBLOCK_SOURCE },
	{ IPPROTO_IP, IP_MSFILTER },
	{ IPPROTO_IP, MCAST_JOIN_GROUP },
	{ IPPROTO_IP, MCAST_LEAVE_GROUP },
	{ IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP },
	{ IPPROTO_IP, MCAST_LEAVE_SOURCE_GROUP },
	{ IPPROTO_IP, MCAST_BLOCK_SOURCE },
	{ IPPROTO_IP, MCAST_UNBLOCK_SOURCE },
	{ IPPROTO_IP, MCAST_MSFILTER },
	{ IPPROTO_IPV6, IPV6_JOIN_GROUP },
	{ IPPROTO_IPV6, IPV6_LEAVE_GROUP },
	{ IPPROTO_IPV6, MCAST_JOIN_GROUP },
	{ IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP },
	{ IPPROTO_IPV6, MCAST_MSFILTER },
};

static void memberships_are_trapped_where_a_rule_covers_groups(void **state)
{
	struct built built;

	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(settings); s++) {
		uint32_t action = expected(&settings[s], OPTION_GROUP);

		build(&built, &settings[s]);
		for (size_t i = 0; i < ARRAY_SIZE(memberships); i++)
			assert_int_equal(action, ask(&built, (uint64_t)memberships[i].level,
						     (uint64_t)memberships[i].option));
	}
}

/* Root performs its own there; only what would be trapped behind the gate is trapped by it. */
static void gate_traps_what_the_supervisor_decides_and_refuses_nothing(void **state)
{
	struct built shut;
	struct built open;

	(void)state;
	build(&shut, &(struct filter_facts){ .gate = true, .gate_uid = 1000 });
	build(&open, &(struct filter_facts){ .gate = true, .gate_uid = 1000, .groups = true });
	for (uint32_t level = 0; level < 320; level++) {
		for (uint32_t option = 0; option < 600; option++) {
			enum option_decision decision = socket_option_decide(level, option);
			uint32_t nonlocal = decision == OPTION_NONLOCAL ? NOTIFY : ALLOW;

			assert_int_equal(nonlocal, ask(&shut, level, option));
			assert_int_equal(decision == OPTION_GROUP ? NOTIFY : nonlocal,
					 ask(&open, level, option));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_sorted_and_disjoint),
		cmocka_unit_test(filter_decides_every_option_as_the_table_says),
		cmocka_unit_test(what_ordinary_programs_set_is_allowed_everywhere),
		cmocka_unit_test(what_changes_the_way_of_packets_is_refused_everywhere),
		cmocka_unit_test(memberships_are_trapped_where_a_rule_covers_groups),
		cmocka_unit_test(gate_traps_what_the_supervisor_decides_and_refuses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
