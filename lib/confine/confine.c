/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The order in which a process gives up its rights.
 */
#include "confine.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "caps.h"
#include "compat.h"
#include "landlock.h"
#include "multicast.h"
#include "plan.h"

#define INHERITED_MAX 64 /* descriptors looked at */

/* Without it an unprivileged process may install neither Landlock nor a filter. */
static int privileges_renounce(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}

/* The capability that the kernel requires without no_new_privs; root inside a session lacks it. */
static bool keeps_privileges(const struct plan *plan)
{
	return (plan->header->flags & PLAN_SETUID) && caps_is_effective(CAP_SYS_ADMIN);
}

int confine_parent(const struct plan *plan)
{
	int error = keeps_privileges(plan) ? 0 : privileges_renounce();

	if (error)
		return error;
	if (landlock_missing(plan, landlock_abi()))
		return -EOPNOTSUPP;
	return landlock_restrict_common(plan, landlock_abi());
}

static int files_restrict(const struct plan *plan, int abi, unsigned options)
{
	int error = keeps_privileges(plan) ? 0 : privileges_renounce();

	return error ? error : landlock_restrict_session(plan, abi, options);
}

bool confine_traps_bind(const struct plan *plan)
{
	const int abi = landlock_abi();

	return (plan->header->flags & PLAN_UDP) || !landlock_decides_binds(plan, abi);
}

static bool is_datagram_socket(int fd)
{
	socklen_t size = sizeof(int);
	int domain = AF_NETLINK; /* the peer is the kernel alone */
	int type = SOCK_STREAM;

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain != AF_NETLINK &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type != SOCK_STREAM &&
	       type != SOCK_SEQPACKET;
}

/* The program that started the login may have left one open; the session itself creates only what
 * its plan allows. */
static bool inherits_datagrams(void)
{
	for (int fd = 0; fd < INHERITED_MAX; fd++)
		if (is_datagram_socket(fd))
			return true;
	return false;
}

static struct filter_facts facts_of(const struct plan *plan, int abi,
				    const struct confine_context *context)
{
	struct filter_facts facts = {
		.flags = plan->header->flags,
		.digest = plan->header->digest,
		.endpoints = plan->header->endpoints,
		.datagrams = inherits_datagrams(),
		.set_ids = keeps_privileges(plan),
		.groups = (plan->header->flags & PLAN_UDP) && multicast_is_open(&plan->ruleset),
		.trap_bind = confine_traps_bind(plan),
		.keep_dumpable = geteuid() != 0,
		.refuse_truncation = (plan->header->flags & PLAN_FILES) && abi < LANDLOCK_ABI_TRUNCATE,
		.calls = plan->calls,
		.call_count = plan->header->calls.count,
		.gate_key = context->gate_key,
		.service_uid = context->service_uid,
		.service_gid = context->service_gid,
	};

	memcpy(facts.protected_pids, context->protected_pids, sizeof(facts.protected_pids));
	return facts;
}

/* Unlike Landlock's domains, a filter can be given to all threads at once. */
#define ALL_THREADS (SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH)

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
	/* The kernel reads three arguments; a gate around us reads the fourth. */
	result = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &loaded, facts->gate_key);
	return result < 0 ? -errno : result;
}

/* WAIT_KILLABLE_RECV: without it a message interrupted by a timer is sent twice. */
static int filter_load_listening(const struct filter_facts *facts, unsigned long flags,
				 int *ret_listener)
{
	long listener = filter_load(facts, flags | SECCOMP_FILTER_FLAG_NEW_LISTENER |
						   SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);

	if (listener < 0)
		return (int)listener;
	*ret_listener = (int)listener;
	return 0;
}

int confine_self(const struct plan *plan, const struct confine_context *context, int *ret_listener)
{
	int abi = landlock_abi();
	struct filter_facts facts = facts_of(plan, abi, context);
	/* Root here is the PAM caller, which still has to write the records of the login. */
	unsigned options = geteuid() == 0 ? LANDLOCK_RECORDS : 0;
	int error;

	/* A supervisor of the same uid reaches only dumpable processes. */
	if (facts.keep_dumpable && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
		return -errno;
	/* Landlock before the filter, which might one day refuse landlock_*; and before the
	 * listener exists, so that no process with a listener is ever outside the domain. */
	error = files_restrict(plan, abi, options);
	return error ? error : filter_load_listening(&facts, 0, ret_listener);
}

int confine_gate(const struct plan *plan, const struct confine_context *context, bool threads,
		 int *ret_listener)
{
	struct filter_facts facts = facts_of(plan, landlock_abi(), context);

	facts.gate = true;
	facts.gate_uid = plan->header->uid;
	facts.gate_threads = threads;
	return filter_load_listening(&facts, ALL_THREADS, ret_listener);
}

int confine_gate_child(const struct plan *plan, const struct confine_context *context, bool pam_caller)
{
	int abi = landlock_abi();
	struct filter_facts facts = facts_of(plan, abi, context);
	int error = files_restrict(plan, abi, pam_caller ? LANDLOCK_RECORDS : 0);

	facts.nested = true;
	return error ? error : (int)filter_load(&facts, 0);
}

int confine_refused(uid_t uid, uint64_t gate_key)
{
	const unsigned long asked = uid;
	const struct filter_facts facts = {
		.forbid = true,
		.gate_uid = uid,
		.gate_key = gate_key,
	};
	int error;

	/* A program that lives long can be refused the same user often, and no filter goes away. */
	if (prctl(FILTER_FORBIDS, asked, 0, 0, 0) < 0 && errno == EALREADY)
		return 0;
	error = caps_is_effective(CAP_SYS_ADMIN) ? 0 : privileges_renounce();
	return error ? error : (int)filter_load(&facts, ALL_THREADS);
}

int confine_nested(const struct plan *plan)
{
	const struct confine_context context = { 0 };
	int error;

	/* The outer supervisor creates sockets where the outer policy allows it. */
	if ((plan->header->flags & PLAN_FILES) && confine_traps_bind(plan))
		return -EXDEV;
	error = confine_parent(plan);
	return error ? error : confine_gate_child(plan, &context, false);
}
