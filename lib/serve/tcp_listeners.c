/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which TCP sockets listen in the sessions of the user. Distrusts ports: whoever comes first has one.
 */
#include "tcp_listeners.h"

#include <sys/socket.h>
#include <unistd.h>

#include "sock_diag.h"
#include "tcp_diag.h"
#include "vouchers.h"

void tcp_listeners_open(struct tcp_listeners *listeners, uid_t uid)
{
	listeners->uid = uid;
	listeners->diag = sock_diag_open();
}

static struct tcp_listener *entry_find(struct tcp_listeners *listeners, uint64_t cookie)
{
	for (uint32_t i = 0; i < TCP_LISTENERS_MAX; i++)
		if (listeners->entries[i].cookie == cookie)
			return &listeners->entries[i];
	return NULL;
}

static void entry_free(struct tcp_listener *entry)
{
	if (entry->cookie != 0 && entry->voucher >= 0)
		close(entry->voucher);
	entry->cookie = 0;
}

static void entry_see(const struct tcp_socket *socket, void *data)
{
	struct tcp_listener *entry = entry_find(data, socket->cookie);

	if (entry)
		entry->seen = true;
}

/* Forgets those that listen no more. */
static void entries_sweep(struct tcp_listeners *listeners)
{
	for (uint32_t i = 0; i < TCP_LISTENERS_MAX; i++)
		listeners->entries[i].seen = false;
	if (tcp_diag_each(listeners->diag, AF_INET, entry_see, listeners) ||
	    tcp_diag_each(listeners->diag, AF_INET6, entry_see, listeners))
		return;
	for (uint32_t i = 0; i < TCP_LISTENERS_MAX; i++)
		if (!listeners->entries[i].seen)
			entry_free(&listeners->entries[i]);
}

static struct tcp_listener *entry_add(struct tcp_listeners *listeners, uint64_t cookie)
{
	struct tcp_listener *entry = entry_find(listeners, 0);

	if (!entry) {
		entries_sweep(listeners);
		entry = entry_find(listeners, 0);
	}
	if (!entry) {
		entry = &listeners->entries[listeners->oldest++ % TCP_LISTENERS_MAX];
		entry_free(entry);
	}
	*entry = (struct tcp_listener){ .cookie = cookie, .voucher = -1 };
	return entry;
}

uint64_t tcp_listeners_add(struct tcp_listeners *listeners, int fd)
{
	struct tcp_listener *entry;
	uint64_t cookie;

	if (listeners->diag < 0 || socket_cookie(fd, &cookie))
		return 0;
	entry = entry_find(listeners, cookie);
	if (!entry)
		entry = entry_add(listeners, cookie);
	if (entry->voucher < 0)
		entry->voucher = voucher_make(listeners->uid, cookie);
	return cookie;
}

void tcp_listeners_drop(struct tcp_listeners *listeners, uint64_t cookie)
{
	struct tcp_listener *entry = cookie ? entry_find(listeners, cookie) : NULL;

	if (entry)
		entry_free(entry);
}

/* The sockets that may get a connection to `to`. */
struct candidates {
	struct tcp_listeners *listeners;
	const struct endpoint *to;
	uint32_t count;
	bool too_many;
	struct voucher_search search; /* those that this session does not know */
};

static void candidate_see(const struct tcp_socket *socket, void *data)
{
	struct candidates *candidates = data;

	if (socket->local.port != candidates->to->port ||
	    (!address_is_unspecified(&socket->local.address) &&
	     memcmp(&socket->local.address, &candidates->to->address, sizeof(struct address)) != 0))
		return;
	candidates->count++;
	/* 0 is a free entry, and no socket's cookie. */
	if (socket->cookie == 0 || !entry_find(candidates->listeners, socket->cookie))
		candidates->too_many |= !voucher_search_add(&candidates->search, socket->cookie, 0);
}

bool tcp_listeners_serve(struct tcp_listeners *listeners, int client, const struct endpoint *to)
{
	struct candidates candidates = {
		.listeners = listeners,
		.to = to,
		.search.uid = listeners->uid,
	};

	/* The diagnosis shows one network namespace. */
	if (listeners->diag < 0 || !socket_shares_namespace(listeners->diag, client))
		return false;
	/* One of IPv6 may be there for IPv4 too. */
	if (tcp_diag_each(listeners->diag, AF_INET6, candidate_see, &candidates) ||
	    (address_family(&to->address) == FAMILY_INET &&
	     tcp_diag_each(listeners->diag, AF_INET, candidate_see, &candidates)))
		return false;
	if (candidates.count == 0 || candidates.too_many ||
	    !voucher_search_run(listeners->diag, &candidates.search))
		return false;
	for (uint32_t i = 0; i < candidates.search.count; i++)
		(void)entry_add(listeners, candidates.search.wanted[i].cookie);
	return true;
}
