/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Landlock layers of a session, by the system calls themselves. Distrusts version numbers:
 * vendors backport parts, so the probe creates a ruleset with each part.
 */
#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compat.h"
#include "log.h"
#include "plan.h"
#include "user_directories.h"
#include "util.h"

#define OBSTACLE_MAX 256
#define DNS_PORT     53

static int ruleset_create(const struct compat_landlock_ruleset *attributes, size_t size)
{
	return (int)syscall(__NR_landlock_create_ruleset, attributes, size, 0);
}

/* The size of the struct in a kernel of this ABI. */
static size_t ruleset_size(int abi)
{
	if (abi >= LANDLOCK_ABI_SCOPE)
		return sizeof(struct compat_landlock_ruleset);
	return abi >= LANDLOCK_ABI_NET
		       ? offsetof(struct compat_landlock_ruleset, scoped)
		       : offsetof(struct compat_landlock_ruleset, handled_access_net);
}

/* The access rights that an ABI must support for us to believe its number. */
static const struct {
	int abi;
	struct compat_landlock_ruleset attributes;
} probes[] = {
	{ LANDLOCK_ABI_SCOPE,
	  { .scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL } },
	{ LANDLOCK_ABI_NET,
	  { .handled_access_net = LANDLOCK_ACCESS_NET_BIND_TCP | LANDLOCK_ACCESS_NET_CONNECT_TCP } },
	{ LANDLOCK_ABI_REFER, { .handled_access_fs = LANDLOCK_ACCESS_FS_REFER } },
};

int landlock_abi(void)
{
	long version =
		syscall(__NR_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
		cleanup_fd int ruleset = -1;

		if (version < probes[i].abi)
			continue;
		ruleset = ruleset_create(&probes[i].attributes, ruleset_size(probes[i].abi));
		if (ruleset >= 0)
			return i == 0 ? (int)version : probes[i].abi;
	}
	return version > 0 ? 1 : 0;
}

static int rule_add_port(int ruleset, uint64_t access, uint16_t port)
{
	struct compat_landlock_net_port attributes = { access, port };

	if (syscall(__NR_landlock_add_rule, ruleset, COMPAT_LANDLOCK_RULE_NET_PORT, &attributes, 0))
		return -errno;
	return 0;
}

static int rules_add_range(int ruleset, uint64_t access, const struct port_range *range)
{
	for (uint32_t port = range->low; port <= range->high; port++) {
		int error = rule_add_port(ruleset, access, (uint16_t)port);

		if (error)
			return error;
	}
	return 0;
}

/* Rights of directories only: Landlock refuses a rule that gives them to a file. */
#define FILE_ACCESS                                                   \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
	 LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_IOCTL_DEV)

#define READ_ACCESS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

/* Device nodes are handled and granted to nobody. */
#define NODE_ACCESS (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)

#define WRITE_ACCESS                                                                               \
	(READ_ACCESS | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE |               \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SYM | \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |                             \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                          \
	 LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_IOCTL_DEV)

#define EXEC_ACCESS (READ_ACCESS | LANDLOCK_ACCESS_FS_EXECUTE)

static uint64_t access_handled(int abi)
{
	uint64_t access = READ_ACCESS | WRITE_ACCESS | EXEC_ACCESS | NODE_ACCESS;

	if (abi < LANDLOCK_ABI_TRUNCATE)
		access &= ~LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi < LANDLOCK_ABI_IOCTL)
		access &= ~LANDLOCK_ACCESS_FS_IOCTL_DEV;
	return access;
}

static uint64_t access_of(uint32_t rights)
{
	return (rights & FILE_READ ? READ_ACCESS : 0) | (rights & FILE_WRITE ? WRITE_ACCESS : 0) |
	       (rights & FILE_EXEC ? EXEC_ACCESS : 0);
}

static int rule_add_descriptor(int ruleset, int fd, uint64_t access)
{
	struct landlock_path_beneath_attr attributes = { .parent_fd = fd };
	struct stat status;

	if (fstat(fd, &status))
		return -errno;
	attributes.allowed_access = S_ISDIR(status.st_mode) ? access : access & FILE_ACCESS;
	if (attributes.allowed_access == 0)
		return 0;
	if (syscall(__NR_landlock_add_rule, ruleset, COMPAT_LANDLOCK_RULE_PATH_BENEATH, &attributes,
		    0))
		return -errno;
	return 0;
}

/* A path that cannot be followed grants nothing and refuses nobody. The same is true of any error
 * in a directory of the user, whose file system may answer anything. */
static int rule_add_path(int ruleset, const struct plan *plan, const char *path, uint64_t access,
			 struct path_end *ret_end)
{
	cleanup_fd int fd = user_directories_open_path(plan, path, ret_end);
	int error = fd < 0 ? fd : rule_add_descriptor(ruleset, fd, access);
	bool nowhere = error == -ENOENT || error == -ENOTDIR || error == -EACCES ||
		       ret_end->obstacle != PATH_NO_OBSTACLE || ret_end->changeable;

	return nowhere ? 0 : error;
}

static void obstacle_log(const struct plan *plan, const struct plan_file *file,
			 const struct path_end *end)
{
	char event[OBSTACLE_MAX], line[sizeof("4294967295")];
	const struct log_field fields[] = {
		{ "path", plan_string(plan, file->path) },
		{ "link", end->name },
		{ "policy", plan_string(plan, file->file) },
		{ "line", line },
	};

	snprintf(line, sizeof(line), "%u", (unsigned)file->line);
	snprintf(event, sizeof(event), "a path in [filesystem] grants nothing: one component %s",
		 path_obstacle_text(end->obstacle));
	log_event(LOG_WARNING, event, fields, ARRAY_SIZE(fields));
}

/* The rights of [filesystem], as far as `access` goes. */
static int rules_add_files(int ruleset, const struct plan *plan, uint64_t access, bool logs)
{
	for (uint32_t i = 0; i < plan->header->files.count; i++) {
		const struct plan_file *file = &plan->files[i];
		uint64_t granted = access_of(file->rights) & access;
		struct path_end end;
		int error;

		if (!granted)
			continue;
		error = rule_add_path(ruleset, plan, plan_string(plan, file->path), granted, &end);
		if (error)
			return error;
		if (logs && end.obstacle != PATH_NO_OBSTACLE)
			obstacle_log(plan, file, &end);
	}
	return 0;
}

/* What the process that opened the session still does as root when its user's processes have ended;
 * file permissions deny these to the user. Removing does not allow creating: root inside a session
 * cannot have atd run a job. */
static int rules_add_records(int ruleset, const struct plan *plan, uint64_t handled)
{
#define RECORD (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
#define OUTPUT (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE)
	static const struct {
		const char *path;
		uint64_t access;
	} records[] = {
		{ "/run/utmp", RECORD },
		{ "/var/log/wtmp", RECORD },
		{ "/var/log/lastlog", RECORD },
		{ "/var/log/btmp", RECORD },
		{ "/var/spool/cron/atspool", OUTPUT }, /* Debian's atd: what the job wrote, */
		{ "/var/spool/at/spool", OUTPUT },     /* Fedora's, */
		{ "/var/spool/atd", OUTPUT },          /* and Arch's */
	};
	struct path_end end;
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(records) && !error; i++)
		error = rule_add_path(ruleset, plan, records[i].path, records[i].access & handled,
				      &end);
	return error;
}

/* Grants `access` on the whole tree. */
static int rule_add_root(int ruleset, uint64_t access)
{
	cleanup_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct landlock_path_beneath_attr attributes = { .allowed_access = access, .parent_fd = root };

	if (root < 0 || syscall(__NR_landlock_add_rule, ruleset, COMPAT_LANDLOCK_RULE_PATH_BENEATH,
				&attributes, 0))
		return -errno;
	return 0;
}

static bool rule_connects(const struct rule *rule)
{
	return !rule->deny && (rule->protocols & PROTOCOL_TCP);
}

/* How many ports the allow rules have; more than LANDLOCK_PORTS_MAX for "every port". */
static uint32_t connect_ports(const struct plan *plan)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < plan->ruleset.rule_count; i++) {
		const struct rule *rule = &plan->ruleset.rules[i];

		if (!rule_connects(rule))
			continue;
		if (rule->ports_count == 0)
			return LANDLOCK_PORTS_MAX + 1;
		for (uint32_t j = 0; j < rule->ports_count; j++) {
			const struct port_range *range = &plan->ruleset.ports[rule->ports_first + j];

			count += (uint32_t)(range->high - range->low) + 1;
		}
		if (count > LANDLOCK_PORTS_MAX)
			break;
	}
	return count;
}

static uint32_t bind_ports(const struct plan *plan)
{
	uint32_t count = 0;

	if (plan->header->flags & PLAN_BIND_ANY)
		return LANDLOCK_PORTS_MAX + 1;
	for (uint32_t i = 0; i < plan->header->binds.count; i++)
		count += (uint32_t)(plan->binds[i].high - plan->binds[i].low) + 1;
	for (uint32_t i = 0; i < plan->header->local_binds.count; i++)
		count += (uint32_t)(plan->local_binds[i].ports.high - plan->local_binds[i].ports.low) +
			 1;
	return count;
}

static int rules_add_connects(int ruleset, const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->ruleset.rule_count; i++) {
		const struct rule *rule = &plan->ruleset.rules[i];

		for (uint32_t j = 0; rule_connects(rule) && j < rule->ports_count; j++) {
			int error = rules_add_range(ruleset, LANDLOCK_ACCESS_NET_CONNECT_TCP,
						    &plan->ruleset.ports[rule->ports_first + j]);

			if (error)
				return error;
		}
	}
	return 0;
}

/* The resolver is below this layer too; the supervisor decides what the session may reach there. */
static int rules_add_name_servers(int ruleset, const struct plan *plan)
{
	return plan->header->hosts.count > 0
		       ? rule_add_port(ruleset, LANDLOCK_ACCESS_NET_CONNECT_TCP, DNS_PORT)
		       : 0;
}

/* Port 0 always: whether a socket that the kernel gave a port may listen, listen(2) tells; and at
 * which address. */
static int rules_add_binds(int ruleset, const struct plan *plan)
{
	int error = rule_add_port(ruleset, LANDLOCK_ACCESS_NET_BIND_TCP, 0);

	for (uint32_t i = 0; i < plan->header->binds.count && !error; i++)
		error = rules_add_range(ruleset, LANDLOCK_ACCESS_NET_BIND_TCP, &plan->binds[i]);
	for (uint32_t i = 0; i < plan->header->local_binds.count && !error; i++)
		error = rules_add_range(ruleset, LANDLOCK_ACCESS_NET_BIND_TCP,
					&plan->local_binds[i].ports);
	return error;
}

static int restrict_self(int ruleset)
{
	if (syscall(__NR_landlock_restrict_self, ruleset, 0))
		return -errno;
	return 0;
}

/* This layer limits what the supervisor performs: the ports, and where sockets may be created. */
static int rules_add_common(int ruleset, const struct plan *plan,
			    const struct compat_landlock_ruleset *attributes)
{
	int error = 0;

	if (attributes->handled_access_net & LANDLOCK_ACCESS_NET_CONNECT_TCP)
		error = rules_add_connects(ruleset, plan);
	if (!error && (attributes->handled_access_net & LANDLOCK_ACCESS_NET_CONNECT_TCP))
		error = rules_add_name_servers(ruleset, plan);
	if (!error && (attributes->handled_access_net & LANDLOCK_ACCESS_NET_BIND_TCP))
		error = rules_add_binds(ruleset, plan);
	if (!error && (attributes->handled_access_fs & LANDLOCK_ACCESS_FS_MAKE_SOCK))
		error = rules_add_files(ruleset, plan, LANDLOCK_ACCESS_FS_MAKE_SOCK, false);
	if (!error && attributes->handled_access_fs)
		error = rule_add_root(ruleset, LANDLOCK_ACCESS_FS_REFER);
	return error;
}

static uint64_t net_handled(const struct plan *plan, int abi)
{
	uint64_t access = 0;

	if (connect_ports(plan) <= LANDLOCK_PORTS_MAX)
		access |= LANDLOCK_ACCESS_NET_CONNECT_TCP;
	if (bind_ports(plan) <= LANDLOCK_PORTS_MAX)
		access |= LANDLOCK_ACCESS_NET_BIND_TCP;
	return abi < LANDLOCK_ABI_NET ? 0 : access;
}

/* REFER, in both layers or in neither: a layer that does not handle it refuses it as soon as
 * another one handles files. A layer that forbids nothing also handles and grants it, since a
 * ruleset must handle something. Where both have something else, mounts stay allowed for the PAM
 * caller. */
static uint64_t refer_handled(const struct plan *plan, int abi)
{
	bool needed = (plan->header->flags & PLAN_FILES) || net_handled(plan, abi) == 0 ||
		      abi < LANDLOCK_ABI_SCOPE;

	return needed ? LANDLOCK_ACCESS_FS_REFER : 0;
}

int landlock_restrict_common(const struct plan *plan, int abi)
{
	struct compat_landlock_ruleset attributes = {
		.handled_access_fs = refer_handled(plan, abi),
		.handled_access_net = net_handled(plan, abi),
	};
	cleanup_fd int ruleset = -1;
	int error;

	if (abi < LANDLOCK_ABI_REFER)
		return -EOPNOTSUPP;
	if (plan->header->flags & PLAN_FILES)
		attributes.handled_access_fs |= LANDLOCK_ACCESS_FS_MAKE_SOCK;
	ruleset = ruleset_create(&attributes, ruleset_size(abi));
	if (ruleset < 0)
		return -errno;
	error = rules_add_common(ruleset, plan, &attributes);
	return error ? error : restrict_self(ruleset);
}

#define SCOPES (LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL)

int landlock_restrict_scopes(int abi)
{
	const struct compat_landlock_ruleset attributes = { .scoped = SCOPES };
	cleanup_fd int ruleset = -1;

	if (abi < LANDLOCK_ABI_SCOPE)
		return 0;
	ruleset = ruleset_create(&attributes, ruleset_size(abi));
	return ruleset < 0 ? -errno : restrict_self(ruleset);
}

int landlock_restrict_resolver(int abi)
{
	const struct compat_landlock_ruleset attributes = {
		.handled_access_fs = access_handled(abi),
		.handled_access_net = abi < LANDLOCK_ABI_NET
					      ? 0
					      : LANDLOCK_ACCESS_NET_BIND_TCP |
							LANDLOCK_ACCESS_NET_CONNECT_TCP,
		.scoped = abi < LANDLOCK_ABI_SCOPE ? 0 : SCOPES,
	};
	cleanup_fd int ruleset = ruleset_create(&attributes, ruleset_size(abi));
	int error;

	if (ruleset < 0)
		return -errno;
	error = rule_add_root(ruleset, READ_ACCESS);
	if (!error && attributes.handled_access_net)
		error = rule_add_port(ruleset, LANDLOCK_ACCESS_NET_CONNECT_TCP, DNS_PORT);
	return error ? error : restrict_self(ruleset);
}

int landlock_restrict_session(const struct plan *plan, int abi, unsigned options)
{
	struct compat_landlock_ruleset attributes = { .handled_access_fs = refer_handled(plan, abi) };
	cleanup_fd int ruleset = -1;
	int error = 0;

	if (abi < LANDLOCK_ABI_REFER)
		return -EOPNOTSUPP;
	if (abi >= LANDLOCK_ABI_SCOPE)
		attributes.scoped = SCOPES;
	if (plan->header->flags & PLAN_FILES)
		attributes.handled_access_fs = access_handled(abi);
	ruleset = ruleset_create(&attributes, ruleset_size(abi));
	if (ruleset < 0)
		return -errno;
	if (plan->header->flags & PLAN_FILES)
		error = rules_add_files(ruleset, plan, attributes.handled_access_fs, true);
	else if (attributes.handled_access_fs)
		error = rule_add_root(ruleset, LANDLOCK_ACCESS_FS_REFER);
	if (!error && (options & LANDLOCK_RECORDS))
		error = rules_add_records(ruleset, plan, attributes.handled_access_fs);
	return error ? error : restrict_self(ruleset);
}

const char *landlock_missing(const struct plan *plan, int abi)
{
	static const struct {
		uint32_t bit;
		int abi;
		const char *name;
	} protections[] = {
		{ REQUIRE_TRUNCATE, LANDLOCK_ABI_TRUNCATE, "truncate" },
		{ REQUIRE_TCP, LANDLOCK_ABI_NET, "tcp" },
		{ REQUIRE_IOCTL, LANDLOCK_ABI_IOCTL, "ioctl" },
		{ REQUIRE_SIGNALS, LANDLOCK_ABI_SCOPE, "signals" },
		{ REQUIRE_ABSTRACT, LANDLOCK_ABI_SCOPE, "abstract" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(protections); i++)
		if ((plan->header->require & protections[i].bit) && abi < protections[i].abi)
			return protections[i].name;
	return NULL;
}

bool landlock_decides_binds(const struct plan *plan, int abi)
{
	if (plan->header->flags & PLAN_BIND_ANY)
		return true;
	return abi >= LANDLOCK_ABI_NET && bind_ports(plan) <= LANDLOCK_PORTS_MAX;
}
