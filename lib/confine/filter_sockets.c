/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kinds of sockets that a session may create: the table, and the filter's test of socket(2).
 */
#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "filter_rule.h"
#include "plan.h"
#include "util.h"

/* What may be created; `needs` are plan flags, all of which must be set. Everything else is
 * EPERM. */
struct creatable {
	uint32_t family;
	uint32_t type;
	uint32_t protocol;
	uint32_t needs;
};
static const struct creatable creatable[] = {
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

#define SOCKET_KEY(family, type, protocol) ((family) << 24 | (type) << 16 | (protocol))

/* Family, type and protocol as one word. Types carry SOCK_NONBLOCK and SOCK_CLOEXEC above their
 * four bits. What is too large for the word returns `large`. */
static void load_key(struct bpf *bpf, uint32_t large)
{
	bpf_load_low(bpf, 0);
	bpf_return_if(bpf, BPF_JGT, 0xff, large);
	bpf_statement(bpf, BPF_ALU | BPF_LSH | BPF_K, 24);
	bpf_statement(bpf, BPF_MISC | BPF_TAX, 0);
	bpf_load_low(bpf, 1);
	bpf_statement(bpf, BPF_ALU | BPF_AND | BPF_K, 0xf);
	bpf_statement(bpf, BPF_ALU | BPF_LSH | BPF_K, 16);
	bpf_statement(bpf, BPF_ALU | BPF_OR | BPF_X, 0);
	bpf_statement(bpf, BPF_MISC | BPF_TAX, 0);
	bpf_load_low(bpf, 2);
	bpf_return_if(bpf, BPF_JGT, 0xffff, large);
	bpf_statement(bpf, BPF_ALU | BPF_OR | BPF_X, 0);
}

/* Where UDP is closed, the supervisor gives a socket of the session's private network namespace. */
static bool is_private(const struct filter_facts *facts, const struct creatable *kind)
{
	return kind->needs == PLAN_UDP && kind->protocol != IPPROTO_UDPLITE &&
	       !(facts->flags & PLAN_UDP);
}

static void match_creation(struct bpf *bpf, const struct filter_facts *facts, bool unix_only)
{
	load_key(bpf, FAIL(EPERM));
	for (size_t i = 0; i < ARRAY_SIZE(creatable); i++) {
		const struct creatable *kind = &creatable[i];
		bool private = is_private(facts, kind);

		if ((kind->needs & facts->flags) != kind->needs && !private)
			continue;
		if (unix_only && kind->family != AF_UNIX)
			continue;
		/* Of two filters the outermost alone traps. */
		bpf_return_if(bpf, BPF_JEQ, SOCKET_KEY(kind->family, kind->type, kind->protocol),
			      private && !facts->nested ? TRAP : ALLOW);
	}
	/* As a kernel without audit: on EPERM programs that open sessions give up. */
	bpf_return_if(bpf, BPF_JEQ, SOCKET_KEY(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT),
		      FAIL(EPROTONOSUPPORT));
	bpf_return(bpf, FAIL(EPERM));
}

void match_socket(struct bpf *bpf, const struct filter_facts *facts, const struct filter_rule *rule)
{
	(void)rule;
	match_creation(bpf, facts, false);
}

void match_socketpair(struct bpf *bpf, const struct filter_facts *facts,
		      const struct filter_rule *rule)
{
	(void)rule;
	match_creation(bpf, facts, true);
}

void match_private_socket(struct bpf *bpf, const struct filter_facts *facts,
			  const struct filter_rule *rule)
{
	load_key(bpf, ALLOW);
	for (size_t i = 0; i < ARRAY_SIZE(creatable); i++) {
		const struct creatable *kind = &creatable[i];

		if (is_private(facts, kind))
			bpf_return_if(bpf, BPF_JEQ,
				      SOCKET_KEY(kind->family, kind->type, kind->protocol),
				      rule->action);
	}
}
