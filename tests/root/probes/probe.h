/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the probes share: each is one function that returns 0 where it got through, else an errno.
 * The words of the command line: probe, refused port, allowed port, path; or `list`, for the
 * names.
 */
#ifndef SANDLOCK_PROBE_H
#define SANDLOCK_PROBE_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RACE_SECONDS  0.25
#define PROBE_SECONDS 120 /* a hang is a failure, not a wait */

struct probe {
	const char *name;
	int (*run)(void);
};

struct target {
	int refused; /* a port with a listener */
	int allowed; /* another one */
	const char *path;
};
static struct target target;

static inline int result_of(long result)
{
	return result < 0 ? errno : 0;
}

static inline struct sockaddr_in inet_to(const char *address, int port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((in_port_t)port) };

	inet_pton(AF_INET, address, &in.sin_addr);
	return in;
}

static inline struct sockaddr_in6 inet6_to(const char *address, int port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons((in_port_t)port) };

	inet_pton(AF_INET6, address, &in6.sin6_addr);
	return in6;
}

static inline double clock_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* What a child that exits with its errno found. */
static inline int child_result(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, __WALL) < 0)
		return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : ECANCELED;
}

/* Calls `once` for a while beside a thread that runs `change`; 0 where it ever got through. */
static inline int race(void *(*change)(void *), int (*once)(void))
{
	double end = clock_seconds() + RACE_SECONDS;
	pthread_t thread;
	int result = EAGAIN;

	if (pthread_create(&thread, NULL, change, NULL))
		return EAGAIN;
	while (clock_seconds() < end) {
		int error = once();

		if (result != 0)
			result = error;
	}
	return result;
}

static inline int probe_main(int argc, char **argv, const struct probe *probes, size_t count)
{
	if (argc == 2)
		for (size_t i = 0; i < count; i++)
			puts(probes[i].name);
	if (argc != 5)
		return argc != 2;
	alarm(PROBE_SECONDS);
	target = (struct target){ atoi(argv[2]), atoi(argv[3]), argv[4] };
	for (size_t i = 0; i < count; i++) {
		int error;

		if (strcmp(probes[i].name, argv[1]) != 0)
			continue;
		error = probes[i].run();
		puts(error ? strerrorname_np(error) : "ok");
		fflush(stdout);
		_exit(error);
	}
	return 2;
}

#define PROBE_MAIN(probes)                                                                     \
	int main(int argc, char **argv)                                                        \
	{                                                                                      \
		return probe_main(argc, argv, (probes), sizeof(probes) / sizeof((probes)[0])); \
	}

#endif
