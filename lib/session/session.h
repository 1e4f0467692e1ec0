/*
 * One confined session from plan to exit status: planner, supervisor and confined process, and the
 * parent that stands for them. Called by sandlock-shell and `sandlockctl run`; the process keeps
 * its pid, group, terminal and exit status. Distrusts what it inherits: environment, descriptors,
 * signal dispositions.
 */
#ifndef SANDLOCK_SESSION_H
#define SANDLOCK_SESSION_H

#include <stdbool.h>

/* What a login is refused with, like env(1) and chroot(1) for their own failures. */
#define SESSION_REFUSED        125
#define SESSION_NOT_EXECUTABLE 126
#define SESSION_NOT_FOUND      127

struct session_request {
	const char *conf; /* another policy directory, or NULL; never from a login */
	const char *draft; /* a policy file of the caller's own instead, or NULL; never from a login */
	char *const *argv;   /* ends in NULL; [0] is replaced where `program` is NULL */
	const char *program; /* what to execute; NULL: the policy's shell */
	bool login;          /* the shell gets '-' before its name */
};

/* Runs the request as the real user id and returns the exit status that the caller exits with. Dies
 * by the signal that ended the confined process. Its refusals are SESSION_REFUSED with one line on
 * standard error; it never writes to standard output. Closes every descriptor above 2, unless a
 * session of ours is already around it. */
int session_run(const struct session_request *request);

#endif
