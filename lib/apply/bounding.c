/*
 * The capabilities that set-uid programs of a session can still get.
 * Called by login.
 * Distrusts nothing; leaves the library's state in this process as it was found.
 */
#include "bounding.h"

#include <cap-ng.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "plan.h"

static int sets_narrow(uint64_t kept)
{
	/* More than the headers may know: the kernel says where its numbers end. */
	for (unsigned number = 0; prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number++) {
		if (number < 64 && (kept >> number & 1))
			continue;
		if (capng_update(CAPNG_DROP, CAPNG_BOUNDING_SET | CAPNG_INHERITABLE, number))
			return -EINVAL;
	}
	/* The ambient ones go with the inheritable. */
	return capng_apply(CAPNG_SELECT_BOTH) ? -EPERM : 0;
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
