/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The account of the supervisors of all sessions: who has its uid uses up what the kernel counts
 * for it. Each probe takes an id of it, or gives it a program that takes one when it is executed.
 */
#include "probe.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

#define PLACE   "/var/tmp/escape-service"
#define NONE    ((unsigned)-1)
#define ACCOUNT "_sandlock"

static uid_t uid(void)
{
	const struct passwd *entry = getpwnam(ACCOUNT);

	return entry ? entry->pw_uid : NONE;
}

static gid_t gid(void)
{
	const struct passwd *entry = getpwnam(ACCOUNT);

	return entry ? entry->pw_gid : NONE;
}

static int user(void)
{
	return result_of(setuid(uid()));
}

static int user_files(void)
{
	uid_t wanted = uid();

	setfsuid(wanted);
	return (uid_t)setfsuid(NONE) == wanted ? 0 : EPERM;
}

static int user_real_of_two(void)
{
	return result_of(setreuid(uid(), NONE));
}

static int user_effective_of_two(void)
{
	return result_of(setreuid(NONE, uid()));
}

static int user_real(void)
{
	return result_of(setresuid(uid(), NONE, NONE));
}

static int user_effective(void)
{
	return result_of(setresuid(NONE, uid(), NONE));
}

static int user_saved(void)
{
	return result_of(setresuid(NONE, NONE, uid()));
}

static int group(void)
{
	return result_of(setgid(gid()));
}

static int group_files(void)
{
	gid_t wanted = gid();

	setfsgid(wanted);
	return (gid_t)setfsgid(NONE) == wanted ? 0 : EPERM;
}

static int group_effective_of_two(void)
{
	return result_of(setregid(NONE, gid()));
}

static int group_saved(void)
{
	return result_of(setresgid(NONE, NONE, gid()));
}

/* By path, by descriptor, and of a link. */
static int owner(int (*change)(int fd))
{
	int fd = open(PLACE, O_RDWR | O_CREAT | O_CLOEXEC, 0700);
	int error = fd < 0 ? errno : result_of(change(fd));

	close(fd);
	unlink(PLACE);
	return error;
}

static int by_path(int fd)
{
	(void)fd;
	return chown(PLACE, uid(), NONE);
}

static int by_link(int fd)
{
	(void)fd;
	return lchown(PLACE, uid(), NONE);
}

static int by_descriptor(int fd)
{
	return fchown(fd, uid(), NONE);
}

static int by_folder(int fd)
{
	(void)fd;
	return fchownat(AT_FDCWD, PLACE, uid(), NONE, 0);
}

static int by_empty_path(int fd)
{
	return fchownat(fd, "", uid(), NONE, AT_EMPTY_PATH);
}

static int group_by_descriptor(int fd)
{
	return fchown(fd, NONE, gid());
}

static int owner_by_path(void)
{
	return owner(by_path);
}

static int owner_by_link(void)
{
	return owner(by_link);
}

static int owner_by_descriptor(void)
{
	return owner(by_descriptor);
}

static int owner_by_folder(void)
{
	return owner(by_folder);
}

static int owner_by_empty_path(void)
{
	return owner(by_empty_path);
}

static int owner_group(void)
{
	return owner(group_by_descriptor);
}

static const struct probe probes[] = {
	{ "user", user },
	{ "user_files", user_files },
	{ "user_real_of_two", user_real_of_two },
	{ "user_effective_of_two", user_effective_of_two },
	{ "user_real", user_real },
	{ "user_effective", user_effective },
	{ "user_saved", user_saved },
	{ "group", group },
	{ "group_files", group_files },
	{ "group_effective_of_two", group_effective_of_two },
	{ "group_saved", group_saved },
	{ "owner_by_path", owner_by_path },
	{ "owner_by_link", owner_by_link },
	{ "owner_by_descriptor", owner_by_descriptor },
	{ "owner_by_folder", owner_by_folder },
	{ "owner_by_empty_path", owner_by_empty_path },
	{ "owner_group", owner_group },
};
PROBE_MAIN(probes)
