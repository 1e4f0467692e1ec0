/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ways into a process of the same user that is not of the session: signals, tracing, memory,
 * descriptors. Run by test_escape.py; PATH is "pid:address:descriptor": whom, where its word of
 * four bytes stands, and a pipe it holds.
 */
#include "probe.h"

#include <fcntl.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/un.h>

#define WORD "word" /* what must not arrive */

struct victim {
	pid_t pid;
	uintptr_t address;
	int descriptor;
};

static struct victim victim(void)
{
	char *end;
	struct victim victim = { .pid = (pid_t)strtol(target.path, &end, 10) };

	victim.address = strtoul(end + 1, &end, 10);
	victim.descriptor = (int)strtol(end + 1, NULL, 10);
	return victim;
}

static int proc_open(const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d%s", (int)victim().pid, name);
	return open(path, flags);
}

static int by_kill(void)
{
	return result_of(kill(victim().pid, SIGUSR1));
}

static int by_tkill(void)
{
	return result_of(syscall(__NR_tkill, victim().pid, SIGUSR1));
}

static int by_tgkill(void)
{
	return result_of(syscall(__NR_tgkill, victim().pid, victim().pid, SIGUSR1));
}

static int by_queue(void)
{
	return result_of(sigqueue(victim().pid, SIGUSR1, (union sigval){ 0 }));
}

static int by_pidfd(void)
{
	int pidfd = (int)syscall(__NR_pidfd_open, victim().pid, 0);

	return pidfd < 0 ? errno
			 : result_of(syscall(__NR_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0));
}

/* A directory of /proc is one, too. */
static int by_directory(void)
{
	int pidfd = proc_open("", O_RDONLY | O_DIRECTORY);

	return pidfd < 0 ? errno
			 : result_of(syscall(__NR_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0));
}

/* The kernel sends it where the owner of a descriptor is to be told of data. */
static int by_owner(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || fcntl(pair[1], F_SETOWN, victim().pid) ||
	    fcntl(pair[1], F_SETSIG, SIGUSR1) || fcntl(pair[1], F_SETFL, O_ASYNC))
		return errno;
	return result_of(write(pair[0], WORD, 4));
}

static int by_trace(void)
{
	if (ptrace(PTRACE_ATTACH, victim().pid, 0, 0))
		return errno;
	waitpid(victim().pid, NULL, 0);
	ptrace(PTRACE_POKEDATA, victim().pid, victim().address, *(const uint32_t *)WORD);
	return result_of(ptrace(PTRACE_DETACH, victim().pid, 0, 0));
}

static int by_seize(void)
{
	if (ptrace(PTRACE_SEIZE, victim().pid, 0, 0))
		return errno;
	return 0;
}

static int by_write(void)
{
	struct iovec local = { (char *)WORD, 4 };
	struct iovec remote = { (void *)victim().address, 4 };

	return result_of(process_vm_writev(victim().pid, &local, 1, &remote, 1, 0));
}

static int by_mem(void)
{
	int mem = proc_open("/mem", O_RDWR);

	return mem < 0 ? errno : result_of(pwrite(mem, WORD, 4, (off_t)victim().address));
}

static int by_getfd(void)
{
	int pidfd = (int)syscall(__NR_pidfd_open, victim().pid, 0);
	int copy = pidfd < 0 ? -1 : (int)syscall(__NR_pidfd_getfd, pidfd, victim().descriptor, 0);

	return copy < 0 ? errno : result_of(write(copy, WORD, 4));
}

static int by_proc_fd(void)
{
	char name[32];
	int copy;

	snprintf(name, sizeof(name), "/fd/%d", victim().descriptor);
	copy = proc_open(name, O_WRONLY);
	return copy < 0 ? errno : result_of(write(copy, WORD, 4));
}

/* What only supervisor, helpers and parent of a session are guarded from. */

static int by_limit(void)
{
	const struct rlimit none = { 0, 0 };

	return result_of(prlimit(victim().pid, RLIMIT_NOFILE, &none, NULL));
}

static int by_priority(void)
{
	return result_of(setpriority(PRIO_PROCESS, (id_t)victim().pid, 19));
}

static int by_group_priority(void)
{
	return result_of(setpriority(PRIO_PGRP, (id_t)victim().pid, 19));
}

static int by_affinity(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	return result_of(sched_setaffinity(victim().pid, sizeof(set), &set));
}

static int by_scheduler(void)
{
	const struct sched_param parameters = { 0 };

	return result_of(sched_setscheduler(victim().pid, SCHED_IDLE, &parameters));
}

static int by_io_priority(void)
{
	return result_of(syscall(__NR_ioprio_set, IOPRIO_WHO_PROCESS, victim().pid,
				 IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0)));
}

static int by_its_group_priority(void)
{
	return result_of(setpriority(PRIO_PGRP, (id_t)getpgid(victim().pid), 19));
}

static int by_its_group_io_priority(void)
{
	return result_of(syscall(__NR_ioprio_set, IOPRIO_WHO_PGRP, getpgid(victim().pid),
				 IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0)));
}

static int by_parameters(void)
{
	const struct sched_param parameters = { 0 };

	return result_of(sched_setparam(victim().pid, &parameters));
}

static int by_attributes(void)
{
	const uint32_t batch[12] = { 48, SCHED_BATCH };

	return result_of(syscall(__NR_sched_setattr, victim().pid, batch, 0));
}

static int write_proc(const char *name, const char *text)
{
	int fd = proc_open(name, O_WRONLY);

	return fd < 0 ? errno : result_of(write(fd, text, strlen(text)));
}

static int by_oom_score(void)
{
	return write_proc("/oom_score_adj", "1000");
}

static int by_timer_slack(void)
{
	return write_proc("/timerslack_ns", "1000000000");
}

static int by_core_filter(void)
{
	return write_proc("/coredump_filter", "0x7f");
}

/* The program that it runs, written to. */
static int by_program(void)
{
	int fd = proc_open("/exe", O_WRONLY);

	return fd >= 0 || errno == ETXTBSY ? 0 : errno;
}

/* Who connected to us, as a descriptor: in a session the supervisor did. */
static int by_peer(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int server = socket(AF_UNIX, SOCK_STREAM, 0);
	int client = socket(AF_UNIX, SOCK_STREAM, 0);
	int pidfd = -1;
	socklen_t size = sizeof(pidfd);

	snprintf(un.sun_path, sizeof(un.sun_path), "/tmp/peer-%d", (int)getpid());
	if (bind(server, (void *)&un, sizeof(un)) || listen(server, 1) ||
	    connect(client, (void *)&un, sizeof(un)))
		return errno;
	unlink(un.sun_path);
	server = accept(server, NULL, NULL);
	if (getsockopt(server, SOL_SOCKET, 77 /* SO_PEERPIDFD */, &pidfd, &size))
		return errno;
	return result_of(syscall(__NR_pidfd_send_signal, pidfd, SIGURG, NULL, 0));
}

static int by_advice(void)
{
	int pidfd = (int)syscall(__NR_pidfd_open, victim().pid, 0);
	struct iovec page = { (void *)(victim().address & ~4095UL), 4096 };

	if (pidfd < 0)
		return errno;
	if (syscall(__NR_process_madvise, pidfd, &page, 1, 21 /* MADV_PAGEOUT */, 0) >= 0)
		return 0;
	/* No page there: it was let in. */
	return errno == ENOMEM ? 0 : errno;
}

static int by_migration(void)
{
	unsigned long nodes = 1;

	return result_of(syscall(__NR_migrate_pages, victim().pid, 8, &nodes, &nodes));
}

static const struct probe probes[] = {
	{ "kill", by_kill },
	{ "tkill", by_tkill },
	{ "tgkill", by_tgkill },
	{ "sigqueue", by_queue },
	{ "pidfd_send_signal", by_pidfd },
	{ "proc_directory_as_pidfd", by_directory },
	{ "owner_of_descriptor", by_owner },
	{ "ptrace_attach", by_trace },
	{ "ptrace_seize", by_seize },
	{ "process_vm_writev", by_write },
	{ "proc_mem", by_mem },
	{ "pidfd_getfd", by_getfd },
	{ "proc_fd", by_proc_fd },
	{ "prlimit", by_limit },
	{ "setpriority", by_priority },
	{ "setpriority_group", by_group_priority },
	{ "sched_setaffinity", by_affinity },
	{ "sched_setscheduler", by_scheduler },
	{ "ioprio_set", by_io_priority },
	{ "setpriority_its_group", by_its_group_priority },
	{ "ioprio_set_its_group", by_its_group_io_priority },
	{ "sched_setparam", by_parameters },
	{ "sched_setattr", by_attributes },
	{ "proc_oom_score_adj", by_oom_score },
	{ "proc_timerslack_ns", by_timer_slack },
	{ "proc_coredump_filter", by_core_filter },
	{ "proc_exe", by_program },
	{ "peer_pidfd", by_peer },
	{ "process_madvise", by_advice },
	{ "migrate_pages", by_migration },
};
PROBE_MAIN(probes)
