/*
 * Names of system calls and groups of them, as [syscalls] writes them -> numbers.
 * Called by policy_apply; pure but for libseccomp's tables.
 * Distrusts the names.
 */
#ifndef SANDLOCK_POLICY_CALLS_H
#define SANDLOCK_POLICY_CALLS_H

#include <stdbool.h>
#include <stdint.h>

/* A return value other than 0 ends the walk and is its result. */
typedef int (*call_visit)(const char *name, uint32_t number, void *context);

/* Visits the call `name`, or every member of the group "@name"; -ENOENT where there is none. */
int calls_each(const char *name, call_visit visit, void *context);

/* True where sessions are refused the call unless [syscalls] allows it. */
bool call_is_refusable(const char *name);

#endif
