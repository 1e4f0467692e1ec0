/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Logs refusals: one line each, limited in rate, with a count of those left out. No allocation.
 * Program names and destinations are bytes of the confined user: the log escapes them.
 */
#ifndef SANDLOCK_DENIAL_H
#define SANDLOCK_DENIAL_H

#include <stdint.h>
#include <sys/types.h>

#include "log_limit.h"
#include "plan.h"
#include "process.h"

#define DENIALS_REPEAT_S    60  /* the same one is written again after this time */
#define DENIALS_BURST       20  /* different ones in a row, then one */
#define DENIALS_INTERVAL_MS 500 /* in this time */
#define DENIALS_AGAIN_MS    200
#define DENIALS_TRIES       50 /* ten seconds */

struct denials {
	struct log_limit limit;
};

struct denial {
	const char *operation;   /* the system call's name */
	const char *protocol;    /* "tcp", "udp", "unix", ... */
	const char *destination; /* as text */
	const char *name;        /* the host name that brought the address; NULL: none is known */
	const struct rule *rule; /* NULL: no rule, the default */
	const char *reason;      /* instead of a rule: why it could not be served; NULL */
	bool minor; /* one that libraries cause by themselves: logged once for all programs, after others */
};

/* `status` is that of `thread`, or NULL where the program is no longer known. */
void denial_log(struct denials *denials, const struct plan *plan, pid_t thread,
		const struct process_status *status, const struct denial *denial);

/* Writes how many lines were left out, or not taken by the log, since the last one; at the end of a
 * session. A log that is too full for this one too is asked again every DENIALS_AGAIN_MS, `tries`
 * times in all; one that is not there is not waited for. */
void denial_flush(const struct denials *denials, unsigned tries);

#endif
