/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A supervisor that PAM started gives root up.
 */
#include "drop_root.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "plan.h"

static int capabilities_keep(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { 0 };

	sets[CAP_TO_INDEX(CAP_SYS_PTRACE)].permitted = CAP_TO_MASK(CAP_SYS_PTRACE);
	sets[CAP_TO_INDEX(CAP_SYS_PTRACE)].effective = CAP_TO_MASK(CAP_SYS_PTRACE);
	return syscall(SYS_capset, &header, sets) ? -errno : 0;
}

int drop_root(uid_t service_uid, const struct plan *plan)
{
	uid_t user = plan->header->uid;

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || setresuid(service_uid, user, service_uid) ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
		return -errno;
	return capabilities_keep();
}
