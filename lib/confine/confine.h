/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The order in which a process gives up its rights, in one place. After an error the caller must
 * end: some of the steps have been taken.
 */
#ifndef SANDLOCK_CONFINE_H
#define SANDLOCK_CONFINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "filter.h"

struct plan;

/* All of these set no_new_privs, unless the plan has PLAN_SETUID and the caller CAP_SYS_ADMIN,
 * which installing Landlock and a filter then takes. */

/* The common parent of supervisor and session: the Landlock layer of ports, so that calls performed
 * for the session can never exceed them. */
int confine_parent(const struct plan *plan);

/* True where bind(2) is performed on behalf; else Landlock decides all of it. */
bool confine_traps_bind(const struct plan *plan);

/* What a session's filter depends on besides the plan. All zero where there is none of it. */
struct confine_context {
	uint32_t protected_pids[FILTER_PROTECTED_MAX]; /* as in struct filter_facts */
	uint64_t gate_key;    /* of the gate around the caller, or to be made */
	uint32_t service_uid; /* as in struct filter_facts */
	uint32_t service_gid;
};

/* The session itself: a domain nested in the parent's, and the filter. *ret_listener is the
 * notification descriptor, close-on-exec; whoever holds it must serve it. -EBUSY: another program's
 * listener is already around this process. */
int confine_self(const struct plan *plan, const struct confine_context *context, int *ret_listener);

/* The same in two steps, where the session is a descendant that the caller will fork, or the caller
 * has several threads. First step: all threads of the caller trap what a session traps, and may
 * otherwise do what they could; no process gets the user's uid (real, effective, saved, or through
 * a user namespace) unless the supervisor finds it confined. Second step, in the descendant:
 * confines it, with the key of the first. With `threads` the caller's own threads may take the uid,
 * but not start a program. -ESRCH: one of the threads has a filter that the others lack. */
int confine_gate(const struct plan *plan, const struct confine_context *context, bool threads,
		 int *ret_listener);
int confine_gate_child(const struct plan *plan, const struct confine_context *context,
		       bool pam_caller);

/* A session that was refused, whatever its program does then: neither the caller nor a descendant
 * gets this user's uid any more; with CONFINE_ANY_USER, no uid but root's. One filter for each uid,
 * however often it is called. */
#define CONFINE_ANY_USER ((uid_t)-1)
int confine_refused(uid_t uid, uint64_t gate_key);

/* A session inside a session: both Landlock layers and a filter without a listener add to what is
 * there; the outer supervisor still serves. -EXDEV: the plan has a rule that only a
 * supervisor of its own could enforce. */
int confine_nested(const struct plan *plan);

#endif
