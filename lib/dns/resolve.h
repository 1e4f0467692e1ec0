/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host name's addresses, as a session would be told them. Blocks for as long as DNS takes. The
 * answer is the network's: resolution_trust says which part of it may open anything.
 */
#ifndef SANDLOCK_RESOLVE_H
#define SANDLOCK_RESOLVE_H

struct resolution;

/* Fills addresses and count of the answer, each address once, at most HOST_ANSWER_MAX; leaves
 * `host` alone. Returns getaddrinfo(3)'s error, and then an answer without addresses. */
int resolve_host(const char *name, struct resolution *ret_answer);

#endif
