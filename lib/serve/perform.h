/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The third stage of a trapped call: performs it on our own copies and never waits: the outcome
 * says whether it has to. Knows no policy. The rows of trapped.h name these functions.
 */
#ifndef SANDLOCK_PERFORM_H
#define SANDLOCK_PERFORM_H

#include "supervisor.h"

#define PERFORM_PROTOTYPE(name) \
	struct outcome perform_##name(struct supervisor *supervisor, struct request *request)
PERFORM_PROTOTYPE(connect);
PERFORM_PROTOTYPE(bind);
PERFORM_PROTOTYPE(listen);
PERFORM_PROTOTYPE(send);
PERFORM_PROTOTYPE(setsockopt);
PERFORM_PROTOTYPE(socket);
PERFORM_PROTOTYPE(connect_private); /* on a socket of the private network namespace */

/* The kernel performs the call itself: only where nothing but registers was judged, since the
 * caller's memory and descriptors can change while it waits. */
PERFORM_PROTOTYPE(by_kernel);
#undef PERFORM_PROTOTYPE

/* A refused message to a unix address: `outcome`, unless the kernel reports another error first. It
 * looks for the receiver last, so the message is sent to an address without one. */
struct outcome perform_send_refused(struct supervisor *supervisor, struct request *request,
				    const struct outcome *outcome);

/* sendmmsg: writes the length of the message that was sent into the caller's memory, and counts it.
 * OUTCOME_NEXT where another one follows. */
struct outcome perform_message_end(struct supervisor *supervisor, struct request *request,
				   const struct outcome *outcome);

#endif
