/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions to name servers. A server that does not answer is left for the next one after a second,
 * where there is another, and is asked last for a while.
 */
#include "upstream.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "util.h"

#define FIRST_WAIT_MS 1000U
#define FAILED_MS     30000U

uint64_t upstream_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- servers ---- */

static uint32_t server_index(const struct upstream_query *query)
{
	return (query->first + query->tries) % query->upstream->config->server_count;
}

/* The first that has not failed lately, in the order that bare programs have. */
static uint32_t server_first(struct upstream *upstream, uint64_t now)
{
	const struct dns_config *config = upstream->config;
	uint32_t start = config->rotate ? upstream->rotation++ : 0;

	for (uint32_t i = 0; i < config->server_count; i++) {
		uint32_t server = (start + i) % config->server_count;

		if (upstream->failed_until_ms[server] <= now)
			return server;
	}
	return config->server_count ? start % config->server_count : 0;
}

static socklen_t server_sockaddr(const struct dns_server *server, struct sockaddr_storage *storage)
{
	struct sockaddr_in *in = (void *)storage;
	struct sockaddr_in6 *in6 = (void *)storage;

	memset(storage, 0, sizeof(*storage));
	if (address_family(&server->address) == FAMILY_INET) {
		in->sin_family = AF_INET;
		in->sin_port = htons(DNS_PORT);
		memcpy(&in->sin_addr, server->address.bytes + 12, sizeof(in->sin_addr));
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(DNS_PORT);
	in6->sin6_scope_id = server->scope;
	memcpy(&in6->sin6_addr, server->address.bytes, sizeof(in6->sin6_addr));
	return sizeof(*in6);
}

/* ---- one question ---- */

static void query_close(struct upstream_query *query)
{
	if (query->watch.fd < 0)
		return;
	loop_remove(query->upstream->loop, &query->watch);
	util_cleanup_fd(&query->watch.fd);
	query->watch.fd = -1;
}

static void query_end(struct upstream_query *query, struct dns_answer *answer)
{
	upstream_done done = query->done;

	query_close(query);
	free(query->stream);
	query->stream = NULL;
	query->done = NULL;
	query->upstream->in_use--;
	done(query->context, answer);
}

static int query_socket(struct upstream_query *query)
{
	const struct dns_server *server = &query->upstream->config->servers[server_index(query)];
	struct sockaddr_storage storage;
	socklen_t length = server_sockaddr(server, &storage);
	int type = (query->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
	int error;

	query->watch.fd = socket(storage.ss_family, type, 0);
	if (query->watch.fd < 0)
		return -errno;
	if (connect(query->watch.fd, (struct sockaddr *)&storage, length) && errno != EINPROGRESS)
		error = -errno;
	else
		error = loop_add(query->upstream->loop, &query->watch,
				 query->tcp ? EPOLLIN | EPOLLOUT : EPOLLIN);
	if (error) {
		util_cleanup_fd(&query->watch.fd);
		query->watch.fd = -1;
	}
	return error;
}

/* By TCP its length comes before it. */
static int query_send(struct upstream_query *query)
{
	uint8_t message[2 + DNS_QUERY_MAX];
	size_t length =
		dns_query_build(query->id, &query->name, query->type, query->edns, message + 2);
	size_t start = query->tcp ? 0 : 2;

	message[0] = (uint8_t)(length >> 8);
	message[1] = (uint8_t)length;
	return send(query->watch.fd, message + start, length + 2 - start, MSG_NOSIGNAL) ==
			       (ssize_t)(length + 2 - start)
		       ? 0
		       : -EIO;
}

/* 0: the question is on its way to the server whose turn it is. */
static int query_try(struct upstream_query *query)
{
	const struct dns_config *config = query->upstream->config;
	uint32_t wait = config->timeout_ms;
	int error = 0;

	query_close(query);
	query->stream_length = 0;
	query->sent = false;
	if (getrandom(&query->id, sizeof(query->id), GRND_NONBLOCK) != sizeof(query->id))
		return -EIO;
	if (query->tries < config->server_count && wait > FIRST_WAIT_MS)
		wait = FIRST_WAIT_MS;
	query->deadline_ms = upstream_now_ms() + wait;
	error = query_socket(query);
	if (!error && !query->tcp)
		error = query_send(query);
	return error;
}

/* On to the next server, until one takes the question. */
static void query_go_on(struct upstream_query *query, struct dns_answer *answer)
{
	const struct dns_config *config = query->upstream->config;

	do {
		if (++query->tries >= config->server_count * config->attempts) {
			query_end(query, answer);
			return;
		}
		query->tcp = config->use_tcp;
	} while (query_try(query));
}

static void server_failed(struct upstream_query *query)
{
	query->upstream->failed_until_ms[server_index(query)] = upstream_now_ms() + FAILED_MS;
}

/* ---- answers ---- */

static void query_again(struct upstream_query *query)
{
	if (query_try(query)) {
		server_failed(query);
		query_go_on(query, NULL);
	}
}

static void answer_take(struct upstream_query *query, struct dns_answer *answer)
{
	query->upstream->failed_until_ms[server_index(query)] = 0;
	if (answer->rcode == DNS_NOERROR || answer->rcode == DNS_NXDOMAIN) {
		query_end(query, answer);
	} else if (query->edns && (answer->rcode == DNS_FORMERR || answer->rcode == DNS_NOTIMP)) {
		query->edns = false;
		query_again(query);
	} else {
		query_go_on(query, NULL);
	}
}

static void message_take(struct upstream_query *query, const uint8_t *message, size_t length)
{
	struct dns_answer *answer = &query->upstream->answer;
	int error = dns_answer_parse(message, length, query->id, &query->name, query->type, answer);

	if (!error) {
		answer_take(query, answer);
	} else if (error == -EAGAIN && !query->tcp) {
		query->tcp = true;
		query_again(query);
	} else if (query->tcp) {
		server_failed(query);
		query_go_on(query, NULL);
	}
	/* What does not answer a datagram of ours may be somebody else's: ours may yet come. */
}

static void query_failed(struct upstream_query *query)
{
	server_failed(query);
	query_go_on(query, NULL);
}

static void datagram_ready(struct upstream_query *query)
{
	uint8_t *message = query->upstream->message;
	ssize_t length = recv(query->watch.fd, message, DNS_TCP_MAX, 0);

	if (length >= 0)
		message_take(query, message, (size_t)length);
	else if (errno != EAGAIN && errno != EINTR)
		query_failed(query);
}

#define STREAM_MAX (2 + DNS_TCP_MAX)

static void stream_ready(struct upstream_query *query)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &query->watch };
	size_t length;
	ssize_t received;

	if (!query->stream)
		query->stream = malloc(STREAM_MAX);
	if (!query->sent) {
		/* A reply is all that it waits for now. */
		query->sent = query->stream && query_send(query) == 0 &&
			      epoll_ctl(query->upstream->loop->epoll, EPOLL_CTL_MOD,
					query->watch.fd, &event) == 0;
		if (!query->sent)
			query_failed(query);
		return;
	}
	received = recv(query->watch.fd, query->stream + query->stream_length,
			STREAM_MAX - query->stream_length, 0);
	if (received < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (received <= 0) {
		query_failed(query);
		return;
	}
	query->stream_length += (size_t)received;
	if (query->stream_length < 2)
		return;
	length = (size_t)query->stream[0] << 8 | query->stream[1];
	if (query->stream_length >= length + 2)
		message_take(query, query->stream + 2, length);
}

static void query_ready(struct watch *watch, uint32_t events)
{
	struct upstream_query *query = container_of(watch, struct upstream_query, watch);

	(void)events;
	if (!query->done || watch->fd < 0)
		return;
	if (query->tcp)
		stream_ready(query);
	else
		datagram_ready(query);
}

/* ---- all ---- */

void upstream_open(struct upstream *upstream, struct loop *loop, const struct dns_config *config)
{
	upstream->loop = loop;
	upstream->config = config;
	upstream->tokens = UPSTREAM_BURST;
	upstream->refilled_ms = upstream_now_ms();
}

void upstream_reset(struct upstream *upstream)
{
	memset(upstream->failed_until_ms, 0, sizeof(upstream->failed_until_ms));
}

uint32_t upstream_room(struct upstream *upstream)
{
	uint64_t now = upstream_now_ms();
	uint64_t more = (now - upstream->refilled_ms) * UPSTREAM_PER_SECOND / 1000;
	uint32_t slots = UPSTREAM_QUERIES_MAX - upstream->in_use;

	if (more > 0) {
		more += upstream->tokens;
		upstream->tokens = more < UPSTREAM_BURST ? (uint32_t)more : UPSTREAM_BURST;
		upstream->refilled_ms = now;
	}
	return upstream->tokens < slots ? upstream->tokens : slots;
}

int upstream_ask(struct upstream *upstream, const struct dns_name *name, uint16_t type,
		 upstream_done done, void *context)
{
	struct upstream_query *query = upstream->queries;

	if (upstream_room(upstream) == 0)
		return -EAGAIN;
	/* Memory that is not used stays untouched. */
	while (query->done)
		query++;
	query->watch = (struct watch){ -1, query_ready };
	query->upstream = upstream;
	upstream->tokens--;
	upstream->in_use++;
	query->name = *name;
	query->type = type;
	query->edns = true;
	query->tcp = upstream->config->use_tcp;
	query->first = server_first(upstream, upstream_now_ms());
	query->tries = 0;
	query->done = done;
	query->context = context;
	/* Where no server can be reached, that is told later: by the clock. */
	if (query_try(query))
		query->deadline_ms = 0;
	return 0;
}

uint64_t upstream_tick(struct upstream *upstream)
{
	uint64_t now = upstream_now_ms();
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < UPSTREAM_QUERIES_MAX; i++) {
		struct upstream_query *query = &upstream->queries[i];

		if (query->done && query->deadline_ms <= now)
			query_failed(query);
		if (query->done && query->deadline_ms < next)
			next = query->deadline_ms;
	}
	return next;
}
