/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The shell of a session: which ones a policy may set, and the default. Distrusts the policy's
 * path: it must be a login shell of the system, and not ours.
 */
#ifndef SANDLOCK_POLICY_SESSION_H
#define SANDLOCK_POLICY_SESSION_H

#include "policy_values.h"

/* `shells` is the list of login shells, /etc/shells. -EINVAL with `why`. */
int shell_check(const char *path, const char *shells, char why[WHY_MAX]);

const char *shell_default(void);

#endif
