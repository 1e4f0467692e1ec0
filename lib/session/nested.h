/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session inside a session: what the calling process is confined by, and what another plan can
 * still add.
 */
#ifndef SANDLOCK_NESTED_H
#define SANDLOCK_NESTED_H

#include <stdbool.h>

struct plan;

/* True where the calling process is in a session already. */
bool nested_in_session(void);

/* Confines the calling process by `plan` too. The same plan is there already and adds nothing. One
 * of other endpoints is -EXDEV, since the outer supervisor decides by its own; with `inherit` the
 * outer ones stay, within the ports of both. */
int nested_join(const struct plan *plan, bool inherit);

#define NESTED_OTHER_RULES                                                                  \
	"this login already has another policy, which a session inside it cannot replace; " \
	"log in as this user directly instead"

#endif
