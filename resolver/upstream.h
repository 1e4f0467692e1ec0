/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions to the name servers of resolv.conf, by UDP and TCP, each over a socket of its own with a
 * fresh id. Distrusts every answer: what does not answer the question that was sent is passed over.
 */
#ifndef SANDLOCK_UPSTREAM_H
#define SANDLOCK_UPSTREAM_H

#include "dns_config.h"
#include "dns_message.h"
#include "loop.h"

#define UPSTREAM_QUERIES_MAX 128

/* All questions together: a burst, then so many a second. */
#define UPSTREAM_BURST      512U
#define UPSTREAM_PER_SECOND 256U

typedef void (*upstream_done)(void *context, struct dns_answer *answer);

struct upstream_query {
	struct watch watch; /* fd -1: no socket */
	struct upstream *upstream;
	struct dns_name name;
	uint16_t type;
	uint16_t id;
	bool edns;
	bool tcp;
	bool sent;      /* by TCP: all of the question */
	uint32_t first; /* the server that is asked first */
	uint32_t tries;
	uint64_t deadline_ms;
	uint8_t *stream; /* by TCP: what has been received, with its length before it */
	size_t stream_length;
	upstream_done done; /* NULL: not in use */
	void *context;
};

struct upstream {
	struct loop *loop;
	const struct dns_config *config;
	struct upstream_query queries[UPSTREAM_QUERIES_MAX];
	uint32_t in_use;
	uint32_t rotation;
	uint64_t failed_until_ms[DNS_SERVERS_MAX];
	uint32_t tokens;
	uint64_t refilled_ms;
	struct dns_answer answer; /* of the message that is read now */
	uint8_t message[DNS_TCP_MAX];
};

void upstream_open(struct upstream *upstream, struct loop *loop, const struct dns_config *config);

/* The configuration has changed. */
void upstream_reset(struct upstream *upstream);

/* Asks. `done` is called once, later, with the answer, which is upstream's own and good for the
 * call, or NULL where no server had one. -EAGAIN where too much is asked already. */
int upstream_ask(struct upstream *upstream, const struct dns_name *name, uint16_t type,
		 upstream_done done, void *context);

/* How many more questions may be asked now. */
uint32_t upstream_room(struct upstream *upstream);

/* Goes on with what has waited for long enough. Returns when that is to be done again; UINT64_MAX:
 * nothing waits. */
uint64_t upstream_tick(struct upstream *upstream);

/* Monotonic, ms; goes on while the machine sleeps. */
uint64_t upstream_now_ms(void);

#endif
