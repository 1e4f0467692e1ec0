/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes the plan of a policy for one account: each line's part, then what is implied. Distrusts
 * the account's name and home: the expansions of a policy may not become syntax.
 */
#include "policy_plan.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "policy.h"
#include "policy_apply.h"
#include "policy_model.h"
#include "policy_session.h"
#include "policy_unix.h"
#include "util.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define DNS_PORT    53

/* Name servers -------------------------------------------------------------- */

/* `nameserver ADDRESS` at the start of the line; a zone is the kernel's matter. */
static bool nameserver_parse(char *line, struct address *ret_address)
{
	static const char keyword[] = "nameserver";
	char *text = line + strlen(keyword);

	if (strncmp(line, keyword, strlen(keyword)) != 0 || (*text != ' ' && *text != '\t'))
		return false;
	text += strspn(text, " \t");
	text[strcspn(text, " \t\r\n%")] = '\0';
	return address_parse(text, ret_address) == 0;
}

size_t nameservers_read(const char *path, struct address ret_servers[NAMESERVERS_MAX])
{
	cleanup_file FILE *file = fopen(path, "re");
	char line[VALUE_MAX];
	size_t count = 0;

	while (file && count < NAMESERVERS_MAX && fgets(line, sizeof(line), file)) {
		if (nameserver_parse(line, &ret_servers[count]))
			count++;
	}
	if (count == 0 && address_parse("127.0.0.1", &ret_servers[0]) == 0)
		count = 1;
	return count;
}

static int add_nameservers(struct planning *planning)
{
	static const struct port_range port = { DNS_PORT, DNS_PORT };
	struct address servers[NAMESERVERS_MAX];
	size_t count = nameservers_read(RESOLV_CONF, servers);
	int64_t ports = plan_add_ports(planning->builder, &port, 1);
	int error = ports < 0 ? (int)ports : 0;

	for (size_t i = 0; i < count && error == 0; i++) {
		enum address_family family = address_family(&servers[i]);
		struct rule rule = {
			.protocols = PROTOCOL_TCP | PROTOCOL_UDP,
			.target = TARGET_PREFIX,
			.implicit = 1,
			.prefix = { servers[i], (uint8_t)family, family == FAMILY_INET ? 32 : 128 },
			.ports_first = (uint32_t)ports,
			.ports_count = 1,
		};

		error = planning_add_rule(planning, &rule, "", "", "dns");
	}
	return error;
}

/* Sockets that are allowed without a line ------------------------------------- */

static int add_socket(struct planning *planning, enum plan_socket_kind kind, const char *pattern)
{
	struct plan_socket socket = { .kind = kind };
	char canonical[VALUE_MAX];
	int64_t offset;
	int error = kind == SOCKET_PATH ? path_canonicalise(pattern, NULL, canonical) : 0;

	if (error < 0)
		return error;
	offset = plan_add_string(planning->builder, kind == SOCKET_PATH ? canonical : pattern);
	if (offset < 0)
		return (int)offset;
	socket.pattern = (uint32_t)offset;
	return plan_add_socket(planning->builder, &socket);
}

static int add_sockets(struct planning *planning, bool dns)
{
	static const struct {
		const char *pattern;
		bool dns; /* resolves for its clients */
	} open[] = {
		{ "/dev/log", false },
		{ "/run/systemd/journal/dev-log", false },
		{ "/run/systemd/journal/socket", false },
		{ "/run/systemd/journal/stdout", false },
		{ "/run/systemd/userdb/*", false },
		{ "/var/lib/sss/pipes/nss", false },
		{ "/var/lib/sss/pipes/ssh", false },
		{ "/run/.heim_org.h5l.kcm-socket", false }, /* sssd's KCM: Kerberos tickets */
		{ "/run/nslcd/socket", false },
		{ "/run/samba/winbindd/pipe", false },
		{ "/run/authd.sock", false },
		{ "/run/himmelblaud/socket", false },
		{ "/run/nscd/socket", true },
		{ "/run/systemd/resolve/io.systemd.Resolve", true },
		{ "/run/avahi-daemon/socket", true },
	};
	int error = 0;

	if (!planning->unix_listed)
		error = add_socket(planning, SOCKET_OWN, "");
	for (size_t i = 0; i < ARRAY_SIZE(open) && error == 0; i++) {
		if (dns || !open[i].dns)
			error = add_socket(planning, SOCKET_PATH, open[i].pattern);
	}
	return error;
}

/* Lines ----------------------------------------------------------------------- */

static void plan_setting(struct planning *planning, const struct setting *setting,
			 struct reporter *reporter)
{
	/* A path that is missing today is worth a line at each login; other advice is for
	 * `check`. */
	bool advises = setting->key->apply == apply_file;
	char why[WHY_MAX];
	char advice[WHY_MAX];

	if (setting->superseded)
		return;
	for (size_t i = 0; i < setting->item_count; i++) {
		const struct task task = { .key = setting->key,
					   .setting = setting,
					   .item = &setting->items[i],
					   .planning = planning,
					   .advice = advises ? advice : NULL };
		int error;

		advice[0] = '\0';
		error = setting->key->apply(&task, why);

		if (error == -E2BIG)
			plan_builder_excess(planning->builder, why);
		else if (error < 0 && error != -EINVAL)
			why_write(why, "%s", strerror(-error));
		if (error < 0)
			report_error(reporter, setting->file, task.item->line, "%s: %s",
				     setting->name, why);
		else if (advice[0])
			report_warning(reporter, setting->file, task.item->line, "%s: %s",
				       setting->name, advice);
	}
}

static void plan_settings(struct planning *planning, const struct policy *policy,
			  struct reporter *reporter)
{
	static const enum key_shape order[] = { KEY_SINGLE, KEY_LIST };

	for (size_t shape = 0; shape < ARRAY_SIZE(order); shape++) {
		for (size_t i = 0; i < policy->setting_count; i++) {
			if (policy->settings[i].key->shape == order[shape])
				plan_setting(planning, &policy->settings[i], reporter);
		}
	}
}

/* A section without keys restricts: no file can be opened. */
static void plan_files(struct planning *planning, const struct policy *policy)
{
	const char *file;

	if (policy_section(policy, "filesystem", &file))
		plan_builder_header(planning->builder)->flags |= PLAN_FILES;
}

/* Calls by number, each once. */
static int add_calls(struct planning *planning)
{
	int error = 0;

	for (uint32_t i = 0; i < PLANNING_CALLS && error == 0; i++) {
		const struct plan_call call = { i, planning->calls[i] == CALL_STATE_ALLOWED
							   ? CALL_ALLOW
							   : CALL_DENY };

		if (planning->calls[i] != CALL_STATE_NONE)
			error = plan_add_call(planning->builder, &call);
	}
	return error;
}

static int fill_header(struct planning *planning, const struct policy *policy)
{
	const struct account *account = planning->account;
	char home[VALUE_MAX] = "";
	int64_t user, directory, shell, file;
	struct plan_header *header;
	int error = account->home[0] == '/' ? path_canonicalise(account->home, NULL, home) : 0;

	if (error < 0)
		return error;
	user = plan_add_string(planning->builder, account->name);
	directory = plan_add_string(planning->builder, home);
	shell = plan_add_string(planning->builder,
				planning->shell[0] ? planning->shell : shell_default());
	file = plan_add_string(planning->builder, policy->sources[0].file);
	if (user < 0 || directory < 0 || shell < 0 || file < 0)
		return -ENOMEM;
	header = plan_builder_header(planning->builder);
	header->require = planning->require;
	header->uid = account->uid;
	header->gid = account->gid;
	header->user = (uint32_t)user;
	header->home = (uint32_t)directory;
	header->shell = (uint32_t)shell;
	header->policy = (uint32_t)file;
	return 0;
}

/* What set-uid programs need to do their work as root: files and other uids, but nothing of the
 * kernel, of other processes, or of the network's shape. */
#define CAPABILITY(name) (1ULL << CAP_##name)
#define CAPABILITIES_DEFAULT                                                                      \
	(CAPABILITY(CHOWN) | CAPABILITY(DAC_OVERRIDE) | CAPABILITY(FOWNER) | CAPABILITY(FSETID) | \
	 CAPABILITY(KILL) | CAPABILITY(SETGID) | CAPABILITY(SETUID) |                             \
	 CAPABILITY(NET_BIND_SERVICE) | CAPABILITY(NET_RAW) | CAPABILITY(AUDIT_WRITE))

static void plan_privileges(struct planning *planning)
{
	struct plan_header *header = plan_builder_header(planning->builder);
	bool harmless = (header->flags & PLAN_FILES) && !planning->writes_system;

	/* Root that creates user namespaces can map any uid, also that of the supervisors, to a
	 * number that the filter lets pass. */
	if (!planning->userns && (planning->privileges == PRIVILEGES_ALWAYS ||
				  (planning->privileges == PRIVILEGES_AUTO && harmless)))
		header->flags |= PLAN_SETUID;
	if ((header->flags & PLAN_SETUID) && !harmless)
		header->flags |= PLAN_ROOT_LEAVES;
	header->capabilities = planning->capabilities_listed ? planning->capabilities
							     : CAPABILITIES_DEFAULT;
}

/* The addresses that a name server's answer may allow: none of the machine itself, unless
 * listed. */
#define NAME_CLASSES_DEFAULT (1U << CLASS_GLOBAL | 1U << CLASS_PRIVATE)

/* Whether look-ups of the session can be answered in a network namespace of its own: not where a
 * rule or udp_answer opens UDP, or where it can have none. */
static bool can_filter(const struct planning *planning)
{
	const struct account *account = planning->account;

	if ((planning->opened & PROTOCOL_UDP) ||
	    (plan_builder_header(planning->builder)->flags & PLAN_UDP))
		return false;
	return !account->can_have_network || account->can_have_network();
}

/* Whether the session asks the system's name servers itself. */
static bool plan_dns(struct planning *planning)
{
	struct plan_header *header = plan_builder_header(planning->builder);

	if (!planning->dns_written)
		planning->dns = planning->names_host ? PLAN_DNS_FILTERED : PLAN_DNS_OFF;
	header->dns = (uint8_t)planning->dns;
	header->name_classes = planning->name_classes ? planning->name_classes : NAME_CLASSES_DEFAULT;
	return planning->dns == PLAN_DNS_SYSTEM ||
	       (planning->dns == PLAN_DNS_FILTERED && !can_filter(planning));
}

/* What follows from all the lines together. */
static int plan_implied(struct planning *planning, const struct policy *policy)
{
	bool dns = plan_dns(planning);
	struct plan_header *header = plan_builder_header(planning->builder);
	int error;

	if (dns)
		header->flags |= PLAN_DNS | PLAN_UDP;
	if (planning->opened & PROTOCOL_UDP)
		header->flags |= PLAN_UDP;
	if (planning->opened & PROTOCOL_ICMP)
		header->flags |= PLAN_ICMP;
	if (planning->icmp)
		header->flags |= PLAN_ICMP_RAW;
	if (planning->userns)
		header->flags |= PLAN_USERNS;
	if (planning->unix_dgram)
		header->flags |= PLAN_UNIX_DGRAM;
	plan_privileges(planning);
	error = dns ? add_nameservers(planning) : 0;
	if (error == 0)
		error = add_sockets(planning, dns);
	if (error == 0)
		error = add_calls(planning);
	return error < 0 ? error : fill_header(planning, policy);
}

int policy_plan(const struct policy *policy, const struct account *account, policy_report report,
		void *context, struct plan_builder *builder)
{
	struct reporter reporter = { report, context, POLICY_LINT, 0, policy->secret };
	struct planning planning = { .account = account, .builder = builder, .unix_dgram = true };
	int error;

	plan_settings(&planning, policy, &reporter);
	plan_files(&planning, policy);
	if (reporter.errors > 0)
		return -EINVAL;
	error = plan_implied(&planning, policy);
	if (error < 0)
		report_error(&reporter, policy->sources[0].file, 0, "cannot be compiled: %s",
			     strerror(-error));
	return error < 0 ? -EINVAL : 0;
}
