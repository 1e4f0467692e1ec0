/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a value of each key means, but for [network]; checked at loading, added to a plan.
 */
#include "policy_apply.h"

#include <cap-ng.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "path.h"
#include "policy_calls.h"
#include "policy_session.h"
#include "policy_unix.h"
#include "util.h"

#define CAPABILITIES_MAX 64 /* bits of a plan's set */

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
		return refuse(why,
			      "bad name \"%s\", expected the NAME of a NAME.inc in the same "
			      "directory",
			      name);
	if (length > 4 && strcmp(name + length - 4, ".inc") == 0)
		return refuse(why, "\"%s\", expected the name without .inc", name);
	return 0;
}

int apply_require(const struct task *task, char why[WHY_MAX])
{
	static const char *const words[] = { "tcp",      "truncate", "ioctl", "signals",
					     "abstract", "dns",      NULL };
	static const uint32_t bits[] = { REQUIRE_TCP,     REQUIRE_TRUNCATE, REQUIRE_IOCTL,
					 REQUIRE_SIGNALS, REQUIRE_ABSTRACT, REQUIRE_DNS };

	if (word_parse("protection", task->item->text, words, why) < 0)
		return -EINVAL;
	for (size_t i = 0; task->planning && words[i]; i++) {
		if (strcmp(task->item->text, words[i]) == 0)
			task->planning->require |= bits[i];
	}
	return 0;
}

int apply_mode(const struct task *task, char why[WHY_MAX])
{
	static const char *const words[] = { "enforce", "permissive", NULL };

	if (strcmp(task->item->text, "permissive") == 0)
		return refuse(why, "permissive is not supported, expected enforce");
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
	return shell_check(path, "/etc/shells", why);
}

int apply_privileges(const struct task *task, char why[WHY_MAX])
{
	static const char *const words[] = { "auto", "yes", "no", NULL };
	const char *word = task->item->text;

	if (word_parse("value", word, words, why) < 0)
		return -EINVAL;
	if (task->planning && strcmp(word, "yes") == 0)
		task->planning->privileges = PRIVILEGES_NEVER;
	if (task->planning && strcmp(word, "no") == 0)
		task->planning->privileges = PRIVILEGES_ALWAYS;
	return 0;
}

/* The names of the kernel's capabilities, in the order of their numbers; NULL at the end. */
static void capability_names(const char *ret_names[CAPABILITIES_MAX + 1])
{
	unsigned count = 0;

	while (count < CAPABILITIES_MAX && (ret_names[count] = capng_capability_to_name(count)))
		count++;
	ret_names[count] = NULL;
}

#define NONE_AND_OTHERS "\"none\" is listed with other capabilities, expected it alone"

static int capabilities_close(struct planning *planning, char why[WHY_MAX])
{
	if (planning && planning->capabilities)
		return refuse(why, NONE_AND_OTHERS);
	if (planning)
		planning->capabilities_none = true;
	return 0;
}

int apply_capability(const struct task *task, char why[WHY_MAX])
{
	const char *name = task->item->text;
	const char *names[CAPABILITIES_MAX + 1];

	if (strncmp(name, "cap_", 4) == 0)
		name += 4;
	if (task->planning)
		task->planning->capabilities_listed = true;
	if (strcmp(name, "none") == 0)
		return capabilities_close(task->planning, why);
	if (task->planning && task->planning->capabilities_none)
		return refuse(why, NONE_AND_OTHERS);
	capability_names(names);
	if (word_parse("capability", name, names, why) < 0)
		return -EINVAL;
	for (size_t i = 0; task->planning && names[i]; i++)
		if (strcmp(name, names[i]) == 0)
			task->planning->capabilities |= 1ULL << i;
	return 0;
}

/* [filesystem] -------------------------------------------------------------- */

/* What a program that is root can write here, it could not use to undo the sandbox. The home counts
 * only where it is the user's own: that of some system accounts is /bin or /dev. */
static bool write_is_harmless(const struct account *account, const char *path)
{
	static const char *const devices[] = {
		"/dev/null",    "/dev/zero", "/dev/full", "/dev/random",
		"/dev/urandom", "/dev/tty",  "/dev/ptmx", "/dev/pts",
	};
	struct stat status;
	bool own = stat(account->home, &status) == 0 && status.st_uid == account->uid;

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		if (strcmp(path, devices[i]) == 0)
			return true;
	return plan_is_user_directory(own ? account->home : "", account->uid, path);
}

#define MISSING "\"%s\" does not exist"

/* What `check` and the log are told of a path that grants nothing; of an `optional` one not that it
 * is missing. Links are for `check`: the session says so itself when it starts, and sees places
 * that the planner may not enter. */
static void file_advise(const struct task *task, const char *path, bool optional)
{
	struct path_end end;
	struct stat status;
	int fd;

	if (!task->links) {
		if (!optional && lstat(path, &status) < 0 && errno == ENOENT)
			why_write(task->advice, MISSING, path);
		return;
	}
	fd = path_open(path, NULL, &end);
	if (fd == -ENOENT && !optional)
		why_write(task->advice, MISSING, path);
	if (end.obstacle != PATH_NO_OBSTACLE)
		why_write(task->advice, "\"%s\" grants nothing: \"%s\" %s", path, end.name,
			  path_obstacle_text(end.obstacle));
	util_cleanup_fd(&fd);
}

int apply_file(const struct task *task, char why[WHY_MAX])
{
	/* As in systemd's units: `-` before a path that may be missing. */
	bool optional = task->item->text[0] == '-';
	const char *text = task->item->text + optional;
	struct planning *planning = task->planning;
	struct plan_file file = { .rights = task->key->argument, .line = task->item->line };
	char path[VALUE_MAX];
	int64_t offset, source;

	if (strchr(text, '*'))
		return refuse(why, "* in \"%s\", expected one path (\\x2a is a literal *)", text);
	if (path_parse(text, account_of(task), 0, path, why) < 0)
		return -EINVAL;
	if (task->advice && (planning || (task->paths && !strchr(text, '%'))))
		file_advise(task, path, optional);
	if (!planning)
		return 0;
	offset = plan_add_string(planning->builder, path);
	source = plan_add_string(planning->builder, task->setting->file);
	if (offset < 0 || source < 0)
		return (int)(offset < 0 ? offset : source);
	if ((file.rights & FILE_WRITE) && !write_is_harmless(planning->account, path))
		planning->writes_system = true;
	file.path = (uint32_t)offset;
	file.file = (uint32_t)source;
	return plan_add_file(planning->builder, &file);
}

/* [syscalls] ---------------------------------------------------------------- */

/* One item of `deny` or `allow`, while its calls are visited. */
struct call_item {
	const struct task *task;
	char *why;
	size_t taken; /* calls on which the item has an effect */
};

static int take_call(const char *name, uint32_t number, void *context)
{
	struct call_item *item = context;
	struct planning *planning = item->task->planning;
	bool allow = item->task->key->argument == CALL_ALLOW;
	uint8_t state = allow ? CALL_STATE_ALLOWED : CALL_STATE_DENIED;

	if (number >= PLANNING_CALLS || (allow && !call_is_refusable(name)))
		return 0;
	item->taken++;
	if (!planning)
		return 0;
	if (planning->calls[number] != CALL_STATE_NONE && planning->calls[number] != state)
		return refuse(item->why, "%s is both denied and allowed", name);
	planning->calls[number] = state;
	return 0;
}

static int apply_userns(const struct task *task, char why[WHY_MAX])
{
	if (task->key->argument == CALL_DENY)
		return refuse(why, "@userns is refused by default: remove it from the list");
	if (task->planning)
		task->planning->userns = true;
	return 0;
}

static bool is_never_allowed(const char *name)
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
	};

	for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
		if (strcmp(name, never[i]) == 0)
			return true;
	}
	return false;
}

int apply_system_call(const struct task *task, char why[WHY_MAX])
{
	struct call_item item = { task, why, 0 };
	const char *name = task->item->text;
	int error;

	if (task->key->argument == CALL_ALLOW && is_never_allowed(name))
		return refuse(why,
			      "\"%s\": io_uring, listeners, tracing outside the session and x32 "
			      "can never be allowed",
			      name);
	if (strcmp(name, CALLS_USERNS) == 0)
		return apply_userns(task, why);
	error = name[0] == '@' ? group_parse(name, why) : 0;
	if (error == 0)
		error = calls_each(name, take_call, &item);
	if (error == -ENOENT)
		return refuse(why, "unknown system call \"%s\", expected a name or an @group", name);
	if (error == 0 && task->advice && item.taken == 0)
		why_write(task->advice,
			  "\"%s\" is not refused by default: allowing it changes nothing", name);
	return error;
}

/* [limits] ------------------------------------------------------------------ */

/* None of these can be without: no session would start. */
static bool is_needed(uint32_t resource)
{
	return resource == RLIMIT_NPROC || resource == RLIMIT_NOFILE || resource == RLIMIT_AS ||
	       resource == RLIMIT_CPU;
}

static int apply_limit(const struct task *task, bool sized, char why[WHY_MAX])
{
	struct plan_limit limit = { .resource = task->key->argument };

	if (amount_parse(task->item->text, sized, &limit.value, why) < 0)
		return -EINVAL;
	if (limit.value == 0 && is_needed(limit.resource))
		return refuse(why, "with \"%s\" no program could start, expected 1 or more",
			      task->item->text);
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
