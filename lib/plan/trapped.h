/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The system calls that the supervisor serves: one table for the filter and the supervisor. A new
 * one is one row here and its three stages in lib/serve. The filter alone decides all other calls.
 */
#ifndef SANDLOCK_TRAPPED_H
#define SANDLOCK_TRAPPED_H

#include "compat.h"

enum trap_when {
	TRAP_ALWAYS,
	TRAP_BIND, /* where Landlock does not decide binds: no TCP rights, or UDP is open; and where
		      unix datagram sockets may be made, to know which are the session's */
	TRAP_ADDRESSED, /* where argument 4, the address, is not NULL */
	TRAP_DATAGRAM,  /* where a datagram socket may exist */
	TRAP_MODE_1,    /* set-id bits in argument 1, in a session whose set-uid programs work */
	TRAP_MODE_2,    /* the same of argument 2 */
	TRAP_OPEN_1, /* flags in argument 1 make a file, and its mode in the next one has set-id bits */
	TRAP_OPEN_2, /* the same from argument 2 on */
	TRAP_PLAIN, /* in such a session: calls that set set-id bits from memory are for plain processes */
	TRAP_OPTION,  /* where the table of socket options leaves it to the supervisor */
	TRAP_SOCKET,  /* where it makes an inet datagram socket, and UDP is closed */
	TRAP_PROCESS, /* where argument 0 names a process: it is not 0 */
	TRAP_WHO,     /* the same of argument 1 */
	/* These trap in a gate alone. */
	TRAP_UIDS_1, /* where the first argument, a new uid, is the user's */
	TRAP_UIDS_2, /* one of the first two */
	TRAP_UIDS_3,
	TRAP_EXEC,      /* in a gate around several threads */
	TRAP_FILTER,    /* where it adds a filter without the gate's key */
	TRAP_PRCTL,     /* where it adds one as seccomp(2) does */
	TRAP_NAMESPACE, /* where argument 0 has the flag of a new user namespace */
	TRAP_SETNS,     /* where argument 1 is the type of one, or any */
};
#define TRAP_GATE_FIRST TRAP_UIDS_1

/* Only calls whose callers expect failure, and EINTR where a call waits: a signal before the
 * supervisor has received the call causes that in any of them. After the condition: the stages by
 * which the supervisor serves it (fetch.h, judge.h, perform.h). */
/* clang-format off */
#ifdef __NR_open /* numbers that only the older machines have */
#define TRAPPED_OLD_CALLS(row)					\
	row(chmod, TRAP_MODE_1, ids, mode_1, by_kernel)		\
	row(creat, TRAP_MODE_1, ids, mode_1, by_kernel)		\
	row(mknod, TRAP_MODE_1, ids, mode_1, by_kernel)		\
	row(open, TRAP_OPEN_1, ids, mode_2, by_kernel)
#else
#define TRAPPED_OLD_CALLS(row)
#endif

#define TRAPPED_CALLS(row)							\
	row(connect, TRAP_ALWAYS, connect, connect, connect)			\
	row(listen, TRAP_ALWAYS, listen, listen, listen)			\
	row(bind, TRAP_BIND, bind, bind, bind)					\
	row(sendto, TRAP_ADDRESSED, sendto, send, send)				\
	row(sendmsg, TRAP_DATAGRAM, sendmsg, send, send)			\
	row(sendmmsg, TRAP_DATAGRAM, sendmmsg, sendmmsg, send)			\
	row(setsockopt, TRAP_OPTION, setsockopt, setsockopt, setsockopt)	\
	row(socket, TRAP_SOCKET, nothing, creation, socket)			\
	row(setuid, TRAP_UIDS_1, nothing, set_uids, by_kernel)			\
	row(setfsuid, TRAP_UIDS_1, nothing, setfsuid, by_kernel)		\
	row(setreuid, TRAP_UIDS_2, nothing, set_uids, by_kernel)		\
	row(setresuid, TRAP_UIDS_3, nothing, setresuid, by_kernel)		\
	row(seccomp, TRAP_FILTER, caller, seccomp, by_kernel)			\
	row(prctl, TRAP_PRCTL, nothing, confined_only, by_kernel)			\
	row(unshare, TRAP_NAMESPACE, nothing, confined_only, by_kernel)		\
	row(clone, TRAP_NAMESPACE, nothing, confined_only, by_kernel)		\
	row(setns, TRAP_SETNS, nothing, setns, by_kernel)			\
	row(execve, TRAP_EXEC, caller, start_program, by_kernel)		\
	row(execveat, TRAP_EXEC, caller, start_program, by_kernel)		\
	row(prlimit64, TRAP_PROCESS, caller, prlimit64, by_kernel)		\
	row(setpriority, TRAP_WHO, caller, who, by_kernel)			\
	row(ioprio_set, TRAP_WHO, caller, who, by_kernel)			\
	row(sched_setaffinity, TRAP_PROCESS, caller, process, by_kernel)	\
	row(sched_setattr, TRAP_PROCESS, caller, process, by_kernel)		\
	row(sched_setparam, TRAP_PROCESS, caller, process, by_kernel)		\
	row(sched_setscheduler, TRAP_PROCESS, caller, process, by_kernel)	\
	row(fchmod, TRAP_MODE_1, ids, mode_1, by_kernel)			\
	row(fchmodat, TRAP_MODE_2, ids, mode_2, by_kernel)			\
	row(fchmodat2, TRAP_MODE_2, ids, mode_2, by_kernel)			\
	row(mknodat, TRAP_MODE_2, ids, mode_2, by_kernel)			\
	row(openat, TRAP_OPEN_2, ids, mode_3, by_kernel)			\
	row(setxattr, TRAP_PLAIN, ids, attribute, by_kernel)			\
	row(lsetxattr, TRAP_PLAIN, ids, attribute, by_kernel)			\
	row(fsetxattr, TRAP_PLAIN, ids, attribute, by_kernel)			\
	row(setxattrat, TRAP_PLAIN, ids, attribute, by_kernel)			\
	row(openat2, TRAP_PLAIN, ids, openat2, by_kernel)			\
	TRAPPED_OLD_CALLS(row)
/* clang-format on */

#endif
