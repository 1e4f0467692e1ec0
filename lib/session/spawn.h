/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starts a program of ours from a process that is not ours: its memory is not copied, it gets no
 * SIGCHLD, and no wait(2) of its own finds a child. Distrusts the state of the process: only the
 * descriptors listed here reach the program.
 */
#ifndef SANDLOCK_SPAWN_H
#define SANDLOCK_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SPAWN_DESCRIPTORS_MAX 8

struct spawn_ids {
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t group_count;
};

struct spawn {
	const char *program;         /* a path */
	const char *const *argv;     /* ends in NULL; the environment is empty */
	const int *descriptors;      /* become 0, 1, ... of the program; -1: /dev/null */
	size_t descriptor_count;     /* 3 to SPAWN_DESCRIPTORS_MAX */
	const struct spawn_ids *ids; /* NULL: the caller's. Needs CAP_SETUID and CAP_SETGID. The
					real uid is left to the program: inherited_ids_take */
	bool new_session;            /* of setsid(2): no terminal */
};

/* Both: a negative errno where the program was not executed. It begins with every signal blocked
 * and none ignored, with the limits and the like of inherited.h, and with ids in the root
 * directory. */

/* Waits for the program's end; its exit status, -EIO where a signal ended it, -ETIMEDOUT where it
 * did not end before the deadline (start_wait.h) and was killed. The caller sees no signal but
 * SIGKILL meanwhile. */
int spawn_run(const struct spawn *spawn, int64_t deadline_ms);

/* The program's pid. It is a child of init, or of the nearest subreaper. */
pid_t spawn_leave(const struct spawn *spawn);

#endif
