/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A signal for a process of which several threads wait in connect: who is interrupted, and with what.
 * Run by test_semantics.py bare and inside; the lines must be the same. Word: a port whose queue is full.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 5
#define WAITING (-1)

static int full;
static volatile int results[THREADS + 1];
static volatile sig_atomic_t handled;

static void on_signal(int number)
{
	(void)number;
	handled++;
}

static void *wait_in_connect(void *index)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons((in_port_t)full),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int socket_ = socket(AF_INET, SOCK_STREAM, 0);
	int error = connect(socket_, (const void *)&in, sizeof(in)) ? errno : 0;

	results[(intptr_t)index] = error;
	return NULL;
}

static void send_later(unsigned count)
{
	pid_t whom = getpid();

	if (fork() != 0)
		return;
	for (unsigned i = 0; i < count; i++) {
		usleep(300000);
		kill(whom, SIGUSR1);
	}
	_exit(0);
}

static void tell(const char *what)
{
	int waiting = 0;
	int interrupted = 0;
	int others = 0;

	for (int i = 0; i <= THREADS; i++) {
		waiting += results[i] == WAITING;
		interrupted += results[i] == EINTR;
		others += results[i] != WAITING && results[i] != EINTR;
	}
	printf("%s: handled %d, waiting %d, interrupted %d, others %d\n", what, (int)handled,
	       waiting, interrupted, others);
	fflush(stdout);
}

struct
try {
	const char *name;
	bool leader_waits;
	unsigned signals;
};
static const struct try tries[] = {
	{ "the leader waits too", true, 1 },
	{ "the leader waits too, two signals", true, 2 },
	{ "the leader sleeps", false, 1 },
};

/* In a child, whose threads go with it. */
static void try(const struct try *try)
{
	const struct sigaction action = { .sa_handler = on_signal };
	pthread_t thread;

	sigaction(SIGUSR1, &action, NULL);
	for (intptr_t i = 0; i <= THREADS; i++)
		results[i] = WAITING;
	for (intptr_t i = 1; i <= THREADS; i++)
		pthread_create(&thread, NULL, wait_in_connect, (void *)i);
	send_later(try->signals);
	if (try->leader_waits)
		wait_in_connect((void *)(intptr_t)0);
	usleep(400000 * try->signals); /* cut short by what the leader handles */
	usleep(400000);
	tell(try->name);
	_exit(0);
}

/* Any of the threads but the leader may take it: how many saw a number that no program knows? */
static void try_blocked(void)
{
	sigset_t set;
	pthread_t thread;
	const struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	sigaction(SIGUSR1, &action, NULL);
	for (intptr_t i = 0; i <= THREADS; i++)
		results[i] = WAITING;
	for (intptr_t i = 1; i <= THREADS; i++)
		pthread_create(&thread, NULL, wait_in_connect, (void *)i);
	sigfillset(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	send_later(1);
	usleep(800000);
	for (intptr_t i = 0; i <= THREADS; i++)
		if (results[i] == EINTR)
			results[i] = WAITING;
	tell("the leader blocks it");
	_exit(0);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	full = atoi(argv[1]);
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		pid_t child = fork();

		if (child == 0)
			try(&tries[i]);
		waitpid(child, NULL, 0);
	}
	if (fork() == 0)
		try_blocked();
	wait(NULL);
	return 0;
}
