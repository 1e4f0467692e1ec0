/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The resource limits of a session. A limit is only ever lowered, soft and hard.
 */
#ifndef SANDLOCK_RLIMITS_H
#define SANDLOCK_RLIMITS_H

struct plan;

int rlimits_apply(const struct plan *plan);

#endif
