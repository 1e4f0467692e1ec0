/*
 * Starts a program of ours beside a process that is not ours: nothing of its memory is copied, it
 * gets no SIGCHLD, and no wait(2) of its own can meet the child. Called by planner and login.
 * Distrusts what the process holds: only the descriptors named here reach the program.
 */
#ifndef SANDLOCK_SPAWN_H
#define SANDLOCK_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
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
	const struct spawn_ids *ids; /* NULL: the caller's. Needs CAP_SETUID and CAP_SETGID */
	bool new_session;            /* of setsid(2): no terminal */
};

/* The program's pid, or a negative errno, also where the exec failed. It begins with every signal
 * blocked and with the caller's ignored ones. */
pid_t spawn_start(const struct spawn *spawn);

/* Waits for its end; the wait(2) status in *ret_status, or a negative errno. */
int spawn_wait(pid_t pid, int *ret_status);

#endif
