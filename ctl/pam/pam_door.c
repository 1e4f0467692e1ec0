/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One PAM service as a way to a process of a user's: who is held there, and which lines are wrong.
 * Distrusts the service's other modules: each may return anything.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "pam.h"
#include "pam_judge.h"
#include "util.h"

enum door_session {
	SESSION_OPENED = 0, /* in the process that goes on as the user: `open` */
	SESSION_GATED,      /* in the parent of that process: `gate` */
	SESSION_NEVER,      /* not for whoever logs in */
};

/* What a program does that any other name's is not known to do. */
struct door_kind {
	const char *name;
	enum door_session session;
	bool shell;           /* starts the login shell */
	const char *bypasses; /* and how else; NULL: what sshd is set to */
};

static const struct door_kind kinds[] = {
	{ "sshd", SESSION_GATED, true, NULL },
	{ "login", SESSION_OPENED, true, "" },
	{ "remote", SESSION_OPENED, true, "" },
	{ "su", SESSION_OPENED, true, "root's su -s SHELL" },
	{ "su-l", SESSION_OPENED, true, "root's su -l -s SHELL" },
	{ "runuser", SESSION_OPENED, false, "" },
	{ "runuser-l", SESSION_OPENED, true, "runuser -l -s SHELL" },
	{ "sudo", SESSION_OPENED, false, "" },
	{ "sudo-i", SESSION_OPENED, true, "" },
	{ "other", SESSION_OPENED, false, "" }, /* a program without a file of its own */
	/* They only ask for passwords: tools, */
	{ "chage", SESSION_NEVER, false, "" },
	{ "chfn", SESSION_NEVER, false, "" },
	{ "chpasswd", SESSION_NEVER, false, "" },
	{ "chsh", SESSION_NEVER, false, "" },
	{ "cups", SESSION_NEVER, false, "" },
	{ "newusers", SESSION_NEVER, false, "" },
	{ "passwd", SESSION_NEVER, false, "" },
	/* what locks a screen, */
	{ "cinnamon-screensaver", SESSION_NEVER, false, "" },
	{ "gnome-screensaver", SESSION_NEVER, false, "" },
	{ "i3lock", SESSION_NEVER, false, "" },
	{ "mate-screensaver", SESSION_NEVER, false, "" },
	{ "swaylock", SESSION_NEVER, false, "" },
	{ "vlock", SESSION_NEVER, false, "" },
	{ "xfce4-screensaver", SESSION_NEVER, false, "" },
	{ "xscreensaver", SESSION_NEVER, false, "" },
	/* and greeters, whose sessions are of accounts of their own. */
	{ "gdm-launch-environment", SESSION_NEVER, false, "" },
	{ "greetd-greeter", SESSION_NEVER, false, "" },
	{ "lightdm-greeter", SESSION_NEVER, false, "" },
	{ "sddm-greeter", SESSION_NEVER, false, "" },
};

static const struct door_kind *kind_find(const char *name)
{
	static const struct door_kind unknown = { "", SESSION_OPENED, false, "" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(name, kinds[i].name) == 0)
			return &kinds[i];
	return &unknown;
}

bool door_opens_sessions(const struct survey *survey, const char *name)
{
	const struct door_kind *kind = kind_find(name);

	if (kind->name[0] != '\0')
		return kind->session != SESSION_NEVER;
	/* Debian's shared files, also where nobody includes one of them. */
	if (strncmp(name, "common-", strlen("common-")) == 0)
		return false;
	for (size_t i = 0; i < survey->door_count; i++)
		if (pam_service_includes(&survey->doors[i].service, name))
			return false;
	return true;
}

bool door_is_gate(const char *name)
{
	return kind_find(name)->session == SESSION_GATED;
}

bool way_is_covered(const struct way *way)
{
	return way->state == WAY_COVERED || (way->state == WAY_SHELL && way->open[0] == '\0');
}

/* The file of the session lines, or what stands for it where nobody has one. */
static const char *door_file(const struct door *door)
{
	return door->source->path ? door->source->path : door->name;
}

/* Its session lines, and what they say of whoever logs in. */
struct door_lines {
	const struct pam_stack *stack;
	bool *ours; /* lines that call the module */
	bool any;
	bool works; /* false: they refuse whomever they hold */
};

static int lines_find(struct door *door, struct door_lines *lines)
{
	const struct pam_stack *stack = lines->stack;
	struct pam_judgement judgement;
	int error;

	for (size_t i = 0; i < stack->count; i++) {
		lines->ours[i] = pam_line_calls(&stack->handlers[i]);
		lines->any |= lines->ours[i];
	}
	error = pam_judge(stack, lines->ours, PAM_EVERY_LINE, &judgement);
	if (error < 0)
		return error;
	if (!judgement.held && !judgement.unrun && !judgement.unheeded)
		finding_add(&door->findings, door_file(door), 0,
			    "no session can begin, whatever the modules return");
	if (!lines->any)
		return 0;
	return mistakes_find(stack, lines->ours, door_is_gate(door->name), &door->findings,
			     &lines->works);
}

/* True where they confine sshd's parent process: its child then asks for nothing. */
static bool lines_open(const struct door_lines *lines)
{
	for (size_t i = 0; i < lines->stack->count; i++) {
		const char *mode = pam_argument_value(&lines->stack->handlers[i], "mode");

		if (lines->ours[i] && mode && strcmp(mode, "open") == 0)
			return true;
	}
	return false;
}

/* The auth side of a gate. False in *ret_works: logins are refused for want of it. */
static int auth_judge(const struct survey *survey, struct door *door, bool *ret_works)
{
	const struct pam_stack *own = &door->service.stacks[TYPE_AUTH];
	const struct pam_stack *stack = own->count > 0 ? own : &survey->other.stacks[TYPE_AUTH];
	cleanup_free bool *ours = calloc(stack->count + 1, sizeof(*ours));
	bool any = false;

	if (!ours)
		return -ENOMEM;
	for (size_t i = 0; i < stack->count; i++) {
		ours[i] = pam_line_calls(&stack->handlers[i]);
		any |= ours[i];
	}
	if (any)
		return mistakes_find_auth(stack, ours, &door->findings, ret_works);
	door->auth_file = door->service.path;
	*ret_works = false;
	return 0;
}

/* What PAM alone makes of a subject. */
static int subject_judge(const struct door *door, const struct door_lines *lines,
			 const struct subject *subject, enum way_state *ret_state)
{
	const struct pam_stack *stack = lines->stack;
	cleanup_free bool *ours = calloc(stack->count + 1, sizeof(*ours));
	struct pam_judgement judgement;
	bool any = false;
	int error;

	if (!ours)
		return -ENOMEM;
	for (size_t i = 0; i < stack->count; i++) {
		ours[i] = lines->ours[i] && pam_line_holds(&stack->handlers[i], door->name, subject);
		any |= ours[i];
	}
	error = pam_judge(stack, ours, PAM_EVERY_LINE, &judgement);
	if (error < 0)
		return error;
	if (!judgement.held && !judgement.unrun && !judgement.unheeded)
		*ret_state = WAY_REFUSED;
	else if (!any)
		*ret_state = WAY_UNCOVERED;
	else if (judgement.unrun || judgement.unheeded)
		*ret_state = WAY_OPEN;
	else
		*ret_state = lines->works ? WAY_COVERED : WAY_REFUSED;
	return 0;
}

static struct way way_judge(const struct door *door, const struct subject *subject,
			    enum way_state state)
{
	const struct door_kind *kind = kind_find(door->name);
	bool sshd = kind->session == SESSION_GATED;

	if (sshd && !subject->sshd.use_pam)
		state = WAY_UNCOVERED;
	if ((state == WAY_OPEN || state == WAY_UNCOVERED) && kind->shell && subject->confining_shell)
		return (struct way){ WAY_SHELL, sshd ? subject->sshd.open : kind->bypasses };
	return (struct way){ state, "" };
}

/* Says of one way what no line says. */
static void way_explain(struct door *door, const struct subject *subject, enum way_state state,
			bool any)
{
	const char *name = subject->person.account.name;

	if (subject->policy[0] == '\0') {
		finding_add(&door->findings, name, 0, "no policy decides for this user");
		return;
	}
	if (door_is_gate(door->name) && !subject->sshd.use_pam)
		finding_add(&door->findings, "sshd_config", 0,
			    "without UsePAM yes the module is not asked");
	else if (any && state != WAY_OPEN)
		finding_add(&door->findings, door_file(door), 0,
			    "the line that calls " PAM_MODULE " leaves %s out", name);
	if (!any)
		door->session_file = door->source->path;
}

static void ways_explain(const struct survey *survey, struct door *door, bool any)
{
	for (size_t i = 0; i < survey->subject_count; i++) {
		const struct way *way = &door->ways[i];

		if (!way_is_covered(way) && way->state != WAY_REFUSED)
			way_explain(door, &survey->subjects[i], way->state, any);
	}
	if (!any && !door->session_file)
		door->account_file = NULL;
	if (!door->auth_file)
		return;
	if (any)
		finding_add(&door->findings, door->auth_file, 0,
			    "no auth line calls " PAM_MODULE ": every login is refused");
	else if (!door->session_file)
		door->auth_file = NULL;
}

int door_judge(const struct survey *survey, struct door *door)
{
	const struct pam_service *other = &survey->other;
	const struct pam_service *own = &door->service;
	struct door_lines lines = { 0 };
	cleanup_free bool *ours = NULL;
	bool passes = true;
	int error;

	door->source = own->stacks[TYPE_SESSION].count > 0 ? own : other;
	lines.stack = &door->source->stacks[TYPE_SESSION];
	ours = lines.ours = calloc(lines.stack->count + 1, sizeof(*ours));
	door->ways = calloc(survey->subject_count + 1, sizeof(*door->ways));
	if (!ours || !door->ways)
		return -ENOMEM;
	for (size_t i = 0; i < own->complaint_count; i++)
		finding_add(&door->findings, own->complaints[i].file, own->complaints[i].line, "%s",
			    own->complaints[i].text);
	error = lines_find(door, &lines);
	if (error == 0 && door_is_gate(door->name) && !lines_open(&lines))
		error = auth_judge(survey, door, &passes);
	account_judge(survey, door, &passes);
	for (size_t i = 0; i < survey->subject_count && error == 0; i++) {
		enum way_state state = WAY_REFUSED;

		/* libpam reads `other` every time, and gives up on both. */
		if (!own->refused && !other->refused)
			error = subject_judge(door, &lines, &survey->subjects[i], &state);
		if (state == WAY_COVERED && !passes)
			state = WAY_REFUSED;
		door->ways[i] = way_judge(door, &survey->subjects[i], state);
	}
	ways_explain(survey, door, lines.any);
	expired_find(survey, door);
	return door->findings.failed ? -ENOMEM : error;
}

static bool stack_holds_file(const struct pam_stack *stack, const char *file)
{
	for (size_t i = 0; i < stack->count; i++)
		if (strcmp(stack->handlers[i].file, file) == 0)
			return true;
	return false;
}

void doors_share_lines(struct survey *survey)
{
	for (size_t i = 0; i < survey->door_count; i++) {
		struct door *door = &survey->doors[i];

		for (size_t j = 0; j < survey->door_count && door->session_file; j++) {
			const struct door *inner = &survey->doors[j];

			if (j != i && inner->session_file && inner->service.path &&
			    stack_holds_file(&door->source->stacks[TYPE_SESSION],
					     inner->service.path)) {
				door->session_file = inner->session_file;
				break;
			}
		}
	}
}
