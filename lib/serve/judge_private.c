/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Judges what concerns the session's private network namespace: whatever is sent there reaches
 * sockets of the session and the resolver alone, so a refusal protects nobody; it tells a program
 * at once that nobody is there.
 */
#include "judge.h"

#include <sys/syscall.h>

#define DNS_PORT 53

/* The filter leaves the creation of datagram sockets to us where UDP is closed. */
void judge_creation(struct rules *rules, const struct copies *copies, struct request *request,
		    struct judgement *judgement)
{
	(void)rules;
	(void)copies;
	(void)request;
	judgement_allow(judgement);
}

bool judge_is_private(const struct rules *rules, const struct request *request)
{
	return socket_is_inet(&request->kind) &&
	       private_sockets_have(&rules->private_sockets, request->socket_fd);
}

/* Sends go to whoever listens there, as bare. So do connections to name servers, and where libc and
 * ping(8) only want to know from which address a rule's destination would be reached. */
void judge_private_destination(const struct rules *rules, const struct request *request,
			       const struct endpoint *endpoint, struct judgement *judgement)
{
	char text[ENDPOINT_TEXT_MAX];

	if (request->call.call != __NR_connect || endpoint->port == DNS_PORT ||
	    ruleset_covers_address(&rules->ruleset, &endpoint->address)) {
		judgement_allow(judgement);
		return;
	}
	endpoint_format(endpoint, text);
	judgement_refuse(judgement, socket_protocol_name(&request->kind), text, NULL);
	judgement->is_minor = true;
}

bool judge_goes_private(const struct rules *rules, const struct request *request,
			const struct endpoint *endpoint)
{
	return rules->private_sockets.answers && rules->private_sockets.helper.fd >= 0 &&
	       request->call.call == __NR_connect && endpoint->port == DNS_PORT &&
	       socket_protocol(&request->kind) == PROTOCOL_TCP;
}
