/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Takes a real uid for a moment.
 */
#include "real_uid.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

int real_uid_take(uid_t uid)
{
	return syscall(__NR_setresuid, uid, -1, -1) ? -errno : 0;
}
