/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Measures one work from inside a contender: probe WORK COUNT [name=value ...]
 * Called by bench.py through each contender in turn; prints nanoseconds a call and how many
 * connections a server must have seen. Distrusts every result: what was not done is no number.
 */
#include "probe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WARM_UP     10 /* one sample in so many is made before, and not counted */
#define SETTLE_US   300000
#define OPTIONS_MAX 16

struct options {
	struct probe probe;
	const struct work *work;
	unsigned count;     /* samples */
	unsigned processes; /* that do it at the same time; 0: this one alone, call by call */
	unsigned hanging;   /* others that wait for the black hole meanwhile */
	unsigned gated;     /* ms to work for, whenever a line comes in */
};

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

void sleep_us(unsigned us)
{
	const struct timespec pause = { us / 1000000, (long)(us % 1000000) * 1000 };

	nanosleep(&pause, NULL);
}

void fail(const char *what)
{
	fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void say(double ns, unsigned arrivals)
{
	printf("%.1f %u\n", ns, arrivals);
	fflush(stdout);
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left;
	uint64_t b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* The median sample, a call. */
static double measure(struct options *options, unsigned count)
{
	uint64_t *samples = calloc(count, sizeof(*samples));
	double median;

	if (!samples || count == 0)
		fail("samples");
	for (unsigned i = 0; i < count / WARM_UP; i++)
		options->work->sample(&options->probe);
	for (unsigned i = 0; i < count; i++)
		samples[i] = options->work->sample(&options->probe);
	qsort(samples, count, sizeof(*samples), compare);
	median = (double)samples[count / 2] / options->work->calls;
	free(samples);
	return median;
}

static void start(struct options *options)
{
	if (options->work->open)
		options->work->open(&options->probe);
}

static pid_t child_start(void)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void child_work(struct options *options, int ready, int gate)
{
	char byte = 0;

	start(options);
	if (write(ready, &byte, 1) != 1 || read(gate, &byte, 1) != 0)
		fail("the gate");
	for (unsigned i = 0; i < options->count; i++)
		options->work->sample(&options->probe);
	exit(0);
}

/* All begin at once; how long it takes until the last is done, a call. */
static void measure_processes(struct options *options)
{
	int ready[2], gate[2];
	int status;
	char byte;
	uint64_t begin;

	if (pipe(ready) || pipe(gate))
		fail("pipe");
	for (unsigned i = 0; i < options->processes; i++) {
		if (child_start() == 0) {
			close(gate[1]);
			child_work(options, ready[1], gate[0]);
		}
	}
	for (unsigned i = 0; i < options->processes; i++)
		if (read(ready[0], &byte, 1) != 1)
			fail("a process is not ready");
	begin = now_ns();
	close(gate[1]);
	for (unsigned i = 0; i < options->processes; i++)
		if (wait(&status) < 0 || status != 0)
			fail("a process failed");
	say((double)(now_ns() - begin) / options->processes / options->count,
	    options->processes * options->count);
}

/* Works while others hang, who must still hang when it is done. */
static void measure_beside_hanging(struct options *options)
{
	pid_t *hanging = calloc(options->hanging, sizeof(*hanging));
	double ns;

	if (!hanging)
		fail("memory");
	for (unsigned i = 0; i < options->hanging; i++) {
		hanging[i] = child_start();
		if (hanging[i] == 0)
			work_hang(&options->probe);
	}
	sleep_us(SETTLE_US);
	start(options);
	ns = measure(options, options->count);
	for (unsigned i = 0; i < options->hanging; i++) {
		if (waitpid(hanging[i], NULL, WNOHANG) != 0)
			fail("a connect to the black hole has returned");
		kill(hanging[i], SIGKILL);
		waitpid(hanging[i], NULL, 0);
	}
	say(ns, options->probe.arrivals);
}

/* For each line that comes in: works for so long, and says the median and how often. */
static void measure_gated(struct options *options)
{
	uint64_t *samples = calloc(options->count, sizeof(*samples));
	char line[8];

	if (!samples)
		fail("samples");
	start(options);
	say(0, 0);
	while (fgets(line, sizeof(line), stdin)) {
		uint64_t end = now_ns() + options->gated * 1000000ULL;
		unsigned done = 0;

		while (done < options->count && now_ns() < end)
			samples[done++] = options->work->sample(&options->probe);
		qsort(samples, done, sizeof(*samples), compare);
		say((double)samples[done / 2], done);
	}
}

static unsigned number_of(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || value > UINT32_MAX)
		fail(text);
	return (unsigned)value;
}

static void option_take(struct options *options, char *word)
{
	unsigned port = 0;
	unsigned hole = 0;
	const struct {
		const char *name;
		unsigned *value;
	} numbers[] = {
		{ "size", &options->probe.size },
		{ "processes", &options->processes },
		{ "hanging", &options->hanging },
		{ "gated", &options->gated },
		{ "port", &port },
		{ "hole", &hole },
	};
	char *value = strchr(word, '=');

	if (!value)
		fail(word);
	*value++ = '\0';
	if (strcmp(word, "path") == 0) {
		options->probe.path = value;
		return;
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strcmp(word, numbers[i].name) != 0)
			continue;
		*numbers[i].value = number_of(value);
		if (port)
			options->probe.port = (uint16_t)port;
		if (hole)
			options->probe.hole = (uint16_t)hole;
		return;
	}
	fail(word);
}

int main(int argc, char **argv)
{
	struct options options = { .probe = { .socket = -1, .peer = -1 } };

	if (argc < 3 || argc > OPTIONS_MAX)
		return 2;
	options.work = work_find(argv[1]);
	if (!options.work)
		fail(argv[1]);
	options.count = number_of(argv[2]);
	for (int i = 3; i < argc; i++)
		option_take(&options, argv[i]);
	if (options.gated) {
		measure_gated(&options);
	} else if (options.processes) {
		measure_processes(&options);
	} else if (options.hanging) {
		measure_beside_hanging(&options);
	} else {
		double ns;

		start(&options);
		ns = measure(&options, options.count);
		say(ns, options.probe.arrivals);
	}
	return 0;
}
