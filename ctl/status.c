/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `sandlockctl status`: what this kernel can enforce, what a login shell cannot, and who is
 * confined. Changes nothing: each probe is a call that the kernel refuses. Inside a session its
 * filter would refuse them first, so that nothing is learnt from a refusal there.
 */
#include <errno.h>
#include <linux/filter.h>
#include <pwd.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "compat.h"
#include "ctl.h"
#include "landlock.h"
#include "nested.h"
#include "util.h"

/* One protection; without it a session is refused, or `instead` is who enforces it then. */
struct protection {
	const char *name;
	const char *since;
	const char *instead; /* NULL: required */
	int abi;             /* of Landlock; 0: not Landlock's */
};

static const struct protection protections[] = {
	{ "seccomp notifications that survive signals", "Linux 5.19", NULL, 0 },
	{ "Landlock domain (nothing outside can be traced)", "Landlock ABI 2, Linux 5.19", NULL,
	  LANDLOCK_ABI_REFER },
	{ "truncation of files restricted by the kernel (require = truncate)",
	  "Landlock ABI 3, Linux 6.2",
	  "under [filesystem], BPF refuses truncate(2), O_TRUNC on what is only read, and openat2(2)",
	  LANDLOCK_ABI_TRUNCATE },
	{ "TCP ports restricted by the kernel as well (require = tcp)", "Landlock ABI 4, Linux 6.7",
	  "the supervisor alone decides connect, bind and listen", LANDLOCK_ABI_NET },
	{ "ioctl(2) on devices restricted by the kernel (require = ioctl)",
	  "Landlock ABI 5, Linux 6.10", "whoever may open a device may control it",
	  LANDLOCK_ABI_IOCTL },
	{ "signals and abstract sockets restricted by the kernel (require = signals abstract)",
	  "Landlock ABI 6, Linux 6.12",
	  "the supervisor decides abstract sockets; signals to the user's own other processes pass",
	  LANDLOCK_ABI_SCOPE },
};

/* What never calls a login shell, and so is not confined by one. */
static const char *const uncovered[] = {
	"ssh port forwards (-L, -R, -D, -W), X11 and agent forwarding: sshd itself does them",
	"sftp where sshd is set to internal-sftp",
	"cron and at jobs, which name their own shell",
	"su -s SHELL, sudo -u USER COMMAND and other ways in which root starts a program as the user",
	"the user's systemd services, ~/.forward, and whatever else outside runs the user's files",
};

/* The kernel checks the flags before it looks at the program, which is not there. */
static bool notifications_survive_signals(void)
{
	unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER |
			      SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) < 0 && errno == EFAULT;
}

/* `nested`: this process is in a session, which has all that a session needs. */
static int protections_print(int abi, bool nested)
{
	int status = CTL_GOOD;

	for (size_t i = 0; i < ARRAY_SIZE(protections); i++) {
		const struct protection *protection = &protections[i];
		bool there = protection->abi ? abi >= protection->abi
					     : notifications_survive_signals();

		there = there || (nested && !protection->instead);

		say(stdout, "  %-8s %s\n",
		    there                 ? "yes"
		    : protection->instead ? "no"
					  : "MISSING",
		    protection->name);
		if (there)
			continue;
		if (protection->instead) {
			say(stdout, "           needs %s; until then %s\n", protection->since,
			    protection->instead);
		} else {
			say(stdout, "           needs %s; without it every session is refused\n",
			    protection->since);
			status = CTL_BAD;
		}
	}
	return status;
}

static int kernel_print(void)
{
	int abi = landlock_abi();
	bool nested = nested_in_session();
	struct utsname kernel;
	int status;

	if (uname(&kernel) < 0)
		return ctl_error("uname: %m");
	say(stdout, "kernel: Linux %s, Landlock ABI %d\n", kernel.release, abi);
	if (nested)
		say(stdout, "this process is in a sandlock session\n");
	status = protections_print(abi, nested);
	say(stdout, "\nnot covered by a login shell (see sandlockctl pam for pam_sandlock.so):\n");
	for (size_t i = 0; i < ARRAY_SIZE(uncovered); i++)
		say(stdout, "  %s\n", uncovered[i]);
	return status;
}

static void user_print(const char *directory, const struct passwd *user)
{
	struct account account = {
		.name = user->pw_name,
		.group = "",
		.home = user->pw_dir,
		.uid = user->pw_uid,
		.gid = user->pw_gid,
	};
	char name[POLICY_NAME_MAX] = "";
	int error;

	say(stdout, "  %-16s ", user->pw_name);
	if (user->pw_uid == 0) {
		say(stdout, "root is never confined\n");
		return;
	}
	error = policy_find(directory, &account, name);
	if (error == 0)
		say(stdout, "%s/%s\n", directory, name);
	else if (error == -ENOENT)
		say(stdout, "no policy applies: the login is refused\n");
	else
		say(stdout, "%s: cannot be looked up: the login is refused\n", name);
}

static void users_print(const char *directory)
{
	const struct passwd *user;
	bool found = false;

	say(stdout, "\nusers whose login shell is %s:\n", SHELL_NAME);
	setpwent();
	while ((user = getpwent())) {
		if (!shell_is_ours(user->pw_shell))
			continue;
		user_print(directory, user);
		found = true;
	}
	endpwent();
	if (!found)
		say(stdout, "  none\n");
}

int status_main(const struct ctl_options *options, int argc, char **argv)
{
	int status = kernel_print();

	(void)argc;
	(void)argv;
	users_print(ctl_directory(options));
	pam_users_print(options);
	return status;
}
