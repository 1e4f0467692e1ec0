/*
 * The order in which a process gives its rights away.
 * Called by session.
 * Distrusts nothing but the kernel's willingness: each step that fails is the end of the session.
 */
#include "confine.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "compat.h"
#include "landlock.h"
#include "plan.h"

int confine_parent(const struct plan *plan)
{
	/* Without it an unprivileged process may install neither Landlock nor a filter. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	if (landlock_missing(plan, landlock_abi()))
		return -EOPNOTSUPP;
	return landlock_restrict_common(plan, landlock_abi());
}

static struct filter_facts facts_of(const struct plan *plan, int abi)
{
	return (struct filter_facts){
		.flags = plan->header->flags,
		.digest = plan->header->digest,
		.endpoints = plan->header->endpoints,
		.trap_bind = (plan->header->flags & PLAN_UDP) || !landlock_decides_binds(plan, abi),
		.keep_dumpable = geteuid() != 0,
		.hold_truncation = (plan->header->flags & PLAN_FILES) && abi < LANDLOCK_ABI_TRUNCATE,
		.calls = plan->calls,
		.call_count = plan->header->calls.count,
	};
}

/* The listener where flags ask for one, else 0; or a negative errno. */
static long filter_load(const struct filter_facts *facts, unsigned long flags)
{
	struct sock_filter program[FILTER_LENGTH_MAX];
	struct sock_fprog loaded = { 0, program };
	size_t length;
	long result;
	int error = filter_build(facts, program, &length);

	if (error)
		return error;
	loaded.len = (unsigned short)length;
	result = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &loaded);
	return result < 0 ? -errno : result;
}

int confine_self(const struct plan *plan, const uint32_t guarded[FILTER_GUARDED_MAX],
		 int *ret_listener)
{
	int abi = landlock_abi();
	struct filter_facts facts = facts_of(plan, abi);
	long listener;
	int error;

	for (int i = 0; i < FILTER_GUARDED_MAX; i++)
		facts.guarded[i] = guarded[i];
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	/* A supervisor of the same uid reaches only dumpable processes. */
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
		return -errno;
	/* Landlock before the filter, which might one day refuse landlock_*; and before the
	 * listener exists, so that no process with a listener is ever outside the domain. */
	error = landlock_restrict_session(plan, abi);
	if (error)
		return error;
	/* WAIT_KILLABLE_RECV: without it a message interrupted by a timer is sent twice. */
	listener = filter_load(&facts, SECCOMP_FILTER_FLAG_NEW_LISTENER |
					       SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	if (listener < 0)
		return (int)listener;
	*ret_listener = (int)listener;
	return 0;
}

int confine_nested(const struct plan *plan)
{
	int abi = landlock_abi();
	struct filter_facts facts = facts_of(plan, abi);
	int error;

	/* The outer supervisor makes sockets where the outer policy lets it. */
	if (facts.trap_bind && (plan->header->flags & PLAN_FILES))
		return -EXDEV;
	facts.nested = true;
	error = confine_parent(plan);
	if (!error)
		error = landlock_restrict_session(plan, abi);
	return error ? error : (int)filter_load(&facts, 0);
}
