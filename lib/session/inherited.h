/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Resets what a helper (planner, supervisor, resolver) inherits from the login: limits of
 * pam_limits and of the caller of su are meant for the user's processes, and the kernel would count
 * some of them against the service account, which all sessions share.
 */
#ifndef SANDLOCK_INHERITED_H
#define SANDLOCK_INHERITED_H

#include <stdbool.h>
#include <sys/types.h>

/* The descriptors that a helper may have; the supervisor needs some for each pending call. */
#define INHERITED_DESCRIPTORS 16384

/* Resource limits, priority, scheduler, processors, timer slack, personality, umask and the score
 * for the lack of memory of the calling process. As far as it may: without privileges a soft limit
 * goes up to the hard one. System calls only, for a process that shares another's memory. A
 * negative errno: a limit could not even be read or lowered. */
int inherited_reset(void);

/* A program that root has started for another uid begins with that as effective and saved uid: this
 * makes it the real one and drops all capabilities. Does nothing otherwise. */
int inherited_ids_take(void);

/* The name of a limit that is still lower than a helper's should be, after inherited_reset; NULL
 * where there is none. */
const char *inherited_leftover(void);

#endif
