/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A number of a process that goes from a trapped call's caller to another program.
 * Run by test_pid_reuse.py: pid_reuse CALL WORD PROGRAM [ARGUMENT...]; then `kill` and `start` on
 * standard input. The first child makes the call and is killed; the second executes PROGRAM. Or:
 * reuse exec WORD PROGRAM [ARGUMENT...]: a thread executes PROGRAM while the first thread, whose
 * number it gets, sends. PROGRAM may be `reuse watch`: it tells what became of the memory where the
 * first one's was.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLACE ((void *)0x10000000)

static int shared; /* the socket that outlives the caller */

static struct mmsghdr *memory(void)
{
	void *place = mmap(PLACE, 4096, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (place == MAP_FAILED)
		exit(errno);
	return place;
}

static int call_sendmmsg(const char *word)
{
	struct mmsghdr *message = memory();
	struct iovec vector = { (char *)"word", 4 };
	int ends[2];

	if (strcmp(word, "hidden") == 0)
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends))
		return errno;
	message->msg_hdr = (struct msghdr){ .msg_iov = &vector, .msg_iovlen = 1 };
	errno = 0;
	if (sendmmsg(ends[0], message, 1, 0) != 1)
		return errno;
	return message->msg_len == 4 ? 0 : EBADMSG;
}

/* SIGPIPE is what the kernel sends then. */
static int call_sendmsg(const char *word)
{
	struct iovec vector = { (char *)"word", 4 };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
	int ends[2];

	(void)word;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) || close(ends[1]))
		return errno;
	sendmsg(ends[0], &message, 0);
	return errno;
}

static int call_path(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return connect(shared, (const void *)&address, sizeof(address)) ? errno : 0;
}

static int call_bind(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return bind(shared, (const void *)&address, sizeof(address)) ? errno : 0;
}

static int call_port(const char *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons((in_port_t)atoi(port)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int socket_ = socket(AF_INET, SOCK_STREAM, 0);

	return connect(socket_, (const void *)&in, sizeof(in)) ? errno : 0;
}

static const struct {
	const char *name;
	int (*call)(const char *word);
} calls[] = {
	{ "sendmmsg", call_sendmmsg }, { "sendmsg", call_sendmsg }, { "path", call_path },
	{ "bind", call_bind },         { "port", call_port },
};

static int caller(const char *name, const char *word)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].name, name) == 0) {
			int error = calls[i].call(word);

			printf("%s\n", error ? strerrorname_np(error) : "ok");
			fflush(stdout);
			return error;
		}
	return ENOSYS;
}

static void *execute(void *words)
{
	char **argv = words;

	sleep(1);
	execv(argv[0], argv);
	exit(errno);
}

static int executed(const char *word, char **argv)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, execute, argv))
		return EAGAIN;
	call_sendmmsg(word);
	pause();
	return 0;
}

static int watch(int seconds)
{
	static const char nothing[4096];
	const void *place = memory();

	printf("watches %d\n", (int)getpid());
	fflush(stdout);
	for (int i = 0; i < 10 * seconds; i++) {
		usleep(100000);
		if (memcmp(place, nothing, sizeof(nothing)) != 0) {
			puts("written");
			return 1;
		}
	}
	puts("untouched");
	return 0;
}

static void await(const char *word)
{
	char line[64];

	while (fgets(line, sizeof(line), stdin))
		if (strncmp(line, word, strlen(word)) == 0)
			return;
	exit(1);
}

int main(int argc, char **argv)
{
	pid_t child;
	int status;

	if (argc == 3 && strcmp(argv[1], "watch") == 0)
		return watch(atoi(argv[2]));
	shared = socket(AF_UNIX, SOCK_STREAM, 0);
	if (argc == 3)
		return caller(argv[1], argv[2]);
	if (argc < 4)
		return 2;
	if (strcmp(argv[1], "exec") == 0)
		return executed(argv[2], argv + 3);
	child = fork();
	if (child == 0)
		exit(caller(argv[1], argv[2]));
	printf("%d\n", (int)child);
	fflush(stdout);
	await("kill");
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	puts("gone");
	fflush(stdout);
	await("start");
	child = fork();
	if (child == 0) {
		execv(argv[3], argv + 3);
		exit(errno);
	}
	printf("%d\n", (int)child);
	fflush(stdout);
	waitpid(child, &status, 0);
	printf("ended %d\n", WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
	fflush(stdout);
	return 0;
}
