/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A directory service as they are set up today: a group is known without its members, and only
 * initgroups(3) tells who is in it. It also knows each account of the machine as AD\NAME.
 * Loaded by glibc in test_pam_groups, by way of nsswitch.conf. While one of these files is there:
 * /etc/memberless.down, it does not answer; /etc/memberless.users, it does not say who is in a
 * group. The test spoils the name of the function that looks for the second.
 */
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GID 47510

enum nss_status _nss_memberless_getgrnam_r(const char *name, struct group *entry, char *buffer,
					   size_t size, int *error)
{
	char **members = (void *)buffer;

	if (access("/etc/memberless.down", F_OK) == 0) {
		*error = ECONNREFUSED;
		return NSS_STATUS_UNAVAIL;
	}
	if (strcasecmp(name, "students") != 0 || size < sizeof(char *))
		return NSS_STATUS_NOTFOUND;
	members[0] = NULL;
	*entry = (struct group){
		.gr_name = (char *)"students",
		.gr_passwd = (char *)"*",
		.gr_gid = GID,
		.gr_mem = members,
	};
	return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_memberless_getgrgid_r(gid_t gid, struct group *entry, char *buffer,
					   size_t size, int *error)
{
	return gid == GID ? _nss_memberless_getgrnam_r("students", entry, buffer, size, error)
			  : NSS_STATUS_NOTFOUND;
}

enum nss_status _nss_memberless_initgroups_dyn(const char *user, gid_t group, long *start,
					       long *size, gid_t **gids, long limit, int *error)
{
	(void)group;
	(void)limit;
	if (access("/etc/memberless.down", F_OK) == 0 ||
	    euidaccess("/etc/memberless.users", F_OK) == 0) {
		*error = ECONNREFUSED;
		return NSS_STATUS_UNAVAIL;
	}
	if (strcmp(user, "dora") != 0)
		return NSS_STATUS_NOTFOUND;
	if (*start == *size) {
		*size *= 2;
		*gids = realloc(*gids, (size_t)*size * sizeof(gid_t));
	}
	(*gids)[(*start)++] = GID;
	return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_memberless_getpwnam_r(const char *name, struct passwd *entry, char *buffer,
					   size_t size, int *error)
{
	FILE *file = strncmp(name, "AD\\", 3) == 0 ? fopen("/etc/passwd", "re") : NULL;
	struct passwd *found = NULL;

	(void)error;
	while (file && fgetpwent_r(file, entry, buffer, size, &found) == 0)
		if (strcmp(entry->pw_name, name + 3) == 0)
			break;
		else
			found = NULL;
	if (file)
		fclose(file);
	return found ? NSS_STATUS_SUCCESS : NSS_STATUS_NOTFOUND;
}
