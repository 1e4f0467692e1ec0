/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a plan holds that no line of the policy says: name servers. Apart, so that tests can name
 * another resolv.conf. Distrusts the file's text: what is no address is passed over, as glibc
 * does.
 */
#ifndef SANDLOCK_POLICY_PLAN_H
#define SANDLOCK_POLICY_PLAN_H

#include <stddef.h>

#include "endpoint.h"

#define NAMESERVERS_MAX 3 /* glibc's MAXNS */

/* The name servers that resolv.conf(5) gives: the first three; 127.0.0.1 where there is none, or no file. */
size_t nameservers_read(const char *path, struct address ret_servers[NAMESERVERS_MAX]);

#endif
