/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls that keep a supervisor busy: threads that send many large messages, and how long connects
 * of another process take beside them. Run by test_fairness.py: message_flood THREADS UDP-PORT TCP-PORT.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MESSAGES 1024
#define LENGTH   60000
#define CONNECTS 40

static struct sockaddr_in to;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void *flood(void *unused)
{
	static struct mmsghdr messages[MESSAGES];
	static char payload[LENGTH];
	static struct iovec vector = { payload, sizeof(payload) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	for (size_t i = 0; i < MESSAGES; i++)
		messages[i].msg_hdr = (struct msghdr){ .msg_name = &to,
						       .msg_namelen = sizeof(to),
						       .msg_iov = &vector,
						       .msg_iovlen = 1 };
	for (;;)
		if (sendmmsg(fd, messages, MESSAGES, 0) < 0)
			exit(errno);
	return unused;
}

static pid_t flooders_start(int threads)
{
	pid_t child = fork();
	pthread_t thread;

	if (child)
		return child;
	while (threads--)
		pthread_create(&thread, NULL, flood, NULL);
	for (;;)
		pause();
}

static int longer(const void *one, const void *other)
{
	double difference = *(const double *)one - *(const double *)other;

	return difference < 0 ? -1 : difference > 0;
}

/* What half of some connects take longer than. */
static double middle(const struct sockaddr_in *server)
{
	double took[CONNECTS];

	for (int i = 0; i < CONNECTS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		double start = now();

		if (connect(fd, (const void *)server, sizeof(*server)))
			exit(errno);
		took[i] = now() - start;
		close(fd);
	}
	qsort(took, CONNECTS, sizeof(took[0]), longer);
	return took[CONNECTS / 2];
}

int main(int argc, char **argv)
{
	struct sockaddr_in server = { .sin_family = AF_INET };
	pid_t flooders;
	double alone;

	if (argc != 4)
		return 2;
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to = server;
	to.sin_port = htons((in_port_t)atoi(argv[2]));
	server.sin_port = htons((in_port_t)atoi(argv[3]));
	alone = middle(&server);
	flooders = flooders_start(atoi(argv[1]));
	usleep(300000);
	printf("%f %f\n", alone, middle(&server));
	kill(flooders, SIGKILL);
	waitpid(flooders, NULL, 0);
	return 0;
}
