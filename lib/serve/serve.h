/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One trapped call from notification to outcome: strings its stages together.
 *
 *	notification -> fetch -> still valid? -> judge -> perform | refuse -> answer
 *
 * Here, and nowhere else, it is asked whether the caller is there still, a refusal is logged, and
 * an answer is sent.
 */
#ifndef SANDLOCK_SERVE_H
#define SANDLOCK_SERVE_H

#include "supervisor.h"

/* Serves a request from the start or, after a wait, again. */
struct outcome serve(struct supervisor *supervisor, struct request *request);

/* Answers the call and closes our copies. */
void serve_answer(struct supervisor *supervisor, struct request *request,
		  const struct outcome *outcome);

/* Logs that the call cannot be served, and why; the outcome is EACCES. */
struct outcome serve_fail(struct supervisor *supervisor, const struct request *request,
			  const char *operation, const char *reason);

#endif
