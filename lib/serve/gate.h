/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a gate lets pass: the program that opened the session, and who becomes the user. Distrusts
 * process numbers: the opener is known by its pidfd, everybody else by the filters on it.
 */
#ifndef SANDLOCK_GATE_H
#define SANDLOCK_GATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "notify.h"

struct gate {
	bool closed;  /* there is a gate at all */
	bool threads; /* the opener has others beside the one that opened the session */
	pid_t opener;
	int pidfd;
	unsigned filters; /* seccomp filters on the opener; who is confined has more */
};

/* The opener waits meanwhile, with the gate's filter on. 0 or a negative errno. */
int gate_open(struct gate *gate, pid_t opener);

/* True where the opener itself, while it lives, made the call: a program of root's that no user's
 * memory or code is in. It performs its own calls. A thread of it that has gone on to confine
 * itself is the opener no more. */
bool gate_is_opener(const struct gate *gate, const struct notification *call);

/* True where the calling thread carries a filter beyond the gate's: that of a session, which it can
 * not have lost again. Others cannot have one: to add a filter takes the gate's key, or to be
 * behind it already. */
bool gate_is_behind(const struct gate *gate, pid_t thread);

#endif
