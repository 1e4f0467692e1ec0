/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A directory service of which dora's group is known, and which takes much memory.
 * Loaded by glibc in test_pam_failure, by way of nsswitch.conf.
 */
#include <grp.h>
#include <nss.h>
#include <stdlib.h>
#include <string.h>

char nss_large_cache[1UL << 30];

enum nss_status _nss_large_getgrnam_r(const char *name, struct group *entry, char *buffer,
				      size_t size, int *error)
{
	static char *const members[] = { (char *)"dora", NULL };

	(void)error;
	if (strcmp(name, "large") != 0 || size < sizeof(members))
		return NSS_STATUS_NOTFOUND;
	memcpy(buffer, members, sizeof(members));
	*entry = (struct group){
		.gr_name = (char *)"large",
		.gr_passwd = (char *)"*",
		.gr_gid = 47504,
		.gr_mem = (char **)buffer,
	};
	return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_large_initgroups_dyn(const char *user, gid_t group, long *start, long *size,
					  gid_t **gids, long limit, int *error)
{
	(void)group;
	(void)limit;
	(void)error;
	if (strcmp(user, "dora") != 0)
		return NSS_STATUS_NOTFOUND;
	if (*start == *size)
		*gids = realloc(*gids, (size_t)(*size *= 2) * sizeof(gid_t));
	(*gids)[(*start)++] = 47504;
	return NSS_STATUS_SUCCESS;
}
