/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A supervisor that PAM started is root at first, and gives that up here.
 */
#ifndef SANDLOCK_DROP_ROOT_H
#define SANDLOCK_DROP_ROOT_H

#include <sys/types.h>

struct plan;

/* Real and saved uid the service account's, so that the user can neither signal nor starve us;
 * effective uid the user's, since unix sockets are reached with it, as with the gid and the groups
 * that the caller has given us already; of root only CAP_SYS_PTRACE. After a negative errno the
 * process must end. */
int drop_root(uid_t service_uid, const struct plan *plan);

#endif
