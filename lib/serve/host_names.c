/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The addresses of the policy's host names, as the resolver reports them. Distrusts every answer.
 */
#include "host_names.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "log.h"
#include "resolution.h"
#include "util.h"

#define LOG_REPEAT_S    3600
#define LOG_BURST       20
#define LOG_INTERVAL_MS 10000
#define NUMBER_MAX      24

/* Whoever answers for the names decides how often this is called: the log is limited. */
static void dropped_log(struct host_names *names, const char *name, uint32_t dropped)
{
	static const struct log_rate rate = { LOG_REPEAT_S, LOG_BURST, LOG_INTERVAL_MS };
	uint64_t hash = hash_bytes(HASH_START, name, strlen(name));
	struct log_left_out left_out;
	char suppressed[NUMBER_MAX];
	char count[NUMBER_MAX];

	if (!log_limit_take(&names->limit, &rate, hash, false, &left_out))
		return;
	snprintf(count, sizeof(count), "%u", dropped);
	snprintf(suppressed, sizeof(suppressed), "%u", left_out.suppressed + left_out.lost);

	const struct log_field fields[] = {
		{ "name", name },
		{ "addresses", count },
		{ "suppressed", left_out.suppressed + left_out.lost > 0 ? suppressed : NULL },
	};

	if (!log_event(LOG_NOTICE,
		       "host name resolved to addresses that are not global; they allow nothing",
		       fields, ARRAY_SIZE(fields)))
		log_limit_lost(&names->limit, hash, &left_out);
}

/* All addresses of a name are replaced at once. */
static void resolution_apply(struct host_names *names, struct resolution *resolution)
{
	uint32_t dropped = resolution_trust(resolution);

	if (dropped > 0)
		dropped_log(names, plan_string(names->plan, names->plan->hosts[resolution->host]),
			    dropped);
	host_table_replace(&names->table, resolution->host, resolution->addresses, resolution->count);
	if (names->awaited > 0)
		names->awaited--;
}

static void resolver_lost(struct host_names *names)
{
	log_line(LOG_WARNING, "resolver exited; host rules keep their last addresses");
	loop_remove(names->loop, &names->resolver);
	util_cleanup_fd(&names->resolver.fd);
	names->resolver.fd = -1;
}

static void resolver_ready(struct watch *watch, uint32_t events)
{
	struct host_names *names = container_of(watch, struct host_names, resolver);
	struct resolution resolution;
	ssize_t length = recv(watch->fd, &resolution, sizeof(resolution), MSG_DONTWAIT | MSG_TRUNC);

	(void)events;
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length <= 0)
		resolver_lost(names);
	else if (resolution_is_sound(&resolution, (size_t)length, names->plan->header->hosts.count))
		resolution_apply(names, &resolution);
}

int host_names_open(struct host_names *names, struct loop *loop, const struct plan *plan, int resolver)
{
	names->loop = loop;
	names->plan = plan;
	names->resolver.fd = resolver;
	names->resolver.ready = resolver_ready;
	if (resolver < 0)
		return 0;
	names->refreshed = clock_now_ns();
	names->awaited = plan->header->hosts.count;
	return loop_add(loop, &names->resolver, EPOLLIN);
}

bool host_names_are_awaited(const struct host_names *names)
{
	return names->resolver.fd >= 0 && names->awaited > 0 &&
	       clock_now_ns() - names->refreshed < HOST_NAMES_WAIT_MS * NS_PER_MS;
}

void host_names_await(struct host_names *names)
{
	while (host_names_are_awaited(names)) {
		struct pollfd descriptor = { names->resolver.fd, POLLIN, 0 };
		uint64_t waited = clock_now_ns() - names->refreshed;

		if (waited < HOST_NAMES_WAIT_MS * NS_PER_MS &&
		    poll(&descriptor, 1, (int)(HOST_NAMES_WAIT_MS - waited / NS_PER_MS)) > 0)
			resolver_ready(&names->resolver, EPOLLIN);
	}
}

bool host_names_refresh(struct host_names *names)
{
	const uint32_t all = RESOLUTION_ALL;

	if (names->resolver.fd < 0 || host_names_are_awaited(names))
		return host_names_are_awaited(names);
	if (clock_now_ns() - names->refreshed < HOST_NAMES_REFRESH_MS * NS_PER_MS)
		return false;
	names->refreshed = clock_now_ns();
	/* What was due before is late by now, and is not awaited again if the request fails. */
	names->awaited = 0;
	if (send(names->resolver.fd, &all, sizeof(all), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return false;
	names->awaited = names->plan->header->hosts.count;
	return true;
}
