/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a policy becomes for an account: rules, sockets, flags, and what is not planned yet.
 * Run by `make unit`; the plan is sealed and mapped as the supervisor would.
 */
#include <errno.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "plan_build.h"
#include "policy_fixture.h"
#include "policy_plan.h"
#include "policy_session.h"
#include "util.h"

#define POLICY_SIZE (256 << 10)

static const struct account alice = {
	.name = "alice", .group = "staff", .home = "/home/alice", .uid = 1234, .gid = 100
};

static int place_make(void **state)
{
	*state = directory_make();
	return 0;
}

static int place_remove(void **state)
{
	directory_remove(*state);
	return 0;
}

/* The plan of `text`, mapped; the caller unmaps. */
static struct plan plan_of(void **state, const struct account *account, const char *text)
{
	struct collected collected;
	struct plan_builder *builder = plan_builder_new();
	int memfd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct policy *policy;
	struct plan plan;

	assert_int_equal(0, policy_load_text(*state, text, &collected, &policy));
	collected = (struct collected){ 0 };
	assert_int_equal(0, policy_plan(policy, account, collect, &collected, builder));
	assert_string_equal("", collected.text);
	assert_int_equal(0, plan_seal(builder, memfd));
	assert_int_equal(0, plan_map(memfd, &plan));
	plan_builder_free(builder);
	policy_free(policy);
	close(memfd);
	return plan;
}

/* The complaints of planning `text`. */
static const char *plan_complaint(void **state, const struct account *account, const char *text)
{
	static struct collected collected;
	struct plan_builder *builder = plan_builder_new();
	struct policy *policy;

	assert_int_equal(0, policy_load_text(*state, text, &collected, &policy));
	collected = (struct collected){ 0 };
	assert_int_equal(-EINVAL, policy_plan(policy, account, collect, &collected, builder));
	plan_builder_free(builder);
	policy_free(policy);
	return collected.text;
}

/* A rule of the plan as one line; NULL where there is none. */
static const char *rule_text(const struct plan *plan, uint32_t index, char text[512])
{
	const struct rule *rule = &plan->ruleset.rules[index];
	char address[ADDRESS_TEXT_MAX];
	const char *file;
	size_t used;

	if (index >= plan->ruleset.rule_count)
		return NULL;
	address_format(&rule->prefix.address, address);
	file = strrchr(plan_string(plan, rule->file), '/');
	snprintf(text, 512, "%s%s%s%s ", rule->deny ? "deny" : "allow",
		 rule->protocols & PROTOCOL_TCP ? " tcp" : "",
		 rule->protocols & PROTOCOL_UDP ? " udp" : "",
		 rule->protocols & PROTOCOL_ICMP ? " icmp" : "");
	used = strlen(text);
	if (rule->target == TARGET_PREFIX)
		snprintf(text + used, 512 - used, "%s/%u", address, rule->prefix.length);
	else if (rule->target == TARGET_HOST)
		snprintf(text + used, 512 - used, "%s", plan_string(plan, plan->hosts[rule->value]));
	else
		snprintf(text + used, 512 - used, "%s%u", rule->target == TARGET_CLASS ? "@" : "*",
			 rule->value);
	for (uint32_t i = 0; i < rule->ports_count; i++) {
		const struct port_range *range = &plan->ruleset.ports[rule->ports_first + i];

		used = strlen(text);
		snprintf(text + used, 512 - used, " %u-%u", range->low, range->high);
	}
	used = strlen(text);
	snprintf(text + used, 512 - used, " {%s} [%s] %s:%u%s", plan_string(plan, rule->text),
		 plan_string(plan, rule->label), file ? file + 1 : "", rule->line,
		 rule->implicit ? " implicit" : "");
	return text;
}

static void check_rules(const struct plan *plan, const char *const *expected, uint32_t count)
{
	char text[512];

	assert_int_equal(count, plan->ruleset.rule_count);
	for (uint32_t i = 0; i < count; i++)
		assert_string_equal(expected[i], rule_text(plan, i, text));
}

static void rules_planned_as_written(void **state)
{
	static const char *const expected[] = {
		"allow tcp 127.0.0.1/32 8080-8080 {127.0.0.1:8080} [] test.conf:2",
		"allow udp 10.0.0.0/8 53-53 100-200 {udp://10.0.0.0/8:100-200,53} [] test.conf:3",
		"allow tcp @0 443-443 {@global:443} [net_allow.web] test.conf:4",
		"deny tcp udp icmp @3 {@linklocal:*} [] test.conf:5",
		"deny tcp udp *0 25-25 {:25} [] test.conf:5",
		"deny tcp *0 {tcp://*:*} [] test.conf:5",
	};
	struct plan plan = plan_of(state, &alice,
				   "[network]\n"
				   "net_allow = 127.0.0.1:8080 \\\n"
				   "  udp://10.0.0.0/8:100-200,53\n"
				   "net_allow.web = @global:443\n"
				   "net_deny = @linklocal:* :25 tcp://*:*\n");

	check_rules(&plan, expected, ARRAY_SIZE(expected));
	assert_int_equal(PLAN_UDP | PLAN_UNIX_DGRAM, plan.header->flags);
	plan_unmap(&plan);
}

static void localhost_planned_as_its_addresses(void **state)
{
	static const char *const expected[] = {
		"allow tcp 127.0.0.1/32 5432-5432 {LocalHost:5432} [] test.conf:2",
		"allow tcp ::1/128 5432-5432 {LocalHost:5432} [] test.conf:2",
		"allow udp 127.0.0.1/32 53-53 {udp://localhost:53} [net_allow.u] test.conf:3",
		"allow udp ::1/128 53-53 {udp://localhost:53} [net_allow.u] test.conf:3",
		"allow icmp 127.0.0.1/32 {icmp://localhost} [net_allow.i] test.conf:4",
		"allow icmp ::1/128 {icmp://localhost} [net_allow.i] test.conf:4",
	};
	struct plan plan = plan_of(state, &alice,
				   "[network]\nnet_allow = LocalHost:5432\n"
				   "net_allow.u = udp://localhost:53\n"
				   "net_allow.i = icmp://localhost\n");

	check_rules(&plan, expected, ARRAY_SIZE(expected));
	/* Nobody is asked. */
	assert_int_equal(0, plan.header->hosts.count);
	assert_false(plan.header->flags & PLAN_DNS);
	plan_unmap(&plan);
}

static void allow_udp_widens_rules_without_scheme(void **state)
{
	static const char *const expected[] = {
		"allow tcp udp 10.0.0.1/32 80-80 {10.0.0.1:80} [] test.conf:2",
		"allow tcp 10.0.0.2/32 80-80 {tcp://10.0.0.2:80} [] test.conf:2",
	};
	struct plan plan = plan_of(state, &alice,
				   "[network]\nnet_allow = 10.0.0.1:80 tcp://10.0.0.2:80\n"
				   "allow_udp = yes\n");

	check_rules(&plan, expected, ARRAY_SIZE(expected));
	assert_true(plan.header->flags & PLAN_UDP);
	plan_unmap(&plan);
	plan = plan_of(state, &alice,
		       "[network]\nnet_allow = 10.0.0.1:80\nallow_icmp = no\n"
		       "net_deny = udp://*:*\n");
	assert_false(plan.header->flags & (PLAN_UDP | PLAN_ICMP));
	plan_unmap(&plan);
}

static void account_planned(void **state)
{
	struct plan plan = plan_of(state, &alice, "");

	assert_int_equal(1234, plan.header->uid);
	assert_int_equal(100, plan.header->gid);
	assert_string_equal("alice", plan_string(&plan, plan.header->user));
	assert_string_equal("/home/alice", plan_string(&plan, plan.header->home));
	assert_string_equal(shell_default(), plan_string(&plan, plan.header->shell));
	assert_non_null(strstr(plan_string(&plan, plan.header->policy), "/test.conf"));
	assert_int_equal(0, plan.ruleset.rule_count);
	assert_int_equal(PLAN_UNIX_DGRAM, plan.header->flags);
	plan_unmap(&plan);
}

static void home_that_is_not_absolute_planned_as_none(void **state)
{
	static const char *const homes[] = { "", "home", "." };
	struct account account = alice;

	for (size_t i = 0; i < ARRAY_SIZE(homes); i++) {
		struct plan plan;

		account.home = homes[i];
		plan = plan_of(state, &account, "");
		assert_string_equal("", plan_string(&plan, plan.header->home));
		plan_unmap(&plan);
	}
}

/* Names and dns --------------------------------------------------------------- */

static uint32_t count_implicit(const struct plan *plan)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < plan->ruleset.rule_count; i++)
		count += plan->ruleset.rules[i].implicit;
	return count;
}

/* The session's look-ups are answered where nothing leaves; no name server is open. */
static void names_planned_with_filtered_dns(void **state)
{
	struct plan plan = plan_of(state, &alice, "[network]\nnet_allow = github.com:22\n");

	assert_int_equal(PLAN_DNS_FILTERED, plan.header->dns);
	assert_int_equal(0, count_implicit(&plan));
	assert_int_equal(PLAN_UNIX_DGRAM, plan.header->flags);
	plan_unmap(&plan);
}

/* As yet also where a rule opens UDP. */
static void names_open_dns_where_udp_is_open(void **state)
{
	struct plan plan = plan_of(state, &alice, "[network]\nnet_allow = udp://github.com:22\n");

	assert_int_equal(PLAN_DNS_FILTERED, plan.header->dns);
	assert_true(count_implicit(&plan) > 0);
	assert_int_equal(PLAN_DNS | PLAN_UDP | PLAN_UNIX_DGRAM, plan.header->flags);
	plan_unmap(&plan);
}

/* Its sockets are the machine's own too. */
static void names_open_dns_where_udp_answers(void **state)
{
	struct plan plan =
		plan_of(state, &alice, "[network]\nnet_allow = github.com:22\nudp_answer = 60000\n");

	assert_int_equal(PLAN_DNS_FILTERED, plan.header->dns);
	assert_true(count_implicit(&plan) > 0);
	assert_int_equal(PLAN_DNS | PLAN_UDP | PLAN_UNIX_DGRAM, plan.header->flags);
	plan_unmap(&plan);
}

static bool no_network(void)
{
	return false;
}

static void names_open_dns_without_network_namespace(void **state)
{
	struct account bound = alice;
	struct address servers[NAMESERVERS_MAX];
	size_t count = nameservers_read("/etc/resolv.conf", servers);
	struct plan plan;
	char text[512], expected[512], address[ADDRESS_TEXT_MAX];

	bound.can_have_network = no_network;
	plan = plan_of(state, &bound,
		       "[network]\nnet_allow = GitHub.com:22 github.com:443 %u.example:1\n");
	assert_int_equal(PLAN_DNS_FILTERED, plan.header->dns);
	assert_int_equal(2, plan.header->hosts.count);
	assert_string_equal("github.com", plan_string(&plan, plan.hosts[0]));
	assert_string_equal("alice.example", plan_string(&plan, plan.hosts[1]));
	assert_string_equal("allow tcp github.com 443-443 {github.com:443} [] test.conf:2",
			    rule_text(&plan, 1, text));
	assert_int_equal(count, count_implicit(&plan));
	address_format(&servers[0], address);
	snprintf(expected, sizeof(expected), "allow tcp udp %s/%u 53-53 {dns} [] :0 implicit",
		 address, address_family(&servers[0]) == FAMILY_INET ? 32 : 128);
	assert_string_equal(expected, rule_text(&plan, 3, text));
	assert_int_equal(PLAN_DNS | PLAN_UDP | PLAN_UNIX_DGRAM, plan.header->flags);
	plan_unmap(&plan);
}

static void dns_key_decides(void **state)
{
	struct plan plan = plan_of(state, &alice, "[network]\nnet_allow = a:1\ndns = off\n");

	assert_int_equal(0, count_implicit(&plan));
	assert_false(plan.header->flags & (PLAN_DNS | PLAN_UDP));
	assert_int_equal(PLAN_DNS_OFF, plan.header->dns);
	plan_unmap(&plan);
	plan = plan_of(state, &alice, "[network]\ndns = system\n");
	assert_true(count_implicit(&plan) > 0);
	assert_true(plan.header->flags & PLAN_DNS);
	assert_int_equal(PLAN_DNS_SYSTEM, plan.header->dns);
	plan_unmap(&plan);
	plan = plan_of(state, &alice, "[network]\nnet_allow = a:1\ndns = hosts\n");
	assert_int_equal(0, count_implicit(&plan));
	assert_int_equal(PLAN_DNS_HOSTS, plan.header->dns);
	plan_unmap(&plan);
	plan = plan_of(state, &alice, "[network]\nnet_allow = a:1\n");
	assert_int_equal(PLAN_DNS_FILTERED, plan.header->dns);
	plan_unmap(&plan);
	plan = plan_of(state, &alice, "[network]\nnet_allow = 127.0.0.1:1\n");
	assert_int_equal(0, count_implicit(&plan));
	plan_unmap(&plan);
}

static void classes_of_names_are_written_or_not_of_the_machine(void **state)
{
	struct plan plan = plan_of(state, &alice, "[network]\nnet_allow = a:1\n");

	assert_int_equal(1U << CLASS_GLOBAL | 1U << CLASS_PRIVATE, plan.header->name_classes);
	plan_unmap(&plan);
	plan = plan_of(state, &alice,
		       "[network]\nname_addresses = @global\n"
		       "name_addresses.more = @loopback\n");
	assert_int_equal(1U << CLASS_GLOBAL | 1U << CLASS_LOOPBACK, plan.header->name_classes);
	plan_unmap(&plan);
}

static void names_below_need_answers_of_our_own(void **state)
{
	struct plan plan = plan_of(state, &alice, "[network]\nnet_allow = *.example.com:1\n");

	assert_string_equal("*.example.com", plan_string(&plan, plan.hosts[0]));
	plan_unmap(&plan);
	assert_string_equal("error test.conf:2: net_allow: \"*.example.com:1\" needs dns = "
			    "filtered: only then is it known which names are looked up\n",
			    plan_complaint(state, &alice,
					   "[network]\nnet_allow = *.example.com:1\ndns = system\n"));
}

static void nameservers_read_as_glibc_does(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} cases[] = {
		{ "nameserver 192.0.2.1\n", "192.0.2.1 " },
		{ "nameserver\t192.0.2.1 # c\nnameserver  2001:db8::1\n", "192.0.2.1 2001:db8::1 " },
		{ "nameserver fe80::1%eth0\n", "fe80::1 " },
		{ "nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n"
		  "nameserver 192.0.2.4\n",
		  "192.0.2.1 192.0.2.2 192.0.2.3 " },
		{ "nameserver bad\nnameserver 192.0.2.2\n", "192.0.2.2 " },
		{ " nameserver 192.0.2.1\n# nameserver 192.0.2.1\nnameservers 192.0.2.1\n",
		  "127.0.0.1 " },
		{ "", "127.0.0.1 " },
		{ "nameserver", "127.0.0.1 " },
	};
	struct address servers[NAMESERVERS_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *path = file_make(*state, "resolv.conf", cases[i].text, strlen(cases[i].text));
		size_t count = nameservers_read(path, servers);
		char text[256] = "";

		for (size_t j = 0; j < count; j++) {
			size_t used = strlen(text);

			address_format(&servers[j], text + used);
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " ");
		}
		assert_string_equal(cases[i].expected, text);
		free(path);
	}
	assert_int_equal(1, nameservers_read("/nonexistent", servers));
}

/* Sockets, binds, shell --------------------------------------------------------- */

static bool opens(const struct plan *plan, enum plan_socket_kind kind, const char *pattern,
		  uint32_t line)
{
	for (uint32_t i = 0; i < plan->header->sockets.count; i++) {
		const struct plan_socket *socket = &plan->sockets[i];

		if (socket->kind == kind && socket->line == line &&
		    strcmp(plan_string(plan, socket->pattern), pattern) == 0)
			return true;
	}
	return false;
}

static void sockets_open_without_a_line(void **state)
{
	struct plan plan = plan_of(state, &alice, "");

	assert_true(opens(&plan, SOCKET_OWN, "", 0));
	assert_true(opens(&plan, SOCKET_PATH, "/run/systemd/journal/dev-log", 0));
	assert_true(opens(&plan, SOCKET_PATH, "/run/systemd/journal/socket", 0));
	assert_true(opens(&plan, SOCKET_PATH, "/run/systemd/journal/stdout", 0));
	assert_true(opens(&plan, SOCKET_PATH, "/run/systemd/userdb/*", 0));
	assert_true(opens(&plan, SOCKET_PATH, "/var/lib/sss/pipes/nss", 0));
	assert_true(opens(&plan, SOCKET_PATH, "/var/lib/sss/pipes/ssh", 0));
	assert_true(opens(&plan, SOCKET_PATH, "/run/nslcd/socket", 0));
	assert_true(opens(&plan, SOCKET_PATH, "/run/samba/winbindd/pipe", 0));
	assert_true(opens(&plan, SOCKET_PATH, "/run/authd.sock", 0));
	assert_true(opens(&plan, SOCKET_PATH, "/run/himmelblaud/socket", 0));
	assert_false(opens(&plan, SOCKET_PATH, "/run/avahi-daemon/socket", 0));
	assert_false(opens(&plan, SOCKET_PATH, "/run/nscd/socket", 0));
	assert_false(opens(&plan, SOCKET_PATH, "/run/systemd/resolve/io.systemd.Resolve", 0));
	plan_unmap(&plan);
	plan = plan_of(state, &alice, "[network]\ndns = system\n");
	assert_true(opens(&plan, SOCKET_PATH, "/run/nscd/socket", 0));
	assert_true(opens(&plan, SOCKET_PATH, "/run/systemd/resolve/io.systemd.Resolve", 0));
	plan_unmap(&plan);
}

static void unix_allow_replaces_own(void **state)
{
	struct plan plan = plan_of(state, &alice,
				   "[network]\nunix_allow = /var/run/a*.sock @x%u x11 \\\n%h/s\n");

	assert_false(opens(&plan, SOCKET_OWN, "", 0));
	assert_true(opens(&plan, SOCKET_PATH, "/run/a*.sock", 2));
	assert_true(opens(&plan, SOCKET_ABSTRACT, "xalice", 2));
	assert_true(opens(&plan, SOCKET_X11, "", 2));
	assert_true(opens(&plan, SOCKET_PATH, "/home/alice/s", 3));
	assert_true(opens(&plan, SOCKET_PATH, "/run/systemd/userdb/*", 0));
	plan_unmap(&plan);
	plan = plan_of(state, &alice, "[network]\nunix_allow = own\nunix_dgram = no\n");
	assert_true(opens(&plan, SOCKET_OWN, "", 2));
	assert_false(plan.header->flags & PLAN_UNIX_DGRAM);
	plan_unmap(&plan);
}

static void home_with_a_star_refused(void **state)
{
	struct account account = alice;

	account.home = "/home/a*";
	assert_string_equal("error test.conf:2: unix_allow: %h is \"/home/a*\", whose * would be a "
			    "wildcard\n",
			    plan_complaint(state, &account, "[network]\nunix_allow = %h/x\n"));
}

static void binds_planned(void **state)
{
	struct plan plan =
		plan_of(state, &alice,
			"[network]\nnet_bind = 8080, 9000-9005 9003-9010\nnet_bind.x = 0\n");

	assert_true(plan_binds(&plan, 8080));
	assert_true(plan_binds(&plan, 9010));
	assert_true(plan_binds(&plan, 0));
	assert_false(plan_binds(&plan, 8081));
	assert_false(plan.header->flags & PLAN_BIND_ANY);
	plan_unmap(&plan);
	plan = plan_of(state, &alice, "[network]\nnet_bind = *\n");
	assert_true(plan.header->flags & PLAN_BIND_ANY);
	plan_unmap(&plan);
	plan = plan_of(state, &alice, "");
	assert_false(plan_binds(&plan, 0));
	plan_unmap(&plan);
}

static void listed_shell_planned(void **state)
{
	struct plan plan = plan_of(state, &alice, "[session]\nshell = /bin/sh\n");

	assert_string_equal("/bin/sh", plan_string(&plan, plan.header->shell));
	plan_unmap(&plan);
}

static void shell_that_is_none_refused(void **state)
{
	char own[VALUE_MAX], expected[2 * VALUE_MAX], why[WHY_MAX];
	char *plain = file_make(*state, "plain", "", 0);
	char *shells;

	assert_string_equal("error test.conf:2: shell: \"/usr/bin/env\" is not in /etc/shells, expected a "
			    "login shell\n",
			    plan_complaint(state, &alice, "[session]\nshell = /usr/bin/env\n"));
	snprintf(own, sizeof(own), "%s/sandlock-shell", (char *)*state);
	snprintf(expected, sizeof(expected), "# list\n/bin/sh # comment\n%s\n%s\n/nonexistent/sh\n",
		 plain, own);
	shells = file_make(*state, "shells", expected, strlen(expected));
	assert_int_equal(0, shell_check("/bin/sh", shells, why));
	assert_int_equal(-EINVAL, shell_check(own, shells, why));
	assert_non_null(strstr(why, "is sandlock-shell itself"));
	assert_int_equal(-EINVAL, shell_check(plain, shells, why));
	assert_non_null(strstr(why, "cannot be executed"));
	assert_int_equal(-EINVAL, shell_check("/nonexistent/sh", shells, why));
	assert_int_equal(-EINVAL, shell_check("# list", shells, why));
	assert_int_equal(-EINVAL, shell_check("", shells, why));
	assert_int_equal(-EINVAL, shell_check("/bin/sh", "/nonexistent", why));
	free(plain);
	free(shells);
}

/* Files, calls, limits, protections ---------------------------------------------- */

static void files_reach_the_plan_with_their_rights(void **state)
{
	struct plan plan = plan_of(state, &alice,
				   "[filesystem]\nread = /etc\nwrite = /tmp\nexec.x = /usr /etc\n");

	assert_true(plan.header->flags & PLAN_FILES);
	assert_int_equal(4, plan.header->files.count);
	assert_string_equal("/etc", plan_string(&plan, plan.files[0].path));
	assert_int_equal(FILE_READ, plan.files[0].rights);
	assert_string_equal("/tmp", plan_string(&plan, plan.files[1].path));
	assert_int_equal(FILE_WRITE, plan.files[1].rights);
	assert_string_equal("/usr", plan_string(&plan, plan.files[2].path));
	assert_int_equal(FILE_READ | FILE_EXEC, plan.files[2].rights);
	plan_unmap(&plan);
}

static void path_that_is_missing_planned_with_a_warning(void **state)
{
	struct collected collected = { 0 };
	struct plan_builder *builder = plan_builder_new();
	struct policy *policy;

	assert_int_equal(0, policy_load_text(*state, "[filesystem]\nread = /nonexistent\n",
					     &collected, &policy));
	collected = (struct collected){ 0 };
	assert_int_equal(0, policy_plan(policy, &alice, collect, &collected, builder));
	assert_string_equal("warning test.conf:2: read: \"/nonexistent\" does not exist\n",
			    collected.text);
	plan_builder_free(builder);
	policy_free(policy);
}

static void empty_filesystem_section_restricts(void **state)
{
	struct plan plan = plan_of(state, &alice, "[filesystem]\n");

	assert_true(plan.header->flags & PLAN_FILES);
	assert_int_equal(0, plan.header->files.count);
	plan_unmap(&plan);
}

static void limits_reach_the_plan(void **state)
{
	struct plan plan =
		plan_of(state, &alice, "[limits]\nprocesses = 200\nmemory = 1G\ncore = 0\n");

	assert_int_equal(3, plan.header->limits.count);
	assert_int_equal(RLIMIT_NPROC, plan.limits[0].resource);
	assert_int_equal(200, plan.limits[0].value);
	assert_int_equal(RLIMIT_AS, plan.limits[1].resource);
	assert_int_equal(1 << 30, plan.limits[1].value);
	assert_int_equal(RLIMIT_CORE, plan.limits[2].resource);
	assert_int_equal(0, plan.limits[2].value);
	plan_unmap(&plan);
}

static bool plan_has_call(const struct plan *plan, uint32_t number, uint32_t action)
{
	for (uint32_t i = 0; i < plan->header->calls.count; i++)
		if (plan->calls[i].number == number && plan->calls[i].action == action)
			return true;
	return false;
}

static void calls_and_groups_reach_the_plan(void **state)
{
	struct plan plan =
		plan_of(state, &alice,
			"[filesystem]\n[syscalls]\ndeny = personality @clock\nallow = @keyring @userns\n");

	assert_true(plan_has_call(&plan, __NR_personality, CALL_DENY));
	assert_true(plan_has_call(&plan, __NR_clock_settime, CALL_DENY));
	assert_true(plan_has_call(&plan, __NR_keyctl, CALL_ALLOW));
	assert_true(plan_has_call(&plan, __NR_request_key, CALL_ALLOW));
	assert_false(plan_has_call(&plan, __NR_bpf, CALL_ALLOW));
	assert_true(plan.header->flags & PLAN_USERNS);
	plan_unmap(&plan);
}

static void call_both_denied_and_allowed_refused(void **state)
{
	assert_string_equal("error test.conf:3: allow: keyctl is both denied and allowed\n",
			    plan_complaint(state, &alice,
					   "[syscalls]\ndeny = @keyring\nallow = keyctl\n"));
}

static void protections_reach_the_plan(void **state)
{
	struct plan plan = plan_of(state, &alice, "[policy]\nrequire = signals tcp\n");

	assert_int_equal(REQUIRE_SIGNALS | REQUIRE_TCP, plan.header->require);
	plan_unmap(&plan);
}

/* What the plan of `policy` says about programs that become root. */
static uint32_t privileges_of(void **state, const char *policy)
{
	struct plan plan = plan_of(state, &alice, policy);
	uint32_t flags = plan.header->flags & (PLAN_SETUID | PLAN_ROOT_LEAVES);

	plan_unmap(&plan);
	return flags;
}

static void privileges_stay_only_where_nothing_of_the_machine_is_written(void **state)
{
#define FILES "[filesystem]\nread = /etc\nexec = /usr\n"
	assert_int_equal(0, privileges_of(state, ""));
	assert_int_equal(0, privileges_of(state, "[session]\nno_new_privs = auto\n"));
	assert_int_equal(PLAN_SETUID, privileges_of(state, FILES));
	assert_int_equal(PLAN_SETUID,
			 privileges_of(state, FILES "write = /tmp /var/tmp /dev/null /dev/pts\n"));
	assert_int_equal(0, privileges_of(state, FILES "write = /tmp /etc/motd\n"));
	assert_int_equal(0, privileges_of(state, FILES "write = /usr\n"));
	assert_int_equal(0, privileges_of(state, FILES "write = /dev\n"));
	assert_int_equal(0, privileges_of(state, FILES "[session]\nno_new_privs = yes\n"));
	assert_int_equal(PLAN_SETUID, privileges_of(state, FILES "[session]\nno_new_privs = no\n"));
	/* Root inside could map any uid there. */
	assert_int_equal(0, privileges_of(state, FILES "[syscalls]\nallow = @userns\n"));
	assert_int_equal(0, privileges_of(state, FILES "[session]\nno_new_privs = no\n"
						       "[syscalls]\nallow = @userns\n"));
	assert_int_equal(PLAN_SETUID | PLAN_ROOT_LEAVES,
			 privileges_of(state, "[session]\nno_new_privs = no\n"));
	assert_int_equal(PLAN_SETUID | PLAN_ROOT_LEAVES,
			 privileges_of(state, FILES "write = /etc\n[session]\nno_new_privs = no\n"));
#undef FILES
}

/* The home of some system accounts is /bin or /dev: what is written there is the machine's. */
static void home_of_another_owner_is_none(void **state)
{
	const struct account own = { "alice", "users", "/root", 0, 100, NULL, false };
	const struct account other = { "alice", "users", "/bin", 1000, 100, NULL, false };
	const char *policy = "[filesystem]\nwrite = %h\n";
	struct plan plan = plan_of(state, &own, policy);

	assert_int_equal(PLAN_SETUID, plan.header->flags & PLAN_SETUID);
	plan_unmap(&plan);
	plan = plan_of(state, &other, policy);
	assert_int_equal(0, plan.header->flags & PLAN_SETUID);
	plan_unmap(&plan);
}

static uint64_t capabilities_of(void **state, const char *policy)
{
	struct plan plan = plan_of(state, &alice, policy);
	uint64_t capabilities = plan.header->capabilities;

	plan_unmap(&plan);
	return capabilities;
}

static void capabilities_are_those_named_else_what_sudo_needs(void **state)
{
	const uint64_t undo = 1ULL << CAP_SYS_ADMIN | 1ULL << CAP_SYS_PTRACE |
			      1ULL << CAP_SYS_MODULE | 1ULL << CAP_SYS_RAWIO | 1ULL << CAP_MKNOD |
			      1ULL << CAP_NET_ADMIN | 1ULL << CAP_BPF |
			      1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_SYS_BOOT;
	uint64_t standard = capabilities_of(state, "");

	assert_int_equal(0, standard & undo);
	assert_int_equal(1ULL << CAP_SETUID, standard & 1ULL << CAP_SETUID);
	assert_int_equal(0, capabilities_of(state, "[session]\ncapabilities = none\n"));
	assert_int_equal(1ULL << CAP_CHOWN | 1ULL << CAP_NET_RAW | 1ULL << CAP_CHECKPOINT_RESTORE,
			 capabilities_of(state, "[session]\ncapabilities = chown cap_net_raw\n"
						"capabilities.more = checkpoint_restore\n"));
}

#define NONE_NOT_ALONE "\"none\" is listed with other capabilities, expected it alone\n"

static void capabilities_none_beside_names_refused(void **state)
{
	static const struct {
		const char *lines;
		const char *complaint;
	} cases[] = {
		{ "capabilities = none chown\n", "error test.conf:2: capabilities: " NONE_NOT_ALONE },
		{ "capabilities = chown \\\n none\n",
		  "error test.conf:3: capabilities: " NONE_NOT_ALONE },
		{ "capabilities = cap_chown\ncapabilities.more = none\n",
		  "error test.conf:3: capabilities.more: " NONE_NOT_ALONE },
		{ "capabilities = none\ncapabilities.more = chown\n",
		  "error test.conf:3: capabilities.more: " NONE_NOT_ALONE },
		{ "capabilities.more = chown\n[policy]\ninclude = one\n",
		  "error one.inc:2: capabilities.all: " NONE_NOT_ALONE },
	};
	static const char fragment[] = "[session]\ncapabilities.all = none\n";

	free(file_make(*state, "one.inc", fragment, strlen(fragment)));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[128];

		snprintf(text, sizeof(text), "[session]\n%s", cases[i].lines);
		assert_string_equal(cases[i].complaint, plan_complaint(state, &alice, text));
	}
	/* Twice is still none. */
	assert_int_equal(0, capabilities_of(state, "[session]\ncapabilities = none none\n"
						   "capabilities.more = none\n"));
}

static void icmp_rule_opens_ping_for_itself(void **state)
{
	struct plan plan =
		plan_of(state, &alice, "[network]\nnet_allow = icmp://10.0.0.1 10.0.0.2:1\n");

	assert_int_equal(PLAN_ICMP, plan.header->flags & (PLAN_ICMP | PLAN_ICMP_RAW));
	assert_int_equal(PROTOCOL_ICMP, plan.ruleset.rules[0].protocols);
	assert_int_equal(PROTOCOL_TCP, plan.ruleset.rules[1].protocols);
	plan_unmap(&plan);
}

static void allow_icmp_opens_ping_and_raw_for_every_target(void **state)
{
	struct plan plan =
		plan_of(state, &alice,
			"[network]\nallow_icmp = yes\nnet_allow = udp://10.0.0.1:5 10.0.0.2:1\n");

	assert_int_equal(PLAN_ICMP | PLAN_ICMP_RAW, plan.header->flags & (PLAN_ICMP | PLAN_ICMP_RAW));
	assert_int_equal(PROTOCOL_UDP | PROTOCOL_ICMP, plan.ruleset.rules[0].protocols);
	assert_int_equal(PROTOCOL_TCP | PROTOCOL_ICMP, plan.ruleset.rules[1].protocols);
	plan_unmap(&plan);
}

/* An account can make a line bad that was good for any. */
static void value_bad_for_the_account_refused(void **state)
{
	struct account account = alice;

	account.uid = 70000;
	account.name = "a_b";
	assert_string_equal("error test.conf:2: net_allow: port 70000 is above 65535 in \"a:%U\"\n"
			    "error test.conf:2: net_allow: bad host name \"a_b\" in \"%u:1\", expected "
			    "letters, digits and - between dots\n",
			    plan_complaint(state, &account, "[network]\nnet_allow = a:%U %u:1\n"));
}

static void too_many_names_refused(void **state)
{
	static char text[POLICY_SIZE] = "[network]\n";
	size_t used = strlen(text);

	for (unsigned i = 0; i <= PLAN_HOSTS_MAX; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "net_allow.n%u = h%u:1\n", i, i);
	assert_string_equal("error test.conf:10002: net_allow.n10000: the policy is too large: "
			    "more than 10000 host names, expected no more\n",
			    plan_complaint(state, &alice, text));
}

static void superseded_value_not_planned(void **state)
{
	struct plan plan;

	free(file_make(*state, "one.inc", "[network]\ndns = system\n", 23));
	plan = plan_of(state, &alice, "[policy]\ninclude = one\n[network]\ndns = off\n");
	assert_false(plan.header->flags & PLAN_DNS);
	plan_unmap(&plan);
}

#define place_test(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(rules_planned_as_written),
		place_test(localhost_planned_as_its_addresses),
		place_test(allow_udp_widens_rules_without_scheme),
		place_test(account_planned),
		place_test(home_that_is_not_absolute_planned_as_none),
		place_test(names_planned_with_filtered_dns),
		place_test(names_open_dns_where_udp_is_open),
		place_test(names_open_dns_where_udp_answers),
		place_test(names_open_dns_without_network_namespace),
		place_test(dns_key_decides),
		place_test(classes_of_names_are_written_or_not_of_the_machine),
		place_test(names_below_need_answers_of_our_own),
		place_test(nameservers_read_as_glibc_does),
		place_test(sockets_open_without_a_line),
		place_test(unix_allow_replaces_own),
		place_test(home_with_a_star_refused),
		place_test(binds_planned),
		place_test(listed_shell_planned),
		place_test(shell_that_is_none_refused),
		place_test(files_reach_the_plan_with_their_rights),
		place_test(path_that_is_missing_planned_with_a_warning),
		place_test(empty_filesystem_section_restricts),
		place_test(limits_reach_the_plan),
		place_test(calls_and_groups_reach_the_plan),
		place_test(call_both_denied_and_allowed_refused),
		place_test(protections_reach_the_plan),
		place_test(privileges_stay_only_where_nothing_of_the_machine_is_written),
		place_test(home_of_another_owner_is_none),
		place_test(capabilities_are_those_named_else_what_sudo_needs),
		place_test(capabilities_none_beside_names_refused),
		place_test(icmp_rule_opens_ping_for_itself),
		place_test(allow_icmp_opens_ping_and_raw_for_every_target),
		place_test(value_bad_for_the_account_refused),
		place_test(too_many_names_refused),
		place_test(superseded_value_not_planned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
