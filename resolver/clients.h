/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The session's look-ups: questions that arrive at port 53 of whatever address in its private
 * network, and their replies, which come from that address. Distrusts every question.
 */
#ifndef SANDLOCK_CLIENTS_H
#define SANDLOCK_CLIENTS_H

#include <netinet/in.h>

#include "lookup.h"
#include "loop.h"

#define CLIENT_QUESTIONS_MAX   256
#define CLIENT_CONNECTIONS_MAX 64
#define CLIENT_MESSAGE_MAX     2048U /* of a question by TCP; one that we answer is far shorter */
#define CLIENT_LISTENERS       4     /* UDP, UDP over IPv6, TCP, TCP over IPv6 */

struct clients;
struct connection;

/* One that is being answered. */
struct client_question {
	struct waiter waiter;
	struct clients *clients;
	bool used;
	struct dns_question question;
	uint32_t generation;           /* of the listeners, or of the connection */
	struct connection *connection; /* NULL: by UDP */
	int listener;                  /* by UDP: which one */
	struct sockaddr_storage peer;
	struct address asked; /* where the question arrived, and the reply comes from */
	uint32_t interface;   /* of a link-local one */
};

struct connection {
	struct watch watch; /* fd -1: not in use */
	struct clients *clients;
	uint32_t generation;
	bool waits; /* for an answer: nothing more is read meanwhile */
	uint64_t deadline_ms;
	size_t received;
	uint8_t *output; /* what is still to be sent, NULL: nothing */
	size_t output_length;
	size_t output_sent;
	uint8_t *input; /* 2 + CLIENT_MESSAGE_MAX */
};

struct listener {
	struct watch watch; /* fd -1: none */
	struct clients *clients;
};

struct clients {
	struct loop *loop;
	void (*answer)(struct client_question *question, void *context);
	void *context;
	struct listener listeners[CLIENT_LISTENERS];
	uint32_t generation;
	struct client_question questions[CLIENT_QUESTIONS_MAX];
	struct connection connections[CLIENT_CONNECTIONS_MAX];
	uint8_t message[2 + DNS_TCP_MAX];
};

/* `answer` is called for each plain question, and replies to it, now or later. */
void clients_open(struct clients *clients, struct loop *loop,
		  void (*answer)(struct client_question *question, void *context), void *context);

/* Once for each question, which then is over; arguments as of dns_reply_build. */
void client_reply(struct client_question *question, unsigned rcode, enum dns_reason reason,
		  struct dns_answer *answer, uint32_t age);

/* Takes the four descriptors over, and closes those before. 0 or a negative errno, and then none is
 * open. */
int clients_listen(struct clients *clients, const int listeners[CLIENT_LISTENERS]);

/* Ends connections that do nothing. Returns when that is to be done again; UINT64_MAX: never. */
uint64_t clients_tick(struct clients *clients);

#endif
