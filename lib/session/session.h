/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One confined session from plan to exit status: planner, supervisor and confined process, and the
 * parent that stands for them. The process keeps its pid, group, terminal and exit status.
 * Distrusts what it inherits: environment, descriptors, signal dispositions.
 */
#ifndef SANDLOCK_SESSION_H
#define SANDLOCK_SESSION_H

#include "session_request.h"

/* Runs the request as the real user id and returns the exit status that the caller exits with. Dies
 * by the signal that ended the confined process. Its refusals are SESSION_REFUSED with one line on
 * standard error; it never writes to standard output. Closes every descriptor above 2, unless a
 * session of ours is already around it. */
int session_run(const struct session_request *request);

#endif
