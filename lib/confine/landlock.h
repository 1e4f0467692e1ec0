/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Landlock layers of a session: ports for all of it, files and scopes for what is confined. No
 * state. Every failure is an error of the caller's session: nothing is skipped with a warning.
 */
#ifndef SANDLOCK_LANDLOCK_H
#define SANDLOCK_LANDLOCK_H

#include <stdbool.h>

struct plan;

#define LANDLOCK_ABI_REFER    2 /* the floor: renames across directories go on working */
#define LANDLOCK_ABI_TRUNCATE 3
#define LANDLOCK_ABI_NET      4 /* TCP ports */
#define LANDLOCK_ABI_IOCTL    5 /* ioctl(2) on devices */
#define LANDLOCK_ABI_SCOPE    6 /* signals and abstract sockets */

/* The ABI version that a ruleset can really be made with; 0 where Landlock is missing or off. */
int landlock_abi(void);

/* Layer 1, of supervisor and session: the TCP ports that any rule names and those that may be
 * bound, and where unix sockets may be made. A port set that is "every port", or one of more than
 * LANDLOCK_PORTS_MAX ports, is left to the supervisor. Needs no_new_privs or CAP_SYS_ADMIN. */
#define LANDLOCK_PORTS_MAX 8192
int landlock_restrict_common(const struct plan *plan, int abi);

/* Layer 2, of the session alone: the files of [filesystem]; no signal and no abstract socket out of
 * it. Always a domain of its own, since that is what keeps the session from tracing what is outside
 * it. A path that leads through a link that others than root can change grants nothing, and is
 * logged. */
#define LANDLOCK_RECORDS (1U << 0) /* utmp, wtmp, lastlog, btmp stay writable for whom they let */
int landlock_restrict_session(const struct plan *plan, int abi, unsigned options);

/* Of the resolver: it reads files, writes none, executes nothing, connects by TCP to name servers
 * alone, and has the scopes. */
int landlock_restrict_resolver(int abi);

/* Of a helper that talks to the network: no signal and no abstract socket to anybody else. 0 also
 * where the kernel has no scopes. */
int landlock_restrict_scopes(int abi);

/* The first of the plan's required protections that a kernel of this ABI lacks, as the policy names it; NULL: none. */
const char *landlock_missing(const struct plan *plan, int abi);

/* True where layer 1 refuses every TCP bind that the plan does not list, or the plan lists all. */
bool landlock_decides_binds(const struct plan *plan, int abi);

#endif
