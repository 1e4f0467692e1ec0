/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parts of session: the start of its processes, and the parent that stands for the confined
 * one. See session.h.
 */
#ifndef SANDLOCK_SESSION_PARTS_H
#define SANDLOCK_SESSION_PARTS_H

#include <stdint.h>
#include <sys/types.h>

#include "plan.h"
#include "session_request.h"

struct failure;

struct session {
	const struct session_request *request;
	struct plan plan;
	int64_t deadline_ms; /* of the start */
	int memfd;           /* the plan */
	int handover;        /* the parent's end towards the supervisor */
	int agent;           /* O_PATH of SSH_AUTH_SOCK, or -1 */
	pid_t parent;        /* the process that the login program knows */
	pid_t supervisor;    /* its child */
};

/* Prints and logs a refusal in one line, with the errno `error` where it is not 0; returns
 * SESSION_REFUSED. */
int session_refuse(const char *what, int error);

int session_open_null(void);

/* Moves `fd` to `number`, where an exec leaves it open. */
int session_move_descriptor(int fd, int number);

/* Starts supervisor and confined process; the calling process becomes the parent. */
int session_start(struct session *session, struct failure *failure);

/* Executes the confined program. Returns only if that fails, with the exit status; the reason was
 * printed. */
int session_exec(const struct session_request *request, const struct plan *plan);

/* Waits for the end of the confined process, stops and continues with it, forwards signals; returns
 * its exit status or dies by its signal. */
int session_stand_in(struct session *session);

#endif
