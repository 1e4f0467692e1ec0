/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first confined process and the parent that stands for it in the login shell's sessions: what
 * happens to one happens to the other. Reaps every child of the supervisor.
 */
#ifndef SANDLOCK_RELAY_H
#define SANDLOCK_RELAY_H

#include <sys/types.h>

#include "loop.h"

struct relay {
	struct loop *loop;
	struct watch parent;  /* handover.h; fd -1: there is none, or it is gone */
	struct watch signals; /* a signalfd */
	int parent_pidfd;
	pid_t child; /* the first confined process; 0: none, or it has ended */
};

/* To be called while the parent is our parent. Takes the socket over. */
int relay_open(struct relay *relay, struct loop *loop, int parent, pid_t child);

/* The same under PAM, where the program that opened the session is independent. */
int relay_open_alone(struct relay *relay, struct loop *loop);

/* Waits for the first process, which has closed the listener and is about to end. */
void relay_finish(struct relay *relay);

#endif
