/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The addresses of the policy's host names, as the resolver reports them. No allocation. Answers
 * come from the network: each is checked, and an address of a class that the policy does not open
 * to names allows nothing.
 */
#ifndef SANDLOCK_HOST_NAMES_H
#define SANDLOCK_HOST_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "log_limit.h"
#include "loop.h"
#include "plan.h"

/* How long an answer may delay a login, or a connection that no rule allows yet. */
#define HOST_NAMES_WAIT_MS 500

/* The shortest time between two requests to the resolver. */
#define HOST_NAMES_REFRESH_MS 1000

/* An address stays for its TTL and the grace: programs connect a while after they have looked up.
 * One that was connected to stays for a day from then, since programs that have a connection make
 * others to the same address without looking up again. (That it stays while the connection is open
 * would take a list of all the machine's sockets, and ends at the moment when a pool of connections
 * wants to make a new one.) */
#define HOST_NAMES_GRACE_S   60U
#define HOST_NAMES_KEEP_S    86400U
#define HOST_NAMES_TTL_MAX_S 86400U

struct host_names {
	struct loop *loop;
	const struct plan *plan;
	struct watch resolver; /* fd -1: no host names, or the resolver has exited */
	struct host_table table;
	struct host_row rows[HOST_ADDRESSES_MAX];
	uint32_t heads[1U << HOST_HEADS_BITS];
	struct log_limit limit;
	uint64_t refreshed; /* monotonic ns */
	bool awaited;       /* RESOLUTION_DONE is due */
};

/* Takes `resolver` over (-1: none), which resolves the names at its start without a request. */
int host_names_open(struct host_names *names, struct loop *loop, const struct plan *plan,
		    int resolver);

/* Waits for the first answers, HOST_NAMES_WAIT_MS at most. */
void host_names_await(struct host_names *names);

/* Takes what the resolver has sent, and forgets what is over. Before each decision on an address:
 * the resolver reports an address before it tells the session. */
void host_names_update(struct host_names *names);

/* The session has connected to the address. */
void host_names_keep(struct host_names *names, const struct address *address);

/* The host name of the plan that has the address; NULL. */
const char *host_names_find(const struct host_names *names, const struct address *address);

/* Requests the names again, unless that was done a moment ago, first those that once had `address`;
 * true where answers are still due. */
bool host_names_refresh(struct host_names *names, const struct address *address);
bool host_names_are_awaited(const struct host_names *names);

/* Hands the resolver the sockets where the session looks names up (RESOLUTION_LISTENERS); ours stay
 * open. 0 or a negative errno. */
int host_names_listen(struct host_names *names, const int *listeners);

#endif
