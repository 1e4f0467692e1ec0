/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plans to test with: one in which every section has elements, and the smallest one. Asserts that
 * its own input is sound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mman.h>
#include <sys/resource.h>

#include "plan_fixture.h"
#include "ruleset_index.h"
#include "util.h"

uint32_t string_of(struct plan_builder *builder, const char *text)
{
	int64_t offset = plan_add_string(builder, text);

	assert_true(offset >= 0);
	return (uint32_t)offset;
}

struct rule rule_of(struct plan_builder *builder, const char *text)
{
	return (struct rule){ .protocols = PROTOCOL_TCP,
			      .line = 3,
			      .text = string_of(builder, text),
			      .label = string_of(builder, ""),
			      .file = string_of(builder, "/etc/sandlock/policy.d/alice.conf") };
}

static void fill_rules(struct plan_builder *builder)
{
	static const struct port_range ports[] = { { 443, 443 }, { 22, 22 } };
	struct rule host = rule_of(builder, "github.com:443,22");
	struct rule prefix = rule_of(builder, "10.20.0.0/16:443,22");
	struct rule deny = rule_of(builder, "@linklocal:*");

	host.target = TARGET_HOST;
	host.value = (uint32_t)plan_add_host(builder, "github.com");
	host.ports_first = (uint32_t)plan_add_ports(builder, ports, ARRAY_SIZE(ports));
	host.ports_count = ARRAY_SIZE(ports);
	prefix.target = TARGET_PREFIX;
	prefix.prefix.family = FAMILY_INET;
	prefix.prefix.length = 16;
	assert_int_equal(address_parse("10.20.0.0", &prefix.prefix.address), 0);
	prefix.ports_first = (uint32_t)plan_add_ports(builder, ports, ARRAY_SIZE(ports));
	prefix.ports_count = ARRAY_SIZE(ports);
	deny.target = TARGET_CLASS;
	deny.value = CLASS_LINKLOCAL;
	deny.deny = 1;
	assert_int_equal(plan_add_rule(builder, &host), 0);
	assert_int_equal(plan_add_rule(builder, &deny), 0);
	assert_int_equal(plan_add_rule(builder, &prefix), 0);
}

static void fill_rest(struct plan_builder *builder)
{
	struct plan_socket socket = { SOCKET_PATH, string_of(builder, "/run/x*"), 0, 9 };
	struct plan_file file = { .path = string_of(builder, "/usr"),
				  .rights = FILE_READ | FILE_EXEC };
	struct plan_limit limit = { RLIMIT_CORE, 0, 0 };

	assert_int_equal(plan_add_bind(builder, (struct port_range){ 9000, 9005 }), 0);
	assert_int_equal(plan_add_bind(builder, (struct port_range){ 8080, 8080 }), 0);
	assert_int_equal(plan_add_socket(builder, &socket), 0);
	socket.kind = SOCKET_X11;
	assert_int_equal(plan_add_socket(builder, &socket), 0);
	assert_int_equal(plan_add_file(builder, &file), 0);
	assert_int_equal(plan_add_limit(builder, &limit), 0);
	assert_int_equal(plan_add_call(builder, &(struct plan_call){ 101, CALL_DENY }), 0);
	assert_int_equal(plan_add_call(builder, &(struct plan_call){ 7, CALL_ALLOW }), 0);
}

struct plan_builder *builder_minimal(void)
{
	struct plan_builder *builder = plan_builder_new();
	struct plan_header *header = plan_builder_header(builder);

	header->shell = string_of(builder, "/bin/bash");
	return builder;
}

struct plan_builder *builder_full(void)
{
	struct plan_builder *builder = builder_minimal();
	struct plan_header *header = plan_builder_header(builder);

	header->flags = PLAN_DNS | PLAN_FILES;
	header->session = 0x1122334455667788;
	header->uid = 1000;
	header->gid = 100;
	header->user = string_of(builder, "alice");
	header->home = string_of(builder, "/home/alice");
	header->policy = string_of(builder, "/etc/sandlock/policy.d/alice.conf");
	fill_rules(builder);
	fill_rest(builder);
	return builder;
}

int sealed(struct plan_builder *builder)
{
	int fd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(plan_seal(builder, fd), 0);
	plan_builder_free(builder);
	return fd;
}

struct plan mapped(int fd)
{
	struct plan plan;

	assert_int_equal(plan_map(fd, &plan), 0);
	close(fd);
	return plan;
}

void *indexed(struct plan *plan)
{
	void *index = malloc(ruleset_index_size(&plan->ruleset));

	assert_non_null(index);
	ruleset_index(&plan->ruleset, index);
	return index;
}
