/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Serves one session's trapped calls until its last process is gone, and tells the parent what the
 * first one does. Executed by session and login with the descriptors of lib/session/keeper.h and an
 * empty environment. Distrusts the session; the plan was validated by plan_map, the answers of the
 * resolver are checked one by one.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "allowlist.h"
#include "helper.h"
#include "inherited.h"
#include "keeper.h"
#include "log.h"
#include "process.h"
#include "service.h"
#include "start_wait.h"
#include "supervise.h"
#include "util.h"

struct keeper {
	struct loop loop;
	struct plan plan;
	struct watch parent;
	struct watch signals;
	int parent_pidfd; /* -1: PAM's goes its own way */
	pid_t child;      /* the first confined process; 0 once it has ended */
	struct service service;
};

/* Who waits for a report that cannot be sent waits for our end. */
static int report(const struct keeper *keeper, enum keeper_report_kind kind, int value)
{
	const struct keeper_report message = { (int32_t)kind, value };
	ssize_t sent;

	if (keeper->parent.fd < 0)
		return 0;
	do {
		sent = send(keeper->parent.fd, &message, sizeof(message),
			    MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* The parent is stopped and continued from here, so that it never misses the later one of the two. */
static void parent_signal(const struct keeper *keeper, int number)
{
	if (keeper->parent_pidfd >= 0)
		(void)process_signal(keeper->parent_pidfd, number);
}

/* The number is the parent's while we are its child. */
static int parent_open(struct keeper *keeper)
{
	pid_t parent = getppid();

	keeper->parent_pidfd = process_pidfd(parent);
	if (keeper->parent_pidfd < 0)
		return keeper->parent_pidfd;
	return getppid() == parent ? 0 : -ESRCH;
}

static void child_changed(struct keeper *keeper, int status)
{
	if (WIFSTOPPED(status)) {
		parent_signal(keeper, SIGSTOP);
		return;
	}
	if (!WIFCONTINUED(status)) {
		keeper->child = 0;
		(void)report(keeper, KEEPER_STATUS, status);
	}
	parent_signal(keeper, SIGCONT);
}

/* Every child there is: the first one is reported, orphans of the session are only buried. */
static void children_reap(struct keeper *keeper, int flags)
{
	int status;
	pid_t pid;

	/* The timer that guards our connects may tick. */
	while ((pid = waitpid(-1, &status, flags | WUNTRACED | WCONTINUED)) > 0 ||
	       (pid < 0 && errno == EINTR)) {
		if (pid == keeper->child)
			child_changed(keeper, status);
		if (keeper->child == 0)
			flags |= WNOHANG;
	}
}

static void signals_ready(struct watch *watch, uint32_t events)
{
	struct keeper *keeper = container_of(watch, struct keeper, signals);
	struct signalfd_siginfo info;

	(void)events;
	while (read(watch->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo == SIGXCPU)
			log_line(LOG_ALERT,
				 "RLIMIT_CPU of this login is about to end the supervisor; the "
				 "session continues without network");
	children_reap(keeper, WNOHANG);
}

static void parent_ready(struct watch *watch, uint32_t events)
{
	struct keeper *keeper = container_of(watch, struct keeper, parent);
	int32_t word;
	ssize_t length = recv(watch->fd, &word, sizeof(word), MSG_DONTWAIT);

	(void)events;
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length == (ssize_t)sizeof(word)) {
		if (keeper->child > 0)
			kill(keeper->child, word);
		return;
	}
	/* The parent is gone. After its child that is the normal end; before, it was killed in the
	 * shell's place. */
	loop_remove(&keeper->loop, watch);
	util_cleanup_fd(&watch->fd);
	watch->fd = -1;
	if (keeper->child > 0)
		kill(keeper->child, SIGKILL);
}

static int signals_open(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGXCPU);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || sigprocmask(SIG_SETMASK, &set, NULL))
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

_Static_assert(INHERITED_DESCRIPTORS >= 4 * PENDING_MAX, "a pending call takes some");

static int harden(void)
{
	const struct rlimit none = { 0, 0 };
	int error = fd_close_from(SUPERVISOR_AGENT_FD + 1);

	if (error)
		return error;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || chdir("/"))
		return -errno;
	error = inherited_reset();
	if (error)
		return error;
	return setrlimit(RLIMIT_FSIZE, &none) ? -errno : 0;
}

/* The listener is fetched and not sent: sending is what the filter traps. */
static int listener_fetch(pid_t child)
{
	int32_t word;
	int error = start_read(SUPERVISOR_CHILD_FD, &word, sizeof(word), start_deadline());

	if (error)
		return error;
	return word < 0 ? word : process_descriptor(child, word);
}

/* The descriptor stays: without it another socket could get the number of the agent's inode, once
 * the agent has gone. */
static void agent_learn(struct agent *agent)
{
	struct stat status;

	agent->known = fstat(SUPERVISOR_AGENT_FD, &status) == 0 && S_ISSOCK(status.st_mode);
	agent->device = status.st_dev;
	agent->inode = status.st_ino;
	if (!agent->known)
		close(SUPERVISOR_AGENT_FD);
}

static int root_renounce(const struct keeper *keeper)
{
	int error = service_become(&keeper->service, &keeper->plan);

	/* The change of ids has made it anew. */
	if (!error && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		error = -errno;
	return error ? error : report(keeper, KEEPER_HERE, 0);
}

/* The plan, the log, and who we are. */
static int keeper_begin(struct keeper *keeper)
{
	int error = harden();

	if (!error)
		error = plan_map(SUPERVISOR_PLAN_FD, &keeper->plan);
	/* Later the allow-list stands in the way. */
	if (!error)
		error = log_open(-1);
	if (error)
		return error;
	log_identify(plan_string(&keeper->plan, keeper->plan.header->user),
		     keeper->plan.header->session);
	if (inherited_leftover())
		log_line(LOG_WARNING, "hard limit \"%s\" of this login also limits the supervisor",
			 inherited_leftover());
	close(SUPERVISOR_PLAN_FD);
	return keeper->service.on ? root_renounce(keeper) : parent_open(keeper);
}

static int loop_fill(struct keeper *keeper)
{
	int error = loop_open(&keeper->loop);

	if (!error && !keeper->service.on)
		error = loop_add(&keeper->loop, &keeper->parent, EPOLLIN);
	return error ? error : loop_add(&keeper->loop, &keeper->signals, EPOLLIN);
}

/* The listener comes last: all else is ready by the time the session has confined itself. */
static int keeper_open(struct keeper *keeper, struct supervisor *supervisor)
{
	int resolver;
	int listener;
	int error = keeper_begin(keeper);

	if (error)
		return error;
	keeper->signals.fd = signals_open();
	if (keeper->signals.fd < 0)
		return keeper->signals.fd;
	agent_learn(&supervisor->rules.agent);
	/* Its place holds /dev/null where there is none. */
	resolver = helper_is_needed(HELPER_RESOLVER, &keeper->plan) ? SUPERVISOR_RESOLVER_FD : -1;
	error = loop_fill(keeper);
	if (!error)
		error = supervise_open(supervisor, &keeper->loop, &keeper->plan, resolver);
	if (!error)
		error = allowlist_load();
	if (error)
		return error;
	listener = listener_fetch(keeper->child);
	if (listener < 0)
		return listener;
	if (keeper->service.gate)
		error = gate_open(&supervisor->rules.gate, keeper->child);
	return error ? error : supervise_listen(supervisor, listener);
}

static int child_release(struct keeper *keeper)
{
	const char go = 1;
	int error = report(keeper, KEEPER_CHILD, keeper->child);
	ssize_t sent;

	if (error)
		return error;
	sent = send(SUPERVISOR_CHILD_FD, &go, sizeof(go), MSG_NOSIGNAL);
	close(SUPERVISOR_CHILD_FD);
	/* What opened the session by PAM goes its own way from here. */
	if (keeper->service.on) {
		util_cleanup_fd(&keeper->parent.fd);
		keeper->parent.fd = -1;
		keeper->child = 0;
	}
	return sent == (ssize_t)sizeof(go) ? 0 : -EPIPE;
}

int main(int argc, char **argv)
{
	static struct supervisor supervisor;
	struct keeper keeper = {
		.parent = { SUPERVISOR_PARENT_FD, parent_ready },
		.signals = { -1, signals_ready },
		.parent_pidfd = -1,
	};
	uint64_t number;
	int error;

	if (argc < 3 || parse_unsigned(argv[1], INT32_MAX, &number) ||
	    !service_read(argc - 3, argv + 3, &keeper.service))
		return 2;
	keeper.child = (pid_t)number;
	supervisor.rules.display = parse_unsigned(argv[2], UINT16_MAX, &number) ? -1 : (int)number;
	error = keeper_open(&keeper, &supervisor);
	if (!error) {
		host_names_await(&supervisor.host_names);
		error = child_release(&keeper);
	}
	if (error) {
		(void)report(&keeper, KEEPER_FAILED, -error);
		return 1;
	}
	error = loop_run(&keeper.loop);
	denial_flush(&supervisor.denials);
	/* Who serves no more must not keep the listener: every call would wait for an answer. */
	if (error)
		return 1;
	/* The last confined process is gone, but perhaps not yet buried. */
	if (keeper.child > 0)
		children_reap(&keeper, 0);
	return 0;
}
