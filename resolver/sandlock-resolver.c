/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The only code that does DNS: resolves a plan's host names at the start, as they age and on request.
 * Started by the supervisor, once a session whose rules name hosts, with an empty environment.
 * Distrusts the plan until plan_map has checked it; what the network answers is for the supervisor to check.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "inherited.h"
#include "landlock.h"
#include "log.h"
#include "log_limit.h"
#include "plan.h"
#include "resolution.h"
#include "resolve.h"
#include "util.h"

#define WORKERS_MAX 16U
#define STACK_SIZE  (512U << 10)
#define REFRESH_MS  60000
#define NUMBER_MAX  24
#define FRESH_MS    1000 /* an answer this young is given again as it is */

/* Of a log line. */
#define LOG_REPEAT_S    60
#define LOG_BURST       20
#define LOG_INTERVAL_MS 10000

enum host_state {
	HOST_PENDING = 0,
	HOST_RUNNING,
	HOST_DONE,
};

struct host {
	const char *name;
	enum host_state state;
	int error;        /* of getaddrinfo, when it was last asked; 0 before */
	int64_t resolved; /* ms, on the clock of clock_ms */
	struct resolution answer;
};

/* Workers take pending hosts from it until none is left, and end. */
struct resolver {
	pthread_mutex_t lock; /* guards all below */
	uint32_t workers;
	uint32_t count;
	struct host *hosts;
	struct log_limit limit;
};

static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Once for each change, and not for each that comes and goes: a name that stays away, or whose
 * server answers only now and then, must not fill the log. */
static void host_log(struct resolver *resolver, const struct host *host, int error)
{
	static const struct log_rate rate = { LOG_REPEAT_S, LOG_BURST, LOG_INTERVAL_MS };
	const char *event = error ? "host name does not resolve; its rules allow nothing"
				  : "host name resolves again";
	uint64_t hash = hash_bytes(HASH_START, event, strlen(event));
	struct log_left_out left_out;
	char suppressed[NUMBER_MAX];

	hash = hash_bytes(hash, host->name, strlen(host->name));
	if (!error == !host->error ||
	    !log_limit_take(&resolver->limit, &rate, hash, false, &left_out))
		return;
	snprintf(suppressed, sizeof(suppressed), "%u", left_out.suppressed + left_out.lost);

	const struct log_field fields[] = {
		{ "name", host->name },
		{ "error", error ? gai_strerror(error) : NULL },
		{ "suppressed", left_out.suppressed + left_out.lost > 0 ? suppressed : NULL },
	};

	if (!log_event(LOG_NOTICE, event, fields, ARRAY_SIZE(fields)))
		log_limit_lost(&resolver->limit, hash, &left_out);
}

/* Never waits: a supervisor that does not read asks again, or gets the next refresh. */
static void host_send(const struct host *host)
{
	(void)send(RESOLVER_SOCKET_FD, &host->answer, resolution_length(host->answer.count),
		   MSG_DONTWAIT | MSG_NOSIGNAL);
}

static struct host *resolver_pending(const struct resolver *resolver)
{
	for (uint32_t i = 0; i < resolver->count; i++) {
		if (resolver->hosts[i].state == HOST_PENDING)
			return &resolver->hosts[i];
	}
	return NULL;
}

static void *worker_main(void *context)
{
	struct resolver *resolver = context;
	struct host *host;

	pthread_mutex_lock(&resolver->lock);
	while ((host = resolver_pending(resolver))) {
		struct resolution answer = { .host = host->answer.host };
		int error;

		host->state = HOST_RUNNING;
		pthread_mutex_unlock(&resolver->lock);
		error = resolve_host(host->name, &answer);
		pthread_mutex_lock(&resolver->lock);
		host_log(resolver, host, error);
		host->error = error;
		host->answer = answer;
		host->resolved = clock_ms();
		host->state = HOST_DONE;
		host_send(host);
	}
	resolver->workers--;
	pthread_mutex_unlock(&resolver->lock);
	return NULL;
}

/* Starts as many workers as there is work for. Returns false where pending work has nobody, since
 * no thread can be had: a limit of processes. */
static bool resolver_start(struct resolver *resolver)
{
	pthread_attr_t attributes;
	uint32_t wanted = 0;
	bool served;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_mutex_lock(&resolver->lock);
	for (uint32_t i = 0; i < resolver->count; i++)
		wanted += resolver->hosts[i].state == HOST_PENDING;
	for (; wanted > 0 && resolver->workers < WORKERS_MAX; wanted--) {
		pthread_t thread;

		if (pthread_create(&thread, &attributes, worker_main, resolver) != 0)
			break;
		resolver->workers++;
	}
	served = wanted == 0 || resolver->workers > 0;
	pthread_mutex_unlock(&resolver->lock);
	pthread_attr_destroy(&attributes);
	return served;
}

/* Asks again for one host or for all; what was asked a moment ago is answered from memory. */
static void resolver_request(struct resolver *resolver, uint32_t wanted, int64_t fresh_ms)
{
	int64_t now = clock_ms();

	pthread_mutex_lock(&resolver->lock);
	for (uint32_t i = 0; i < resolver->count; i++) {
		struct host *host = &resolver->hosts[i];

		if ((wanted != RESOLUTION_ALL && wanted != i) || host->state != HOST_DONE)
			continue;
		if (now - host->resolved < fresh_ms)
			host_send(host);
		else
			host->state = HOST_PENDING;
	}
	pthread_mutex_unlock(&resolver->lock);
}

/* Serves until the supervisor's end of the socket is closed. */
static void resolver_serve(struct resolver *resolver, int64_t refresh_ms)
{
	int64_t refresh = clock_ms() + refresh_ms;

	for (;;) {
		struct pollfd poller = { .fd = RESOLVER_SOCKET_FD, .events = POLLIN };
		bool served = resolver_start(resolver);
		int64_t wait = refresh - clock_ms();
		uint32_t wanted;
		ssize_t got;

		/* Then one name after the other, here. */
		if (!served) {
			resolver->workers = 1;
			(void)worker_main(resolver);
		}
		if (wait < 0)
			wait = 0;
		if (poll(&poller, 1, (int)wait) > 0) {
			got = recv(RESOLVER_SOCKET_FD, &wanted, sizeof(wanted), MSG_DONTWAIT);
			if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
				return;
			if (got == sizeof(wanted))
				resolver_request(resolver, wanted, FRESH_MS);
		}
		if (clock_ms() >= refresh) {
			resolver_request(resolver, RESOLUTION_ALL, 0);
			refresh = clock_ms() + refresh_ms;
		}
	}
}

static struct host *hosts_new(const struct plan *plan)
{
	uint32_t count = plan->header->hosts.count;
	struct host *hosts = calloc(count, sizeof(*hosts));

	for (uint32_t i = 0; hosts && i < count; i++) {
		hosts[i].name = plan_string(plan, plan->hosts[i]);
		hosts[i].answer.host = i;
	}
	return hosts;
}

/* Nothing of the user may reach into this process, and it keeps nothing that it does not need. */
static int confine(void)
{
	static const struct rlimit none = { 0, 0 };

	if (close_range(RESOLVER_SOCKET_FD + 1, ~0U, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	/* The service user's other processes keep other sessions. */
	return landlock_restrict_scopes(landlock_abi());
}

static int resolver_main(int64_t refresh_ms)
{
	struct resolver resolver = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct plan plan;
	int error = inherited_ids_take();

	if (error == 0)
		error = confine();
	log_open(-1);
	if (error == 0)
		error = plan_map(RESOLVER_PLAN_FD, &plan);
	if (error == 0) {
		log_identify(plan_string(&plan, plan.header->user), plan.header->session);
		resolver.count = plan.header->hosts.count;
		resolver.hosts = hosts_new(&plan);
		error = resolver.hosts ? 0 : -ENOMEM;
	}
	if (error < 0) {
		log_line(LOG_ERR, "sandlock-resolver cannot start: %s", strerror(-error));
		return EXIT_FAILURE;
	}
	resolver_serve(&resolver, refresh_ms);
	/* Workers may still wait for DNS: nothing is torn down under them. */
	_exit(EXIT_SUCCESS);
}

int main(void)
{
	return resolver_main(REFRESH_MS);
}
