/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mistakes in the lines that call the module, each named with its file and line. Distrusts the
 * other modules of a stack: each may return anything.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "pam.h"
#include "pam_judge.h"
#include "util.h"

/* Behind the module they work inside the sandbox, or undo what it has done. */
static const struct {
	const char *module;
	const char *why;
} late_modules[] = {
	{ "pam_exec.so", "its program is confined" },
	{ "pam_limits.so", "it may raise the limits of the policy" },
	{ "pam_loginuid.so", "it may not write /proc/self/loginuid there" },
	{ "pam_mkhomedir.so", "the policy names files of a home that is not there yet" },
	{ "pam_mount.so", "what it mounts is not there when the policy's paths are looked up" },
	{ "pam_namespace.so", "what it mounts is not there when the policy's paths are looked up" },
	{ "pam_selinux.so", "it may not write /proc/self/attr there" },
	{ "pam_systemd.so", "no session reaches the system bus" },
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

/* Lines behind the module's last one, and a second call. Behind a gate nothing is confined yet, but
 * that is no place for a session to be set up either. */
static void late_find(const struct pam_stack *stack, const bool *ours, bool gate,
		      struct findings *findings)
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
			if (strcmp(pam_module_name(handler), late_modules[j].module) == 0)
				finding_add(findings, handler->file, handler->line->number,
					    "%s stands behind " PAM_MODULE " (%s:%u): %s",
					    handler->line->name, stack->handlers[last].file,
					    stack->handlers[last].line->number,
					    gate ? "it belongs before it" : late_modules[j].why);
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

int mistakes_find(const struct pam_stack *stack, const bool *ours, bool gate,
		  struct findings *findings, bool *ret_works)
{
	struct pam_judgement judgement;
	int error = pam_judge(stack, ours, PAM_EVERY_LINE, &judgement);

	if (error < 0)
		return error;
	*ret_works = lines_judge(stack, ours, gate, findings);
	late_find(stack, ours, gate, findings);
	if (judgement.unheeded)
		slights_find(stack, ours, findings);
	return judgement.unrun ? passes_find(stack, ours, findings) : 0;
}

int mistakes_find_auth(const struct pam_stack *stack, const bool *ours, struct findings *findings,
		       bool *ret_works)
{
	struct pam_judgement judgement;
	int error = pam_judge(stack, ours, PAM_EVERY_LINE, &judgement);

	if (error < 0)
		return error;
	for (size_t i = 0; i < stack->count; i++) {
		const struct pam_handler *handler = &stack->handlers[i];

		if (!ours[i])
			continue;
		if (i > 0)
			finding_add(findings, handler->file, handler->line->number,
				    PAM_MODULE " is not the first auth line: a login that does not "
					       "come to it is refused");
		if (fails_open(handler->line))
			finding_add(findings, handler->file, handler->line->number,
				    "%s: expected [success=ok ignore=ignore default=bad]",
				    handler->line->control);
	}
	*ret_works = !judgement.unrun;
	return judgement.unrun ? passes_find(stack, ours, findings) : 0;
}
