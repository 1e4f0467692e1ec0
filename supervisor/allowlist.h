/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The supervisor's own filter.
 */
#ifndef SANDLOCK_ALLOWLIST_H
#define SANDLOCK_ALLOWLIST_H

/* From here on every call that is not in the list ends the process. */
int allowlist_load(void);

#endif
