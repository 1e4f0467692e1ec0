/*
 * Says what was refused: one line each, limited in rate, with a count of what was suppressed.
 * Called by the serving modules. No allocation.
 * Program names and destinations are the confined user's bytes: the log escapes them.
 */
#ifndef SANDLOCK_DENIAL_H
#define SANDLOCK_DENIAL_H

#include <stdint.h>
#include <sys/types.h>

#include "plan.h"
#include "target.h"

#define DENIALS_REMEMBERED 64 /* different denials that are told apart */
#define DENIALS_REPEAT_S   60 /* the same one is written again after so long */
#define DENIALS_BURST      20 /* different ones in a row, then */
#define DENIALS_PER_S      2  /* so many each second */

struct denials {
	struct {
		uint64_t hash;
		uint64_t written; /* monotonic ns */
		uint32_t suppressed;
	} remembered[DENIALS_REMEMBERED];
	uint64_t refilled;
	uint32_t tokens;
	uint32_t suppressed; /* by the rate, since the last line */
	uint32_t next;
};

struct denial {
	const char *operation;   /* the system call's name */
	const char *protocol;    /* "tcp", "udp", "unix", ... */
	const char *destination; /* as text */
	const struct rule *rule; /* NULL: no rule, the default */
	const char *reason;      /* instead of a rule: why it could not be served; NULL */
};

/* `status` is that of `thread`, or NULL where nobody knows any more which program it was. */
void denial_log(struct denials *denials, const struct plan *plan, pid_t thread,
		const struct target_status *status, const struct denial *denial);

/* Writes what was suppressed and not yet said, at the end of a session. */
void denial_flush(struct denials *denials);

#endif
