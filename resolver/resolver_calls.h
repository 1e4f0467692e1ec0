/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The resolver's own filter, from the moment when it begins to serve.
 */
#ifndef SANDLOCK_RESOLVER_CALLS_H
#define SANDLOCK_RESOLVER_CALLS_H

/* 0 or a negative errno. */
int resolver_calls_limit(void);

#endif
