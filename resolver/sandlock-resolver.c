/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The only program that asks name servers: for a plan's host names as they age, and for what the session
 * asks. Started once a session whose rules name hosts, with an empty environment.
 * Distrusts the plan until plan_map has checked it, the session's questions, and every name server.
 */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "answer.h"
#include "helper.h"
#include "inherited.h"
#include "landlock.h"
#include "log.h"
#include "plan.h"
#include "refresh.h"
#include "resolution.h"
#include "resolver_calls.h"
#include "util.h"

#define HOSTS_MS     60000U
#define CHECK_MS     1000U /* the files are looked at so often at most */
#define SEND_WAIT_MS 2000  /* for a supervisor that has much to read */

enum file {
	FILE_RESOLV_CONF = 0,
	FILE_NSSWITCH,
	FILE_HOSTS,
	FILES,
};

struct resolver {
	struct loop loop;
	struct plan plan;
	struct watch supervisor;
	const char *paths[FILES];
	struct stat files[FILES]; /* as they were read; all zero: there was none */
	uint64_t checked_ms;
	uint64_t hosts_ms; /* when /etc/hosts was reported */
	struct dns_config config;
	struct covered covered;
	struct upstream upstream;
	struct lookups lookups;
	struct answers answers;
	struct clients clients;
	struct refresh refresh;
};

/* ---- files ---- */

static bool file_has_changed(struct resolver *resolver, enum file file)
{
	struct stat *known = &resolver->files[file];
	struct stat now;
	bool same;

	if (stat(resolver->paths[file], &now))
		memset(&now, 0, sizeof(now));
	same = now.st_dev == known->st_dev && now.st_ino == known->st_ino &&
	       now.st_size == known->st_size && now.st_mtim.tv_sec == known->st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == known->st_mtim.tv_nsec &&
	       now.st_ctim.tv_nsec == known->st_ctim.tv_nsec;
	*known = now;
	return !same;
}

static int configuration_read(struct resolver *resolver)
{
	struct covered covered;
	int error;

	dns_config_read(resolver->paths[FILE_RESOLV_CONF], resolver->paths[FILE_NSSWITCH],
			&resolver->config);
	error = covered_open(&covered, &resolver->plan, &resolver->config);
	if (error)
		return error;
	covered_close(&resolver->covered);
	resolver->covered = covered;
	answers_add_servers(&resolver->answers, &resolver->config);
	return 0;
}

static void hosts_report(struct resolver *resolver)
{
	resolver->hosts_ms = upstream_now_ms();
	refresh_hosts_file(&resolver->refresh, resolver->paths[FILE_HOSTS]);
}

/* The machine may be in another network now. */
static void files_follow(struct resolver *resolver)
{
	uint64_t now = upstream_now_ms();
	bool configuration;
	bool hosts;

	if (now - resolver->checked_ms < CHECK_MS)
		return;
	resolver->checked_ms = now;
	configuration = file_has_changed(resolver, FILE_RESOLV_CONF);
	configuration |= file_has_changed(resolver, FILE_NSSWITCH);
	hosts = file_has_changed(resolver, FILE_HOSTS);
	if (configuration && configuration_read(resolver) == 0) {
		upstream_reset(&resolver->upstream);
		cache_forget_failures(&resolver->lookups.cache);
		refresh_all(&resolver->refresh, NULL);
	}
	/* Its addresses have no TTL: they are told again as long as they are there. */
	if (hosts || configuration || now - resolver->hosts_ms >= HOSTS_MS)
		hosts_report(resolver);
}

/* ---- the supervisor ---- */

static void descriptors_take(struct resolver *resolver, struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	int listeners[RESOLUTION_LISTENERS_COUNT];

	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
	    header->cmsg_len != CMSG_LEN(sizeof(listeners)) || (message->msg_flags & MSG_CTRUNC)) {
		log_line(LOG_ERR, "resolver was handed no listeners; look-ups of the session fail");
		return;
	}
	memcpy(listeners, CMSG_DATA(header), sizeof(listeners));
	if (clients_listen(&resolver->clients, listeners))
		log_line(LOG_ERR, "resolver cannot listen; look-ups of the session fail");
}

static void request_take(struct resolver *resolver, const struct resolution_request *request,
			 struct msghdr *message)
{
	if (request->version != RESOLUTION_VERSION)
		return;
	if (request->kind == RESOLUTION_LISTENERS)
		descriptors_take(resolver, message);
	if (request->kind != RESOLUTION_REFRESH)
		return;
	/* What root has written in /etc/hosts since is among what may have been missed. */
	resolver->checked_ms = 0;
	files_follow(resolver);
	hosts_report(resolver);
	refresh_all(&resolver->refresh, &request->address);
}

static void supervisor_ready(struct watch *watch, uint32_t events)
{
	struct resolver *resolver = container_of(watch, struct resolver, supervisor);
	struct resolution_request request;
	struct iovec part = { &request, sizeof(request) };
	union {
		char bytes[CMSG_SPACE(RESOLUTION_LISTENERS_COUNT * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	ssize_t length = recvmsg(watch->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	(void)events;
	if (length == (ssize_t)sizeof(request))
		request_take(resolver, &request, &message);
	else if (length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR))
		loop_stop(&resolver->loop);
}

/* ---- start ---- */

/* Nothing of the user may reach into this process, and it may reach name servers alone. */
static int confine(void)
{
	static const struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	return landlock_restrict_resolver(landlock_abi());
}

static int resolver_open(struct resolver *resolver)
{
	const struct timeval wait = { SEND_WAIT_MS / 1000, 0 };
	int error = loop_open(&resolver->loop);

	if (error)
		return error;
	resolver->supervisor = (struct watch){ HELPER_SOCKET_FD, supervisor_ready };
	if (setsockopt(HELPER_SOCKET_FD, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)))
		return -errno;
	error = loop_add(&resolver->loop, &resolver->supervisor, EPOLLIN);
	for (int file = 0; file < FILES; file++)
		(void)file_has_changed(resolver, (enum file)file);
	if (!error)
		error = configuration_read(resolver);
	if (error)
		return error;
	upstream_open(&resolver->upstream, &resolver->loop, &resolver->config);
	error = lookups_open(&resolver->lookups, &resolver->plan, &resolver->covered,
			     &resolver->upstream);
	if (error)
		return error;
	resolver->answers.plan = &resolver->plan;
	resolver->answers.covered = &resolver->covered;
	resolver->answers.lookups = &resolver->lookups;
	clients_open(&resolver->clients, &resolver->loop, answer_question, &resolver->answers);
	error = refresh_open(&resolver->refresh, &resolver->plan, &resolver->config,
			     &resolver->covered, &resolver->lookups);
	if (!error)
		hosts_report(resolver);
	return error;
}

static uint64_t earlier(uint64_t left, uint64_t right)
{
	return left < right ? left : right;
}

/* Serves until the supervisor's end of the socket is closed. */
static int resolver_serve(struct resolver *resolver)
{
	while (!resolver->loop.stopped) {
		/* What is asked here has to be waited for below. */
		uint64_t next = refresh_tick(&resolver->refresh);
		uint64_t now;
		int error;

		if (resolver->refresh.listed)
			next = earlier(next, resolver->hosts_ms + HOSTS_MS);
		next = earlier(next, clients_tick(&resolver->clients));
		next = earlier(next, upstream_tick(&resolver->upstream));
		now = upstream_now_ms();
		if (next == UINT64_MAX)
			error = loop_wait(&resolver->loop, -1);
		else
			error = loop_wait(&resolver->loop, next > now ? (int)(next - now) : 0);
		if (error)
			return error;
		files_follow(resolver);
	}
	return 0;
}

static int resolver_main(const char *const paths[FILES])
{
	static struct resolver resolver;
	int error = inherited_ids_take();

	memcpy(resolver.paths, paths, sizeof(resolver.paths));
	if (error == 0)
		error = fd_close_from(HELPER_SOCKET_FD + 1);
	log_open(-1);
	if (error == 0)
		error = plan_map(HELPER_PLAN_FD, &resolver.plan);
	if (error == 0)
		log_identify(plan_string(&resolver.plan, resolver.plan.header->user),
			     resolver.plan.header->session);
	if (error == 0)
		error = confine();
	if (error == 0)
		error = resolver_open(&resolver);
	if (error == 0)
		error = resolver_calls_limit();
	if (error < 0) {
		log_line(LOG_ERR, "sandlock-resolver cannot start: %s", strerror(-error));
		return EXIT_FAILURE;
	}
	return resolver_serve(&resolver) ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(void)
{
	static const char *const paths[FILES] = {
		[FILE_RESOLV_CONF] = "/etc/resolv.conf",
		[FILE_NSSWITCH] = "/etc/nsswitch.conf",
		[FILE_HOSTS] = "/etc/hosts",
	};

	return resolver_main(paths);
}
