/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A directory service that is installed and never answers. Loaded by glibc in test_start_bound, by
 * way of nsswitch.conf.
 */
#include <grp.h>
#include <nss.h>
#include <unistd.h>

enum nss_status _nss_hung_getgrnam_r(const char *name, struct group *entry, char *buffer,
				     size_t size, int *error)
{
	(void)name;
	(void)entry;
	(void)buffer;
	(void)size;
	(void)error;
	for (;;)
		pause();
}
