/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a session is to run, and how its start ends.
 */
#ifndef SANDLOCK_SESSION_REQUEST_H
#define SANDLOCK_SESSION_REQUEST_H

#include <stdbool.h>

/* Exit status of a refused login, as env(1) and chroot(1) use for their own failures. */
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

#endif
