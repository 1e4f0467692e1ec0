/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A directory service that knows a user and a group, but lists nobody: most are set up so.
 * Loaded by glibc in test_ctl_pam, by way of nsswitch.conf.
 */
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

enum nss_status _nss_unlisted_getpwnam_r(const char *name, struct passwd *entry, char *buffer,
					 size_t size, int *error)
{
	(void)error;
	if (size < 8 || (strcmp(name, "unlisted") != 0 && strcmp(name, "member") != 0))
		return NSS_STATUS_NOTFOUND;
	strncpy(buffer, name, size);
	*entry = (struct passwd){
		.pw_name = buffer,
		.pw_passwd = (char *)"*",
		.pw_uid = strcmp(name, "unlisted") == 0 ? 47501 : 47502,
		.pw_gid = 47501,
		.pw_gecos = (char *)"",
		.pw_dir = (char *)"/nonexistent",
		.pw_shell = (char *)"/bin/bash",
	};
	return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_unlisted_getgrnam_r(const char *name, struct group *entry, char *buffer,
					 size_t size, int *error)
{
	static char *const members[] = { (char *)"member", NULL };

	(void)error;
	if (strcmp(name, "unlisted-group") != 0 || size < sizeof(members))
		return NSS_STATUS_NOTFOUND;
	memcpy(buffer, members, sizeof(members));
	*entry = (struct group){
		.gr_name = (char *)"unlisted-group",
		.gr_passwd = (char *)"*",
		.gr_gid = 47503,
		.gr_mem = (char **)buffer,
	};
	return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_unlisted_initgroups_dyn(const char *user, gid_t group, long *start, long *size,
					     gid_t **gids, long limit, int *error)
{
	(void)group;
	(void)limit;
	(void)error;
	if (strcmp(user, "member") != 0)
		return NSS_STATUS_NOTFOUND;
	if (*start == *size)
		*gids = realloc(*gids, (size_t)(*size *= 2) * sizeof(gid_t));
	(*gids)[(*start)++] = 47503;
	return NSS_STATUS_SUCCESS;
}
