/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A directory service as sssd's library is built for Fedora and RHEL: while nobody answers on its
 * socket, it says that it does not know. Loaded by glibc in test_pam_groups, by way of
 * nsswitch.conf.
 */
#include <grp.h>
#include <nss.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define GID 47510

static int answers(void)
{
	struct sockaddr_un address = { AF_UNIX, "/var/lib/sss/pipes/nss" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error = connect(fd, (struct sockaddr *)&address, sizeof(address));

	close(fd);
	return error == 0;
}

enum nss_status _nss_sss_getgrnam_r(const char *name, struct group *entry, char *buffer,
				    size_t size, int *error)
{
	char **members = (void *)buffer;

	(void)error;
	if (strcmp(name, "students") != 0 || size < sizeof(char *) || !answers())
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

enum nss_status _nss_sss_getgrgid_r(gid_t gid, struct group *entry, char *buffer, size_t size,
				    int *error)
{
	return gid == GID ? _nss_sss_getgrnam_r("students", entry, buffer, size, error)
			  : NSS_STATUS_NOTFOUND;
}

enum nss_status _nss_sss_initgroups_dyn(const char *user, gid_t group, long *start, long *size,
					gid_t **gids, long limit, int *error)
{
	(void)group;
	(void)limit;
	(void)error;
	if (strcmp(user, "dora") != 0 || !answers())
		return NSS_STATUS_NOTFOUND;
	if (*start == *size)
		*gids = realloc(*gids, (size_t)(*size *= 2) * sizeof(gid_t));
	(*gids)[(*start)++] = GID;
	return NSS_STATUS_SUCCESS;
}
