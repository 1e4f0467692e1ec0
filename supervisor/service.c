/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A supervisor that PAM started. Every step that fails is the end of the session.
 */
#include "service.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "plan.h"
#include "util.h"

bool service_read(int argc, char **argv, struct service *ret_service)
{
	uint64_t uid;
	uint64_t gid;

	if (argc == 0)
		return true;
	if (argc != 3 || parse_unsigned(argv[0], INT32_MAX, &uid) ||
	    parse_unsigned(argv[1], INT32_MAX, &gid) || uid == 0)
		return false;
	*ret_service = (struct service){
		.on = true,
		.uid = (uid_t)uid,
		.gid = (gid_t)gid,
		.gate = strcmp(argv[2], "gate") == 0,
	};
	return ret_service->gate || strcmp(argv[2], "open") == 0;
}

static int capabilities_keep(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { 0 };

	sets[CAP_TO_INDEX(CAP_SYS_PTRACE)].permitted = CAP_TO_MASK(CAP_SYS_PTRACE);
	sets[CAP_TO_INDEX(CAP_SYS_PTRACE)].effective = CAP_TO_MASK(CAP_SYS_PTRACE);
	return syscall(SYS_capset, &header, sets) ? -errno : 0;
}

int service_become(const struct service *service, const struct plan *plan)
{
	uid_t user = plan->header->uid;

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || setresuid(service->uid, user, service->uid) ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
		return -errno;
	return capabilities_keep();
}
