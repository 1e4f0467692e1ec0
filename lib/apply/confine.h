/*
 * The order in which a process gives its rights away, in one place.
 * Called by session: in the two processes of a start, and in a session inside a session.
 * After an error the caller must end: some of the steps are already in force.
 */
#ifndef SANDLOCK_CONFINE_H
#define SANDLOCK_CONFINE_H

#include <stdint.h>

#include "filter.h"

struct plan;

/* The common parent of supervisor and session: no_new_privs and the Landlock layer of ports, so
 * that what is done on behalf of the session can never exceed them. */
int confine_parent(const struct plan *plan);

/* The session itself: a domain nested in the parent's, and the filter. `guarded` as in struct
 * filter_facts. *ret_listener is the notification descriptor, close-on-exec; whoever holds it must
 * serve it. -EBUSY: another program's listener is already around this process. */
int confine_self(const struct plan *plan, const uint32_t guarded[FILTER_GUARDED_MAX],
		 int *ret_listener);

/* A session inside a session of the same endpoints: both Landlock layers and a filter without a
 * listener add to what is there; the outer supervisor goes on serving. -EXDEV: the plan says
 * something that only a supervisor of its own could hold. */
int confine_nested(const struct plan *plan);

#endif
