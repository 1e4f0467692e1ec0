/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The capabilities that set-uid programs of a session can still get. Distrusts libcap-ng's success:
 * where it may not narrow the bounding set it only logs that.
 */
#include "bounding.h"

#include <cap-ng.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "plan.h"

static bool is_excess(uint64_t kept, unsigned number)
{
	return number >= 64 || !(kept >> number & 1);
}

/* The kernel may have more than the headers list. */
static bool bounding_is_narrow(uint64_t kept)
{
	int held;

	for (unsigned number = 0; (held = prctl(PR_CAPBSET_READ, number, 0, 0, 0)) >= 0; number++)
		if (held && is_excess(kept, number))
			return false;
	return true;
}

static int sets_narrow(uint64_t kept)
{
	bool narrow = bounding_is_narrow(kept);

	for (unsigned number = 0; prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number++)
		if (is_excess(kept, number) &&
		    capng_update(CAPNG_DROP, CAPNG_BOUNDING_SET | CAPNG_INHERITABLE, number))
			return -EINVAL;
	/* Inside a session there is mostly nothing to drop, and no right to drop it. Ambient ones
	 * are dropped with the inheritable. */
	if (capng_apply(!narrow && capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP)
				? CAPNG_SELECT_BOTH
				: CAPNG_SELECT_CAPS))
		return -EPERM;
	/* With no_new_privs the rest cannot be gained. */
	return bounding_is_narrow(kept) || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -EPERM;
}

int bounding_apply(const struct plan *plan)
{
	void *before = capng_save_state();
	int error = before ? capng_get_caps_process() : -1;

	error = error ? -EIO : sets_narrow(plan->header->capabilities);
	if (before)
		capng_restore_state(&before);
	return error;
}
