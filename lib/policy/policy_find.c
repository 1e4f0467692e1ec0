/*
 * Which policy file decides for an account: its own, else that of a group, else the default.
 * Called by the planner and sandlockctl.
 * Distrusts the group database: one that does not answer decides nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "accounts.h"
#include "policy.h"
#include "policy_services.h"
#include "util.h"

#define SUFFIX ".conf"

/* 1: it stands, whatever it is (policy_load judges that), 0: it does not, -EIO: nobody knows. */
static int file_stands(int directory, const char *name)
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
	return file_stands(directory, name);
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

/* 1: the account is in the group, 0: it is not or there is no such group, -EIO: nobody knows. */
static int group_asks(const char *name, const struct account *account)
{
	cleanup_free char *storage = NULL;
	struct group group;
	int error = group_by_name(name, &group, &storage);

	if (error < 0)
		return error == -ENOENT ? 0 : -EIO;
	return group_holds(&group, account->name, account->gid);
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

/* The first group file whose group holds the account, as the others. */
static int find_group(int directory, const struct account *account, char name[POLICY_NAME_MAX])
{
	struct dirent **entries = NULL;
	int count = scandirat(directory, ".", &entries, is_group_file, name_order);
	int found = count < 0 ? -EIO : count > 0 ? services_heed_groups() : 0;

	for (int i = 0; i < count; i++) {
		char group[POLICY_NAME_MAX];

		if (found == 0 && group_of_name(entries[i]->d_name, group)) {
			memcpy(name, entries[i]->d_name, strlen(entries[i]->d_name) + 1);
			found = group_asks(group, account);
		}
		free(entries[i]);
	}
	free(entries);
	return found;
}

int policy_find(const char *directory, const struct account *account, char ret_name[POLICY_NAME_MAX])
{
	cleanup_fd int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int found;

	snprintf(ret_name, POLICY_NAME_MAX, "%s", directory);
	if (fd < 0)
		return -EIO;
	found = find_own(fd, account->name, ret_name);
	if (found != 0)
		return found > 0 ? 0 : -EIO;
	snprintf(ret_name, POLICY_NAME_MAX, "%s", directory);
	found = find_group(fd, account, ret_name);
	if (found != 0)
		return found > 0 ? 0 : -EIO;
	snprintf(ret_name, POLICY_NAME_MAX, "default" SUFFIX);
	found = file_stands(fd, ret_name);
	if (found > 0)
		return 0;
	return found < 0 ? -EIO : -ENOENT;
}
