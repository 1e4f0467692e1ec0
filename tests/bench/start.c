/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long a command takes from fork to the end: start COUNT [--cold FILE ...] -- COMMAND ...
 * Prints the median in nanoseconds. With --cold the files leave memory before each run. Distrusts
 * the command: it must end with DONE, which says that it ran to its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DONE    42
#define WARM_UP 2

extern char **environ;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void fail(const char *what, int error)
{
	fprintf(stderr, "start: %s: %s\n", what, strerror(error));
	exit(1);
}

static void cool(char **files)
{
	for (; strcmp(*files, "--") != 0; files++) {
		int fd = open(*files, O_RDONLY);
		int error;

		if (fd < 0)
			fail(*files, errno);
		error = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		if (error)
			fail(*files, error);
		close(fd);
	}
}

static uint64_t run(char **command)
{
	uint64_t begin = now_ns();
	pid_t pid;
	int status;
	int error = posix_spawnp(&pid, command[0], NULL, NULL, command, environ);

	if (error)
		fail(command[0], error);
	if (waitpid(pid, &status, 0) != pid)
		fail("waitpid", errno);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != DONE) {
		fprintf(stderr, "start: %s: ended with status 0x%x\n", command[0], status);
		exit(1);
	}
	return now_ns() - begin;
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left;
	uint64_t b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 3 ? strtoul(argv[1], NULL, 10) : 0;
	uint64_t *samples = calloc(count, sizeof(*samples));
	char **files = NULL;
	char **command = argv + 2;

	if (count == 0 || !samples)
		return 2;
	if (strcmp(*command, "--cold") == 0)
		files = command + 1;
	while (*command && strcmp(*command, "--") != 0)
		command++;
	if (!*command || !*++command)
		return 2;
	for (unsigned i = 0; i < WARM_UP && !files; i++)
		run(command);
	for (unsigned long i = 0; i < count; i++) {
		if (files)
			cool(files);
		samples[i] = run(command);
	}
	qsort(samples, count, sizeof(*samples), compare);
	printf("%.1f 0\n", (double)samples[count / 2]);
	return 0;
}
