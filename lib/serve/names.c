/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The addresses that the policy's host names have, as the resolver tells them. Distrusts every
 * answer.
 */
#include "names.h"

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

/* Whoever answers for the names decides how often there is something to say. */
static void dropped_log(struct names *names, const char *name, uint32_t dropped)
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

	if (!log_event(LOG_NOTICE, "addresses of a name are not global and open nothing", fields,
		       ARRAY_SIZE(fields)))
		log_limit_lost(&names->limit, hash, &left_out);
}

/* The table of a name is replaced whole. */
static void resolution_apply(struct names *names, struct resolution *resolution)
{
	uint32_t dropped = resolution_trust(resolution);

	if (dropped > 0)
		dropped_log(names, plan_string(names->plan, names->plan->hosts[resolution->host]),
			    dropped);
	host_table_replace(&names->table, resolution->host, resolution->addresses, resolution->count);
	if (names->awaited > 0)
		names->awaited--;
}

static void resolver_lost(struct names *names)
{
	log_line(LOG_WARNING, "the resolver is gone: names keep the addresses they have");
	loop_remove(names->loop, &names->resolver);
	util_cleanup_fd(&names->resolver.fd);
	names->resolver.fd = -1;
}

static void resolver_ready(struct watch *watch, uint32_t events)
{
	struct names *names = container_of(watch, struct names, resolver);
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

int names_open(struct names *names, struct loop *loop, const struct plan *plan, int resolver)
{
	names->loop = loop;
	names->plan = plan;
	names->resolver.fd = resolver;
	names->resolver.ready = resolver_ready;
	if (resolver < 0)
		return 0;
	names->asked = clock_now_ns();
	names->awaited = plan->header->hosts.count;
	return loop_add(loop, &names->resolver, EPOLLIN);
}

bool names_are_awaited(const struct names *names)
{
	return names->resolver.fd >= 0 && names->awaited > 0 &&
	       clock_now_ns() - names->asked < NAMES_WAIT_MS * NS_PER_MS;
}

void names_await(struct names *names)
{
	while (names_are_awaited(names)) {
		struct pollfd descriptor = { names->resolver.fd, POLLIN, 0 };
		uint64_t waited = clock_now_ns() - names->asked;

		if (waited < NAMES_WAIT_MS * NS_PER_MS &&
		    poll(&descriptor, 1, (int)(NAMES_WAIT_MS - waited / NS_PER_MS)) > 0)
			resolver_ready(&names->resolver, EPOLLIN);
	}
}

bool names_ask(struct names *names)
{
	const uint32_t all = RESOLUTION_ALL;

	if (names->resolver.fd < 0 || names_are_awaited(names))
		return names_are_awaited(names);
	if (clock_now_ns() - names->asked < NAMES_ASK_MS * NS_PER_MS)
		return false;
	names->asked = clock_now_ns();
	/* What was due before is late by now, and not awaited anew where nobody can be asked. */
	names->awaited = 0;
	if (send(names->resolver.fd, &all, sizeof(all), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return false;
	names->awaited = names->plan->header->hosts.count;
	return true;
}
