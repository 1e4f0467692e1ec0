/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every kind of process and thread that may call: each makes the same plain connect to the listener
 * that no rule names. Run by test_escape.py and test_escape_root.py, which put an unreadable and a
 * set-uid copy of the program beside it.
 */
#include "plain_connect.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>

static int vforked(void)
{
	volatile int error = 0;
	pid_t child = vfork();

	if (child == 0) {
		error = plain();
		_exit(0);
	}
	child_result(child);
	return error;
}

/* What a process that nobody waits for wrote. */
static int told(const int ends[2])
{
	int error = ECANCELED;

	close(ends[1]);
	return read(ends[0], &error, sizeof(error)) < 0 ? errno : error;
}

static void tell(const int ends[2])
{
	int error = plain();

	if (write(ends[1], &error, sizeof(error)) < 0)
		_exit(2);
	_exit(0);
}

static int orphan(void)
{
	int ends[2];
	pid_t parent;

	if (pipe(ends))
		return errno;
	parent = fork();
	if (parent == 0) {
		parent = getpid();
		if (fork() == 0) {
			while (getppid() == parent)
				usleep(1000);
			tell(ends);
		}
		_exit(0);
	}
	waitpid(parent, NULL, 0);
	return told(ends);
}

static char stack[65536] __attribute__((aligned(16)));

static int cloned_main(void *unused)
{
	(void)unused;
	return plain();
}

static int cloned(void)
{
	return child_result(clone(cloned_main, stack + sizeof(stack), CLONE_VM | CLONE_FILES, NULL));
}

static int sibling(void)
{
	int ends[2];

	if (pipe(ends))
		return errno;
	if (syscall(__NR_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0) == 0)
		tell(ends);
	return told(ends);
}

static void *thread_main(void *unused)
{
	(void)unused;
	return (void *)(intptr_t)plain();
}

static int thread(void)
{
	pthread_t other;
	void *error;

	pthread_create(&other, NULL, thread_main, NULL);
	pthread_join(other, &error);
	return (int)(intptr_t)error;
}

static void *unshared_main(void *unused)
{
	(void)unused;
	unshare(CLONE_FILES | CLONE_FS);
	return (void *)(intptr_t)plain();
}

static int unshared(void)
{
	pthread_t other;
	void *error;

	pthread_create(&other, NULL, unshared_main, NULL);
	pthread_join(other, &error);
	return (int)(intptr_t)error;
}

static void *survivor_main(void *unused)
{
	char state = 0;

	(void)unused;
	while (state != 'Z') {
		char text[512] = "";
		int file = open("/proc/self/stat", O_RDONLY);

		if (read(file, text, sizeof(text) - 1) > 0)
			state = *(strrchr(text, ')') + 2);
		close(file);
	}
	_exit(plain());
}

static int leaderless(void)
{
	pid_t child = fork();

	if (child == 0) {
		pthread_t other;

		pthread_create(&other, NULL, survivor_main, NULL);
		pthread_exit(NULL);
	}
	return child_result(child);
}

static int nondumpable(void)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return plain();
}

static int grandchild(void)
{
	pid_t child = fork();

	if (child == 0) {
		child = fork();
		_exit(child == 0 ? plain() : child_result(child));
	}
	return child_result(child);
}

static int daemonized(void)
{
	int ends[2];

	if (pipe(ends))
		return errno;
	if (fork() == 0) {
		setsid();
		if (chdir("/") == 0 && fork() == 0)
			tell(ends);
		_exit(0);
	}
	return told(ends);
}

/* Stopped before it calls, and continued. */
static int stopped(void)
{
	pid_t child = fork();

	if (child == 0) {
		raise(SIGSTOP);
		_exit(plain());
	}
	waitpid(child, NULL, WUNTRACED);
	kill(child, SIGCONT);
	return child_result(child);
}

static volatile int handled = ECANCELED;

static void on_signal(int number)
{
	(void)number;
	handled = plain();
}

static int handler(void)
{
	signal(SIGUSR1, on_signal);
	raise(SIGUSR1);
	return handled;
}

/* A program that connects as its first deed, run in place of a child. */
static int by_program(int fd, const char *path)
{
	char port[16];
	char *const words[] = { (char *)"probe", (char *)"from_itself", port,
				(char *)"1",     (char *)"-",           NULL };
	pid_t child;

	snprintf(port, sizeof(port), "%d", target.refused);
	child = fork();
	if (child == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDOUT_FILENO);
		if (path)
			execv(path, words);
		else
			fexecve(fd, words, environ);
		_exit(errno);
	}
	return child_result(child);
}

static int beside(const char *suffix)
{
	char path[256];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 16);

	if (length < 0)
		return errno;
	snprintf(path + length, 16, "%s", suffix);
	return by_program(-1, path);
}

static int same_program(void)
{
	return beside("");
}

static int unreadable(void)
{
	return beside(".unreadable");
}

static int set_uid(void)
{
	return beside(".setuid");
}

/* It says nothing where it is refused the very call to end. */
static int compatible(void)
{
	int error = beside(".32");

	return error == ECANCELED ? ENOSYS : error;
}

static int memory_program(void)
{
	int self = open("/proc/self/exe", O_RDONLY);
	int copy = memfd_create("program", MFD_CLOEXEC);

	while (sendfile(copy, self, NULL, 1 << 20) > 0)
		;
	return by_program(copy, NULL);
}

/* The socket was another process's: received with a message. */
static int received(void)
{
	int pair[2];
	char buffer[CMSG_SPACE(sizeof(int))] = "";
	struct iovec vector = { (char *)"x", 1 };
	struct msghdr message = { .msg_iov = &vector,
				  .msg_iovlen = 1,
				  .msg_control = buffer,
				  .msg_controllen = sizeof(buffer) };
	struct cmsghdr *control = CMSG_FIRSTHDR(&message);
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);
	int fd;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return errno;
	if (fork() == 0) {
		fd = stream(AF_INET);
		*control = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(control), &fd, sizeof(fd));
		_exit(sendmsg(pair[0], &message, 0) < 0);
	}
	vector.iov_base = (char[1]){ 0 };
	if (recvmsg(pair[1], &message, 0) < 0)
		return errno;
	memcpy(&fd, CMSG_DATA(control), sizeof(fd));
	return dial(fd, &in, sizeof(in));
}

/* The socket is another process's still: taken from it. */
static int taken(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);
	int ends[2];
	int fd, error;
	pid_t child;

	if (pipe(ends))
		return errno;
	child = fork();
	if (child == 0) {
		fd = stream(AF_INET);
		if (write(ends[1], &fd, sizeof(fd)) < 0)
			_exit(2);
		pause();
	}
	if (read(ends[0], &fd, sizeof(fd)) < 0)
		return errno;
	fd = (int)syscall(__NR_pidfd_getfd, syscall(__NR_pidfd_open, child, 0), fd, 0);
	error = fd < 0 ? errno : dial(fd, &in, sizeof(in));
	kill(child, SIGKILL);
	return error;
}

/* Its tracer, who may be root, has its filters suspended. */
static int unfiltered(void)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		raise(SIGSTOP);
		_exit(plain());
	}
	waitpid(child, NULL, WUNTRACED);
	if (ptrace(PTRACE_SEIZE, child, 0, 0x00200000 /* PTRACE_O_SUSPEND_SECCOMP */)) {
		int error = errno;

		kill(child, SIGKILL);
		return error;
	}
	kill(child, SIGCONT);
	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status))
		ptrace(PTRACE_CONT, child, 0, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : ECANCELED;
}

static const struct probe probes[] = {
	{ "from_vfork", vforked },
	{ "from_orphan", orphan },
	{ "from_clone_vm", cloned },
	{ "from_sibling", sibling },
	{ "from_thread", thread },
	{ "from_unshared_thread", unshared },
	{ "from_thread_without_leader", leaderless },
	{ "from_nondumpable", nondumpable },
	{ "from_grandchild", grandchild },
	{ "from_daemon", daemonized },
	{ "from_stopped", stopped },
	{ "from_signal_handler", handler },
	{ "from_itself", plain },
	{ "from_same_program", same_program },
	{ "from_unreadable_program", unreadable },
	{ "from_setuid_program", set_uid },
	{ "from_program_in_memory", memory_program },
	{ "from_32_bit_program", compatible },
	{ "with_received_socket", received },
	{ "with_socket_of_another", taken },
	{ "tracer_suspends_filters", unfiltered },
};
PROBE_MAIN(probes)
