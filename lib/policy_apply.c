/*
 * What a value of each key means, but for [network]; judged at loading, added to a plan.
 * Called through the key table only, by policy_load and policy_plan alike.
 * Distrusts the values, and the account they are expanded for.
 */
#include "policy_apply.h"

#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <sys/stat.h>

#include "policy_model.h"
#include "policy_session.h"
#include "policy_unix.h"

static const struct account *account_of(const struct task *task)
{
	return task->planning ? task->planning->account : NULL;
}

/* [policy] ------------------------------------------------------------------ */

int apply_text(const struct task *task, char why[WHY_MAX])
{
	char text[VALUE_MAX];

	return value_expand(task->item->text, account_of(task), 0, text, why);
}

/* The name only: what it names is opened by policy_load. */
int apply_include(const struct task *task, char why[WHY_MAX])
{
	const char *name = task->item->text;
	size_t length =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	if (name[0] == '.' || name[length] || length > 200)
		return refuse(why, "bad name \"%s\", expected that of a NAME.inc beside this file",
			      name);
	if (length > 4 && strcmp(name + length - 4, ".inc") == 0)
		return refuse(why, "\"%s\", expected the name without .inc", name);
	return 0;
}

int apply_require(const struct task *task, char why[WHY_MAX])
{
	static const char *const words[] = { "tcp", "truncate", "ioctl", "signals", "abstract", NULL };

	return word_parse("protection", task->item->text, words, why);
}

int apply_mode(const struct task *task, char why[WHY_MAX])
{
	static const char *const words[] = { "enforce", "permissive", NULL };

	if (strcmp(task->item->text, "permissive") == 0)
		return refuse(why, "permissive is not enforced by this version, expected enforce");
	return word_parse("mode", task->item->text, words, why);
}

/* [session] ----------------------------------------------------------------- */

/* /etc/shells is a matter of the machine and the day: it is asked when a plan is made. */
int apply_shell(const struct task *task, char why[WHY_MAX])
{
	char path[VALUE_MAX];

	if (path_parse(task->item->text, account_of(task), 0, path, why) < 0)
		return -EINVAL;
	if (!task->planning)
		return 0;
	memcpy(task->planning->shell, path, sizeof(path));
	return shell_judge(path, "/etc/shells", why);
}

int apply_privileges(const struct task *task, char why[WHY_MAX])
{
	static const char *const words[] = { "auto", "yes", "no", NULL };

	return word_parse("value", task->item->text, words, why);
}

int apply_capability(const struct task *task, char why[WHY_MAX])
{
	static const char *const words[] = {
		"chown",
		"dac_override",
		"dac_read_search",
		"fowner",
		"fsetid",
		"kill",
		"setgid",
		"setuid",
		"setpcap",
		"net_raw",
		"linux_immutable",
		"net_bind_service",
		"net_admin",
		"net_broadcast",
		"ipc_lock",
		"ipc_owner",
		"sys_module",
		"sys_rawio",
		"sys_chroot",
		"sys_ptrace",
		"sys_pacct",
		"sys_admin",
		"sys_boot",
		"sys_nice",
		"sys_time",
		"sys_resource",
		"sys_tty_config",
		"mknod",
		"lease",
		"audit_write",
		"setfcap",
		"audit_control",
		"mac_override",
		"mac_admin",
		"syslog",
		"wake_alarm",
		"perfmon",
		"block_suspend",
		"audit_read",
		"bpf",
		"checkpoint_restore",
		NULL,
	};
	const char *name = task->item->text;

	return word_parse("capability", strncmp(name, "cap_", 4) == 0 ? name + 4 : name, words, why);
}

/* [filesystem] -------------------------------------------------------------- */

int apply_file(const struct task *task, char why[WHY_MAX])
{
	const char *text = task->item->text;
	struct planning *planning = task->planning;
	struct plan_file file = { .rights = task->key->argument };
	char path[VALUE_MAX];
	struct stat status;
	int64_t offset;

	if (strchr(text, '*'))
		return refuse(why, "* in \"%s\", expected one path (\\x2a is a literal *)", text);
	if (path_parse(text, account_of(task), 0, path, why) < 0)
		return -EINVAL;
	if (task->advice && !strchr(text, '%') && lstat(path, &status) < 0 && errno == ENOENT)
		why_write(task->advice, "\"%s\" does not exist", path);
	if (!planning)
		return 0;
	offset = plan_add_string(planning->builder, path);
	if (offset < 0)
		return (int)offset;
	file.path = (uint32_t)offset;
	return plan_add_file(planning->builder, &file);
}

/* [syscalls] ---------------------------------------------------------------- */

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++) {
		if (strcmp(text, *words) == 0)
			return true;
	}
	return false;
}

static int judge_group(const char *name, uint32_t action, char why[WHY_MAX])
{
	static const char *const groups[] = {
		"@aio",        "@basic-io", "@chown",       "@clock",          "@cpu-emulation",
		"@debug",      "@default",  "@file-system", "@io-event",       "@ipc",
		"@keyring",    "@known",    "@memlock",     "@module",         "@mount",
		"@network-io", "@obsolete", "@pkey",        "@privileged",     "@process",
		"@raw-io",     "@reboot",   "@resources",   "@sandbox",        "@setuid",
		"@signal",     "@swap",     "@sync",        "@system-service", "@timer",
		"@userns",     NULL,
	};

	if (word_parse("group", name, groups, why) < 0)
		return -EINVAL;
	if (action == CALL_DENY && strcmp(name, "@userns") == 0)
		return refuse(why, "@userns is denied where it is not allowed, expected no line");
	return 0;
}

int apply_system_call(const struct task *task, char why[WHY_MAX])
{
	static const char *const never[] = {
		"io_uring_setup",
		"io_uring_enter",
		"io_uring_register",
		"seccomp",
		"ptrace",
		"process_vm_readv",
		"process_vm_writev",
		"pidfd_getfd",
		"kcmp",
		"x32",
		"@aio",
		"@debug",
		"@known",
		"@sandbox",
		NULL,
	};
	const char *name = task->item->text;

	if (task->key->argument == CALL_ALLOW && is_one_of(name, never))
		return refuse(why,
			      "\"%s\": io_uring, listeners, tracing outside the session and x32 "
			      "can never be allowed",
			      name);
	if (name[0] == '@')
		return judge_group(name, task->key->argument, why);
	if (seccomp_syscall_resolve_name(name) < 0)
		return refuse(why, "unknown system call \"%s\", expected a name or an @group", name);
	return 0;
}

/* [limits] ------------------------------------------------------------------ */

static int apply_limit(const struct task *task, bool sized, char why[WHY_MAX])
{
	struct plan_limit limit = { .resource = task->key->argument };

	if (amount_parse(task->item->text, sized, &limit.value, why) < 0)
		return -EINVAL;
	return task->planning ? plan_add_limit(task->planning->builder, &limit) : 0;
}

int apply_count(const struct task *task, char why[WHY_MAX])
{
	return apply_limit(task, false, why);
}

int apply_size(const struct task *task, char why[WHY_MAX])
{
	return apply_limit(task, true, why);
}
