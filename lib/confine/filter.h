/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The seccomp program of a session, built from facts and not loaded, so that it can be run in a
 * simulator. Pure. Distrusts registers only: BPF sees no memory, so a call whose decision depends
 * on a pointer is trapped or refused as a whole.
 */
#ifndef SANDLOCK_FILTER_H
#define SANDLOCK_FILTER_H

#include <linux/filter.h>
#include <stddef.h>

#include "filter_facts.h"

/* Writes at most FILTER_LENGTH_MAX instructions; -E2BIG where they do not fit. */
int filter_build(const struct filter_facts *facts, struct sock_filter *program, size_t *ret_length);

#endif
