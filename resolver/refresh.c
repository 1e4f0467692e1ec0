/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looks the plan's host names up again and again, and tells the log where one has no address.
 */
#include "refresh.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "helper.h"
#include "log.h"
#include "plan.h"
#include "resolution.h"
#include "util.h"

#define IN_FLIGHT_MAX  64U
#define INTERVAL_MIN_S 60U
#define INTERVAL_MAX_S 3600U
#define RETRY_S        60U
#define PENDING_MS     1000U
#define ROOM_MS        20U  /* until it is tried again to ask for more */
#define LISTED_TTL_S   120U /* of /etc/hosts, which the resolver reports each minute */

/* Of a log line. */
#define LOG_REPEAT_S    60
#define LOG_BURST       20
#define LOG_INTERVAL_MS 10000
#define NUMBER_MAX      24

/* One name and type of one host. */
struct round {
	struct waiter waiter;
	struct refresh *refresh;
	uint32_t host;
};

int refresh_open(struct refresh *refresh, const struct plan *plan, const struct dns_config *config,
		 const struct covered *covered, struct lookups *lookups)
{
	refresh->plan = plan;
	refresh->config = config;
	refresh->covered = covered;
	refresh->lookups = lookups;
	refresh->hosts = calloc(plan->header->hosts.count, sizeof(*refresh->hosts));
	if (!refresh->hosts)
		return -ENOMEM;
	refresh_all(refresh, NULL);
	return 0;
}

static bool is_below_rule(const struct plan *plan, uint32_t host)
{
	return plan_string(plan, plan->hosts[host])[0] == '*';
}

/* ---- the log ---- */

/* Once for each change, and not for each that comes and goes: a name that stays away, or whose
 * server answers only now and then, must not fill the log. */
static void host_log(struct refresh *refresh, uint32_t index)
{
	static const struct log_rate rate = { LOG_REPEAT_S, LOG_BURST, LOG_INTERVAL_MS };
	const struct refresh_host *host = &refresh->hosts[index];
	const char *name = plan_string(refresh->plan, refresh->plan->hosts[index]);
	bool missing = !host->found && !host->listed;
	const char *event = missing ? "host name does not resolve; its rules allow nothing"
				    : "host name resolves again";
	uint64_t hash = hash_bytes(HASH_START, event, strlen(event));
	struct log_left_out left_out;
	char suppressed[NUMBER_MAX];

	hash = hash_bytes(hash, name, strlen(name));
	if (missing == host->was_missing || is_below_rule(refresh->plan, index) ||
	    !log_limit_take(&refresh->limit, &rate, hash, false, &left_out))
		return;
	snprintf(suppressed, sizeof(suppressed), "%u", left_out.suppressed + left_out.lost);

	const struct log_field fields[] = {
		{ "name", name },
		{ "error", !missing       ? NULL
			   : host->failed ? "no name server has an answer"
					  : "no address" },
		{ "suppressed", left_out.suppressed + left_out.lost > 0 ? suppressed : NULL },
	};

	if (!log_event(LOG_NOTICE, event, fields, ARRAY_SIZE(fields)))
		log_limit_lost(&refresh->limit, hash, &left_out);
}

/* ---- rounds ---- */

static void announce(struct refresh *refresh)
{
	const struct resolution done = { .version = RESOLUTION_VERSION, .kind = RESOLUTION_DONE };

	if (refresh->batch > 0 || !refresh->announces)
		return;
	refresh->announces = false;
	(void)send(HELPER_SOCKET_FD, &done, resolution_length(0), MSG_NOSIGNAL);
}

static void batch_leave(struct refresh *refresh, struct refresh_host *host)
{
	if (!host->in_batch)
		return;
	host->in_batch = false;
	refresh->batch--;
	announce(refresh);
}

static void round_end(struct refresh *refresh, uint32_t index)
{
	struct refresh_host *host = &refresh->hosts[index];
	uint32_t wait = host->found ? host->ttl : RETRY_S;

	if (wait < INTERVAL_MIN_S)
		wait = INTERVAL_MIN_S;
	if (wait > INTERVAL_MAX_S)
		wait = INTERVAL_MAX_S;
	host_log(refresh, index);
	host->was_missing = !host->found && !host->listed;
	host->next_ms = upstream_now_ms() + wait * 1000ULL;
	batch_leave(refresh, host);
}

static void round_answered(struct waiter *waiter, struct dns_answer *answer, uint32_t age)
{
	struct round *round = container_of(waiter, struct round, waiter);
	struct refresh *refresh = round->refresh;
	struct refresh_host *host = &refresh->hosts[round->host];
	uint32_t index = round->host;

	free(round);
	refresh->in_flight--;
	host->failed |= !answer;
	if (answer && answer->records > 0) {
		host->found = true;
		if (answer->ttl - age < host->ttl)
			host->ttl = answer->ttl - age;
	}
	if (--host->pending == 0)
		round_end(refresh, index);
}

static void round_start(struct refresh *refresh, uint32_t index, const struct dns_name *name,
			uint16_t type)
{
	struct round *round = calloc(1, sizeof(*round));

	if (!round)
		return;
	round->refresh = refresh;
	round->host = index;
	round->waiter.done = round_answered;
	refresh->in_flight++;
	refresh->hosts[index].pending++;
	lookup_start(refresh->lookups, name, type, true, &round->waiter);
}

static void host_start(struct refresh *refresh, uint32_t index)
{
	struct refresh_host *host = &refresh->hosts[index];
	struct dns_name names[COVERED_NAMES_MAX];
	uint32_t count = covered_names(refresh->plan, index, refresh->config, names);

	/* As libc: what is in /etc/hosts is asked of nobody, where that comes first. */
	if (!refresh->config->dns || refresh->plan->header->dns == PLAN_DNS_HOSTS ||
	    (host->listed && refresh->config->hosts_file_first))
		count = 0;
	host->due = false;
	host->found = false;
	host->failed = false;
	host->ttl = INTERVAL_MAX_S;
	/* An answer may come at once: the round ends after the last name has been asked. */
	host->pending = 1;
	for (uint32_t i = 0; i < count; i++) {
		round_start(refresh, index, &names[i], DNS_A);
		round_start(refresh, index, &names[i], DNS_AAAA);
	}
	if (--host->pending == 0)
		round_end(refresh, index);
}

static void batch_join(struct refresh *refresh, struct refresh_host *host)
{
	if (host->in_batch)
		return;
	host->in_batch = true;
	refresh->batch++;
}

/* Names below *.domain are known by what they have answered. */
static void names_again(struct refresh *refresh, const struct address *missed)
{
	const struct cache_entry *older;

	for (const struct cache_entry *entry = refresh->lookups->cache.newest;
	     entry && refresh->in_flight < IN_FLIGHT_MAX; entry = older) {
		uint32_t hosts[COVERED_HOSTS_MAX];

		older = entry->older;
		if (!cache_entry_has(entry, missed) ||
		    covered_find(refresh->covered, &entry->name, hosts) == 0 ||
		    !is_below_rule(refresh->plan, hosts[0]))
			continue;
		batch_join(refresh, &refresh->hosts[hosts[0]]);
		round_start(refresh, hosts[0], &entry->name, entry->type);
	}
}

void refresh_all(struct refresh *refresh, const struct address *missed)
{
	const struct host_table *opened = &refresh->lookups->opened;
	uint32_t first = missed ? host_table_find(opened, missed) : HOST_ROW_NONE;

	refresh->announces = true;
	refresh->batch++; /* not at its end before all are in it */
	for (uint32_t i = 0; i < refresh->plan->header->hosts.count; i++) {
		struct refresh_host *host = &refresh->hosts[i];

		if (is_below_rule(refresh->plan, i))
			continue;
		host->due = host->pending == 0;
		batch_join(refresh, host);
	}
	if (first != HOST_ROW_NONE)
		refresh->at = opened->rows[first].host;
	if (missed)
		names_again(refresh, missed);
	refresh->batch--;
	announce(refresh);
}

uint64_t refresh_tick(struct refresh *refresh)
{
	uint32_t count = refresh->plan->header->hosts.count;
	uint32_t start = refresh->at;
	uint64_t now = upstream_now_ms();
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t index = (start + i) % count;
		struct refresh_host *host = &refresh->hosts[index];

		if (is_below_rule(refresh->plan, index))
			continue;
		/* Its end may come by the clock alone. */
		if (host->pending > 0) {
			next = now + PENDING_MS < next ? now + PENDING_MS : next;
			continue;
		}
		if (!host->due && host->next_ms > now) {
			next = host->next_ms < next ? host->next_ms : next;
			continue;
		}
		/* Half of what may be asked is left to the session. */
		if (refresh->in_flight + 2 * COVERED_NAMES_MAX > IN_FLIGHT_MAX ||
		    upstream_room(refresh->lookups->upstream) < UPSTREAM_QUERIES_MAX / 2) {
			refresh->at = index;
			return now + ROOM_MS;
		}
		host_start(refresh, index);
	}
	return next;
}

/* ---- /etc/hosts ---- */

static void listed_report(const struct dns_name *name, const struct address *address, void *context)
{
	static const uint32_t ttl = LISTED_TTL_S;
	struct refresh *refresh = context;
	uint32_t hosts[COVERED_HOSTS_MAX];
	uint32_t count = covered_find(refresh->covered, name, hosts);

	for (uint32_t i = 0; i < count; i++) {
		refresh->hosts[hosts[i]].listed = true;
		refresh->listed++;
		(void)lookups_report(refresh->lookups, hosts[i], address, &ttl, 1, true);
	}
}

void refresh_hosts_file(struct refresh *refresh, const char *path)
{
	refresh->listed = 0;
	for (uint32_t i = 0; i < refresh->plan->header->hosts.count; i++)
		refresh->hosts[i].listed = false;
	if (refresh->config->hosts_file)
		hosts_file_read(path, listed_report, refresh);
}
