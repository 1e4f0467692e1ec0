/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which services confine which users, and the lines that are missing. Distrusts a service's other
 * modules: each may return anything.
 */
#include <errno.h>
#include <shadow.h>
#include <string.h>
#include <time.h>

#include "audit.h"
#include "util.h"

#define SECONDS_OF_DAY 86400

/* Services that start something, also where others include them. */
static const struct {
	const char *name;
	bool shell;           /* the login shell */
	const char *bypasses; /* how they start something else; NULL: what sshd is set to */
} known[] = {
	{ "sshd", true, NULL },
	{ "login", true, "" },
	{ "remote", true, "" },
	{ "su", true, "root's su -s SHELL" },
	{ "su-l", true, "root's su -l -s SHELL" },
	{ "runuser", false, "" },
	{ "runuser-l", true, "runuser -l -s SHELL" },
	{ "sudo", false, "" },
	{ "sudo-i", true, "" },
};

/* They only ask for passwords: tools, and what locks a screen. Any other name may start something. */
static const char *const no_sessions[] = { "chage",
					   "chfn",
					   "chpasswd",
					   "chsh",
					   "cups",
					   "newusers",
					   "passwd",
					   "cinnamon-screensaver",
					   "gnome-screensaver",
					   "i3lock",
					   "mate-screensaver",
					   "swaylock",
					   "vlock",
					   "xfce4-screensaver",
					   "xscreensaver" };

/* They ask for names before anybody has logged in. Their sessions are of accounts of their own, to
 * whom default.conf applies as to everybody. */
static const struct {
	const char *service;
	const char *account;
} greeters[] = {
	{ "gdm-launch-environment", "Debian-gdm" },
	{ "gdm-launch-environment", "gdm" },
	{ "greetd-greeter", "_greetd" },
	{ "greetd-greeter", "greeter" },
	{ "lightdm-greeter", "lightdm" },
	{ "sddm-greeter", "sddm" },
};

static bool service_opens(const struct audit *audit, const struct service *service)
{
	const char *name = service->pam.name;

	if (service == audit->services) /* `other`, of programs without a file of their own */
		return service->pam.path || service->pam.refused;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(name, known[i].name) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(no_sessions); i++)
		if (strcmp(name, no_sessions[i]) == 0)
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(greeters); i++)
		if (strcmp(name, greeters[i].service) == 0)
			return false;
	/* What others include is no program's; nor are Debian's shared files where nobody does. */
	for (size_t i = 0; i < audit->service_count; i++)
		if (&audit->services[i] != service &&
		    pam_service_includes(&audit->services[i].pam, name))
			return false;
	return strncmp(name, "common-", strlen("common-")) != 0;
}

bool coverage_is_good(const struct coverage *coverage)
{
	return coverage->state == COVERAGE_NONE || coverage->state == COVERAGE_GOOD ||
	       (coverage->state == COVERAGE_SHELL && coverage->open[0] == '\0');
}

/* The lines of a stack that call the module; with a user, those that confine them. */
static bool *ours_find(const struct pam_stack *stack, const char *service, const struct user *user,
		       struct arena *arena, bool *ret_any)
{
	bool *ours = arena_alloc(arena, stack->count + 1);

	*ret_any = false;
	for (size_t i = 0; i < stack->count; i++) {
		ours[i] = line_is_ours(&stack->lines[i]) &&
			  (!user || line_holds(&stack->lines[i], service, user));
		*ret_any |= ours[i];
	}
	return ours;
}

/* What PAM alone makes of one user; `works`: no line of ours refuses everybody. */
static enum coverage_state pam_coverage(const struct audit *audit, const struct service *service,
					const struct user *user, bool works)
{
	cleanup_arena struct arena arena = { 0 };
	const struct pam_stack *stack = service_stack(audit, service, TYPE_SESSION);
	bool any;
	const bool *ours = ours_find(stack, service->pam.name, user, &arena, &any);
	const struct pam_outcome outcome = pam_stack_outcome(stack, ours, PAM_EVERY_LINE);

	/* libpam reads `other` every time, and gives up on both. */
	if (service->pam.refused || audit->services[0].pam.refused ||
	    (!outcome.held && !outcome.skipped && !outcome.ignored))
		return COVERAGE_REFUSED;
	if (!any)
		return COVERAGE_MISSING;
	if (outcome.skipped || outcome.ignored)
		return COVERAGE_OPEN;
	return works ? COVERAGE_GOOD : COVERAGE_REFUSED;
}

static struct coverage user_coverage(const struct audit *audit, const struct service *service,
				     const struct user *user, bool works)
{
	struct coverage coverage = { pam_coverage(audit, service, user, works), "" };

	if (service->gate && !user->sshd.use_pam)
		coverage.state = COVERAGE_MISSING;
	if (!user->confining_shell || coverage.state < COVERAGE_OPEN)
		return coverage;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		const char *bypasses = known[i].bypasses ? known[i].bypasses : user->sshd.open;

		if (known[i].shell && strcmp(service->pam.name, known[i].name) == 0)
			return (struct coverage){ COVERAGE_SHELL, bypasses };
	}
	return coverage;
}

/* The file of a service's session lines, or what stands for it where there is none. */
static const char *session_file(const struct audit *audit, const struct service *service)
{
	const struct pam_service *source = service->pam.stacks[TYPE_SESSION].count > 0
						   ? &service->pam
						   : &audit->services[0].pam;

	return source->path ? source->path : service->pam.name;
}

/* Explains what no line does, and finds out what is missing; `any`: a line calls the module. */
static void user_explain(struct audit *audit, struct service *service, size_t number, bool any)
{
	const struct user *user = &audit->users[number];
	const struct coverage *coverage = &service->coverage[number];
	const char *name = user->person.account.name;

	if (coverage_is_good(coverage) || coverage->state == COVERAGE_REFUSED)
		return;
	if (!user->policy[0]) {
		finding_add(audit, &service->findings, name, 0, "no policy applies to this account");
		return;
	}
	if (service->gate && !user->sshd.use_pam)
		finding_add(audit, &service->findings, "sshd_config", 0,
			    PAM_MODULE " is not called without UsePAM yes");
	else if (any && coverage->state != COVERAGE_OPEN)
		finding_add(audit, &service->findings, session_file(audit, service), 0,
			    "the line that calls " PAM_MODULE " does not apply to %s", name);
	if (!any && session_file(audit, service)[0] == '/')
		service->missing[TYPE_SESSION] = session_file(audit, service);
}

/* As pam_unix decides that a password must be changed; false where shadow(5) does not show it. */
static bool password_is_expired(const char *name)
{
	const struct spwd *entry = getspnam(name);
	long today = (long)(time(NULL) / SECONDS_OF_DAY);

	return entry && (entry->sp_lstchg == 0 || (entry->sp_lstchg > 0 && entry->sp_max >= 0 &&
						   today - entry->sp_lstchg > entry->sp_max));
}

/* Names the users who cannot change a password that has expired, where some line looks at that. */
static void expired_find(struct audit *audit, struct service *service)
{
	const struct pam_stack *stack = service_stack(audit, service, TYPE_ACCOUNT);
	bool counts = false;

	for (size_t i = 0; i < stack->count; i++) {
		bool unix_line = strcmp(pam_module_name(&stack->lines[i]), "pam_unix.so") == 0;

		for (char **argument = stack->lines[i].arguments; *argument; argument++)
			unix_line = unix_line && strcmp(*argument, "no_pass_expiry") != 0;
		counts |= unix_line;
	}
	for (size_t i = 0; i < audit->user_count && counts; i++)
		if (service->coverage[i].state == COVERAGE_GOOD &&
		    password_is_expired(audit->users[i].person.account.name))
			finding_add(audit, &service->findings, audit->users[i].person.account.name, 0,
				    "the password must be changed: after a login by key sshd runs "
				    "passwd(1) in the session, which cannot do it; see EXPIRED "
				    "PASSWORDS in pam_sandlock(8)");
}

/* True where a session line confines sshd's parent process: its child then needs no auth line. */
static bool mode_is_open(const struct pam_stack *stack, const bool *ours)
{
	for (size_t i = 0; i < stack->count; i++)
		if (ours[i] &&
		    argument_is(line_arguments(&stack->lines[i]).values[ARGUMENT_MODE], "open"))
			return true;
	return false;
}

/* The auth and account lines. False: no login succeeds because of them. */
static bool entry_check(struct audit *audit, struct service *service, bool session_confines)
{
	bool works = true;

	for (enum pam_type type = TYPE_AUTH; type <= TYPE_ACCOUNT; type++) {
		cleanup_arena struct arena arena = { 0 };
		bool any;
		const bool *ours =
			ours_find(service_stack(audit, service, type), "", NULL, &arena, &any);

		/* Other programs show what the session phase tells, and need no auth line. */
		if (type == TYPE_AUTH && (!service->gate || session_confines))
			continue;
		if (any)
			works = lines_check(audit, service, type, ours) && works;
		else if (service->gate)
			service->missing[type] = service->pam.path;
		works = works && (type == TYPE_ACCOUNT || any);
	}
	return works;
}

static void service_check(struct audit *audit, struct service *service)
{
	cleanup_arena struct arena arena = { 0 };
	const struct pam_stack *stack = service_stack(audit, service, TYPE_SESSION);
	const char **missing = service->missing;
	bool any, works = true;
	const bool *ours = ours_find(stack, "", NULL, &arena, &any);
	const struct pam_outcome outcome = pam_stack_outcome(stack, ours, PAM_EVERY_LINE);

	service->coverage =
		arena_alloc(&audit->arena, (audit->user_count + 1) * sizeof(struct coverage));
	for (size_t i = 0; i < service->pam.problem_count; i++)
		finding_add(audit, &service->findings, service->pam.problems[i].file,
			    service->pam.problems[i].line, "%s", service->pam.problems[i].text);
	if (!outcome.held && !outcome.skipped && !outcome.ignored)
		finding_add(audit, &service->findings, session_file(audit, service), 0,
			    "no session can begin, whatever the modules return");
	if (any)
		works = lines_check(audit, service, TYPE_SESSION, ours);
	works = entry_check(audit, service, mode_is_open(stack, ours)) && works;
	for (size_t i = 0; i < audit->user_count; i++) {
		service->coverage[i] = user_coverage(audit, service, &audit->users[i], works);
		user_explain(audit, service, i, any);
	}
	if (any && missing[TYPE_AUTH])
		finding_add(audit, &service->findings, missing[TYPE_AUTH], 0,
			    "no auth line calls " PAM_MODULE
			    ": every login of a user with a policy is refused");
	if (!any && !missing[TYPE_SESSION])
		missing[TYPE_AUTH] = missing[TYPE_ACCOUNT] = NULL;
	if (service->gate)
		expired_find(audit, service);
}

/* Names the lines that confine a greeter by what is meant for its users. */
static void greeter_check(struct audit *audit, const struct service *service, const char *account)
{
	const struct pam_stack *stack = service_stack(audit, service, TYPE_SESSION);
	struct user user = { 0 };

	if (person_find(account, 0, &user.person) < 0)
		return;
	/* A policy of the account's own, or of a group's, is meant. */
	if (policy_find(ctl_directory(audit->options), &user.person.account, user.policy) == 0 &&
	    strcmp(user.policy, "default.conf") == 0)
		for (size_t i = 0; i < stack->count; i++)
			if (line_is_ours(&stack->lines[i]) &&
			    line_holds(&stack->lines[i], service->pam.name, &user))
				finding_add(audit, &audit->findings, AT(&stack->lines[i]),
					    "confines the greeter of %s, too, by %s: write exempt=%s",
					    service->pam.name, user.policy, account);
	person_free(&user.person);
}

static bool stack_has_file(const struct pam_stack *stack, const char *file)
{
	for (size_t i = 0; i < stack->count; i++)
		if (strcmp(stack->lines[i].file, file) == 0)
			return true;
	return false;
}

/* Where a service includes another's file, a line that is missing in both is missing there alone. */
static void missing_share(struct audit *audit, struct service *service)
{
	const struct pam_stack *stack = service_stack(audit, service, TYPE_SESSION);

	for (size_t i = 0; i < audit->service_count && service->missing[TYPE_SESSION]; i++) {
		const struct service *inner = &audit->services[i];

		if (inner != service && inner->missing[TYPE_SESSION] && inner->pam.path &&
		    stack_has_file(stack, inner->pam.path)) {
			service->missing[TYPE_SESSION] = inner->missing[TYPE_SESSION];
			return;
		}
	}
}

void coverage_find(struct audit *audit)
{
	for (size_t i = 0; i < audit->service_count; i++) {
		struct service *service = &audit->services[i];

		service->opens = service_opens(audit, service);
		service->gate = strcmp(service->pam.name, "sshd") == 0;
		if (service->opens)
			service_check(audit, service);
	}
	for (size_t i = 0; i < audit->service_count; i++) {
		missing_share(audit, &audit->services[i]);
		for (size_t j = 0; j < ARRAY_SIZE(greeters); j++)
			if (strcmp(audit->services[i].pam.name, greeters[j].service) == 0)
				greeter_check(audit, &audit->services[i], greeters[j].account);
	}
}
