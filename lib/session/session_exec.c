/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Becomes the program of a session, named as login programs name it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session_parts.h"

#define NAME_MAX_SHELL 256

static int exec_failed(const char *program)
{
	int error = errno;

	dprintf(STDERR_FILENO, "sandlock: %s: %s\n", program, strerror(error));
	return error == ENOENT ? SESSION_NOT_FOUND : SESSION_NOT_EXECUTABLE;
}

int session_exec(const struct session_request *request, const struct plan *plan)
{
	const char *shell = plan_string(plan, plan->header->shell);
	const char *base = strrchr(shell, '/') + 1;
	char name[NAME_MAX_SHELL];
	char **arguments = (char **)(uintptr_t)request->argv;

	if (setenv("SHELL", shell, 1))
		return exec_failed("SHELL");
	if (request->program) {
		execvp(request->program, arguments);
		return exec_failed(request->program);
	}
	snprintf(name, sizeof(name), "%s%s", request->login ? "-" : "", base);
	arguments[0] = name;
	execv(shell, arguments);
	return exec_failed(shell);
}
