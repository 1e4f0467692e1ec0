/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where faults are counted from, and to: executes a program, one of two of fault_mark.h before it.
 * The words: "from" and a user, whose the program then is, or "to"; program ...
 */
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault_mark.h"

static int become(const char *name)
{
	const struct passwd *entry = getpwnam(name);

	return !entry || initgroups(name, entry->pw_gid) || setgid(entry->pw_gid) ||
	       setuid(entry->pw_uid);
}

int main(int argc, char **argv)
{
	int from = argc > 3 && strcmp(argv[1], "from") == 0;

	if (argc < 3 || (from && become(argv[2])))
		return 70;
	(void)syscall(MARK);
	execv(argv[from ? 3 : 2], argv + (from ? 3 : 2));
	return 71;
}
