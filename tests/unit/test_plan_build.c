/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plan builder: what is stored once, what is refused, what is sorted, and the digests.
 * Run by `make test`.
 * A plan that could not be mapped must not be sealed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "plan_fixture.h"
#include "util.h"

/* ---- the builder ---- */

static void builder_equal_content_is_stored_once(void **state)
{
	static const struct port_range ports[] = { { 1, 1 }, { 2, 2 }, { 1, 1 } };
	struct plan_builder *builder = plan_builder_new();
	int64_t first = plan_add_string(builder, "one");

	(void)state;
	assert_int_equal(plan_add_string(builder, ""), 0);
	assert_true(plan_add_string(builder, "two") > first);
	assert_int_equal(plan_add_string(builder, "one"), first);
	assert_true(plan_add_string(builder, "on") != first);
	assert_int_equal(plan_add_host(builder, "a.example"), 0);
	assert_int_equal(plan_add_host(builder, "b.example"), 1);
	assert_int_equal(plan_add_host(builder, "a.example"), 0);
	assert_int_equal(plan_add_ports(builder, ports, 0), 0);
	assert_int_equal(plan_add_ports(builder, ports, 2), 0);
	assert_int_equal(plan_add_ports(builder, ports + 1, 2), 2);
	assert_int_equal(plan_add_ports(builder, ports, 2), 0);
	assert_int_equal(plan_add_ports(builder, ports, 1), 4);
	plan_builder_free(builder);
}

/* Enough to make the index and the tables grow many times. */
static void builder_many_strings_are_found_again(void **state)
{
	enum {
		STRINGS = 20000
	};
	struct plan_builder *builder = plan_builder_new();
	int64_t *offsets = malloc(STRINGS * sizeof(*offsets));
	char text[24];

	(void)state;
	for (int i = 0; i < STRINGS; i++) {
		snprintf(text, sizeof(text), "string %d", i);
		offsets[i] = plan_add_string(builder, text);
		assert_true(offsets[i] > (i > 0 ? offsets[i - 1] : 0));
	}
	for (int i = 0; i < STRINGS; i++) {
		snprintf(text, sizeof(text), "string %d", i);
		assert_true(plan_add_string(builder, text) == offsets[i]);
	}
	free(offsets);
	plan_builder_free(builder);
}

static void builder_too_many_hosts_are_refused(void **state)
{
	struct plan_builder *builder = plan_builder_new();
	char name[16];

	(void)state;
	for (uint32_t i = 0; i < PLAN_HOSTS_MAX; i++) {
		snprintf(name, sizeof(name), "h%u", i);
		assert_int_equal(plan_add_host(builder, name), i);
	}
	assert_int_equal(plan_add_host(builder, "one-more"), -E2BIG);
	assert_int_equal(plan_add_host(builder, "h255"), 255);
	plan_builder_free(builder);
}

static void builder_too_long_content_is_refused(void **state)
{
	struct plan_builder *builder = plan_builder_new();
	char *text = malloc(PLAN_SIZE_MAX + 1);

	(void)state;
	memset(text, 'x', PLAN_SIZE_MAX);
	text[PLAN_SIZE_MAX] = '\0';
	assert_int_equal(plan_add_string(builder, text), -E2BIG);
	text[PLAN_SIZE_MAX - 1] = '\0'; /* fits, but for the empty string before it */
	assert_int_equal(plan_add_string(builder, text), -E2BIG);
	assert_int_equal(plan_add_ports(builder, NULL, UINT32_MAX), -E2BIG);
	free(text);
	plan_builder_free(builder);
}

/* Few bytes of rules and ports can ask for an index of any size. */
static void seal_of_rules_too_many_to_index_is_refused(void **state)
{
	enum {
		PORTS = 2000,
		RULES = 1000
	};
	struct plan_builder *builder = builder_minimal();
	struct rule rule = rule_of(builder, "*:many");
	cleanup_fd int fd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct port_range ports[PORTS];

	(void)state;
	for (int i = 0; i < PORTS; i++)
		ports[i] = (struct port_range){ (uint16_t)i, (uint16_t)i };
	rule.ports_first = (uint32_t)plan_add_ports(builder, ports, PORTS);
	rule.ports_count = PORTS;
	for (int i = 0; i < RULES; i++)
		assert_int_equal(plan_add_rule(builder, &rule), 0);
	assert_int_equal(plan_seal(builder, fd), -E2BIG);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	plan_builder_free(builder);
}

static void seal_of_sections_beyond_the_limit_together_is_refused(void **state)
{
	struct plan_builder *builder = builder_minimal();
	cleanup_fd int fd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char *text = malloc(PLAN_SIZE_MAX);

	(void)state;
	memset(text, 'x', PLAN_SIZE_MAX - 64);
	text[PLAN_SIZE_MAX - 64] = '\0';
	assert_true(plan_add_string(builder, text) > 0);
	assert_int_equal(plan_seal(builder, fd), -E2BIG);
	free(text);
	plan_builder_free(builder);
}

static void seal_of_an_unsound_plan_is_refused(void **state)
{
	struct plan_builder *builder = builder_full();
	cleanup_fd int fd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct rule rule = { .protocols = PROTOCOL_TCP, .ports_first = 1, .ports_count = UINT32_MAX };

	(void)state;
	plan_builder_header(builder)->shell = 0;
	assert_int_equal(plan_seal(builder, fd), -EINVAL);
	plan_builder_header(builder)->shell = string_of(builder, "/bin/sh");
	assert_int_equal(plan_add_rule(builder, &rule), 0);
	assert_int_equal(plan_seal(builder, fd), -EINVAL);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	plan_builder_free(builder);
}

/* More kinds of rules than an index has groups. */
static void seal_of_rules_of_every_kind_is_refused(void **state)
{
	struct plan_builder *builder = builder_minimal();
	cleanup_fd int fd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct rule rule = rule_of(builder, "*:*");

	(void)state;
	for (int i = 0; i < 1024; i++) {
		rule.target = i < 512 ? TARGET_PREFIX : (uint8_t)i;
		rule.prefix.family = (uint8_t)i;
		rule.prefix.length = (uint8_t)(i >> 8);
		assert_int_equal(plan_add_rule(builder, &rule), 0);
	}
	assert_int_equal(plan_seal(builder, fd), -EINVAL);
	plan_builder_free(builder);
}

static void seal_without_permission_fails(void **state)
{
	struct plan_builder *builder = builder_minimal();
	cleanup_fd int fd = memfd_create("plan", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(plan_seal(builder, fd), -EPERM);
	assert_int_equal(plan_seal(builder, -1), -EBADF);
	plan_builder_free(builder);
}

static void seal_joins_binds_that_touch(void **state)
{
	static const struct port_range binds[] = {
		{ 65535, 65535 }, { 100, 200 }, { 150, 160 }, { 201, 210 }, { 0, 0 }, { 300, 300 },
	};
	struct plan_builder *builder = builder_minimal();
	struct plan plan;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(binds); i++)
		assert_int_equal(plan_add_bind(builder, binds[i]), 0);
	plan = mapped(sealed(builder));
	assert_int_equal(plan.header->binds.count, 4);
	assert_true(plan_binds(&plan, 0) && plan_binds(&plan, 100) && plan_binds(&plan, 210) &&
		    plan_binds(&plan, 300) && plan_binds(&plan, 65535));
	assert_false(plan_binds(&plan, 1) || plan_binds(&plan, 99) || plan_binds(&plan, 211) ||
		     plan_binds(&plan, 65534));
	plan_unmap(&plan);
}

static void binds_any_is_every_port(void **state)
{
	struct plan_builder *builder = builder_minimal();
	struct plan plan;

	(void)state;
	plan_builder_header(builder)->flags = PLAN_BIND_ANY;
	plan = mapped(sealed(builder));
	assert_true(plan_binds(&plan, 0) && plan_binds(&plan, 65535));
	plan_unmap(&plan);
}

static void seal_keeps_the_denial_of_a_call(void **state)
{
	static const struct plan_call calls[] = {
		{ 9, CALL_ALLOW },
		{ 3, CALL_ALLOW },
		{ 9, CALL_DENY },
		{ 9, CALL_ALLOW },
	};
	struct plan_builder *builder = builder_minimal();
	struct plan plan;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		assert_int_equal(plan_add_call(builder, &calls[i]), 0);
	plan = mapped(sealed(builder));
	assert_int_equal(plan.header->calls.count, 2);
	assert_int_equal(plan.calls[0].number, 3);
	assert_int_equal(plan.calls[1].number, 9);
	assert_int_equal(plan.calls[1].action, CALL_DENY);
	plan_unmap(&plan);
}

/* ---- digests ---- */

struct digests {
	uint64_t all;
	uint64_t endpoints;
};

static struct digests digests_of(struct plan_builder *builder)
{
	struct plan plan = mapped(sealed(builder));
	struct digests digests = { plan.header->digest, plan.header->endpoints };

	plan_unmap(&plan);
	assert_true(digests.all != PLAN_DIGEST_NONE && digests.endpoints != PLAN_DIGEST_NONE);
	return digests;
}

static void digest_of_another_session_is_equal(void **state)
{
	struct plan_builder *builder = builder_full();
	struct digests first = digests_of(builder_full()), second;

	(void)state;
	plan_builder_header(builder)->session = 1;
	second = digests_of(builder);
	assert_true(first.all == second.all && first.endpoints == second.endpoints);
}

static void digest_of_any_other_restriction_differs(void **state)
{
	struct digests plain = digests_of(builder_full());
	struct plan_builder *builder = builder_full();

	(void)state;
	plan_builder_header(builder)->uid++;
	assert_true(digests_of(builder).all != plain.all);
	builder = builder_full();
	plan_builder_header(builder)->flags |= PLAN_USERNS;
	assert_true(digests_of(builder).all != plain.all);
	builder = builder_full();
	plan_add_file(builder, &(struct plan_file){ .path = string_of(builder, "/usr"),
						    .rights = FILE_READ });
	assert_true(digests_of(builder).all != plain.all);
	builder = builder_full();
	plan_add_limit(builder, &(struct plan_limit){ RLIMIT_CORE, 0, 1 });
	assert_true(digests_of(builder).all != plain.all);
	builder = builder_full();
	plan_add_call(builder, &(struct plan_call){ 8, CALL_DENY });
	assert_true(digests_of(builder).all != plain.all);
}

static void digest_of_endpoints_is_of_what_the_supervisor_decides(void **state)
{
	struct digests plain = digests_of(builder_full()), other;
	struct plan_builder *builder = builder_full();

	(void)state;
	plan_add_file(builder, &(struct plan_file){ .path = string_of(builder, "/opt"),
						    .rights = FILE_READ });
	plan_builder_header(builder)->flags |= PLAN_USERNS;
	other = digests_of(builder);
	assert_true(other.all != plain.all && other.endpoints == plain.endpoints);
	builder = builder_full();
	plan_builder_header(builder)->flags |= PLAN_UDP;
	assert_true(digests_of(builder).endpoints != plain.endpoints);
	builder = builder_full();
	plan_add_bind(builder, (struct port_range){ 1, 1 });
	assert_true(digests_of(builder).endpoints != plain.endpoints);
	builder = builder_full();
	plan_add_socket(builder, &(struct plan_socket){ .kind = SOCKET_OWN });
	assert_true(digests_of(builder).endpoints != plain.endpoints);
	builder = builder_full();
	plan_add_rule(builder, &(struct rule){ .protocols = PROTOCOL_TCP });
	assert_true(digests_of(builder).endpoints != plain.endpoints);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builder_equal_content_is_stored_once),
		cmocka_unit_test(builder_many_strings_are_found_again),
		cmocka_unit_test(builder_too_many_hosts_are_refused),
		cmocka_unit_test(builder_too_long_content_is_refused),
		cmocka_unit_test(seal_of_rules_too_many_to_index_is_refused),
		cmocka_unit_test(seal_of_sections_beyond_the_limit_together_is_refused),
		cmocka_unit_test(seal_of_an_unsound_plan_is_refused),
		cmocka_unit_test(seal_of_rules_of_every_kind_is_refused),
		cmocka_unit_test(seal_without_permission_fails),
		cmocka_unit_test(seal_joins_binds_that_touch),
		cmocka_unit_test(binds_any_is_every_port),
		cmocka_unit_test(seal_keeps_the_denial_of_a_call),
		cmocka_unit_test(digest_of_another_session_is_equal),
		cmocka_unit_test(digest_of_any_other_restriction_differs),
		cmocka_unit_test(digest_of_endpoints_is_of_what_the_supervisor_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
