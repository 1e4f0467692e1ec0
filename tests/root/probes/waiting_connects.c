/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many threads that wait in connect to a port that never answers, and one that goes on connecting
 * to one that does. Run by test_faults.py: port that never answers, allowed port, threads; each
 * line on stdin asks how it goes. They start after the second.
 */
#include "probe.h"

#include <sys/resource.h>

#define STACK  (64 << 10)
#define ROUNDS 101

static struct sockaddr_in hole;
static int refused; /* EACCES */
static int other;   /* any other end */

static void *wait_for_nobody(void *unused)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int error = fd < 0 ? errno : result_of(connect(fd, (void *)&hole, sizeof(hole)));

	__atomic_add_fetch(error == EACCES ? &refused : &other, 1, __ATOMIC_SEQ_CST);
	return unused;
}

static int compare(const void *one, const void *two)
{
	double difference = *(const double *)one - *(const double *)two;

	return difference < 0 ? -1 : difference > 0;
}

/* Milliseconds that a connect takes, the median; negative where one failed. */
static double latency(int port)
{
	struct sockaddr_in in = inet_to("127.0.0.1", port);
	double took[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		double start = clock_seconds();
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (fd < 0 || connect(fd, (void *)&in, sizeof(in)))
			return -errno;
		took[i] = 1000 * (clock_seconds() - start);
		close(fd);
	}
	qsort(took, ROUNDS, sizeof(took[0]), compare);
	return took[ROUNDS / 2];
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	pthread_attr_t attributes;
	int threads = argc == 4 ? atoi(argv[3]) : 0;
	int started = 0;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	hole = inet_to("127.0.0.1", atoi(argv[1]));
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	for (int asked = 0; getchar() != EOF; asked++) {
		pthread_t thread;

		printf("%d %d %d %.3f\n", started, refused, other, latency(atoi(argv[2])));
		fflush(stdout);
		while (asked > 0 && started < threads &&
		       pthread_create(&thread, &attributes, wait_for_nobody, NULL) == 0)
			started++;
	}
	return 0;
}
