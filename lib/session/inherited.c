/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Resets what a helper inherits. Distrusts the environment of su's caller, who can set all of it.
 */
#include "inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "caps.h"
#include "util.h"

#define NO_LIMIT        UINT64_MAX
#define STACK           (8ULL << 20)
#define TIMER_SLACK     50000UL /* ns, what init has */
#define PROCESSORS_SIZE 1024    /* bytes: 8192 of them, the most that Linux can have */
#define SCORE_FILE      "/proc/self/oom_score_adj"

/* The kernel's struct: the C libraries do not agree about the type of a resource. */
struct limit {
	uint64_t soft;
	uint64_t hard;
};

static const struct {
	uint32_t resource;
	uint64_t value;
	const char *name; /* a limit that a helper needs; NULL: an unimportant one */
} limits[] = {
	{ RLIMIT_CPU, NO_LIMIT, "cpu" },    { RLIMIT_FSIZE, NO_LIMIT, NULL },
	{ RLIMIT_DATA, NO_LIMIT, "data" },  { RLIMIT_STACK, STACK, "stack" },
	{ RLIMIT_CORE, 0, NULL },           { RLIMIT_RSS, NO_LIMIT, NULL },
	{ RLIMIT_NPROC, NO_LIMIT, NULL },   { RLIMIT_NOFILE, INHERITED_DESCRIPTORS, NULL },
	{ RLIMIT_MEMLOCK, NO_LIMIT, NULL }, { RLIMIT_AS, NO_LIMIT, "as" },
	{ RLIMIT_LOCKS, NO_LIMIT, NULL },   { RLIMIT_SIGPENDING, NO_LIMIT, NULL },
	{ RLIMIT_MSGQUEUE, 0, NULL },       { RLIMIT_NICE, 0, NULL },
	{ RLIMIT_RTPRIO, 0, NULL },         { RLIMIT_RTTIME, NO_LIMIT, NULL },
};

static int limit_set(uint32_t resource, uint64_t value)
{
	const struct limit wanted = { value, value };
	struct limit limit;

	if (syscall(SYS_prlimit64, 0, resource, &wanted, NULL) == 0)
		return 0;
	if (syscall(SYS_prlimit64, 0, resource, NULL, &limit))
		return -errno;
	limit.soft = limit.hard < value ? limit.hard : value;
	/* So that SIGXCPU comes before the end, and the reason can be logged. */
	if (resource == RLIMIT_CPU && limit.soft == limit.hard && limit.soft > 1)
		limit.soft--;
	return syscall(SYS_prlimit64, 0, resource, &limit, NULL) ? -errno : 0;
}

/* The score by which the kernel kills for lack of memory. A lower score than usual is the machine's
 * choice. */
static void score_reset(void)
{
	char score[8];
	cleanup_fd int fd = open(SCORE_FILE, O_RDWR | O_CLOEXEC);

	if (fd >= 0 && read(fd, score, sizeof(score)) > 0 && score[0] != '-' && score[0] != '0')
		(void)!pwrite(fd, "0", 1, 0);
}

/* Without privileges some of it fails, and then concerns only the user's own session. */
static void schedule_reset(void)
{
	unsigned char processors[PROCESSORS_SIZE];
	const struct sched_param normal = { 0 };

	for (size_t i = 0; i < sizeof(processors); i++)
		processors[i] = 0xff;
	(void)syscall(SYS_sched_setaffinity, 0, sizeof(processors), processors);
	(void)syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &normal);
	(void)syscall(SYS_setpriority, PRIO_PROCESS, 0, 0);
	(void)syscall(SYS_ioprio_set, 1, 0, 0); /* IOPRIO_WHO_PROCESS, this one, no class */
	(void)prctl(PR_SET_TIMERSLACK, TIMER_SLACK, 0, 0, 0);
}

int inherited_reset(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		int error = limit_set(limits[i].resource, limits[i].value);

		if (error)
			return error;
	}
	schedule_reset();
	score_reset();
	(void)syscall(SYS_personality, 0);
	/* Only x86 has it. Reading the clock could be fatal otherwise. */
	(void)prctl(PR_SET_TSC, PR_TSC_ENABLE, 0, 0, 0);
	umask(S_IWGRP | S_IWOTH);
	return 0;
}

int inherited_ids_take(void)
{
	uid_t uid = geteuid();

	if (getuid() == uid)
		return 0;
	if (setresuid(uid, uid, uid) || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
		return -errno;
	return caps_set(0, 0);
}

const char *inherited_leftover(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct limit limit;

		if (limits[i].name && (syscall(SYS_prlimit64, 0, limits[i].resource, NULL, &limit) ||
				       limit.soft < limits[i].value))
			return limits[i].name;
	}
	return NULL;
}
