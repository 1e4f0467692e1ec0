/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A supervisor that PAM started: it is root at first, and gives that up. Every step that fails is
 * the end of the session.
 */
#ifndef SANDLOCK_SERVICE_H
#define SANDLOCK_SERVICE_H

#include <stdbool.h>
#include <sys/types.h>

struct plan;

struct service {
	bool on; /* PAM started us */
	uid_t uid;
	gid_t gid;
	bool gate;
};

/* True where the arguments behind pid and display are sound. */
bool service_read(int argc, char **argv, struct service *ret_service);

/* Real and saved uid the service user's, so that the user can neither signal nor starve us;
 * effective uid the user's, since unix sockets are reached with it, as with the gid and the groups
 * that the caller has given us already; of root only CAP_SYS_PTRACE. */
int service_become(const struct service *service, const struct plan *plan);

#endif
