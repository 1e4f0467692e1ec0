/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The capabilities of the calling process.
 */
#include "caps.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct __user_cap_header_struct version = { .version = _LINUX_CAPABILITY_VERSION_3 };

int caps_set(uint64_t permitted, uint64_t effective)
{
	struct __user_cap_header_struct header = version;
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { 0 };

	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		sets[i].permitted = (uint32_t)(permitted >> (32 * i));
		sets[i].effective = (uint32_t)(effective >> (32 * i));
	}
	return syscall(SYS_capset, &header, sets) ? -errno : 0;
}

bool caps_is_effective(unsigned capability)
{
	struct __user_cap_header_struct header = version;
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return syscall(SYS_capget, &header, sets) == 0 &&
	       (sets[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability));
}
