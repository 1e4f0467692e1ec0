/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The shell of a session: which ones a policy may set, and the default.
 */
#include "policy_session.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

#define OWN_SHELL "sandlock-shell"

static bool is_executable(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
	       faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

/* By its name, and by its inode under any other. */
static bool is_ours(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct stat shell, ours;

	if (strcmp(slash ? slash + 1 : path, OWN_SHELL) == 0)
		return true;
	return stat(path, &shell) == 0 && stat(BINDIR "/" OWN_SHELL, &ours) == 0 &&
	       shell.st_dev == ours.st_dev && shell.st_ino == ours.st_ino;
}

static bool is_listed(const char *path, const char *shells)
{
	cleanup_file FILE *list = fopen(shells, "re");
	char line[VALUE_MAX];

	while (list && fgets(line, sizeof(line), list)) {
		line[strcspn(line, "# \t\n")] = '\0';
		if (strcmp(line, path) == 0)
			return true;
	}
	return false;
}

int shell_check(const char *path, const char *shells, char why[WHY_MAX])
{
	if (is_ours(path))
		return refuse(why, "\"%s\" is " OWN_SHELL " itself, expected the real shell", path);
	if (!is_listed(path, shells))
		return refuse(why, "\"%s\" is not in %s, expected a login shell", path, shells);
	if (!is_executable(path))
		return refuse(why, "\"%s\" cannot be executed", path);
	return 0;
}

const char *shell_default(void)
{
	return is_executable("/bin/bash") ? "/bin/bash" : "/bin/sh";
}
