/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of the filter share: a program that is built, and what it may answer. Behind cmocka.h.
 */
#ifndef SANDLOCK_FILTER_FIXTURE_H
#define SANDLOCK_FILTER_FIXTURE_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

#include "filter.h"

#define ALLOW     SECCOMP_RET_ALLOW
#define NOTIFY    SECCOMP_RET_USER_NOTIF
#define FAIL(err) (SECCOMP_RET_ERRNO | (err))
#define GARBAGE   0xdeadbeef00000000ULL /* above what the kernel reads of an int */

struct built {
	struct sock_filter program[FILTER_LENGTH_MAX];
	size_t length;
};

static inline void build(struct built *built, const struct filter_facts *facts)
{
	assert_int_equal(0, filter_build(facts, built->program, &built->length));
}

#endif
