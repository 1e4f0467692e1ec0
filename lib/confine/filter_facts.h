/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the seccomp program of a session is built from.
 */
#ifndef SANDLOCK_FILTER_FACTS_H
#define SANDLOCK_FILTER_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#define FILTER_LENGTH_MAX    4096 /* BPF_MAXINSNS */
#define FILTER_PROTECTED_MAX 4

/* With prctl(FILTER_MARKER, digest, endpoints) a process asks whether it is in a session, and of
 * which plan; without a session the kernel answers EINVAL. */
#define FILTER_MARKER           0x736c636b
#define FILTER_MARKER_SAME      EALREADY /* digest is this session's */
#define FILTER_MARKER_ENDPOINTS EISCONN  /* endpoints are */
#define FILTER_MARKER_OTHER     ENOTUNIQ

/* prctl(FILTER_FORBIDS, uid) is how a process asks whether it has a filter that forbids that uid:
 * EALREADY; the kernel alone answers EINVAL. */
#define FILTER_FORBIDS 0x736c6b66
#define FILTER_UID_ANY UINT32_MAX /* no process has it: in its place the kernel keeps the old one */

/* Numbers above this one were unknown when the tables were written: they fail with ENOSYS. Linux
 * 6.18. */
#define FILTER_CALL_LAST 469

struct plan_call;
struct filter_facts {
	uint32_t flags;     /* of the plan: PLAN_* */
	uint64_t digest;    /* of the plan */
	uint64_t endpoints; /* of the plan */
	bool nested;        /* the outer session's supervisor serves: nothing traps here */
	bool gate; /* traps, and also every call that would make an id of a process gate_uid, in
		      this or a new user namespace, or add a filter */
	uint32_t gate_uid;
	uint64_t gate_key;      /* not 0. With it as argument 3 seccomp(2) may add a filter */
	bool gate_threads;      /* the gate is around several threads: starting a program traps */
	bool forbid;            /* only refuses calls that would make an id of a process gate_uid;
				   with FILTER_UID_ANY, any id but root's */
	bool refuse_truncation; /* Landlock cannot: below ABI 3, where files are restricted */
	bool datagrams;         /* there is a datagram socket already, whatever the plan says */
	bool set_ids; /* set-uid programs work here: only the supervisor lets set-id bits be set */
	bool groups;  /* UDP is open, and a rule covers multicast addresses */
	bool trap_bind;       /* Landlock does not decide every bind */
	uint32_t service_uid; /* of the account of the supervisors: no process gets it; 0: none */
	uint32_t service_gid;
	uint32_t call_count;
	const struct plan_call *calls; /* [syscalls] of the plan, sorted by number */
	bool keep_dumpable; /* PR_SET_DUMPABLE 0 is answered without doing it, or a supervisor of
			       the same uid could not serve */
	uint32_t protected_pids[FILTER_PROTECTED_MAX]; /* the session's parent and supervisor, 0: none.
							  Signals, limits and scheduling of them are refused */
};

#endif
