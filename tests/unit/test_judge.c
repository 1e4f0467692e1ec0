/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Judging internet and netlink destinations case by case. Run by `make unit`; needs no root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "judge_fixture.h"
#include "ruleset_fixture.h"
#include "util.h"

static struct fixture fixture;
static struct world world;

static int open_test(void **state)
{
	(void)state;
	fixture_open(&fixture);
	memset(&world, 0, sizeof(world));
	return 0;
}

static void use_world(void)
{
	world_index(&world);
	fixture.rules.ruleset = world.ruleset;
}

/* ---- the judgement ---- */

static void judgement_none_is_a_refusal_with_eacces(void **state)
{
	const struct judgement none = judgement_none;

	(void)state;
	assert_int_equal(JUDGEMENT_REFUSED, none.kind);
	assert_int_equal(EACCES, none.error);
	assert_int_equal(-1, none.path_fd);
	assert_false(none.is_mistake);
	assert_false(none.kernel_first);
	assert_null(none.rule);
}

static void judgement_of_zeroes_is_a_refusal(void **state)
{
	const struct judgement zeroes = { 0 };

	(void)state;
	assert_int_equal(JUDGEMENT_REFUSED, zeroes.kind);
}

static void refuse_long_destination_is_cut(void **state)
{
	struct judgement judgement = judgement_none;
	char text[2 * JUDGEMENT_TEXT_MAX];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	judgement_refuse(&judgement, "unix", text, NULL);
	assert_int_equal(JUDGEMENT_TEXT_MAX - 1, strlen(judgement.destination));
}

/* ---- destinations, case by case ---- */

static void connect_without_rules_is_refused(void **state)
{
	(void)state;
	use_world();
	fixture_kind(&fixture, __NR_connect, AF_INET, SOCK_STREAM, IPPROTO_TCP);
	fixture_inet(&fixture, "192.0.2.1", 443);
	fixture_judge(&fixture, judge_connect);
	assert_refused(&fixture, "tcp", "192.0.2.1:443");
	assert_int_equal(EACCES, fixture.judgement.error);
	assert_null(fixture.judgement.rule);
	assert_false(fixture.judgement.is_minor);
}

static void connect_deny_rule_is_the_one_that_is_named(void **state)
{
	(void)state;
	world_add(&world, PROTOCOL_TCP, TARGET_ANY, 0);
	world_add_prefix(&world, PROTOCOL_TCP, "2001:db8::", 32)->deny = 1;
	use_world();
	fixture_kind(&fixture, __NR_connect, AF_INET6, SOCK_STREAM, IPPROTO_TCP);
	fixture_inet6(&fixture, "2001:db8::7", 22);
	fixture_judge(&fixture, judge_connect);
	assert_refused(&fixture, "tcp", "[2001:db8::7]:22");
	assert_ptr_equal(&world.rules[1], fixture.judgement.rule);
	fixture_inet6(&fixture, "2001:db9::7", 22);
	fixture_judge(&fixture, judge_connect);
	assert_allowed(&fixture);
}

static void connect_deny_rule_wins_over_a_name_to_come(void **state)
{
	(void)state;
	world_add(&world, PROTOCOL_TCP, TARGET_HOST, 0);
	world_add(&world, PROTOCOL_TCP, TARGET_CLASS, CLASS_PRIVATE)->deny = 1;
	use_world();
	fixture_kind(&fixture, __NR_connect, AF_INET, SOCK_STREAM, IPPROTO_TCP);
	fixture_inet(&fixture, "10.0.0.1", 22);
	fixture_judge(&fixture, judge_connect);
	assert_refused(&fixture, "tcp", "10.0.0.1:22");
	fixture_inet(&fixture, "8.8.8.8", 22);
	fixture_judge(&fixture, judge_connect);
	assert_int_equal(JUDGEMENT_LATER, fixture.judgement.kind);
	assert_int_equal(EACCES, fixture.judgement.error);
}

static void connect_name_of_another_port_is_not_awaited(void **state)
{
	(void)state;
	rule_add_ports(&world, world_add(&world, PROTOCOL_TCP, TARGET_HOST, 0), 443, 443);
	use_world();
	fixture_kind(&fixture, __NR_connect, AF_INET, SOCK_STREAM, IPPROTO_TCP);
	fixture_inet(&fixture, "8.8.8.8", 80);
	fixture_judge(&fixture, judge_connect);
	assert_refused(&fixture, "tcp", "8.8.8.8:80");
	fixture_inet(&fixture, "8.8.8.8", 443);
	fixture_judge(&fixture, judge_connect);
	assert_int_equal(JUDGEMENT_LATER, fixture.judgement.kind);
}

static void connect_started_already_is_allowed_without_a_look(void **state)
{
	(void)state;
	use_world();
	fixture_kind(&fixture, __NR_connect, AF_INET, SOCK_STREAM, IPPROTO_TCP);
	fixture_inet(&fixture, "192.0.2.1", 443);
	fixture.request.started = -EINPROGRESS;
	fixture_judge(&fixture, judge_connect);
	assert_allowed(&fixture);
}

static void connect_of_datagrams_is_minor_only_without_written_udp(void **state)
{
	(void)state;
	world_add_prefix(&world, PROTOCOL_UDP, "127.0.0.53", 32)->implicit = 1;
	use_world();
	fixture_kind(&fixture, __NR_connect, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	fixture_inet(&fixture, "192.0.2.1", 443);
	fixture_judge(&fixture, judge_connect);
	assert_refused(&fixture, "udp", "192.0.2.1:443");
	assert_true(fixture.judgement.is_minor);
	fixture.request.call.call = __NR_sendto;
	fixture_judge(&fixture, judge_send);
	assert_false(fixture.judgement.is_minor);
	world_add_prefix(&world, PROTOCOL_UDP, "127.0.0.54", 32);
	use_world();
	fixture.request.call.call = __NR_connect;
	fixture_judge(&fixture, judge_connect);
	assert_false(fixture.judgement.is_minor);
}

static void connect_of_a_kind_without_a_protocol_is_refused(void **state)
{
	static const struct socket_kind kinds[] = {
		{ AF_INET, SOCK_STREAM, 262 /* MPTCP */ },
		{ AF_INET6, SOCK_STREAM, 262 },
		{ AF_INET, SOCK_STREAM, IPPROTO_SCTP },
		{ AF_INET, SOCK_RAW, IPPROTO_TCP },
		{ AF_INET, SOCK_RAW, IPPROTO_RAW },
		{ AF_INET6, SOCK_RAW, IPPROTO_ICMP },
		{ AF_INET, SOCK_DGRAM, IPPROTO_ICMPV6 },
		{ AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP },
		{ AF_INET6, SOCK_DGRAM, IPPROTO_TCP },
		{ AF_INET, SOCK_STREAM, 0 },
	};

	(void)state;
	world_add(&world, PROTOCOL_TCP | PROTOCOL_UDP | PROTOCOL_ICMP, TARGET_ANY, 0);
	world_add(&world, PROTOCOL_TCP | PROTOCOL_UDP | PROTOCOL_ICMP, TARGET_HOST, 0);
	use_world();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		fixture_kind(&fixture, __NR_connect, kinds[i].domain, kinds[i].type,
			     kinds[i].protocol);
		if (kinds[i].domain == AF_INET)
			fixture_inet(&fixture, "192.0.2.1", 443);
		else
			fixture_inet6(&fixture, "2001:db8::1", 443);
		fixture_judge(&fixture, judge_connect);
		assert_int_equal(JUDGEMENT_REFUSED, fixture.judgement.kind);
		assert_string_equal("other", fixture.judgement.protocol);
	}
}

static void connect_of_another_domain_is_refused(void **state)
{
	static const int domains[] = { AF_UNSPEC, AF_PACKET, AF_VSOCK, AF_BLUETOOTH, AF_ALG, AF_XDP };

	(void)state;
	world_add(&world, PROTOCOL_TCP | PROTOCOL_UDP | PROTOCOL_ICMP, TARGET_ANY, 0);
	use_world();
	fixture.header.flags = PLAN_BIND_ANY;
	for (size_t i = 0; i < ARRAY_SIZE(domains); i++) {
		fixture_kind(&fixture, __NR_connect, domains[i], SOCK_DGRAM, 0);
		fixture_inet(&fixture, "127.0.0.1", 80);
		fixture_judge(&fixture, judge_connect);
		assert_refused(&fixture, "other", "?");
		fixture_judge(&fixture, judge_send);
		assert_refused(&fixture, "other", "?");
		fixture_judge(&fixture, judge_bind);
		assert_refused(&fixture, "other", "?");
		assert_int_equal(EACCES, fixture.judgement.error);
	}
}

static void sendmmsg_of_nothing_is_allowed(void **state)
{
	(void)state;
	use_world();
	fixture_kind(&fixture, __NR_sendmmsg, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	fixture_inet(&fixture, "192.0.2.1", 53);
	fixture.request.call.arguments[2] = 1ULL << 32; /* the kernel reads an unsigned int */
	fixture_judge(&fixture, judge_sendmmsg);
	assert_allowed(&fixture);
	fixture.request.call.arguments[2] = 1;
	fixture_judge(&fixture, judge_sendmmsg);
	assert_refused(&fixture, "udp", "192.0.2.1:53");
}

/* The length could be written into a program with more rights. */
static void sendmmsg_into_undumpable_memory_of_the_user_is_refused(void **state)
{
	struct caller *caller = &fixture.copies.caller;
	const uid_t user = fixture.header.uid;

	(void)state;
	world_add(&world, PROTOCOL_UDP, TARGET_ANY, 0);
	use_world();
	fixture_kind(&fixture, __NR_sendmmsg, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	fixture_inet(&fixture, "192.0.2.1", 53);
	fixture.request.call.arguments[2] = 1;
	fixture.rules.multi_uid = true;
	fixture_judge(&fixture, judge_sendmmsg);
	assert_failed(&fixture, "udp", "not dumpable", EFAULT);

	caller->known = true;
	caller->status = (struct process_status){
		.uid = user, .effective_uid = user, .saved_uid = user, .file_uid = user
	};
	fixture_judge(&fixture, judge_sendmmsg);
	assert_failed(&fixture, "udp", "not dumpable", EFAULT);

	caller->status.effective_uid = user + 1;
	fixture_judge(&fixture, judge_sendmmsg);
	assert_allowed(&fixture);
	caller->status.effective_uid = user;
	caller->status.capable = true;
	fixture_judge(&fixture, judge_sendmmsg);
	assert_allowed(&fixture);
	caller->status.capable = false;
	fixture.rules.multi_uid = false;
	fixture_judge(&fixture, judge_sendmmsg);
	assert_allowed(&fixture);
}

static void netlink_only_the_kernel_is_allowed(void **state)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct sockaddr_nl process = { .nl_family = AF_NETLINK, .nl_pid = 1 };
	struct sockaddr_nl group = { .nl_family = AF_NETLINK, .nl_groups = 1 };

	(void)state;
	fixture_kind(&fixture, __NR_connect, AF_NETLINK, SOCK_RAW, 0);
	fixture_address(&fixture, &kernel, sizeof(kernel));
	fixture_judge(&fixture, judge_connect);
	assert_allowed(&fixture);
	fixture_address(&fixture, &process, sizeof(process));
	fixture_judge(&fixture, judge_connect);
	assert_refused(&fixture, "netlink", "process");
	fixture_judge(&fixture, judge_send);
	assert_refused(&fixture, "netlink", "process");
	fixture_address(&fixture, &group, sizeof(group));
	fixture_judge(&fixture, judge_send);
	assert_refused(&fixture, "netlink", "process");
}

static void netlink_address_that_is_none_leads_nowhere(void **state)
{
	struct sockaddr_nl process = { .nl_family = AF_NETLINK, .nl_pid = 1 };

	(void)state;
	fixture_kind(&fixture, __NR_connect, AF_NETLINK, SOCK_RAW, 0);
	fixture_address(&fixture, &process, sizeof(process));
	fixture.request.length = sizeof(process) - 1;
	fixture_judge(&fixture, judge_connect);
	assert_allowed(&fixture);
	assert_int_equal(0, ((struct sockaddr_nl *)&fixture.request.address)->nl_pid);
	process.nl_family = AF_INET;
	fixture_address(&fixture, &process, sizeof(process));
	fixture_judge(&fixture, judge_connect);
	assert_allowed(&fixture);
	assert_int_equal(0, ((struct sockaddr_nl *)&fixture.request.address)->nl_pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(judgement_none_is_a_refusal_with_eacces, open_test),
		cmocka_unit_test_setup(judgement_of_zeroes_is_a_refusal, open_test),
		cmocka_unit_test_setup(refuse_long_destination_is_cut, open_test),
		cmocka_unit_test_setup(connect_without_rules_is_refused, open_test),
		cmocka_unit_test_setup(connect_deny_rule_is_the_one_that_is_named, open_test),
		cmocka_unit_test_setup(connect_deny_rule_wins_over_a_name_to_come, open_test),
		cmocka_unit_test_setup(connect_name_of_another_port_is_not_awaited, open_test),
		cmocka_unit_test_setup(connect_started_already_is_allowed_without_a_look, open_test),
		cmocka_unit_test_setup(connect_of_datagrams_is_minor_only_without_written_udp,
				       open_test),
		cmocka_unit_test_setup(connect_of_a_kind_without_a_protocol_is_refused, open_test),
		cmocka_unit_test_setup(connect_of_another_domain_is_refused, open_test),
		cmocka_unit_test_setup(sendmmsg_of_nothing_is_allowed, open_test),
		cmocka_unit_test_setup(sendmmsg_into_undumpable_memory_of_the_user_is_refused,
				       open_test),
		cmocka_unit_test_setup(netlink_only_the_kernel_is_allowed, open_test),
		cmocka_unit_test_setup(netlink_address_that_is_none_leads_nowhere, open_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
