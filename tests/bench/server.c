/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other end of the probes: accepts, counts, closes; answers HTTP on one port. Says the counts
 * since the last line for each line that comes in; ends with its input.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTENERS 4
#define HTTP      3 /* its place among them */
#define BODY      1024
#define BACKLOG   4096

struct listener {
	int fd;
	unsigned count;
};

static void fail(const char *what)
{
	fprintf(stderr, "server: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int unix_listen(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		fail(path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) ||
	    chmod(path, 0777) || listen(fd, BACKLOG))
		fail(path);
	return fd;
}

static int tcp_listen(const char *port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) || listen(fd, BACKLOG))
		fail(port);
	return fd;
}

/* One request, one answer, then the connection ends: many small files, a connection each. */
static void http_answer(int client)
{
	static char answer[BODY + 256];
	const struct timeval patience = { 1, 0 };
	char request[4096];
	int head = snprintf(answer, sizeof(answer),
			    "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n",
			    BODY);

	setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (read(client, request, sizeof(request)) > 0 &&
	    write(client, answer, (size_t)head + BODY) != head + BODY)
		fail("an answer");
}

static void accept_all(struct listener *listener, bool http)
{
	int client;

	while ((client = accept(listener->fd, NULL, NULL)) >= 0) {
		listener->count++;
		if (http)
			http_answer(client);
		close(client);
	}
}

static void counts_say(struct listener *listeners)
{
	char line[8];

	if (!fgets(line, sizeof(line), stdin))
		exit(0);
	for (int i = 0; i < LISTENERS; i++) {
		accept_all(&listeners[i], i == HTTP);
		printf("%u ", listeners[i].count);
		listeners[i].count = 0;
	}
	printf("\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct listener listeners[LISTENERS] = { 0 };
	int epoll = epoll_create1(0);

	if (argc != LISTENERS + 1)
		return 2;
	for (int i = 0; i <= LISTENERS; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = (uint32_t)i };
		int fd = STDIN_FILENO;

		if (i < LISTENERS)
			fd = i == 0 ? unix_listen(argv[1]) : tcp_listen(argv[i + 1]);
		if (i < LISTENERS)
			listeners[i].fd = fd;
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
			fail("epoll");
	}
	for (;;) {
		struct epoll_event event;

		if (epoll_wait(epoll, &event, 1, -1) != 1)
			continue;
		if (event.data.u32 == LISTENERS)
			counts_say(listeners);
		else
			accept_all(&listeners[event.data.u32], event.data.u32 == HTTP);
	}
}
