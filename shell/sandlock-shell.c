/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The login shell of a confined account: starts the session of its policy and represents its shell.
 * Static, so that no code of the user runs before the sandbox is applied. Distrusts arguments and
 * environment: both only reach the confined shell.
 */
#include <unistd.h>

#include "log.h"
#include "session.h"
#include "util.h"

static const struct {
	const char *path;
	const char *login_name;
} root_shells[] = {
	{ "/bin/bash", "-bash" },
	{ "/bin/sh", "-sh" },
};

/* Root is decided before anything that can fail: the real shell, unconfined. */
static int root_run(char **argv, bool login)
{
	log_open(-1);
	log_line(LOG_NOTICE, "session of uid 0 is not confined");
	for (size_t i = 0; i < ARRAY_SIZE(root_shells); i++) {
		const char *name = root_shells[i].login_name + (login ? 0 : 1);

		argv[0] = (char *)(uintptr_t)name;
		setenv("SHELL", root_shells[i].path, 1);
		execv(root_shells[i].path, argv);
	}
	return SESSION_NOT_FOUND;
}

int main(int argc, char **argv)
{
	char *no_arguments[] = { NULL, NULL };
	struct session_request request = { .argv = argc > 0 ? argv : no_arguments };

	request.login = argc > 0 && argv[0][0] == '-';
	if (getuid() == 0)
		return root_run(argc > 0 ? argv : no_arguments, request.login);
	return session_run(&request);
}
