/*
 * The system calls that the supervisor performs: the one table that the filter and the supervisor both read.
 * A new one is one row here and one serve_<name>() in the supervisor.
 * All other calls are decided by the filter alone.
 */
#ifndef SANDLOCK_TRAPPED_H
#define SANDLOCK_TRAPPED_H

#include "compat.h"

enum trap_when {
	TRAP_ALWAYS,
	TRAP_BIND,      /* where Landlock does not decide binds: no TCP rights, or UDP is open */
	TRAP_ADDRESSED, /* where argument 4, the address, is not NULL */
	TRAP_DATAGRAM,  /* where a datagram socket may exist */
	TRAP_MODE_1,    /* set-id bits in argument 1, in a session whose set-uid programs work */
	TRAP_MODE_2,    /* the same of argument 2 */
	TRAP_OPEN_1, /* flags in argument 1 make a file, and its mode in the next one has set-id bits */
	TRAP_OPEN_2, /* the same from argument 2 on */
	TRAP_PLAIN, /* in such a session: what gives set-id bits by memory is for plain processes */
	TRAP_OPTION,  /* where the table of socket options leaves it to the supervisor */
	TRAP_PROCESS, /* where argument 0 names a process: it is not 0 */
	TRAP_WHO,     /* the same of argument 1 */
	/* These trap in a gate alone. */
	TRAP_UIDS_1, /* where the first argument, a new uid, is the user's */
	TRAP_UIDS_2, /* one of the first two */
	TRAP_UIDS_3,
	TRAP_EXEC,      /* around several threads */
	TRAP_FILTER,    /* where it adds a filter without the gate's key */
	TRAP_PRCTL,     /* where it adds one as seccomp(2) does */
	TRAP_NAMESPACE, /* where argument 0 has the flag of a new user namespace */
	TRAP_SETNS,     /* where argument 1 is the type of one, or any */
};
#define TRAP_GATE_FIRST TRAP_UIDS_1

/* Only calls whose callers expect failure, and EINTR where a call waits: a signal that comes before
 * the supervisor has it gives that to any of them. */
/* clang-format off */
#ifdef __NR_open /* numbers that only the older machines have */
#define TRAPPED_OLD_CALLS(row)			\
	row(chmod, TRAP_MODE_1)			\
	row(creat, TRAP_MODE_1)			\
	row(mknod, TRAP_MODE_1)			\
	row(open, TRAP_OPEN_1)
#else
#define TRAPPED_OLD_CALLS(row)
#endif

#define TRAPPED_CALLS(row)			\
	row(connect, TRAP_ALWAYS)		\
	row(listen, TRAP_ALWAYS)		\
	row(bind, TRAP_BIND)			\
	row(sendto, TRAP_ADDRESSED)		\
	row(sendmsg, TRAP_DATAGRAM)		\
	row(sendmmsg, TRAP_DATAGRAM)		\
	row(setsockopt, TRAP_OPTION)		\
	row(setuid, TRAP_UIDS_1)		\
	row(setfsuid, TRAP_UIDS_1)		\
	row(setreuid, TRAP_UIDS_2)		\
	row(setresuid, TRAP_UIDS_3)		\
	row(seccomp, TRAP_FILTER)		\
	row(prctl, TRAP_PRCTL)			\
	row(unshare, TRAP_NAMESPACE)		\
	row(clone, TRAP_NAMESPACE)		\
	row(setns, TRAP_SETNS)			\
	row(execve, TRAP_EXEC)			\
	row(execveat, TRAP_EXEC)		\
	row(prlimit64, TRAP_PROCESS)		\
	row(setpriority, TRAP_WHO)		\
	row(ioprio_set, TRAP_WHO)		\
	row(sched_setaffinity, TRAP_PROCESS)	\
	row(sched_setattr, TRAP_PROCESS)	\
	row(sched_setparam, TRAP_PROCESS)	\
	row(sched_setscheduler, TRAP_PROCESS)	\
	row(fchmod, TRAP_MODE_1)		\
	row(fchmodat, TRAP_MODE_2)		\
	row(fchmodat2, TRAP_MODE_2)		\
	row(mknodat, TRAP_MODE_2)		\
	row(openat, TRAP_OPEN_2)		\
	row(setxattr, TRAP_PLAIN)		\
	row(lsetxattr, TRAP_PLAIN)		\
	row(fsetxattr, TRAP_PLAIN)		\
	row(setxattrat, TRAP_PLAIN)		\
	row(openat2, TRAP_PLAIN)		\
	TRAPPED_OLD_CALLS(row)
/* clang-format on */

#endif
