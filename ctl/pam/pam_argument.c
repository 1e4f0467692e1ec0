/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arguments of a line that calls the module: whom and what it leaves out, what is wrong with
 * them. Distrusts the text; groups are looked up as the module does.
 */
#include <errno.h>
#include <string.h>

#include "groups.h"
#include "pam.h"
#include "util.h"

/* What the module understands. */
static const struct {
	const char *name;
	const char *words[3]; /* the values; none: any text */
	const char *begin;    /* of a text; NULL: the argument has no value */
} arguments[] = {
	{ "mode", { "auto", "gate", "open" }, "" },
	{ "exempt", { NULL }, "" },
	{ "services", { NULL }, "" },
	{ "conf", { NULL }, "/" },
	{ "nested", { "inherit", "deny" }, "" },
	{ "quiet", { NULL }, NULL },
	{ "debug", { NULL }, NULL },
};

const char *pam_module_name(const struct pam_handler *handler)
{
	const char *slash = strrchr(handler->line->name, '/');

	return slash ? slash + 1 : handler->line->name;
}

bool pam_line_calls(const struct pam_handler *handler)
{
	return handler->kind == LINE_MODULE && strcmp(pam_module_name(handler), PAM_MODULE) == 0;
}

const char *pam_argument_value(const struct pam_handler *handler, const char *name)
{
	const char *argument = handler->line->arguments;
	size_t length = strlen(name);
	const char *value = NULL;

	for (size_t i = 0; i < handler->line->argument_count; i++) {
		if (strncmp(argument, name, length) == 0 && argument[length] == '=')
			value = argument + length + 1;
		argument = pam_argument_next(argument);
	}
	return value;
}

static bool value_is_known(size_t row, const char *value)
{
	const char *begin = arguments[row].begin;

	if (!arguments[row].words[0])
		return *value != '\0' && strncmp(value, begin, strlen(begin)) == 0;
	for (size_t i = 0; i < ARRAY_SIZE(arguments[row].words) && arguments[row].words[i]; i++)
		if (strcmp(value, arguments[row].words[i]) == 0)
			return true;
	return false;
}

/* False where the module refuses every session because of it. */
static bool argument_judge(const struct pam_handler *handler, const char *argument,
			   struct findings *findings)
{
	size_t length = strcspn(argument, "=");
	bool valued = argument[length] == '=';

	for (size_t i = 0; i < ARRAY_SIZE(arguments); i++) {
		if (strlen(arguments[i].name) != length || valued != (arguments[i].begin != NULL) ||
		    strncmp(argument, arguments[i].name, length) != 0)
			continue;
		if (!valued || value_is_known(i, argument + length + 1))
			return true;
		finding_add(findings, handler->file, handler->line->number,
			    "%s: value not understood, the module refuses every session", argument);
		return false;
	}
	finding_add(findings, handler->file, handler->line->number,
		    "%s: argument not understood, the module passes over it", argument);
	return true;
}

bool pam_arguments_judge(const struct pam_handler *handler, struct findings *findings)
{
	const char *argument = handler->line->arguments;
	bool works = true;

	for (size_t i = 0; i < handler->line->argument_count; i++) {
		works = argument_judge(handler, argument, findings) && works;
		argument = pam_argument_next(argument);
	}
	return works;
}

/* Names with commas between them; with `account`, @GROUP too. */
static bool list_contains(const char *list, const char *name, const struct account *account)
{
	cleanup_free char *copy = strdup(list);
	char *rest = copy;
	char *item;

	while ((item = strsep(&rest, ",")))
		if (strcmp(item, name) == 0 ||
		    (account && item[0] == '@' && group_has_user(item + 1, account->name) > 0))
			return true;
	return false;
}

bool pam_line_holds(const struct pam_handler *handler, const char *service,
		    const struct subject *subject)
{
	const struct account *account = &subject->person.account;
	const char *exempt = pam_argument_value(handler, "exempt");
	const char *services = pam_argument_value(handler, "services");
	const char *conf = pam_argument_value(handler, "conf");
	char name[POLICY_NAME_MAX];

	if (exempt && list_contains(exempt, account->name, account))
		return false;
	if (services && !list_contains(services, service, NULL))
		return false;
	if (conf)
		return policy_find(conf, account, name) != -ENOENT;
	return subject->policy[0] != '\0';
}
