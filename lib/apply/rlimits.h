/*
 * The resource limits of a session.
 * Called by session in the confined process, before it is confined.
 * A limit is only ever lowered, soft and hard.
 */
#ifndef SANDLOCK_RLIMITS_H
#define SANDLOCK_RLIMITS_H

struct plan;

int rlimits_apply(const struct plan *plan);

#endif
