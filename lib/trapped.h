/*
 * The system calls that the supervisor performs: the one table that the filter and the supervisor both read.
 * A new one is one row here and one serve_<name>() in the supervisor.
 * All other calls are decided by the filter alone.
 */
#ifndef SANDLOCK_TRAPPED_H
#define SANDLOCK_TRAPPED_H

enum trap_when {
	TRAP_ALWAYS,
	TRAP_BIND,      /* where Landlock does not decide binds: no TCP rights, or UDP is open */
	TRAP_ADDRESSED, /* where argument 4, the address, is not NULL */
	TRAP_DATAGRAM,  /* where a datagram socket may exist */
	TRAP_OPTION,    /* where the table of socket options leaves it to the supervisor */
	TRAP_PROCESS,   /* where argument 0 names a process: it is not 0 */
	TRAP_WHO,       /* the same of argument 1 */
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
	row(sched_setscheduler, TRAP_PROCESS)
/* clang-format on */

#endif
