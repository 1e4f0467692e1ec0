/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether a session could have a network namespace of its own. No state.
 */
#ifndef SANDLOCK_NETWORK_NAMESPACE_H
#define SANDLOCK_NETWORK_NAMESPACE_H

#include <stdbool.h>

/* True where the calling process could make one by way of a user namespace, or has one already
 * since it is in a session. What the machine's administrator has switched off counts, and not what
 * is short at the moment: a user can bring that about. Forks. */
bool network_namespace_of_user(void);

/* The same for what root starts: also where the machine leaves CAP_SYS_ADMIN to root. */
bool network_namespace_of_root(void);

#endif
