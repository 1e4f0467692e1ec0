/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All the state of a session's supervisor. No allocation: one static struct holds all of it.
 */
#ifndef SANDLOCK_SUPERVISOR_H
#define SANDLOCK_SUPERVISOR_H

#include "copies.h"
#include "denial.h"
#include "host_names.h"
#include "loop.h"
#include "pending.h"
#include "realtime.h"
#include "rules.h"

struct supervisor {
	struct loop *loop;
	struct watch listener;
	struct rules rules;
	struct copies copies; /* of the call that is served now */
	struct host_names host_names;
	struct denials denials;
	struct pending pending;
	struct realtime realtime;
	uint64_t calls;   /* that were trapped */
	uint64_t refused; /* by the policy, of those */
	uid_t uid;        /* our real one: the user's, or under PAM the service user's */
};

/* True while the call is pending: what was read by its caller's number was its caller's. */
static inline bool request_is_valid(const struct supervisor *supervisor, const struct request *request)
{
	return notify_is_valid(supervisor->listener.fd, request->call.id);
}

#endif
