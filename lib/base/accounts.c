/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Users and groups of the machine, read with as much memory as an entry needs.
 */
#include "accounts.h"

#include <errno.h>
#include <string.h>

#include "util.h"

#define STORAGE_MIN (16U << 10)
#define STORAGE_MAX (16U << 20) /* the largest entry that is read */

/* By name, or by number where there is none. */
struct key {
	const char *name;
	id_t number;
};

/* As getpwnam_r(3) and related functions, which each of them calls. */
typedef int (*lookup)(const struct key *key, void *entry, char *storage, size_t size,
		      bool *ret_found);

static int user_look_up(const struct key *key, void *entry, char *storage, size_t size,
			bool *ret_found)
{
	struct passwd *found = NULL;
	int error = key->name ? getpwnam_r(key->name, entry, storage, size, &found)
			      : getpwuid_r(key->number, entry, storage, size, &found);

	*ret_found = found;
	return error;
}

static int group_look_up(const struct key *key, void *entry, char *storage, size_t size,
			 bool *ret_found)
{
	struct group *found = NULL;
	int error = key->name ? getgrnam_r(key->name, entry, storage, size, &found)
			      : getgrgid_r(key->number, entry, storage, size, &found);

	*ret_found = found;
	return error;
}

/* POSIX lets ENOENT, too, mean an absent entry, but glibc answers 0 for that, also where a service
 * of nsswitch.conf is not installed; ENOENT is what a dead one gives whose socket is gone. */
static int entry_find(lookup look_up, const struct key *key, void *ret_entry, char **ret_storage)
{
	for (size_t size = STORAGE_MIN; size <= STORAGE_MAX; size *= 4) {
		cleanup_free char *storage = malloc(size);
		bool found = false;
		int error;

		if (!storage)
			return -ENOMEM;
		error = look_up(key, ret_entry, storage, size, &found);
		if (found) {
			*ret_storage = storage;
			storage = NULL;
			return 0;
		}
		if (error == 0)
			return -ENOENT;
		if (error != ERANGE)
			return error == ENOENT ? -EIO : -error;
	}
	return -ERANGE;
}

int user_by_name(const char *name, struct passwd *ret_entry, char **ret_storage)
{
	return entry_find(user_look_up, &(struct key){ .name = name }, ret_entry, ret_storage);
}

int user_by_uid(uid_t uid, struct passwd *ret_entry, char **ret_storage)
{
	return entry_find(user_look_up, &(struct key){ .number = uid }, ret_entry, ret_storage);
}

int group_by_name(const char *name, struct group *ret_entry, char **ret_storage)
{
	return entry_find(group_look_up, &(struct key){ .name = name }, ret_entry, ret_storage);
}

int group_by_gid(gid_t gid, struct group *ret_entry, char **ret_storage)
{
	return entry_find(group_look_up, &(struct key){ .number = gid }, ret_entry, ret_storage);
}
