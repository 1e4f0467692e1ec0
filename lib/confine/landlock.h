/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Landlock layers of a session: ports for all of it, files and scopes for what is confined. No
 * state. Every failure is an error of the caller's session: nothing is skipped with a warning.
 */
#ifndef SANDLOCK_LANDLOCK_H
#define SANDLOCK_LANDLOCK_H

#include <stdbool.h>

struct plan;

#define LANDLOCK_ABI_REFER    2 /* the minimum: renames across directories still work */
#define LANDLOCK_ABI_TRUNCATE 3
#define LANDLOCK_ABI_NET      4 /* TCP ports */
#define LANDLOCK_ABI_IOCTL    5 /* ioctl(2) on devices */
#define LANDLOCK_ABI_SCOPE    6 /* signals and abstract sockets */

/* The ABI version that a ruleset can really be made with; 0 where Landlock is missing or off. */
int landlock_abi(void);

/* Layer 1, of supervisor and session: the TCP ports in any rule and those that may be bound, and
 * where unix sockets may be created. A port set that is "every port", or one of more than
 * LANDLOCK_PORTS_MAX ports, is left to the supervisor. Needs no_new_privs or CAP_SYS_ADMIN. */
#define LANDLOCK_PORTS_MAX 8192
int landlock_restrict_common(const struct plan *plan, int abi);

/* Layer 2, of the session alone: the files of [filesystem]; no signal and no abstract socket to the
 * outside. Always a domain of its own, since that keeps the session from tracing processes outside.
 * A path through a link that users other than root can change grants nothing, and is logged. */
#define LANDLOCK_RECORDS \
	(1U << 0) /* utmp, wtmp, lastlog, btmp stay writable, by their file permissions */
int landlock_restrict_session(const struct plan *plan, int abi, unsigned options);

/* Of the resolver: it reads files, writes none, executes nothing, connects by TCP to name servers
 * alone, and has the scopes. */
int landlock_restrict_resolver(int abi);

/* Of a helper that talks to the network: no signal and no abstract socket to anybody else. 0 also
 * where the kernel has no scopes. */
int landlock_restrict_scopes(int abi);

/* The first of the plan's required protections that a kernel of this ABI lacks, by its name in
 * policies; NULL: none. */
const char *landlock_missing(const struct plan *plan, int abi);

/* True where layer 1 refuses every TCP bind that the plan does not list, or the plan lists all. */
bool landlock_decides_binds(const struct plan *plan, int abi);

#endif
