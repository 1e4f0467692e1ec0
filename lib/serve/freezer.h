/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether the control group of a process is to be frozen (cgroup v2).
 */
#ifndef SANDLOCK_FREEZER_H
#define SANDLOCK_FREEZER_H

#include <stdbool.h>
#include <sys/types.h>

/* True where cgroup.freeze is set for the group of a process, or for one above it. What cannot be
 * read is not frozen. */
bool freezer_is_on(pid_t process);

#endif
