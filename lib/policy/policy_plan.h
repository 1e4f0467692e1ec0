/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The name servers that a plan allows without a line of the policy. Separate, so that tests can use
 * another resolv.conf. Distrusts the file's text: lines without an address are skipped, as by
 * glibc.
 */
#ifndef SANDLOCK_POLICY_PLAN_H
#define SANDLOCK_POLICY_PLAN_H

#include <stddef.h>

#include "endpoint.h"

#define NAMESERVERS_MAX 3 /* glibc's MAXNS */

/* The name servers that resolv.conf(5) gives: the first three; 127.0.0.1 where there is none, or no
 * file. */
size_t nameservers_read(const char *path, struct address ret_servers[NAMESERVERS_MAX]);

#endif
