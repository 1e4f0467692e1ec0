/*
 * One PAM service as a way to a process of a user's: who is held there, and which lines are wrong.
 * Called by sandlockctl pam.
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
	SESSION_NEVER,      /* passwords only */
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
	{ "chage", SESSION_NEVER, false, "" },
	{ "chfn", SESSION_NEVER, false, "" },
	{ "chpasswd", SESSION_NEVER, false, "" },
	{ "chsh", SESSION_NEVER, false, "" },
	{ "newusers", SESSION_NEVER, false, "" },
	{ "other", SESSION_OPENED, false, "" }, /* a program without a file of its own */
	{ "passwd", SESSION_NEVER, false, "" },
};

/* Behind the module they work inside the sandbox, or undo what it has done. */
static const struct {
	const char *module;
	const char *why;
} late_modules[] = {
	{ "pam_exec.so", "its program is confined" },
	{ "pam_limits.so", "its limits replace those of the policy" },
	{ "pam_loginuid.so", "the session has no login uid before" },
	{ "pam_mkhomedir.so", "the policy names files of a home that is not there yet" },
	{ "pam_mount.so", "what it mounts is not there when the policy's paths are looked up" },
	{ "pam_namespace.so", "what it mounts is not there when the policy's paths are looked up" },
	{ "pam_selinux.so", "it may not write /proc/self/attr there" },
	{ "pam_systemd.so", "the policy may close the system bus to it" },
};

void finding_add(struct findings *findings, const char *file, unsigned line, const char *format, ...)
{
	struct finding finding = { .line = line };
	struct finding *grown;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&finding.text, format, arguments) < 0)
		finding.text = NULL;
	va_end(arguments);
	for (size_t i = 0; i < findings->count && finding.text; i++) {
		if (findings->list[i].line == line && strcmp(findings->list[i].file, file) == 0 &&
		    strcmp(findings->list[i].text, finding.text) == 0) {
			free(finding.text);
			return;
		}
	}
	finding.file = strdup(file);
	grown = reallocarray(findings->list, findings->count + 1, sizeof(*grown));
	if (grown)
		findings->list = grown;
	if (!grown || !finding.file || !finding.text) {
		free(finding.file);
		free(finding.text);
		findings->failed = true;
		return;
	}
	grown[findings->count++] = finding;
}

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

static const char *module_name(const struct pam_handler *handler)
{
	const char *slash = strrchr(handler->line->name, '/');

	return slash ? slash + 1 : handler->line->name;
}

static bool calls_module(const struct pam_handler *handler)
{
	return handler->kind == LINE_MODULE && strcmp(module_name(handler), PAM_MODULE) == 0;
}

/* Why a login gets by the module, line by line. */
static int passes_find(const struct pam_stack *stack, const bool *ours, struct findings *findings)
{
	for (size_t i = 0; i < stack->count; i++) {
		const struct pam_handler *handler = &stack->handlers[i];
		struct pam_judgement alone;
		int error = pam_judge(stack, ours, i, &alone);

		if (error < 0)
			return error;
		if (alone.unrun)
			finding_add(findings, handler->file, handler->line->number,
				    "%s (%s) can pass over " PAM_MODULE
				    ", which then is not asked: put that before it",
				    handler->line->name, handler->line->control);
	}
	return 0;
}

/* True where the stack goes on after a failure of the line as if there were none. */
static bool fails_open(const struct pam_line *line)
{
	for (int value = 0; value < RETURN_INCOMPLETE; value++) {
		int action = line->actions[value];

		if (value != RETURN_SUCCESS && value != RETURN_IGNORE &&
		    (action >= ACTION_IGNORE || action == ACTION_RESET))
			return true;
	}
	return false;
}

static bool resets(const struct pam_line *line)
{
	for (int value = 0; value < RETURN_INCOMPLETE; value++)
		if (line->actions[value] == ACTION_RESET)
			return true;
	return false;
}

/* Why a failure of the module is not heeded, line by line. */
static void slights_find(const struct pam_stack *stack, const bool *ours, struct findings *findings)
{
	bool behind = false;

	for (size_t i = 0; i < stack->count; i++) {
		const struct pam_handler *handler = &stack->handlers[i];

		if (ours[i] && fails_open(handler->line))
			finding_add(findings, handler->file, handler->line->number,
				    "%s lets a session begin after " PAM_MODULE
				    " has failed: write required",
				    handler->line->control);
		else if (behind && resets(handler->line))
			finding_add(findings, handler->file, handler->line->number,
				    "%s (%s) wipes out a failure of " PAM_MODULE " before it",
				    handler->line->name, handler->line->control);
		behind = behind || ours[i];
	}
}

/* Lines behind the module's last one, and a first one that does without it. */
static void late_find(const struct pam_stack *stack, const bool *ours, struct findings *findings)
{
	size_t last = stack->count;
	size_t behind = 0;

	for (size_t i = 0; i < stack->count; i++) {
		const struct pam_handler *handler = &stack->handlers[i];

		if (ours[i] && last < stack->count)
			finding_add(findings, handler->file, handler->line->number,
				    PAM_MODULE " is called a second time (first: %s:%u): "
					       "one line, the last, is enough",
				    stack->handlers[last].file, stack->handlers[last].line->number);
		if (ours[i])
			last = i;
	}
	for (size_t i = last + 1; i < stack->count; i++) {
		const struct pam_handler *handler = &stack->handlers[i];

		behind += handler->kind != LINE_SUBSTACK;
		for (size_t j = 0; j < ARRAY_SIZE(late_modules); j++) {
			if (strcmp(module_name(handler), late_modules[j].module) == 0)
				finding_add(findings, handler->file, handler->line->number,
					    "%s stands behind " PAM_MODULE " (%s:%u): %s",
					    handler->line->name, stack->handlers[last].file,
					    stack->handlers[last].line->number, late_modules[j].why);
		}
	}
	if (behind > 0)
		finding_add(findings, stack->handlers[last].file, stack->handlers[last].line->number,
			    PAM_MODULE " is not the last session line: %zu follow%s", behind,
			    behind == 1 ? "s" : "");
}

/* False where a mode that the program does not go with, or an argument, refuses every session. */
static bool lines_judge(const struct pam_stack *stack, const bool *ours, bool gate,
			struct findings *findings)
{
	bool works = true;

	for (size_t i = 0; i < stack->count; i++) {
		const struct pam_handler *handler = &stack->handlers[i];
		const char *mode = ours[i] ? pam_argument_value(handler, "mode") : NULL;

		if (ours[i])
			works = pam_arguments_judge(handler, findings) && works;
		if (mode && gate && strcmp(mode, "open") == 0)
			finding_add(findings, handler->file, handler->line->number,
				    "mode=open confines sshd's parent process as well: "
				    "records of logins may be lost");
		if (mode && !gate && strcmp(mode, "gate") == 0) {
			finding_add(findings, handler->file, handler->line->number,
				    "mode=gate is for programs whose child calls pam_setcred: "
				    "every session is refused");
			works = false;
		}
	}
	return works;
}

/* The auth side of a gate. False where logins are refused for want of it. */
static bool gate_judge(struct door *door, const struct pam_stack *auth)
{
	for (size_t i = 0; i < auth->count; i++) {
		const struct pam_handler *handler = &auth->handlers[i];

		if (!calls_module(handler))
			continue;
		if (i > 0)
			finding_add(&door->findings, handler->file, handler->line->number,
				    PAM_MODULE " is not the first auth line: a login that a line "
					       "before it decides is refused");
		if (fails_open(handler->line))
			finding_add(&door->findings, handler->file, handler->line->number,
				    "%s: expected [success=ok ignore=ignore default=bad]",
				    handler->line->control);
		return i == 0;
	}
	door->auth_file = door->service.path;
	return false;
}

/* The file of the session lines, or what stands for it where nobody has one. */
static const char *door_file(const struct door *door)
{
	return door->source->path ? door->source->path : door->name;
}

/* What the findings about the lines of the module say, whoever logs in. */
struct lines_verdict {
	const struct pam_stack *stack;
	bool *ours; /* lines that call the module */
	bool any;
	bool works;
};

static int lines_find(struct door *door, struct lines_verdict *verdict)
{
	const struct pam_stack *stack = verdict->stack;
	struct pam_judgement judgement;
	int error;

	for (size_t i = 0; i < stack->count; i++) {
		verdict->ours[i] = calls_module(&stack->handlers[i]);
		verdict->any |= verdict->ours[i];
	}
	error = pam_judge(stack, verdict->ours, PAM_EVERY_LINE, &judgement);
	if (error < 0)
		return error;
	if (!judgement.held && !judgement.unrun && !judgement.unheeded)
		finding_add(&door->findings, door_file(door), 0,
			    "no session can begin, whatever the modules return");
	if (!verdict->any)
		return 0;
	verdict->works = lines_judge(stack, verdict->ours, door_is_gate(door->name), &door->findings);
	late_find(stack, verdict->ours, &door->findings);
	if (judgement.unheeded)
		slights_find(stack, verdict->ours, &door->findings);
	return judgement.unrun ? passes_find(stack, verdict->ours, &door->findings) : 0;
}

/* What PAM alone makes of a subject. */
static int subject_judge(const struct door *door, const struct lines_verdict *verdict,
			 const struct subject *subject, enum way_state *ret_state)
{
	const struct pam_stack *stack = verdict->stack;
	cleanup_free bool *ours = calloc(stack->count + 1, sizeof(*ours));
	struct pam_judgement judgement;
	bool any = false;
	int error;

	if (!ours)
		return -ENOMEM;
	for (size_t i = 0; i < stack->count; i++) {
		ours[i] = verdict->ours[i] &&
			  pam_line_holds(&stack->handlers[i], door->name, subject);
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
		*ret_state = verdict->works ? WAY_COVERED : WAY_REFUSED;
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
	struct lines_verdict verdict = { 0 };
	cleanup_free bool *ours = NULL;
	bool passes = true;
	int error;

	door->source = own->stacks[TYPE_SESSION].count > 0 ? own : other;
	verdict.stack = &door->source->stacks[TYPE_SESSION];
	ours = verdict.ours = calloc(verdict.stack->count + 1, sizeof(*ours));
	door->ways = calloc(survey->subject_count + 1, sizeof(*door->ways));
	if (!ours || !door->ways)
		return -ENOMEM;
	for (size_t i = 0; i < own->complaint_count; i++)
		finding_add(&door->findings, own->complaints[i].file, own->complaints[i].line, "%s",
			    own->complaints[i].text);
	error = lines_find(door, &verdict);
	if (door_is_gate(door->name))
		passes = gate_judge(door, own->stacks[TYPE_AUTH].count > 0
						  ? &own->stacks[TYPE_AUTH]
						  : &other->stacks[TYPE_AUTH]);
	for (size_t i = 0; i < survey->subject_count && error == 0; i++) {
		enum way_state state = WAY_REFUSED;

		if (!own->refused)
			error = subject_judge(door, &verdict, &survey->subjects[i], &state);
		if (state == WAY_COVERED && !passes)
			state = WAY_REFUSED;
		door->ways[i] = way_judge(door, &survey->subjects[i], state);
	}
	ways_explain(survey, door, verdict.any);
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
