/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names of system calls and groups of them, as [syscalls] writes them -> numbers. Pure but for
 * libseccomp's tables. Distrusts the names.
 */
#ifndef SANDLOCK_POLICY_CALLS_H
#define SANDLOCK_POLICY_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy_report.h"

/* Not a group of calls but of flags: the namespaces of a browser's own sandbox. */
#define CALLS_USERNS "@userns"

/* 0 where the group exists; -EINVAL with the complaint in `why`. */
int group_parse(const char *name, char why[WHY_MAX]);

/* A return value other than 0 ends the walk and is its result. */
typedef int (*call_visit)(const char *name, uint32_t number, void *context);

/* Visits the call `name`, or every member of the group "@name"; -ENOENT where there is none. */
int calls_each(const char *name, call_visit visit, void *context);

/* True where sessions are refused the call unless [syscalls] allows it. */
bool call_is_refusable(const char *name);

#endif
