/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The filter's tests of setsockopt(2), made from the table of socket options.
 */
#ifndef SANDLOCK_FILTER_OPTIONS_H
#define SANDLOCK_FILTER_OPTIONS_H

struct assembler;

/* Every path ends in an action. In a gate, only what the supervisor decides is trapped, and all
 * else allowed. */
void filter_options_emit(struct assembler *assembler);

#endif
