/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether an ssh agent serves a socket, decided by the processes that have the socket open now.
 * Nothing is sent to it, and no connection is made: a connection alone could start a server.
 */
#ifndef SANDLOCK_AGENT_HOLDERS_H
#define SANDLOCK_AGENT_HOLDERS_H

#include <sys/stat.h>
#include <sys/types.h>

enum agent_verdict {
	AGENT_UNSEEN = 0, /* the processes that have it open cannot be seen */
	AGENT_DEAD,       /* nobody listens */
	AGENT_FOREIGN,    /* another user's process has made the socket */
	AGENT_OTHER,      /* a process that is not an agent has it open, or not its agent socket */
	AGENT_SERVED,
};

/* For the socket file of an O_PATH descriptor; `status` is its fstat(2), and the user owns it.
 * Root sees every process. Processes that the user cannot inspect, such as ssh-agent and sshd,
 * are recognised by the name that the socket was bound to, or by being the only processes of
 * that kind. */
enum agent_verdict agent_holders_judge(int path_fd, const struct stat *status, uid_t uid);

#endif
