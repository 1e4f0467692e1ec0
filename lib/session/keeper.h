/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the keepers of a session find and talk to one another: the shell's parent process, the
 * supervisor, the confined child. No code. The confined process never holds one of these
 * descriptors after its exec.
 */
#ifndef SANDLOCK_KEEPER_H
#define SANDLOCK_KEEPER_H

#include <stdint.h>

/* The supervisor's descriptors at its start; it closes what lies above. Its arguments: the child's
 * pid, and the number of the X11 display or "-". Where PAM starts it, as root, three more: uid and
 * gid of the service user, and "open" or "gate"; then the child is the program that opens the
 * session, which is also the parent. */
#define SUPERVISOR_PLAN_FD     3
#define SUPERVISOR_PARENT_FD   4 /* SOCK_SEQPACKET; end of file: the parent is gone */
#define SUPERVISOR_CHILD_FD    5 /* SOCK_STREAM; end of file at one side: the other must end */
#define SUPERVISOR_RESOLVER_FD 6 /* or /dev/null */
#define SUPERVISOR_AGENT_FD    7 /* O_PATH of the session's ssh agent socket, or /dev/null */

/* Child to supervisor: an int32_t, the number of the listener in the child, or a negative errno.
 * Supervisor to child: one byte, all is ready. */

/* Supervisor to parent. */
enum keeper_report_kind {
	KEEPER_FAILED = 0, /* value: errno; the session does not start */
	KEEPER_CHILD,      /* value: the child's pid; the session has started */
	KEEPER_STATUS,     /* value: the wait(2) status with which the child ended */
	KEEPER_HERE,       /* PAM only. It has given up root, and waits for the listener's number */
};
struct keeper_report {
	int32_t kind;
	int32_t value;
};

/* Parent to supervisor: an int32_t, a signal for the child. The supervisor stops and continues the
 * parent as the child stops and continues. */

#endif
