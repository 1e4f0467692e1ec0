/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lines that call the module: whom they confine, and what is wrong with them, each mistake with
 * its file and line. Distrusts the other modules of a stack: each may return anything.
 */
#include <errno.h>
#include <string.h>

#include "audit.h"
#include "util.h"

/* After the module they run inside the sandbox, or undo what it has done. */
static const struct {
	const char *module;
	const char *why;
} early_modules[] = {
	{ "pam_exec.so", "its program is confined" },
	{ "pam_limits.so", "it may raise the limits of the policy" },
	{ "pam_loginuid.so", "it may not write /proc/self/loginuid there" },
	{ "pam_mkhomedir.so", "the policy names files of a home that does not exist yet" },
	{ "pam_mount.so", "what it mounts is missing when the policy's paths are looked up" },
	{ "pam_namespace.so", "what it mounts is missing when the policy's paths are looked up" },
	{ "pam_selinux.so", "it may not write /proc/self/attr there" },
	{ "pam_systemd.so", "no session reaches the system bus" },
};

/* Where the mistakes are looked for. */
struct check {
	struct audit *audit;
	struct service *service;
	const struct pam_stack *stack;
	const bool *ours;
	enum pam_type type;
};

#define FINDING(check, line, ...) \
	finding_add((check)->audit, &(check)->service->findings, AT(line), __VA_ARGS__)

bool line_is_ours(const struct pam_line *line)
{
	return line->kind == LINE_MODULE && strcmp(pam_module_name(line), PAM_MODULE) == 0;
}

struct module_arguments line_arguments(const struct pam_line *line)
{
	struct module_arguments arguments = { 0 };

	for (char **argument = line->arguments; *argument; argument++)
		module_argument_read(*argument, &arguments);
	return arguments;
}

bool line_holds(const struct pam_line *line, const char *service, const struct user *user)
{
	const struct module_arguments arguments = line_arguments(line);
	const char *const *values = arguments.values;
	char name[POLICY_NAME_MAX];

	if (values[ARGUMENT_EXEMPT] &&
	    list_contains_user(values[ARGUMENT_EXEMPT], user->person.account.name))
		return false;
	if (values[ARGUMENT_SERVICES] && !list_contains(values[ARGUMENT_SERVICES], service))
		return false;
	if (values[ARGUMENT_CONF])
		return policy_find(values[ARGUMENT_CONF], &user->person.account, name) != -ENOENT;
	return user->policy[0] != '\0';
}

/* False where the module refuses every session for an argument. */
static bool arguments_check(const struct check *check, const struct pam_line *line)
{
	struct module_arguments arguments = { 0 };
	const char *mode;
	bool works = true;

	for (char **argument = line->arguments; *argument; argument++) {
		enum argument_state state = module_argument_read(*argument, &arguments);

		if (state == ARGUMENT_UNKNOWN)
			FINDING(check, line, "%s: unknown argument, which the module ignores",
				*argument);
		if (state != ARGUMENT_BAD_VALUE)
			continue;
		FINDING(check, line, "%s: unknown value: the module refuses every session",
			*argument);
		works = false;
	}
	mode = arguments.values[ARGUMENT_MODE];
	if (check->type == TYPE_SESSION && check->service->gate && argument_is(mode, "open"))
		FINDING(check, line,
			"mode=open confines sshd's parent process as well: records of logins may be lost");
	if (check->type == TYPE_SESSION && !check->service->gate && argument_is(mode, "gate")) {
		FINDING(check, line,
			"mode=gate is for programs whose child calls pam_setcred: every "
			"session is refused");
		works = false;
	}
	return works;
}

/* True where the stack continues after a failure of the line as if there were none. */
static bool fails_open(const struct pam_line *line)
{
	for (int value = 0; value < RETURN_INCOMPLETE; value++)
		if (value != RETURN_SUCCESS && value != RETURN_IGNORE &&
		    (line->actions[value] >= ACTION_IGNORE || line->actions[value] == ACTION_RESET))
			return true;
	return false;
}

static bool resets(const struct pam_line *line)
{
	for (int value = 0; value < RETURN_INCOMPLETE; value++)
		if (line->actions[value] == ACTION_RESET)
			return true;
	return false;
}

/* Whatever comes after the module's line number `last`. After a gate nothing is confined yet, but
 * that is no place for a session to be set up either. */
static void order_check(const struct check *check, size_t last)
{
	const struct pam_line *ours = &check->stack->lines[last];
	const char *name = strrchr(ours->file, '/');
	bool generated = check->audit->profile && name && strncmp(name, "/common-", 8) == 0;
	size_t after = 0;

	for (size_t i = last + 1; i < check->stack->count; i++) {
		const struct pam_line *line = &check->stack->lines[i];

		after += line->kind != LINE_SUBSTACK;
		for (size_t j = 0; j < ARRAY_SIZE(early_modules); j++)
			if (!(generated && check->service->gate) &&
			    strcmp(pam_module_name(line), early_modules[j].module) == 0)
				FINDING(check, line, "%s comes after " PAM_MODULE " (%s:%u): %s",
					line->name, AT(ours),
					check->service->gate ? "it belongs before it"
							     : early_modules[j].why);
	}
	/* pam-auth-update gives it no other place. */
	if (after > 0 && !generated)
		FINDING(check, ours, PAM_MODULE " is not the last session line: %zu follow%s",
			after, after == 1 ? "s" : "");
}

static void session_check(const struct check *check, bool ignored)
{
	const struct pam_line *first = NULL;
	size_t last = 0;

	for (size_t i = 0; i < check->stack->count; i++) {
		const struct pam_line *line = &check->stack->lines[i];

		if (check->ours[i] && first)
			FINDING(check, line,
				PAM_MODULE
				" is called a second time (first: %s:%u): one line, the last, "
				"is enough",
				AT(&check->stack->lines[last]));
		if (check->ours[i] && ignored && fails_open(line))
			FINDING(check, line,
				"%s lets a session begin after " PAM_MODULE
				" has failed: write required",
				line->control);
		else if (first && ignored && resets(line))
			FINDING(check, line,
				"%s (%s) cancels the failure of " PAM_MODULE " before it",
				line->name, line->control);
		if (!check->ours[i])
			continue;
		first = first ? first : line;
		last = i;
	}
	order_check(check, last);
}

static void auth_check(const struct check *check)
{
	for (size_t i = 0; i < check->stack->count; i++) {
		const struct pam_line *line = &check->stack->lines[i];

		if (check->ours[i] && i > 0)
			FINDING(check, line,
				PAM_MODULE
				" is not the first auth line: a login that skips it is refused");
		if (check->ours[i] && fails_open(line))
			FINDING(check, line, "%s: expected [success=ok ignore=ignore default=bad]",
				line->control);
	}
}

/* A line that decides by other policies, or users, refuses whom the session line would not. */
static void difference_check(const struct check *check, const struct pam_line *account)
{
	static const struct {
		const char *name;
		enum module_argument argument;
	} names[] = { { "conf", ARGUMENT_CONF },
		      { "exempt", ARGUMENT_EXEMPT },
		      { "services", ARGUMENT_SERVICES } };
	const struct pam_stack *stack = service_stack(check->audit, check->service, TYPE_SESSION);
	const struct module_arguments own = line_arguments(account);

	for (size_t i = 0; i < stack->count; i++) {
		const struct module_arguments other = line_arguments(&stack->lines[i]);

		if (!line_is_ours(&stack->lines[i]))
			continue;
		for (size_t j = 0; j < ARRAY_SIZE(names); j++) {
			const char *a = own.values[names[j].argument];
			const char *b = other.values[names[j].argument];

			if (a && b ? strcmp(a, b) != 0 : a != b)
				FINDING(check, account,
					"%s= is not that of the session line (%s:%u): write the same",
					names[j].name, AT(&stack->lines[i]));
		}
		return;
	}
}

/* False where the line refuses everybody but root, or root too. */
static bool account_check(const struct check *check, const struct pam_line *line)
{
	int ignored = line->actions[RETURN_IGNORE];

	if (ignored != ACTION_BAD && ignored != ACTION_DIE)
		return true;
	FINDING(check, line,
		"%s refuses everybody, for " PAM_MODULE " answers PAM_IGNORE: write required",
		line->control);
	return false;
}

bool lines_check(struct audit *audit, struct service *service, enum pam_type type, const bool *ours)
{
	const struct pam_stack *stack = service_stack(audit, service, type);
	const struct check check = { audit, service, stack, ours, type };
	const struct pam_outcome outcome = pam_stack_outcome(stack, ours, PAM_EVERY_LINE);
	bool works = true;

	for (size_t i = 0; i < stack->count; i++) {
		const struct pam_line *line = &stack->lines[i];

		if (ours[i] && type == TYPE_ACCOUNT)
			works = account_check(&check, line) && works;
		if (ours[i] && type != TYPE_AUTH)
			works = arguments_check(&check, line) && works;
		if (ours[i] && type == TYPE_ACCOUNT)
			difference_check(&check, line);
		if (type != TYPE_ACCOUNT && outcome.skipped &&
		    pam_stack_outcome(stack, ours, i).skipped)
			FINDING(&check, line,
				"%s (%s) may skip " PAM_MODULE "; move " PAM_MODULE
				" above this line",
				line->name, line->control);
	}
	if (type == TYPE_SESSION)
		session_check(&check, outcome.ignored);
	else if (type == TYPE_AUTH)
		auth_check(&check);
	return works && (type != TYPE_AUTH || !outcome.skipped);
}
