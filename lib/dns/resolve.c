/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * getaddrinfo(3) turned into an answer of fixed size. Never linked into a process that serves a
 * session. Distrusts the length and family of each address it is given.
 */
#include "resolve.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "dns_config.h"

#define HOSTS_FILE "/etc/hosts"

static uint32_t row_find(const struct resolved *resolved, const struct address *address)
{
	uint32_t i = 0;

	while (i < resolved->count &&
	       memcmp(&resolved->rows[i].address, address, sizeof(*address)) != 0)
		i++;
	return i;
}

static void rows_fill(struct resolved *resolved, const struct addrinfo *list)
{
	for (; list && resolved->count < RESOLVE_MAX; list = list->ai_next) {
		struct sockaddr_storage storage = { 0 };
		struct endpoint endpoint;

		if (list->ai_addrlen > sizeof(storage))
			continue;
		memcpy(&storage, list->ai_addr, list->ai_addrlen);
		if (endpoint_from_sockaddr(&storage, list->ai_addrlen, &endpoint) == 0 &&
		    row_find(resolved, &endpoint.address) == resolved->count)
			resolved->rows[resolved->count++].address = endpoint.address;
	}
}

struct listing {
	struct dns_name name;
	struct resolved *resolved;
};

static void listed_found(const struct dns_name *name, const struct address *address, void *context)
{
	const struct listing *listing = context;
	uint32_t row = row_find(listing->resolved, address);

	if (row < listing->resolved->count && dns_name_equals(name, &listing->name))
		listing->resolved->rows[row].listed = true;
}

int resolve_host(const char *name, struct resolved *ret_resolved)
{
	static const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct listing listing = { .resolved = ret_resolved };
	struct addrinfo *list;
	int error;

	*ret_resolved = (struct resolved){ 0 };
	error = getaddrinfo(name, NULL, &hints, &list);
	if (error)
		return error;
	rows_fill(ret_resolved, list);
	freeaddrinfo(list);
	if (dns_name_parse(name, &listing.name) == 0)
		hosts_file_read(HOSTS_FILE, listed_found, &listing);
	return 0;
}
