/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rules for the calls of a session.
 */
#ifndef SANDLOCK_RULES_H
#define SANDLOCK_RULES_H

#include "gate.h"
#include "plan.h"
#include "private_sockets.h"
#include "tcp_listeners.h"
#include "unix_listeners.h"

/* The socket of SSH_AUTH_SOCK at the start of the session; kept open by whoever fills this in. */
struct agent {
	bool known;
	dev_t device;
	ino_t inode;
};

struct rules {
	const struct plan *plan;
	struct ruleset ruleset; /* of the plan, with an index and what the host names have answered */
	struct unix_listeners listeners;
	struct tcp_listeners tcp_listeners;
	struct agent agent;
	struct gate gate;
	struct private_sockets private_sockets;
	bool multi_uid;    /* processes of other uids than the user's may be in the session */
	bool kernel_binds; /* bind(2) is the kernel's, and Landlock's, to decide; we only look on */
	int display;       /* number of the session's X11 display, -1: none */
};

#endif
