/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which policy file applies to an account: its own, else that of a group, else the default.
 * Distrusts the group database: one that does not answer decides nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "accounts.h"
#include "groups.h"
#include "policy.h"
#include "policy_file.h"
#include "util.h"

#define SUFFIX       ".conf"
#define SETTLE_MS    200 /* from a change of the directory on */
#define SETTLE_TRIES 5

/* 1: it exists, whatever it is (policy_load checks that), 0: it does not, -EIO: not known. */
static int file_exists(int directory, const char *name)
{
	struct stat status;

	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : -EIO;
}

/* NAME.conf. A name that is none of a user's file, such as `@students`, has no own file. */
static int find_own(int directory, const char *user, char name[POLICY_NAME_MAX])
{
	if (user[0] == '\0' || user[0] == '@' || strchr(user, '/'))
		return 0;
	if (snprintf(name, POLICY_NAME_MAX, "%s" SUFFIX, user) >= POLICY_NAME_MAX)
		return 0;
	return file_exists(directory, name);
}

/* The group's name in @GROUP.conf; false for any other file name. */
static bool group_of_name(const char *name, char group[POLICY_NAME_MAX])
{
	size_t length = strlen(name);

	if (name[0] != '@' || length <= strlen("@" SUFFIX) || length >= POLICY_NAME_MAX ||
	    strcmp(name + length - strlen(SUFFIX), SUFFIX) != 0)
		return false;
	length -= strlen("@" SUFFIX);
	memcpy(group, name + 1, length);
	group[length] = '\0';
	return true;
}

/* The user's name in USER.conf. */
static bool user_of_name(const char *name, char user[POLICY_NAME_MAX])
{
	size_t length = strlen(name);

	if (name[0] == '@' || length <= strlen(SUFFIX) || length >= POLICY_NAME_MAX ||
	    strcmp(name + length - strlen(SUFFIX), SUFFIX) != 0 ||
	    strcmp(name, "default" SUFFIX) == 0)
		return false;
	length -= strlen(SUFFIX);
	memcpy(user, name, length);
	user[length] = '\0';
	return true;
}

static int is_group_file(const struct dirent *entry)
{
	char group[POLICY_NAME_MAX];

	return group_of_name(entry->d_name, group);
}

static int name_order(const struct dirent **left, const struct dirent **right)
{
	return strcmp((*left)->d_name, (*right)->d_name);
}

/* Where a file is searched for, and where errors are reported. */
struct search {
	const char *directory;
	const struct account *account;
	policy_report report; /* NULL: nobody */
	void *context;
};

__attribute__((format(printf, 4, 5))) static void tell(const struct search *search, bool error,
						       const char *name, const char *format, ...)
{
	char path[PATH_MAX], text[NSS_WHY_MAX + NAME_MAX];
	const struct diagnostic diagnostic = { .error = error, .file = path, .text = text };
	va_list arguments;

	if (!search->report)
		return;
	snprintf(path, sizeof(path), "%s/%s", search->directory, name);
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	search->report(&diagnostic, search->context);
}

/* -EIO, after reporting why the directory, or a name in it, cannot be looked up. */
static int fail(const struct search *search, int error)
{
	struct diagnostic diagnostic = { .error = true, .file = search->directory };
	char why[WHY_MAX];

	if (error == EACCES)
		why_denied(search->directory, true, why);
	else
		snprintf(why, sizeof(why), "%s", strerror(error));
	diagnostic.text = why;
	if (search->report)
		search->report(&diagnostic, search->context);
	return -EIO;
}

/* 1: the account is in the group of the file, 0: it is not, or there is no such group. */
static int file_names(const struct search *search, const struct groups *groups, const char *name)
{
	char group[POLICY_NAME_MAX];
	char why[NSS_WHY_MAX];
	int holds = group_of_name(name, group) ? groups_contain(groups, group, why) : 0;

	if (holds == -ENOENT)
		tell(search, false, name,
		     "there is no group \"%s\": this file applies to nobody, expected "
		     "the name of a group",
		     group);
	if (holds == -EIO)
		tell(search, true, name, "the group cannot be looked up: %s", why);
	return holds == -ENOENT ? 0 : holds;
}

/* The first group file whose group has the account. */
static int names_match(const struct search *search, struct dirent **entries, int count,
		       char name[POLICY_NAME_MAX])
{
	const struct account *account = search->account;
	cleanup_groups struct groups groups = { .user = account->name };
	char why[NSS_WHY_MAX];
	int found = 0;

	for (int i = 0; i < count && found == 0; i++) {
		memcpy(name, entries[i]->d_name, strlen(entries[i]->d_name) + 1);
		if (i == 0)
			found = groups_read(account->name, account->gid, &groups, why);
		if (found < 0)
			tell(search, true, name, "the groups of %s cannot be looked up: %s",
			     account->name, why);
		else
			found = file_names(search, &groups, name);
	}
	return found;
}

static int find_group(const struct search *search, int directory, char name[POLICY_NAME_MAX])
{
	struct dirent **entries = NULL;
	int count = scandirat(directory, ".", &entries, is_group_file, name_order);
	int found = count < 0 ? fail(search, errno) : names_match(search, entries, count, name);

	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	return found;
}

/* Whether two names may be of one account: `dana` and `AD\\dana`, `Dana`, `dana@corp.example`. */
static bool is_akin(const char *one, const char *other)
{
	return strcasestr(one, other) || strcasestr(other, one);
}

/* 1: the file's name is the account's in another spelling, so the file applies to nobody. */
static int is_misnamed(const struct search *search, const char *name)
{
	const struct account *account = search->account;
	cleanup_free char *storage = NULL;
	char user[POLICY_NAME_MAX];
	struct passwd entry;
	int error;

	if (!user_of_name(name, user) || strcmp(user, account->name) == 0)
		return 0;
	if (!is_akin(user, account->name) && !(account->login && strcmp(user, account->login) == 0))
		return 0;
	error = user_by_name(user, &entry, &storage);
	if (error < 0 && error != -ENOENT)
		tell(search, true, name, "user \"%s\" cannot be looked up: %s", user,
		     strerror(-error));
	else if (error == 0 && strcmp(entry.pw_name, account->name) == 0)
		tell(search, true, name, "the account's name is \"%s\", expected the file %s" SUFFIX,
		     account->name, account->name);
	else
		return 0;
	return 1;
}

/* -EIO where there is a file that was meant for the account: it would be missed silently. */
static int find_misnamed(const struct search *search, int directory, char name[POLICY_NAME_MAX])
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int found = 0;

	if (!stream) {
		found = fail(search, errno);
		util_cleanup_fd(&fd);
		return found;
	}
	errno = 0;
	while (found == 0 && (entry = readdir(stream))) {
		found = is_misnamed(search, entry->d_name);
		if (found)
			memcpy(name, entry->d_name, strlen(entry->d_name) + 1);
		errno = 0;
	}
	if (errno)
		found = fail(search, errno);
	closedir(stream);
	return found ? -EIO : 0;
}

static int search_once(const struct search *search, char name[POLICY_NAME_MAX])
{
	cleanup_fd int fd = open(search->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int found;

	snprintf(name, POLICY_NAME_MAX, "%s", search->directory);
	if (fd < 0)
		return fail(search, errno);
	found = find_own(fd, search->account->name, name);
	if (found != 0)
		return found > 0 ? 0 : fail(search, errno);
	snprintf(name, POLICY_NAME_MAX, "%s", search->directory);
	if (find_misnamed(search, fd, name) < 0)
		return -EIO;
	found = find_group(search, fd, name);
	if (found != 0)
		return found > 0 ? 0 : -EIO;
	snprintf(name, POLICY_NAME_MAX, "default" SUFFIX);
	found = file_exists(fd, name);
	if (found > 0)
		return 0;
	return found < 0 ? fail(search, errno) : -ENOENT;
}

/* By the file system's clock, from a file created now. */
static bool changed_lately(const char *directory)
{
	cleanup_fd int fd = memfd_create("now", MFD_CLOEXEC);
	struct stat status, now;
	int64_t age;

	if (fd < 0 || fstat(fd, &now) || stat(directory, &status))
		return true;
	age = (now.st_mtim.tv_sec - status.st_mtim.tv_sec) * 1000 +
	      (now.st_mtim.tv_nsec - status.st_mtim.tv_nsec) / 1000000;
	return age > -SETTLE_MS && age < SETTLE_MS;
}

/* No file of the account's own: it may be missing just for the moment. */
static bool may_change(int found, const char *name, const struct account *account)
{
	size_t length = strlen(account->name);

	return found == -ENOENT || (found == 0 && (strncmp(name, account->name, length) != 0 ||
						   strcmp(name + length, SUFFIX) != 0));
}

/* Some editors remove the old file before the new one exists, and some file systems omit from a
 * directory what is renamed while it is read. A login at that moment would not be confined, or have
 * a policy that is meant for others. */
int policy_search(const char *directory, const struct account *account, policy_report report,
		  void *context, char ret_name[POLICY_NAME_MAX])
{
	const struct search search = { directory, account, report, context };
	const struct search quiet = { directory, account, NULL, NULL };
	const struct timespec settle = { .tv_nsec = SETTLE_MS * 1000000L };
	int found = search_once(&search, ret_name);

	for (int i = 0;
	     i < SETTLE_TRIES && may_change(found, ret_name, account) && changed_lately(directory);
	     i++) {
		char name[POLICY_NAME_MAX];
		int now;

		(void)nanosleep(&settle, NULL);
		now = search_once(&quiet, name);
		if (now != found || (now == 0 && strcmp(name, ret_name) != 0))
			found = search_once(&search, ret_name);
	}
	return found;
}

int policy_find(const char *directory, const struct account *account, char ret_name[POLICY_NAME_MAX])
{
	return policy_search(directory, account, NULL, NULL, ret_name);
}
