/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a session may ask: one plain question for a name that its rules cover, or for the name of an
 * address that is open. All else is answered here, and leaves nothing outside.
 */
#ifndef SANDLOCK_ANSWER_H
#define SANDLOCK_ANSWER_H

#include "clients.h"

#define ANSWER_SERVERS_MAX 16

struct answers {
	const struct plan *plan;
	const struct covered *covered;
	struct lookups *lookups;
	struct address servers[ANSWER_SERVERS_MAX]; /* of resolv.conf, also as it was before */
	uint32_t server_count;
};

/* For clients_open; `context` is the struct answers. */
void answer_question(struct client_question *question, void *context);

/* Programs may ask these. In the name of other servers nothing is answered. */
void answers_add_servers(struct answers *answers, const struct dns_config *config);

#endif
