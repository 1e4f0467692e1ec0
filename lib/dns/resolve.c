/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * getaddrinfo(3) turned into an answer of fixed size. Never linked into a process that serves a
 * session. Distrusts the length and family of each address it is given.
 */
#include "resolve.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "resolution.h"

static bool answer_holds(const struct resolution *answer, const struct address *address)
{
	for (uint32_t i = 0; i < answer->count; i++) {
		if (memcmp(&answer->addresses[i], address, sizeof(*address)) == 0)
			return true;
	}
	return false;
}

static void answer_fill(struct resolution *answer, const struct addrinfo *list)
{
	for (; list && answer->count < HOST_ANSWER_MAX; list = list->ai_next) {
		struct sockaddr_storage storage = { 0 };
		struct endpoint endpoint;

		if (list->ai_addrlen > sizeof(storage))
			continue;
		memcpy(&storage, list->ai_addr, list->ai_addrlen);
		if (endpoint_from_sockaddr(&storage, list->ai_addrlen, &endpoint) == 0 &&
		    !answer_holds(answer, &endpoint.address))
			answer->addresses[answer->count++] = endpoint.address;
	}
}

int resolve_host(const char *name, struct resolution *ret_answer)
{
	static const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list;
	int error;

	ret_answer->count = 0;
	error = getaddrinfo(name, NULL, &hints, &list);
	if (error)
		return error;
	answer_fill(ret_answer, list);
	freeaddrinfo(list);
	return 0;
}
