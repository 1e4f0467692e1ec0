/*
 * The resource limits of a session.
 * Called by session in the process that is about to confine itself.
 * A limit is only ever lowered, soft and hard.
 */
#ifndef SANDLOCK_RLIMITS_H
#define SANDLOCK_RLIMITS_H

struct plan;

int rlimits_apply(const struct plan *plan);

#endif
