/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The gate around a session: which callers are the PAM caller (the program that opened the session,
 * sshd's monitor), and which are confined. Distrusts process numbers: the PAM caller is known by
 * its pidfd, everybody else by the seccomp filters on it.
 */
#ifndef SANDLOCK_GATE_H
#define SANDLOCK_GATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "notify.h"

struct gate {
	bool closed;  /* there is a gate at all */
	bool threads; /* the PAM caller has others beside the one that opened the session */
	pid_t pam_caller;
	int pidfd;
	unsigned filters; /* seccomp filters on the PAM caller; a confined thread has more */
};

/* `pam_caller` waits meanwhile, with the gate's filter applied. 0 or a negative errno. */
int gate_open(struct gate *gate, pid_t pam_caller);

/* True where the PAM caller itself, while it lives, made the call: a program of root's that no
 * user's memory or code is in. It performs its own calls. A thread of it that has confined itself
 * no longer counts. */
bool gate_is_pam_caller(const struct gate *gate, const struct notification *call);

/* True where the thread is confined: it carries a filter beyond the gate's, that of a session,
 * which it cannot lose. No other thread can have one: adding a filter takes the gate's key, or a
 * thread that is confined already. */
bool gate_is_confined(const struct gate *gate, pid_t thread);

#endif
