/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The helpers of a session: programs that do for the supervisor what it must not do itself. Each
 * has the plan and one socket to the supervisor, and ends when that is closed. One table lists
 * them; a new one is a row of it.
 */
#ifndef SANDLOCK_HELPER_H
#define SANDLOCK_HELPER_H

#include <stdbool.h>
#include <sys/types.h>

struct failure;
struct plan;
struct spawn_ids;

enum helper {
	HELPER_RESOLVER = 0, /* speaks resolution.h */
	HELPER_NETWORK,      /* network_request.h */
	HELPERS,
};

/* The descriptors of every helper at its start. */
#define HELPER_PLAN_FD   3 /* the sealed plan */
#define HELPER_SOCKET_FD 4 /* SOCK_SEQPACKET, the other end is the supervisor's */

/* Those of one session. */
struct helpers {
	pid_t pids[HELPERS];  /* 0: not started */
	int sockets[HELPERS]; /* the supervisor's ends; -1: not started */
};

/* Whether a session of this plan has it. */
bool helper_is_needed(enum helper helper, const struct plan *plan);

/* Starts those that the plan needs, with `ids` (spawn.h; NULL: the caller's own). After a negative
 * errno none is left. */
int helpers_start(const struct plan *plan, int plan_fd, const struct spawn_ids *ids,
		  struct helpers *ret_helpers, struct failure *failure);

/* Closes our copies of the sockets: each helper ends when the supervisor's are closed, too. */
void helpers_close(struct helpers *helpers);

#endif
