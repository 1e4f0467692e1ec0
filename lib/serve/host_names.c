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

#define LOG_REPEAT_S    86400
#define LOG_BURST       20
#define LOG_INTERVAL_MS 10000
#define NUMBER_MAX      24
#define PLACE_MAX       300
#define LIST_MAX        (4 * ADDRESS_TEXT_MAX)

static uint32_t now_s(void)
{
	return (uint32_t)(clock_now_ns() / NS_PER_S);
}

/* "file:line" of the first rule that names the host. */
static void rule_format(const struct plan *plan, uint32_t host, char text[PLACE_MAX])
{
	text[0] = '\0';
	for (uint32_t i = 0; i < plan->ruleset.rule_count; i++) {
		const struct rule *rule = &plan->ruleset.rules[i];

		if (rule->target != TARGET_HOST || rule->value != host)
			continue;
		snprintf(text, PLACE_MAX, "%s:%u", plan_string(plan, rule->file), rule->line);
		return;
	}
}

/* As many as there is room for. */
static void addresses_format(const struct resolution *resolution, char text[LIST_MAX])
{
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < resolution->count && used + ADDRESS_TEXT_MAX + 1 < LIST_MAX; i++) {
		if (i > 0)
			text[used++] = ',';
		address_format(&resolution->addresses[i].address, text + used);
		used += strlen(text + used);
	}
}

/* Whoever answers for the names decides how often this is called: the log is limited. */
static void useless_log(struct host_names *names, const struct resolution *resolution)
{
	static const struct log_rate rate = { LOG_REPEAT_S, LOG_BURST, LOG_INTERVAL_MS };
	const char *name = plan_string(names->plan, names->plan->hosts[resolution->host]);
	uint64_t hash = hash_bytes(HASH_START, name, strlen(name));
	struct log_left_out left_out;
	char suppressed[NUMBER_MAX];
	char addresses[LIST_MAX];
	char rule[PLACE_MAX];

	if (!log_limit_take(&names->limit, &rate, hash, false, &left_out))
		return;
	rule_format(names->plan, resolution->host, rule);
	addresses_format(resolution, addresses);
	snprintf(suppressed, sizeof(suppressed), "%u", left_out.suppressed + left_out.lost);

	const struct log_field fields[] = {
		{ "name", name },
		{ "rule", rule },
		{ "addresses", addresses },
		{ "key", "name_addresses" },
		{ "suppressed", left_out.suppressed + left_out.lost > 0 ? suppressed : NULL },
	};

	if (!log_event(LOG_NOTICE,
		       "rule allows nothing: no address of its host name is of an allowed class",
		       fields, ARRAY_SIZE(fields)))
		log_limit_lost(&names->limit, hash, &left_out);
}

/* Answers add up: another address today takes none away that yesterday's answer gave. */
static void addresses_take(struct host_names *names, const struct resolution *resolution)
{
	const uint8_t classes = names->plan->header->name_classes;
	const uint32_t now = now_s();
	uint32_t opened = 0;

	for (uint32_t i = 0; i < resolution->count; i++) {
		const struct resolution_address *row = &resolution->addresses[i];
		uint32_t ttl = row->ttl < HOST_NAMES_TTL_MAX_S ? row->ttl : HOST_NAMES_TTL_MAX_S;

		if (!resolution_opens(&row->address, classes, resolution->listed))
			continue;
		opened++;
		/* A full table refuses what is new. */
		(void)host_table_add(&names->table, resolution->host, &row->address, now,
				     now + ttl + HOST_NAMES_GRACE_S);
	}
	if (resolution->count > 0 && opened == 0)
		useless_log(names, resolution);
}

static void resolver_lost(struct host_names *names)
{
	log_line(LOG_WARNING, "sandlock-resolver has ended: look-ups of this session fail, and rules "
			      "with host names allow nothing more once their addresses expire");
	loop_remove(names->loop, &names->resolver);
	util_cleanup_fd(&names->resolver.fd);
	names->resolver.fd = -1;
}

/* False where nothing was there to read. */
static bool message_take(struct host_names *names)
{
	struct resolution resolution;
	ssize_t length =
		recv(names->resolver.fd, &resolution, sizeof(resolution), MSG_DONTWAIT | MSG_TRUNC);

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (length <= 0) {
		resolver_lost(names);
		return false;
	}
	if (!resolution_is_sound(&resolution, (size_t)length, names->plan->header->hosts.count))
		return true;
	if (resolution.kind == RESOLUTION_DONE)
		names->awaited = false;
	else
		addresses_take(names, &resolution);
	return true;
}

/* Bounded, since the resolver could go on for ever; what is more than its socket holds cannot be
 * due to a look-up that the session has an answer of. */
#define MESSAGES_MAX 1024

void host_names_update(struct host_names *names)
{
	for (int i = 0; i < MESSAGES_MAX && names->resolver.fd >= 0 && message_take(names); i++)
		;
	host_table_expire(&names->table, now_s());
}

static void resolver_ready(struct watch *watch, uint32_t events)
{
	(void)events;
	host_names_update(container_of(watch, struct host_names, resolver));
}

int host_names_open(struct host_names *names, struct loop *loop, const struct plan *plan, int resolver)
{
	names->loop = loop;
	names->plan = plan;
	names->resolver.fd = resolver;
	names->resolver.ready = resolver_ready;
	host_table_open(&names->table, names->rows, HOST_ADDRESSES_MAX, names->heads,
			HOST_HEADS_BITS);
	if (plan->header->dns == PLAN_DNS_FILTERED && (plan->header->flags & PLAN_DNS))
		log_line(LOG_NOTICE,
			 "dns = filtered is not available %s; the session asks the system's "
			 "name servers (as dns = system), and *.domain allows nothing",
			 plan_opens_udp(plan) ? "where a rule or udp_answer opens UDP"
					      : "without a network namespace");
	if (resolver < 0)
		return 0;
	names->refreshed = clock_now_ns();
	names->awaited = true;
	return loop_add(loop, &names->resolver, EPOLLIN);
}

bool host_names_are_awaited(const struct host_names *names)
{
	return names->resolver.fd >= 0 && names->awaited &&
	       clock_now_ns() - names->refreshed < HOST_NAMES_WAIT_MS * NS_PER_MS;
}

void host_names_await(struct host_names *names)
{
	while (host_names_are_awaited(names)) {
		struct pollfd descriptor = { names->resolver.fd, POLLIN, 0 };
		uint64_t waited = clock_now_ns() - names->refreshed;

		if (waited < HOST_NAMES_WAIT_MS * NS_PER_MS &&
		    poll(&descriptor, 1, (int)(HOST_NAMES_WAIT_MS - waited / NS_PER_MS)) > 0)
			host_names_update(names);
	}
}

void host_names_keep(struct host_names *names, const struct address *address)
{
	if (names->table.count > 0)
		host_table_extend(&names->table, address, now_s() + HOST_NAMES_KEEP_S);
}

const char *host_names_find(const struct host_names *names, const struct address *address)
{
	uint32_t row = host_table_find(&names->table, address);

	if (row == HOST_ROW_NONE)
		return NULL;
	return plan_string(names->plan, names->plan->hosts[names->table.rows[row].host]);
}

bool host_names_refresh(struct host_names *names, const struct address *address)
{
	const struct resolution_request request = { .version = RESOLUTION_VERSION,
						    .kind = RESOLUTION_REFRESH,
						    .address = *address };

	if (names->resolver.fd < 0 || host_names_are_awaited(names))
		return host_names_are_awaited(names);
	if (clock_now_ns() - names->refreshed < HOST_NAMES_REFRESH_MS * NS_PER_MS)
		return false;
	names->refreshed = clock_now_ns();
	/* What was due before is late by now, and is not awaited again if the request fails. */
	names->awaited = send(names->resolver.fd, &request, sizeof(request),
			      MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(request);
	return names->awaited;
}

int host_names_listen(struct host_names *names, const int *listeners)
{
	struct resolution_request request = { .version = RESOLUTION_VERSION,
					      .kind = RESOLUTION_LISTENERS };
	union {
		char bytes[CMSG_SPACE(RESOLUTION_LISTENERS_COUNT * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec part = { &request, sizeof(request) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	if (names->resolver.fd < 0)
		return -EPIPE;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(RESOLUTION_LISTENERS_COUNT * sizeof(int));
	memcpy(CMSG_DATA(header), listeners, RESOLUTION_LISTENERS_COUNT * sizeof(int));
	return sendmsg(names->resolver.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}
