/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opens paths as a caller would, from its root and working directory (caller.h).
 */
#ifndef SANDLOCK_CALLER_PATH_H
#define SANDLOCK_CALLER_PATH_H

#include "caller.h"

/* An O_PATH descriptor of what the caller's path names, or a negative errno. In another root only
 * absolute paths are followed. */
int caller_path_open(const struct caller *caller, const char *path);

/* True where both are known and the root is ours: then a path can be used as it is in its working
 * directory. */
bool caller_root_is_ours(const struct caller *caller);

#endif
