/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether it is an ssh agent that serves a socket: decided by the processes that hold the socket
 * now. Nothing is sent to it, and no connection is made: that alone would start what waits for one.
 */
#ifndef SANDLOCK_AGENT_HOLDERS_H
#define SANDLOCK_AGENT_HOLDERS_H

#include <sys/stat.h>
#include <sys/types.h>

enum agent_verdict {
	AGENT_UNSEEN = 0, /* who holds it cannot be seen */
	AGENT_DEAD,       /* nobody listens */
	AGENT_FOREIGN,    /* another user's process has made the socket */
	AGENT_OTHER,      /* a process holds it that is no agent, or not on its socket for agents */
	AGENT_SERVED,
};

/* Of the socket file behind an O_PATH descriptor of status `status`, which is the user's. Root sees
 * every process. Whom the user cannot look into, as ssh-agent and sshd, is known by the name that
 * the socket was bound to, or by being the only processes of that kind. */
enum agent_verdict agent_holders_judge(int path_fd, const struct stat *status, uid_t uid);

#endif
