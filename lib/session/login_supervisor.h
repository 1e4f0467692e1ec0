/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The supervisor of a login while it starts, as seen by the PAM program that opens the session: not
 * its child, and not reachable by its signals once the program is confined.
 */
#ifndef SANDLOCK_LOGIN_SUPERVISOR_H
#define SANDLOCK_LOGIN_SUPERVISOR_H

#include <stdint.h>
#include <sys/types.h>

#include "handover.h"

struct plan;
struct spawn_ids;

struct login_supervisor {
	pid_t pid;
	int handover; /* our end */
	int pidfd;
	int trigger; /* what is written here kills it */
	int trigger_end;
};

/* All -1. */
void login_supervisor_init(struct login_supervisor *supervisor);

/* Starts it as root with the groups of `ids`, and waits until it has given root up. The start
 * message goes with `fds`, to which START_PARENT is added. After a failure login_supervisor_end is
 * still to be called. */
int login_supervisor_start(struct login_supervisor *supervisor, const struct plan *plan,
			   const struct start_message *message, int fds[START_FDS],
			   const struct spawn_ids *ids, struct failure *failure);

/* It takes the listener over from the calling process, which then may continue. */
int login_supervisor_serve(struct login_supervisor *supervisor, int listener, int64_t deadline_ms,
			   struct failure *failure);

/* A start that failed leaves nothing behind: the helpers end with the supervisor. */
void login_supervisor_end(const struct login_supervisor *supervisor);

/* Closes our descriptors of it. */
void login_supervisor_close(struct login_supervisor *supervisor);

#endif
