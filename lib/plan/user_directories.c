/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The directories that a session's user may write. Distrusts owners and modes there: root inside a
 * session can change them, since Landlock does not restrict chown(2) and chmod(2).
 */
#include "user_directories.h"

/* Also by the canonical name of a directory for temporary files that is a link of root's. */
static bool user_directories_contain(const char *name, const void *context)
{
	const struct user_directories *directories = context;
	char canonical[PATH_MAX];

	if (plan_is_user_directory(directories->home, directories->uid, name))
		return true;
	for (size_t i = 0; plan_temporary[i]; i++)
		if (path_name(plan_temporary[i], NULL, canonical) == 0 &&
		    path_is_beneath(name, canonical))
			return true;
	return false;
}

struct path_untrusted user_directories_as_untrusted(const struct user_directories *directories)
{
	return (struct path_untrusted){ user_directories_contain, directories };
}

int user_directories_open_path(const struct plan *plan, const char *path, struct path_end *ret_end)
{
	const struct user_directories directories = { plan_string(plan, plan->header->home),
						      plan->header->uid };
	const struct path_untrusted untrusted = user_directories_as_untrusted(&directories);

	return path_open(path, &untrusted, ret_end);
}
