/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `sandlockctl run`: a command under a policy, before anybody's login depends on it. Started by
 * root it becomes the user for good before it reads anything of theirs. Distrusts its operands: a
 * draft is judged as the caller's own file, with the caller's rights.
 */
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "session.h"
#include "util.h"

static int environment_set(const struct person *person)
{
	const struct {
		const char *name;
		const char *value;
	} variables[] = {
		{ "HOME", person->account.home },
		{ "USER", person->account.name },
		{ "LOGNAME", person->account.name },
		{ "SHELL", person->shell },
	};

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		if (setenv(variables[i].name, variables[i].value, 1) < 0)
			return -errno;
	}
	return 0;
}

static int person_become(const struct person *person)
{
	const struct account *account = &person->account;

	if (initgroups(account->name, account->gid) < 0 ||
	    setresgid(account->gid, account->gid, account->gid) < 0 ||
	    setresuid(account->uid, account->uid, account->uid) < 0)
		return -errno;
	return environment_set(person);
}

/* Ends as the user that `name` means, or says why not. */
static int user_enter(const char *name)
{
	cleanup_person struct person person = { 0 };
	int error = 0;

	if (person_require(name, &person) != CTL_GOOD)
		return CTL_ERROR;
	if (getuid() == 0)
		error = person_become(&person);
	else if (getuid() != person.account.uid)
		error = -EPERM;
	if (error < 0)
		return ctl_error("cannot become user \"%s\": %s", name, strerror(-error));
	return CTL_GOOD;
}

int run_main(const struct ctl_options *options, int argc, char **argv)
{
	const char *subject = argv[0];
	char **command = argv + 1;
	struct session_request request = { .conf = options->conf };

	(void)argc;
	if (strcmp(command[0], "--") == 0)
		command++;
	if (!command[0])
		return ctl_error("missing command after --");
	request.argv = command;
	request.program = command[0];
	if (operand_is_file(subject)) {
		if (getuid() == 0)
			return ctl_error("root is never confined: run %s as a user", subject);
		request.draft = subject;
	} else if (user_enter(subject) != CTL_GOOD) {
		return SESSION_REFUSED;
	}
	return session_run(&request);
}
