/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The filter of a helper of ours: a list of the system calls that it may make.
 */
#ifndef SANDLOCK_CALL_LIST_H
#define SANDLOCK_CALL_LIST_H

#include <stddef.h>
#include <stdint.h>

/* A call of which the low word of one argument decides; of several rows of a call, any. */
struct call_limit {
	uint32_t call;
	uint32_t argument;
	uint32_t mask;
	uint32_t value;
};

struct call_list {
	const uint32_t *calls;
	size_t call_count;
	const struct call_limit *limits;
	size_t limit_count;
};

#define CALL_LIST_MAX 100 /* calls and limits together */

/* From here on every call that is not in the list ends the process. Sets no_new_privs. 0 or a
 * negative errno. */
int call_list_load(const struct call_list *list);

#endif
