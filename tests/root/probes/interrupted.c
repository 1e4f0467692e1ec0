/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many of COUNT non-blocking connects to PORT on loopback end with EINTR, while RATE signals a
 * second come whose handler does not restart calls. Words: PORT COUNT RATE.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t handled;

static void on_signal(int number)
{
	(void)number;
	handled++;
}

int main(int argc, char **argv)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sigaction action = { .sa_handler = on_signal };
	struct itimerval timer = { { 0, 0 }, { 0, 0 } };
	int interrupted = 0;
	int failed = 0;

	if (argc != 4)
		return 2;
	in.sin_port = htons((in_port_t)atoi(argv[1]));
	timer.it_interval.tv_usec = timer.it_value.tv_usec = 1000000 / atoi(argv[3]);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (int i = 0; i < atoi(argv[2]); i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

		if (connect(fd, (const void *)&in, sizeof(in)) && errno != EINPROGRESS) {
			interrupted += errno == EINTR;
			failed += errno != EINTR;
		}
		close(fd);
	}
	timer = (struct itimerval){ { 0, 0 }, { 0, 0 } };
	setitimer(ITIMER_REAL, &timer, NULL);
	printf("%d %d %d\n", interrupted, failed, (int)handled);
	return 0;
}
