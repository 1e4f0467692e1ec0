/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Judging internet destinations against a slow oracle over random rules, sockets and addresses. Run
 * by `make unit`; needs no root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "judge_fixture.h"
#include "judge_oracle.h"
#include "util.h"

#define SEED   20261129
#define ROUNDS 120
#define CALLS  400

static struct fixture fixture;
static struct world world;

struct bound_socket {
	int domain;
	int fd;
	bool is_bound;
	struct address bound;
};

static struct bound_socket bound_socket(int domain, const char *text)
{
	struct bound_socket result = { .domain = domain, .fd = socket(domain, SOCK_DGRAM, 0) };
	int rc;

	if (!text)
		return result;
	result.bound = address_of(text);
	fixture_request(&fixture, __NR_bind, -1);
	if (domain == AF_INET)
		fixture_inet(&fixture, text, 0);
	else
		fixture_inet6(&fixture, text, 0);
	rc = bind(result.fd, &fixture.request.address.generic, fixture.request.length);
	/* Not every machine has IPv6. */
	assert_true(rc == 0 || domain == AF_INET6);
	result.is_bound = rc == 0;
	return result;
}

static void random_sockaddr(uint64_t *seed)
{
	static const socklen_t lengths[] = { 0, 1, 2, 8, 15, 16, 23, 24, 27, 28, 29, 128 };
	static const sa_family_t families[] = { AF_INET,   AF_INET6, AF_INET, AF_INET6,
						AF_UNSPEC, AF_UNIX,  65535 };
	struct address address = random_address(seed);
	uint16_t port = random_port(seed);
	uint8_t *bytes = (uint8_t *)&fixture.request.address;
	sa_family_t family = families[random_below(seed, ARRAY_SIZE(families))];

	for (size_t i = 0; i < sizeof(fixture.request.address); i++)
		bytes[i] = (uint8_t)random_below(seed, 256);
	memcpy(bytes, &family, sizeof(family));
	bytes[2] = (uint8_t)(port >> 8);
	bytes[3] = (uint8_t)port;
	if (random_below(seed, 4) == 0)
		address = random_below(seed, 2) ? address_of("0.0.0.0") : address_of("::");
	if (family == AF_INET6)
		memcpy(bytes + 8, address.bytes, 16);
	else
		memcpy(bytes + 4, address.bytes + 12, 4);
	fixture.request.length = random_below(seed, 3)
					 ? family == AF_INET6 ? 28 : 16
					 : lengths[random_below(seed, ARRAY_SIZE(lengths))];
	/* As copy_address leaves it. */
	memset(bytes + fixture.request.length, 0,
	       sizeof(fixture.request.address) - fixture.request.length);
}

static void random_kind(uint64_t *seed, int domain)
{
	const bool inet = domain == AF_INET;
	const struct socket_kind kinds[] = {
		{ domain, SOCK_STREAM, IPPROTO_TCP },
		{ domain, SOCK_DGRAM, IPPROTO_UDP },
		{ domain, SOCK_DGRAM, IPPROTO_UDPLITE },
		{ domain, SOCK_DGRAM, inet ? IPPROTO_ICMP : IPPROTO_ICMPV6 },
		{ domain, SOCK_RAW, inet ? IPPROTO_ICMP : IPPROTO_ICMPV6 },
		{ domain, SOCK_RAW, IPPROTO_RAW },
		{ domain, SOCK_STREAM, 262 },
	};

	fixture.request.kind = kinds[random_below(seed, ARRAY_SIZE(kinds))];
}

/* Nothing of what was asked for is left where the address is none. */
static void assert_leads_nowhere(const struct request *before)
{
	const struct request *after = &fixture.request;
	struct request expected = *before;

	expected.length = after->length;
	memset(&expected.address, 0, sizeof(expected.address));
	expected.address.generic.sa_family = before->address.generic.sa_family;
	/* An IPv4 socket takes AF_UNSPEC for AF_INET. */
	if (after->address.generic.sa_family == AF_INET)
		expected.address.generic.sa_family = AF_INET;
	assert_memory_equal(&expected.address, &after->address, sizeof(after->address));
	assert_int_equal(before->length, after->length);
}

static void compare(const struct oracle_answer *expected, const struct request *before)
{
	const struct judgement *got = &fixture.judgement;
	char text[ENDPOINT_TEXT_MAX];
	struct address address;
	uint16_t port;

	assert_int_equal(expected->kind, got->kind);
	if (expected->invalid) {
		assert_leads_nowhere(before);
		return;
	}
	if (!expected->named)
		return;
	assert_true(oracle_read(&fixture.request, &address, &port));
	assert_memory_equal(&expected->address, &address, sizeof(address));
	assert_int_equal(expected->port, port);
	if (expected->kind == JUDGEMENT_ALLOWED)
		return;
	endpoint_format(&(struct endpoint){ expected->address, expected->port }, text);
	assert_string_equal(text, got->destination);
	assert_ptr_equal(expected->rule, got->rule);
	assert_int_equal(expected->minor, got->is_minor);
	assert_int_equal(EACCES, got->error);
	assert_false(got->is_mistake);
	assert_false(got->kernel_first);
}

struct counts {
	uint32_t allowed, refused, by_rule, later, invalid, minor;
};

static void judge_one(uint64_t *seed, const struct bound_socket *socket, struct counts *counts)
{
	const bool connects = random_below(seed, 2);
	struct oracle_answer expected;
	struct request before;

	fixture_request(&fixture, connects ? __NR_connect : __NR_sendto, -1);
	fixture.request.socket_fd = socket->fd;
	random_kind(seed, socket->domain);
	random_sockaddr(seed);
	before = fixture.request;
	expected = oracle_judge(&world, &before, socket->is_bound ? &socket->bound : NULL);
	fixture_judge(&fixture, connects ? judge_connect : judge_send);
	compare(&expected, &before);
	counts->allowed += expected.named && expected.kind == JUDGEMENT_ALLOWED;
	counts->refused += expected.kind == JUDGEMENT_REFUSED;
	counts->by_rule += expected.kind == JUDGEMENT_REFUSED && expected.rule;
	counts->later += expected.kind == JUDGEMENT_LATER;
	counts->invalid += expected.invalid;
	counts->minor += expected.minor;
}

static void random_destinations_agree_with_the_oracle(void **state)
{
	const struct bound_socket sockets[] = {
		bound_socket(AF_INET, NULL),      bound_socket(AF_INET, "127.0.0.2"),
		bound_socket(AF_INET, "0.0.0.0"), bound_socket(AF_INET6, NULL),
		bound_socket(AF_INET6, "::1"),    bound_socket(AF_INET6, "::ffff:127.0.0.3"),
		bound_socket(AF_INET6, "::"),
	};
	struct counts counts = { 0 };
	uint64_t seed = SEED;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		random_world(&world, &seed);
		if (round % 4 == 0)
			for (uint32_t i = 0; i < world.ruleset.rule_count; i++)
				world.rules[i].implicit |=
					(world.rules[i].protocols & PROTOCOL_UDP) != 0;
		world_index(&world);
		fixture.rules.ruleset = world.ruleset;
		for (int i = 0; i < CALLS; i++)
			judge_one(&seed, &sockets[random_below(&seed, ARRAY_SIZE(sockets))], &counts);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sockets); i++)
		close(sockets[i].fd);
	/* Each outcome is common enough for the agreement to mean something. */
	assert_true(counts.allowed > 1000 && counts.refused > 1000 && counts.by_rule > 500 &&
		    counts.later > 100 && counts.invalid > 1000 && counts.minor > 100);
}

static int open_test(void **state)
{
	(void)state;
	fixture_open(&fixture);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(random_destinations_agree_with_the_oracle, open_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
