/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first stage of a trapped call: copies its arguments from the caller. 0, or a positive errno
 * for what cannot be read. The rows of trapped.h name these functions.
 */
#ifndef SANDLOCK_FETCH_H
#define SANDLOCK_FETCH_H

#include "copies.h"

int fetch_connect(struct copies *copies, struct request *request);
int fetch_listen(struct copies *copies, struct request *request);
int fetch_bind(struct copies *copies, struct request *request);
int fetch_sendto(struct copies *copies, struct request *request);
int fetch_sendmsg(struct copies *copies, struct request *request);
int fetch_sendmmsg(struct copies *copies, struct request *request);
int fetch_setsockopt(struct copies *copies, struct request *request);

/* The descriptor alone. */
int fetch_socket(struct copies *copies, struct request *request);

/* Only the caller's status; the same, and whether its groups are the session's. */
int fetch_caller(struct copies *copies, struct request *request);
int fetch_ids(struct copies *copies, struct request *request);

/* Nothing: all arguments are in registers. */
int fetch_nothing(struct copies *copies, struct request *request);

/* sendmmsg: where in the caller's memory the length of the next message is to be written. */
uint64_t fetch_length_address(const struct request *request);

#endif
