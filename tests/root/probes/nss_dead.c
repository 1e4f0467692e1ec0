/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A directory service that is installed and does not answer.
 * Loaded by glibc in test_pam_failure, by way of nsswitch.conf.
 */
#include <errno.h>
#include <grp.h>
#include <nss.h>

enum nss_status _nss_dead_getgrnam_r(const char *name, struct group *entry, char *buffer,
				     size_t size, int *error)
{
	(void)name;
	(void)entry;
	(void)buffer;
	(void)size;
	*error = ECONNREFUSED;
	return NSS_STATUS_UNAVAIL;
}
