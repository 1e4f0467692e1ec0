/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A supervisor that PAM started gives up root.
 */
#include "drop_root.h"

#include <errno.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "caps.h"
#include "plan.h"

int drop_root(uid_t service_uid, const struct plan *plan)
{
	uid_t user = plan->header->uid;

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || setresuid(service_uid, user, service_uid) ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
		return -errno;
	return caps_set(CAP_BIT(CAP_SYS_PTRACE), CAP_BIT(CAP_SYS_PTRACE));
}
