/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looks names up, and reports what they have answered before it is told to anybody.
 */
#include "lookup.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "helper.h"
#include "plan.h"
#include "resolution.h"
#include "util.h"

#define KEPT_S   86400U /* how long it is remembered which names had an address */
#define FRESH_MS 1000U

int lookups_open(struct lookups *lookups, const struct plan *plan, const struct covered *covered,
		 struct upstream *upstream)
{
	struct host_row *rows = calloc(HOST_ADDRESSES_MAX, sizeof(*rows));
	uint32_t *heads = calloc(1U << HOST_HEADS_BITS, sizeof(*heads));

	if (!rows || !heads) {
		free(rows);
		free(heads);
		return -ENOMEM;
	}
	host_table_open(&lookups->opened, rows, HOST_ADDRESSES_MAX, heads, HOST_HEADS_BITS);
	lookups->plan = plan;
	lookups->covered = covered;
	lookups->upstream = upstream;
	return 0;
}

/* ---- reports ---- */

/* Waits for a moment where the supervisor has much to read (SO_SNDTIMEO): what it has not been told
 * must not be told to the session. */
static bool message_send(const struct resolution *resolution)
{
	size_t length = resolution_length(resolution->count);
	ssize_t sent;

	do {
		sent = send(HELPER_SOCKET_FD, resolution, length, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)length;
}

bool lookups_report(struct lookups *lookups, uint32_t host, const struct address *addresses,
		    const uint32_t *ttls, uint32_t count, bool listed)
{
	uint32_t now_s = (uint32_t)(upstream_now_ms() / 1000);
	uint32_t at = 0;

	host_table_expire(&lookups->opened, now_s);
	do {
		struct resolution resolution = {
			.version = RESOLUTION_VERSION,
			.kind = RESOLUTION_ADDRESSES,
			.listed = listed,
			.host = host,
		};

		while (at < count && resolution.count < RESOLUTION_ADDRESSES_MAX) {
			if (resolution_opens(&addresses[at], lookups->plan->header->name_classes,
					     listed))
				(void)host_table_add(&lookups->opened, host, &addresses[at], now_s,
						     now_s + KEPT_S);
			resolution.addresses[resolution.count++] =
				(struct resolution_address){ addresses[at], ttls[at] };
			at++;
		}
		if (!message_send(&resolution))
			return false;
	} while (at < count);
	return true;
}

/* More do not fit into an answer. */
#define REPORT_MAX (DNS_ANSWER_MAX / 8)

/* To every host of the plan that covers the name. */
static bool answer_report(struct lookups *lookups, const struct lookup *lookup,
			  struct dns_answer *answer)
{
	static struct address addresses[REPORT_MAX];
	static uint32_t ttls[REPORT_MAX];
	uint32_t hosts[COVERED_HOSTS_MAX];
	uint32_t host_count = covered_find(lookups->covered, &lookup->name, hosts);
	uint32_t position = 0;
	uint32_t count = 0;
	struct dns_record record;

	while (count < REPORT_MAX && dns_answer_next(answer, &position, &record)) {
		if (!dns_record_address(&record, &addresses[count]))
			continue;
		ttls[count++] = record.ttl;
	}
	for (uint32_t i = 0; i < host_count && count > 0; i++) {
		if (!lookups_report(lookups, hosts[i], addresses, ttls, count, false))
			return false;
	}
	return true;
}

/* ---- answers ---- */

/* What is not open is not told. */
static bool is_closed(const struct dns_record *record, void *context)
{
	const struct lookups *lookups = context;
	struct address address;

	return !dns_record_address(record, &address) ||
	       !resolution_opens(&address, lookups->plan->header->name_classes, false);
}

static void waiters_tell(struct waiter *waiter, struct dns_answer *answer)
{
	while (waiter) {
		struct waiter *next = waiter->next;

		waiter->done(waiter, answer, 0);
		waiter = next;
	}
}

static void lookup_done(void *context, struct dns_answer *answer)
{
	struct lookup *lookup = context;
	struct lookups *lookups = lookup->lookups;
	struct waiter *waiters = lookup->waiters;

	if (answer && (lookup->type == DNS_A || lookup->type == DNS_AAAA)) {
		if (answer_report(lookups, lookup, answer))
			(void)dns_answer_drop(answer, is_closed, lookups);
		else
			answer = NULL;
	}
	cache_store(&lookups->cache, &lookup->name, lookup->type, answer, upstream_now_ms());
	lookup->used = false;
	lookup->waiters = NULL;
	waiters_tell(waiters, answer);
}

/* The one that is under way, or a free one, which there is wherever upstream has room. */
static struct lookup *lookup_find(struct lookups *lookups, const struct dns_name *name, uint16_t type)
{
	struct lookup *free_one = NULL;

	for (size_t i = 0; i < UPSTREAM_QUERIES_MAX; i++) {
		struct lookup *lookup = &lookups->lookups[i];

		if (!lookup->used)
			free_one = lookup;
		else if (lookup->type == type && dns_name_equals(&lookup->name, name))
			return lookup;
	}
	return free_one;
}

static bool answer_from_cache(struct lookups *lookups, const struct dns_name *name, uint16_t type,
			      bool anew, struct waiter *waiter)
{
	struct cache_entry *entry = cache_find(&lookups->cache, name, type);
	uint64_t now = upstream_now_ms();
	uint32_t age;

	if (!entry || (anew && now - entry->stored_ms >= FRESH_MS) ||
	    !cache_is_fresh(entry, now, &age))
		return false;
	waiter->done(waiter, entry->answer, age);
	return true;
}

void lookup_start(struct lookups *lookups, const struct dns_name *name, uint16_t type, bool anew,
		  struct waiter *waiter)
{
	struct lookup *lookup;

	if (answer_from_cache(lookups, name, type, anew, waiter))
		return;
	lookup = lookup_find(lookups, name, type);
	if (lookup && !lookup->used) {
		lookup->lookups = lookups;
		lookup->name = *name;
		lookup->type = type;
		if (upstream_ask(lookups->upstream, name, type, lookup_done, lookup))
			lookup = NULL;
		else
			lookup->used = true;
	}
	if (!lookup) {
		waiter->done(waiter, NULL, 0);
		return;
	}
	waiter->next = lookup->waiters;
	lookup->waiters = waiter;
}
