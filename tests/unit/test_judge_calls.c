/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Judging the calls without an address: socket options, modes, and those that only a gate traps.
 * Who is behind a gate is test_gate's. Run by `make unit`; needs no root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/syscall.h>

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
	world_index(&world);
	fixture.rules.ruleset = world.ruleset;
	return 0;
}

static void set_option(int domain, int level, int name, const void *value, size_t length)
{
	fixture_kind(&fixture, __NR_setsockopt, domain, SOCK_DGRAM, IPPROTO_UDP);
	fixture.request.call.arguments[1] = (uint64_t)level;
	fixture.request.call.arguments[2] = (uint64_t)name;
	fixture.request.call.arguments[4] = length;
	memcpy(fixture.copies.message.control, value, length);
	fixture_judge(&fixture, judge_setsockopt);
}

static void join(const char *group)
{
	struct ip_mreq request = { 0 };

	assert_int_equal(1, inet_pton(AF_INET, group, &request.imr_multiaddr));
	set_option(AF_INET, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request));
}

/* ---- socket options ---- */

static void membership_needs_a_rule_for_the_group(void **state)
{
	(void)state;
	join("224.0.0.251");
	assert_refused(&fixture, "udp", "224.0.0.251");
	assert_int_equal(EACCES, fixture.judgement.error);
	world_add_prefix(&world, PROTOCOL_UDP, "224.0.0.251", 32);
	world_index(&world);
	fixture.rules.ruleset = world.ruleset;
	join("224.0.0.251");
	assert_allowed(&fixture);
	join("224.0.0.252");
	assert_refused(&fixture, "udp", "224.0.0.252");
}

static void membership_of_no_group_is_a_mistake(void **state)
{
	(void)state;
	world_add(&world, PROTOCOL_UDP, TARGET_ANY, 0);
	world_index(&world);
	fixture.rules.ruleset = world.ruleset;
	join("192.0.2.1");
	assert_mistake(&fixture, EINVAL);
	join("0.0.0.0");
	assert_mistake(&fixture, EINVAL);
}

static void membership_that_is_short_is_a_mistake(void **state)
{
	struct ipv6_mreq six = { 0 };
	struct group_req group = { 0 };

	(void)state;
	world_add(&world, PROTOCOL_UDP, TARGET_ANY, 0);
	world_index(&world);
	fixture.rules.ruleset = world.ruleset;
	assert_int_equal(1, inet_pton(AF_INET6, "ff02::fb", &six.ipv6mr_multiaddr));
	for (size_t length = 0; length < sizeof(struct in6_addr); length++) {
		set_option(AF_INET6, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &six, length);
		assert_mistake(&fixture, EINVAL);
	}
	group.gr_group.ss_family = AF_INET;
	((struct sockaddr_in *)&group.gr_group)->sin_addr.s_addr = htonl(0xe00000fb);
	for (size_t length = 0; length < sizeof(group); length++) {
		set_option(AF_INET, IPPROTO_IP, MCAST_JOIN_GROUP, &group, length);
		assert_mistake(&fixture, EINVAL);
	}
	set_option(AF_INET, IPPROTO_IP, MCAST_JOIN_GROUP, &group, sizeof(group));
	assert_allowed(&fixture);
	group.gr_group.ss_family = AF_UNIX;
	set_option(AF_INET, IPPROTO_IP, MCAST_JOIN_GROUP, &group, sizeof(group));
	assert_mistake(&fixture, EINVAL);
}

static void other_options_are_refused(void **state)
{
	static const int names[][2] = {
		{ SOL_SOCKET, SO_RCVBUF },
		{ IPPROTO_TCP, TCP_NODELAY },
		{ 4711, 1 },
		{ -1, -1 },
	};
	const int one = 1;

	(void)state;
	world_add(&world, PROTOCOL_UDP, TARGET_ANY, 0);
	world_index(&world);
	fixture.rules.ruleset = world.ruleset;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		set_option(AF_INET, names[i][0], names[i][1], &one, sizeof(one));
		assert_mistake(&fixture, EPERM);
	}
}

/* ---- calls of a gate, where there is none ---- */

static void gate_calls_are_refused_where_there_is_no_gate(void **state)
{
	static judge_function *const judges[] = {
		judge_set_uids,      judge_setfsuid, judge_setresuid,     judge_seccomp,
		judge_confined_only, judge_setns,    judge_start_program,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(judges); i++) {
		fixture_request(&fixture, __NR_setuid, -1);
		fixture_judge(&fixture, judges[i]);
		assert_failed(&fixture, "other",
			      i < 3 ? "not confined; is the auth line of pam_sandlock missing?"
				    : "not confined",
			      EPERM);
	}
}

static void program_of_whoever_has_an_id_of_the_users_is_refused(void **state)
{
	struct process_status *status = &fixture.copies.caller.status;
	uid_t *const ids[] = { &status->uid, &status->effective_uid, &status->saved_uid,
			       &status->file_uid };

	(void)state;
	fixture.header.uid = 4711;
	fixture_request(&fixture, __NR_execve, -1);
	fixture.copies.caller.known = true;
	fixture_judge(&fixture, judge_start_program);
	assert_allowed(&fixture);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		*ids[i] = 4711;
		fixture_judge(&fixture, judge_start_program);
		assert_failed(&fixture, "other", "not confined", EPERM);
		*ids[i] = 0;
	}
	fixture.copies.caller.known = false;
	fixture_judge(&fixture, judge_start_program);
	assert_failed(&fixture, "other", "not confined", EPERM);
}

/* ---- modes ---- */

static void set_caller(uid_t uid)
{
	fixture.copies.caller.known = true;
	fixture.copies.caller.member = true;
	fixture.copies.caller.status = (struct process_status){
		.uid = uid, .effective_uid = uid, .saved_uid = uid, .file_uid = uid
	};
}

static void set_id_bits_are_for_plain_processes_of_the_user(void **state)
{
	static judge_function *const judges[] = { judge_mode_1, judge_mode_2, judge_mode_3 };
	struct caller *caller = &fixture.copies.caller;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(judges); i++) {
		fixture_request(&fixture, __NR_chmod, -1);
		fixture.request.call.arguments[i + 1] = 0104755;
		caller->known = false;
		fixture_judge(&fixture, judges[i]);
		assert_refused(&fixture, "mode", "4755");
		assert_int_equal(EPERM, fixture.judgement.error);
		set_caller(fixture.header.uid);
		fixture_judge(&fixture, judges[i]);
		assert_allowed(&fixture);
		caller->member = false;
		fixture_judge(&fixture, judges[i]);
		assert_refused(&fixture, "mode", "4755");
		set_caller(fixture.header.uid);
		caller->status.capable = true;
		fixture_judge(&fixture, judges[i]);
		assert_refused(&fixture, "mode", "4755");
		set_caller(fixture.header.uid + 1);
		fixture_judge(&fixture, judges[i]);
		assert_refused(&fixture, "mode", "4755");
	}
}

static void attributes_and_openat2_are_for_plain_processes_of_the_user(void **state)
{
	(void)state;
	fixture_request(&fixture, __NR_setxattr, -1);
	set_caller(fixture.header.uid + 1);
	fixture_judge(&fixture, judge_attribute);
	assert_refused(&fixture, "attribute", "?");
	assert_int_equal(EPERM, fixture.judgement.error);
	fixture_judge(&fixture, judge_openat2);
	assert_mistake(&fixture, ENOSYS);
	set_caller(fixture.header.uid);
	fixture_judge(&fixture, judge_attribute);
	assert_allowed(&fixture);
	fixture_judge(&fixture, judge_openat2);
	assert_allowed(&fixture);
}

#define TEST(name) cmocka_unit_test_setup(name, open_test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(membership_needs_a_rule_for_the_group),
		TEST(membership_of_no_group_is_a_mistake),
		TEST(membership_that_is_short_is_a_mistake),
		TEST(other_options_are_refused),
		TEST(gate_calls_are_refused_where_there_is_no_gate),
		TEST(program_of_whoever_has_an_id_of_the_users_is_refused),
		TEST(set_id_bits_are_for_plain_processes_of_the_user),
		TEST(attributes_and_openat2_are_for_plain_processes_of_the_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
