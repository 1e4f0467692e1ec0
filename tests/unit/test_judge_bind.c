/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Judging bind and listen. Run by `make unit`; needs no root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "judge_fixture.h"
#include "util.h"
#include "vouchers.h"

static struct fixture fixture;

static int open_test(void **state)
{
	(void)state;
	fixture_open(&fixture);
	return 0;
}

static void bind_port(int domain, int type, int protocol, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	fixture_kind(&fixture, __NR_bind, domain, type, protocol);
	if (domain == AF_INET)
		fixture_address(&fixture, &in, sizeof(in));
	else
		fixture_address(&fixture, &in6, sizeof(in6));
	fixture_judge(&fixture, judge_bind);
}

/* ---- bind: ports ---- */

static void bind_tcp_without_a_list_is_refused(void **state)
{
	static const uint16_t ports[] = { 1, 22, 1023, 1024, 8080, 32768, 65535 };
	char text[ENDPOINT_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		bind_port(AF_INET, SOCK_STREAM, IPPROTO_TCP, ports[i]);
		snprintf(text, sizeof(text), "0.0.0.0:%u", ports[i]);
		assert_refused(&fixture, "tcp", text);
		assert_int_equal(EACCES, fixture.judgement.error);
		bind_port(AF_INET6, SOCK_STREAM, IPPROTO_TCP, ports[i]);
		snprintf(text, sizeof(text), "[::]:%u", ports[i]);
		assert_refused(&fixture, "tcp", text);
	}
}

static bool is_listed(uint32_t port)
{
	return (port >= 8080 && port <= 8082) || port == 65535;
}

static void bind_every_port_agrees_with_the_list(void **state)
{
	(void)state;
	fixture_add_bind(&fixture, 8080, 8082);
	fixture_add_bind(&fixture, 65535, 65535);
	for (uint32_t port = 0; port <= UINT16_MAX; port++) {
		enum judgement_kind expected = port == 0 || is_listed(port) ? JUDGEMENT_ALLOWED
									    : JUDGEMENT_REFUSED;

		bind_port(AF_INET, SOCK_STREAM, IPPROTO_TCP, (uint16_t)port);
		assert_int_equal(expected, fixture.judgement.kind);
		bind_port(AF_INET6, SOCK_STREAM, IPPROTO_TCP, (uint16_t)port);
		assert_int_equal(expected, fixture.judgement.kind);
		bind_port(AF_INET, SOCK_DGRAM, IPPROTO_UDP, (uint16_t)port);
		assert_int_equal(expected, fixture.judgement.kind);
	}
}

static void bind_port_zero_needs_no_list(void **state)
{
	(void)state;
	bind_port(AF_INET, SOCK_STREAM, IPPROTO_TCP, 0);
	assert_allowed(&fixture);
	bind_port(AF_INET6, SOCK_STREAM, IPPROTO_TCP, 0);
	assert_allowed(&fixture);
	bind_port(AF_INET6, SOCK_DGRAM, IPPROTO_UDP, 0);
	assert_allowed(&fixture);
}

static void listen_at_an_address_that_no_item_names_is_refused(void **state)
{
	const struct plan_local_bind local = {
		.target = TARGET_CLASS,
		.class = CLASS_LOOPBACK,
		.ports = { 8080, 8080 },
	};
	struct endpoint at = { .port = 8080 };

	(void)state;
	fixture.plan.local_binds = &local;
	fixture.header.local_binds.count = 1;
	assert_int_equal(0, address_parse("127.0.0.1", &at.address));
	assert_true(plan_binds_at(&fixture.plan, &at));
	assert_int_equal(0, address_parse("192.0.2.1", &at.address));
	assert_false(plan_binds_at(&fixture.plan, &at));
	assert_int_equal(0, address_parse("0.0.0.0", &at.address));
	assert_false(plan_binds_at(&fixture.plan, &at));
	assert_int_equal(0, address_parse("::", &at.address));
	assert_false(plan_binds_at(&fixture.plan, &at));
	/* The bind is as Landlock decides it, by the port. */
	bind_port(AF_INET, SOCK_STREAM, IPPROTO_TCP, 8080);
	assert_allowed(&fixture);
	bind_port(AF_INET, SOCK_DGRAM, IPPROTO_UDP, 8080);
	assert_refused(&fixture, "udp", "0.0.0.0:8080");
}

static void bind_of_udp_to_a_port_that_answers_is_allowed(void **state)
{
	const struct port_range answers = { 60000, 60010 };

	(void)state;
	fixture.plan.answers = &answers;
	fixture.header.answers.count = 1;
	bind_port(AF_INET, SOCK_DGRAM, IPPROTO_UDP, 60000);
	assert_allowed(&fixture);
	bind_port(AF_INET, SOCK_STREAM, IPPROTO_TCP, 60000);
	assert_refused(&fixture, "tcp", "0.0.0.0:60000");
	bind_port(AF_INET, SOCK_DGRAM, IPPROTO_UDP, 60011);
	assert_refused(&fixture, "udp", "0.0.0.0:60011");
}

static void bind_is_allowed_where_the_kernel_decides(void **state)
{
	(void)state;
	fixture.rules.kernel_binds = true;
	bind_port(AF_INET, SOCK_STREAM, IPPROTO_TCP, 8080);
	assert_allowed(&fixture);
}

static void bind_any_port_is_allowed_where_the_plan_says_so(void **state)
{
	(void)state;
	fixture.header.flags = PLAN_BIND_ANY;
	bind_port(AF_INET, SOCK_STREAM, IPPROTO_TCP, 0);
	assert_allowed(&fixture);
	bind_port(AF_INET6, SOCK_DGRAM, IPPROTO_UDP, 53);
	assert_allowed(&fixture);
}

/* An echo's identifier is no port. */
static void bind_icmp_is_allowed(void **state)
{
	(void)state;
	bind_port(AF_INET, SOCK_DGRAM, IPPROTO_ICMP, 7);
	assert_allowed(&fixture);
	bind_port(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, 0);
	assert_allowed(&fixture);
}

static void bind_of_a_kind_without_a_protocol_is_refused(void **state)
{
	(void)state;
	bind_port(AF_INET, SOCK_STREAM, 262 /* MPTCP */, 0);
	assert_refused(&fixture, "other", "0.0.0.0:0");
	bind_port(AF_INET, SOCK_RAW, IPPROTO_RAW, 0);
	assert_refused(&fixture, "other", "0.0.0.0:0");
}

/* ---- bind: addresses ---- */

static void bind_short_address_is_a_mistake(void **state)
{
	static const struct {
		int domain;
		socklen_t least;
	} cases[] = { { AF_INET, 16 }, { AF_INET6, 24 } };

	(void)state;
	fixture.header.flags = PLAN_BIND_ANY;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bind_port(cases[i].domain, SOCK_STREAM, IPPROTO_TCP, 8080);
		for (socklen_t length = 0; length < cases[i].least; length++) {
			fixture.request.length = length;
			fixture_judge(&fixture, judge_bind);
			assert_mistake(&fixture, EINVAL);
		}
		fixture.request.length = cases[i].least;
		fixture_judge(&fixture, judge_bind);
		assert_allowed(&fixture);
	}
}

static void bind_short_inet6_address_has_its_port_judged(void **state)
{
	(void)state;
	fixture_add_bind(&fixture, 8080, 8080);
	for (socklen_t length = SIN6_SHORT; length <= sizeof(struct sockaddr_in6); length++) {
		bind_port(AF_INET6, SOCK_STREAM, IPPROTO_TCP, 8081);
		fixture.request.length = length;
		fixture_judge(&fixture, judge_bind);
		assert_refused(&fixture, "tcp", "[::]:8081");
	}
}

static void bind_unspecified_family_is_inet_only_for_any_address(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_UNSPEC, .sin_port = htons(8080) };

	(void)state;
	fixture_add_bind(&fixture, 8080, 8080);
	fixture_kind(&fixture, __NR_bind, AF_INET, SOCK_STREAM, IPPROTO_TCP);
	fixture_address(&fixture, &in, sizeof(in));
	fixture_judge(&fixture, judge_bind);
	assert_allowed(&fixture);
	assert_int_equal(AF_INET, fixture.request.address.generic.sa_family);

	in.sin_port = htons(8081);
	fixture_address(&fixture, &in, sizeof(in));
	fixture_judge(&fixture, judge_bind);
	assert_refused(&fixture, "tcp", "0.0.0.0:8081");

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fixture_address(&fixture, &in, sizeof(in));
	fixture_judge(&fixture, judge_bind);
	assert_mistake(&fixture, EAFNOSUPPORT);
}

static void bind_of_another_family_is_a_mistake(void **state)
{
	static const sa_family_t families[] = { AF_UNSPEC, AF_UNIX, AF_NETLINK, 65535 };

	(void)state;
	fixture.header.flags = PLAN_BIND_ANY;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		bind_port(AF_INET6, SOCK_STREAM, IPPROTO_TCP, 8080);
		fixture.request.address.generic.sa_family = families[i];
		fixture_judge(&fixture, judge_bind);
		assert_mistake(&fixture, EAFNOSUPPORT);
	}
}

/* The kernel refuses it; here it must not be taken for another port's. */
static void bind_of_the_other_inet_family_has_its_port_judged(void **state)
{
	(void)state;
	fixture_add_bind(&fixture, 8080, 8080);
	bind_port(AF_INET6, SOCK_STREAM, IPPROTO_TCP, 22);
	fixture.request.address.generic.sa_family = AF_INET;
	fixture_judge(&fixture, judge_bind);
	assert_refused(&fixture, "tcp", "0.0.0.0:22");
}

static void bind_netlink_is_allowed(void **state)
{
	(void)state;
	fixture_kind(&fixture, __NR_bind, AF_NETLINK, SOCK_RAW, 0);
	fixture_judge(&fixture, judge_bind);
	assert_allowed(&fixture);
}

/* ---- bind: unix ---- */

static void bind_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	fixture_kind(&fixture, __NR_bind, AF_UNIX, SOCK_STREAM, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	fixture_address(&fixture, &address, sizeof(address));
	fixture_judge(&fixture, judge_bind);
}

/* What bind learns of its caller: this process. */
static void learn_caller(void)
{
	caller_fetch_status(&fixture.copies.caller, getpid());
	caller_fetch_directories(&fixture.copies.caller, getpid(), true);
}

static void bind_unix_path_needs_what_is_known_of_the_caller(void **state)
{
	struct caller *caller = &fixture.copies.caller;

	(void)state;
	bind_unix("name");
	assert_failed(&fixture, "unix", "unreadable status", EACCES);
	caller_fetch_status(caller, getpid());
	bind_unix("name");
	assert_failed(&fixture, "unix", "other root directory", EACCES);
	caller->root = open("/", O_PATH | O_CLOEXEC);
	bind_unix("name");
	assert_failed(&fixture, "unix", "other root directory", EACCES);
	learn_caller();
	bind_unix("name");
	assert_allowed(&fixture);
	caller_forget(caller);
}

static void bind_unix_path_of_another_users_process_is_refused(void **state)
{
	struct caller *caller = &fixture.copies.caller;

	(void)state;
	learn_caller();
	caller->status.file_uid = fixture.header.uid + 4711;
	bind_unix("name");
	assert_allowed(&fixture);
	fixture.rules.multi_uid = true;
	bind_unix("name");
	assert_failed(&fixture, "unix", "process of another user", EACCES);
	caller->status.file_uid = 0;
	bind_unix("name");
	assert_allowed(&fixture);
	caller->status.file_uid = fixture.header.uid;
	bind_unix("name");
	assert_allowed(&fixture);
	caller_forget(caller);
}

static void bind_unix_path_in_another_root_is_refused(void **state)
{
	struct caller *caller = &fixture.copies.caller;

	(void)state;
	caller_fetch_status(caller, getpid());
	caller->root = open("/proc", O_PATH | O_CLOEXEC);
	caller->directory = open("/proc", O_PATH | O_CLOEXEC);
	bind_unix("name");
	assert_failed(&fixture, "unix", "other root directory", EACCES);
	caller_forget(caller);
}

static void bind_unix_name_that_is_no_path_is_allowed(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "\0name" };

	(void)state;
	fixture_kind(&fixture, __NR_bind, AF_UNIX, SOCK_STREAM, 0);
	fixture_address(&fixture, &address, sizeof(address));
	fixture_judge(&fixture, judge_bind);
	assert_allowed(&fixture);
	fixture.request.length = sizeof(sa_family_t);
	fixture_judge(&fixture, judge_bind);
	assert_allowed(&fixture);
}

/* ---- listen ---- */

static void listen_on(int fd)
{
	fixture_request(&fixture, __NR_listen, fd);
	fixture_judge(&fixture, judge_listen);
}

/* A socket on 127.0.0.1, whose port the kernel has chosen. */
static int tcp_bound(uint16_t *ret_port)
{
	int fd = socket_open(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t length = sizeof(in);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&in, length));
	assert_int_equal(0, getsockname(fd, (struct sockaddr *)&in, &length));
	*ret_port = ntohs(in.sin_port);
	return fd;
}

static void listen_on_a_listed_port_is_allowed(void **state)
{
	char text[ENDPOINT_TEXT_MAX];
	uint16_t port;
	cleanup_fd int fd = tcp_bound(&port);

	(void)state;
	listen_on(fd);
	snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	assert_refused(&fixture, "tcp", text);
	fixture_add_bind(&fixture, port, port);
	listen_on(fd);
	assert_allowed(&fixture);
}

/* It gets a port from listen itself. */
static void listen_without_a_port_is_a_bind_of_port_zero(void **state)
{
	cleanup_fd int fd = socket_open(AF_INET, SOCK_STREAM, 0);

	(void)state;
	fixture_add_bind(&fixture, 1, 65535);
	listen_on(fd);
	assert_refused(&fixture, "tcp", "0.0.0.0:0");
	fixture_add_bind(&fixture, 0, 0);
	listen_on(fd);
	assert_allowed(&fixture);
}

/* Which port the kernel chose is told by this: no item lets a program choose it. */
static void listen_at_port_zero_of_an_address_is_of_chosen_ports(void **state)
{
	struct plan_local_bind locals[] = {
		{ .target = TARGET_CLASS, .class = CLASS_LOOPBACK, .ports = { 0, 0 } },
		{ .target = TARGET_CLASS, .class = CLASS_PRIVATE },
	};
	const struct sockaddr_in in = {
		.sin_family = AF_INET,
		.sin_port = htons(8080),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	uint16_t port;
	cleanup_fd int fd = tcp_bound(&port);

	(void)state;
	fixture.plan.local_binds = locals;
	fixture.header.local_binds.count = 1;
	bind_port(AF_INET, SOCK_STREAM, IPPROTO_TCP, 8080);
	assert_refused(&fixture, "tcp", "0.0.0.0:8080");
	fixture_kind(&fixture, __NR_bind, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	fixture_address(&fixture, &in, sizeof(in));
	fixture_judge(&fixture, judge_bind);
	assert_refused(&fixture, "udp", "127.0.0.1:8080");
	listen_on(fd);
	assert_allowed(&fixture);
	locals[0].class = CLASS_GLOBAL;
	listen_on(fd);
	assert_int_equal(JUDGEMENT_REFUSED, fixture.judgement.kind);
	/* It may have been chosen by the program, for another address. */
	locals[0].class = CLASS_LOOPBACK;
	locals[1].ports = (struct port_range){ port, port };
	fixture.header.local_binds.count = 2;
	listen_on(fd);
	assert_int_equal(JUDGEMENT_REFUSED, fixture.judgement.kind);
	fixture_add_bind(&fixture, 0, 0);
	listen_on(fd);
	assert_int_equal(JUDGEMENT_REFUSED, fixture.judgement.kind);
	fixture.header.local_binds.count = 1;
	listen_on(fd);
	assert_allowed(&fixture);
}

static void listen_on_a_dead_descriptor_is_refused(void **state)
{
	(void)state;
	fixture_add_bind(&fixture, 1, 65535);
	fixture_kind(&fixture, __NR_listen, AF_INET, SOCK_STREAM, IPPROTO_TCP);
	fixture_judge(&fixture, judge_listen);
	assert_int_equal(JUDGEMENT_REFUSED, fixture.judgement.kind);
	fixture_kind(&fixture, __NR_listen, AF_UNIX, SOCK_STREAM, 0);
	fixture_judge(&fixture, judge_listen);
	assert_mistake(&fixture, EBADF);
}

/* The kernel refuses it in its own words. */
static void listen_of_datagrams_is_left_to_the_kernel(void **state)
{
	cleanup_fd int fd = socket_open(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	listen_on(fd);
	assert_allowed(&fixture);
}

static int unix_bound(int type, const char *name, size_t length)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket_open(AF_UNIX, type, 0);

	memcpy(address.sun_path, name, length);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&address,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)));
	return fd;
}

static void listen_unix_without_a_name_is_a_mistake(void **state)
{
	cleanup_fd int stream = socket_open(AF_UNIX, SOCK_STREAM, 0);
	cleanup_fd int datagram = socket_open(AF_UNIX, SOCK_DGRAM, 0);

	(void)state;
	listen_on(stream);
	assert_mistake(&fixture, EINVAL);
	listen_on(datagram);
	assert_mistake(&fixture, EOPNOTSUPP);
}

static void listen_unix_on_the_supervisors_names_is_refused(void **state)
{
	static const char reserved[] = "\0" UNIX_LISTENERS_PREFIX "unit-test";
	static const char other[] = "\0sandlock-unit-test/own/";
	cleanup_fd int on_reserved = unix_bound(SOCK_STREAM, reserved, sizeof(reserved) - 1);
	cleanup_fd int on_other = unix_bound(SOCK_SEQPACKET, other, sizeof(other) - 1);

	(void)state;
	listen_on(on_reserved);
	assert_refused(&fixture, "unix", "@" UNIX_LISTENERS_PREFIX);
	assert_int_equal(EACCES, fixture.judgement.error);
	listen_on(on_other);
	assert_allowed(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(bind_tcp_without_a_list_is_refused, open_test),
		cmocka_unit_test_setup(bind_every_port_agrees_with_the_list, open_test),
		cmocka_unit_test_setup(bind_port_zero_needs_no_list, open_test),
		cmocka_unit_test_setup(listen_at_an_address_that_no_item_names_is_refused, open_test),
		cmocka_unit_test_setup(bind_of_udp_to_a_port_that_answers_is_allowed, open_test),
		cmocka_unit_test_setup(bind_is_allowed_where_the_kernel_decides, open_test),
		cmocka_unit_test_setup(bind_any_port_is_allowed_where_the_plan_says_so, open_test),
		cmocka_unit_test_setup(bind_icmp_is_allowed, open_test),
		cmocka_unit_test_setup(bind_of_a_kind_without_a_protocol_is_refused, open_test),
		cmocka_unit_test_setup(bind_short_address_is_a_mistake, open_test),
		cmocka_unit_test_setup(bind_short_inet6_address_has_its_port_judged, open_test),
		cmocka_unit_test_setup(bind_unspecified_family_is_inet_only_for_any_address,
				       open_test),
		cmocka_unit_test_setup(bind_of_another_family_is_a_mistake, open_test),
		cmocka_unit_test_setup(bind_of_the_other_inet_family_has_its_port_judged, open_test),
		cmocka_unit_test_setup(bind_netlink_is_allowed, open_test),
		cmocka_unit_test_setup(bind_unix_path_needs_what_is_known_of_the_caller, open_test),
		cmocka_unit_test_setup(bind_unix_path_of_another_users_process_is_refused, open_test),
		cmocka_unit_test_setup(bind_unix_path_in_another_root_is_refused, open_test),
		cmocka_unit_test_setup(bind_unix_name_that_is_no_path_is_allowed, open_test),
		cmocka_unit_test_setup(listen_on_a_listed_port_is_allowed, open_test),
		cmocka_unit_test_setup(listen_without_a_port_is_a_bind_of_port_zero, open_test),
		cmocka_unit_test_setup(listen_at_port_zero_of_an_address_is_of_chosen_ports,
				       open_test),
		cmocka_unit_test_setup(listen_on_a_dead_descriptor_is_refused, open_test),
		cmocka_unit_test_setup(listen_of_datagrams_is_left_to_the_kernel, open_test),
		cmocka_unit_test_setup(listen_unix_without_a_name_is_a_mistake, open_test),
		cmocka_unit_test_setup(listen_unix_on_the_supervisors_names_is_refused, open_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
