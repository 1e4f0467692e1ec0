/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program that opens a PAM session and runs a command in it, as the tests' service that nobody
 * knows; with "gate", in the order of sshd; with "on", whatever it was answered; with "often",
 * after 40 more sessions, with the number of filters; with "host", one that holds much and says
 * what opening the session has changed. The words: service, user, mode, command or MiB.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <locale.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fault_mark.h"

#define DESCRIPTORS 1000
#define SNAPSHOT    (1U << 20)
#define SIGNALS     64

extern char **environ;

static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
		    void *data)
{
	(void)data;
	*responses = calloc((size_t)count, sizeof(**responses));
	for (int i = 0; i < count; i++)
		fprintf(stderr, "%s\n", messages[i]->msg);
	return *responses ? PAM_SUCCESS : PAM_BUF_ERR;
}

static void become(const char *user)
{
	const struct passwd *entry = getpwnam(user);
	uid_t uid = (uid_t)strtoul(user, NULL, 10);

	/* As a program would that knows accounts which the module does not. */
	if (!entry && uid != 0 && setgid(uid) == 0 && setuid(uid) == 0)
		return;
	if (!entry || initgroups(user, entry->pw_gid) || setgid(entry->pw_gid) ||
	    setuid(entry->pw_uid) || setenv("HOME", entry->pw_dir, 1))
		_exit(70);
}

/* Before and after the module is asked. */
static void mark(void)
{
	(void)syscall(MARK);
}

static int open_session(pam_handle_t *pamh, bool gate)
{
	int result = PAM_SUCCESS;

	mark();
	if (gate)
		result = pam_acct_mgmt(pamh, 0);
	if (gate && result == PAM_SUCCESS)
		result = pam_setcred(pamh, PAM_ESTABLISH_CRED);
	if (result == PAM_SUCCESS)
		result = pam_open_session(pamh, 0);
	mark();
	return result;
}

/* sshd's child does not heed what it is answered. */
static void child_enter(pam_handle_t *pamh)
{
	mark();
	(void)pam_setcred(pamh, PAM_ESTABLISH_CRED);
	mark();
}

static int run(pam_handle_t *pamh, bool gate, const char *user, const char *command)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (gate)
			child_enter(pamh);
		become(user);
		execl("/bin/bash", "bash", "-c", command, NULL);
		_exit(71);
	}
	/* Any child, as login(1). */
	if (wait(&status) != pid)
		return 72;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The host ------------------------------------------------------------------------------------- */

struct snapshot {
	size_t length;
	char text[SNAPSHOT];
};

__attribute__((format(printf, 2, 3))) static void note(struct snapshot *snapshot,
						       const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(snapshot->text + snapshot->length, SNAPSHOT - snapshot->length, format,
			   arguments);
	va_end(arguments);
	snapshot->length += (size_t)length;
	if (snapshot->length >= SNAPSHOT)
		_exit(73);
}

static void note_descriptors(struct snapshot *snapshot)
{
	char name[64];
	char target[4096];
	struct stat status;

	for (int fd = 0; fd < 4 * DESCRIPTORS; fd++) {
		ssize_t length;

		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		length = readlink(name, target, sizeof(target));
		if (length >= 0 && fstat(fd, &status) == 0)
			note(snapshot, "descriptor %d: %.*s %lu flags %d %d at %ld\n", fd,
			     (int)length, target, (unsigned long)status.st_ino, fcntl(fd, F_GETFD),
			     fcntl(fd, F_GETFL), (long)lseek(fd, 0, SEEK_CUR));
	}
}

static void note_signals(struct snapshot *snapshot)
{
	sigset_t mask;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int number = 1; number <= SIGNALS; number++) {
		struct sigaction action = { 0 };

		sigaction(number, NULL, &action);
		note(snapshot, "signal %d: handler %p flags %x blocked %d\n", number,
		     (void *)action.sa_handler, (unsigned)action.sa_flags,
		     sigismember(&mask, number));
	}
}

/* Lines of a file, without those that only time changes. */
static void note_file(struct snapshot *snapshot, const char *path, const char *const *words)
{
	FILE *file = fopen(path, "re");
	char line[4096];

	while (file && fgets(line, sizeof(line), file))
		for (const char *const *word = words; *word; word++)
			if (strncmp(line, *word, strlen(*word)) == 0)
				note(snapshot, "%s", line);
	if (file)
		fclose(file);
}

static void note_process(struct snapshot *snapshot)
{
	static const char *const kept[] = { "Name",       "Umask",  "State",  "Tgid",   "PPid",
					    "TracerPid",  "Uid",    "Gid",    "Groups", "Threads",
					    "SigPnd",     "ShdPnd", "CapPrm", "CapEff", "CapAmb",
					    "NoNewPrivs", NULL };
	char directory[4096];
	struct itimerval timer;
	mode_t mask = umask(0);

	umask(mask);
	note_file(snapshot, "/proc/self/status", kept);
	note_file(snapshot, "/proc/self/limits", (const char *const[]){ "Max", NULL });
	note_file(snapshot, "/proc/self/loginuid", (const char *const[]){ "", NULL });
	note_file(snapshot, "/proc/self/oom_score_adj", (const char *const[]){ "", NULL });
	getitimer(ITIMER_REAL, &timer);
	note(snapshot, "umask %o directory %s locale %s dumpable %d subreaper timer %ld errors %d\n",
	     (unsigned)mask, getcwd(directory, sizeof(directory)), setlocale(LC_ALL, NULL),
	     prctl(PR_GET_DUMPABLE), (long)timer.it_value.tv_sec, opterr);
	note(snapshot, "session %d group %d nice %d\n", getsid(0), getpgid(0),
	     getpriority(PRIO_PROCESS, 0));
	for (char **entry = environ; *entry; entry++)
		note(snapshot, "environment %s\n", *entry);
}

static struct snapshot *take(void)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

	note_descriptors(snapshot);
	note_signals(snapshot);
	note_process(snapshot);
	return snapshot;
}

/* Lines that stand in one of the two alone. */
static int differ(const char *sign, const struct snapshot *one, const struct snapshot *other)
{
	int count = 0;

	for (const char *line = one->text; *line; line = strchr(line, '\n') + 1) {
		char whole[8192];

		snprintf(whole, sizeof(whole), "%.*s", (int)(strchr(line, '\n') - line) + 1, line);
		if (strstr(other->text, whole))
			continue;
		printf("%s%s", sign, whole);
		count++;
	}
	return count;
}

static volatile sig_atomic_t signals_seen;

static void seen(int number)
{
	(void)number;
	signals_seen++;
}

static void *host_fill(size_t mebibytes)
{
	const struct rlimit many = { 4 * DESCRIPTORS, 4 * DESCRIPTORS };
	struct sigaction action = { .sa_handler = seen };
	size_t size = mebibytes << 20;
	char *heap = malloc(size);
	sigset_t blocked;

	setlocale(LC_ALL, "C.UTF-8");
	setrlimit(RLIMIT_NOFILE, &many);
	for (int i = 0; i < DESCRIPTORS; i++)
		if (open(i % 2 ? "/dev/null" : "/etc/hosts", O_RDONLY | (i % 3 ? 0 : O_CLOEXEC)) < 0)
			_exit(74);
	for (int number = 1; number <= SIGNALS; number++)
		sigaction(number, &action, NULL);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	kill(getpid(), SIGUSR1); /* stays pending */
	umask(027);
	if (heap)
		memset(heap, 1, size);
	return heap;
}

/* Of our own work: a copy of the memory's tables would be that, and the machine may be busy. */
static double milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int host(pam_handle_t *pamh, size_t mebibytes)
{
	void *heap = host_fill(mebibytes);
	int ends[2];
	pid_t own = pipe(ends) ? -1 : fork();
	struct snapshot *before;
	struct snapshot *after;
	double start;
	int result;
	int status;

	if (own == 0) {
		char byte;

		close(ends[1]);
		(void)!read(ends[0], &byte, 1);
		_exit(0);
	}
	before = take();
	start = milliseconds();
	result = pam_open_session(pamh, 0);
	printf("opened %d in %.1f ms\n", result, milliseconds() - start);
	after = take();
	if (differ("- ", before, after) + differ("+ ", after, before) == 0)
		printf("nothing changed\n");
	printf("signals seen: %d\n", (int)signals_seen);
	printf("a child that has ended: %d\n", (int)waitpid(-1, &status, WNOHANG | __WALL));
	signal(SIGCHLD, SIG_DFL);
	/* Not by a signal: a session sends none to who was there before it. */
	close(ends[1]);
	printf("the own child: %d\n", waitpid(-1, &status, __WALL) == own);
	printf("another child: %d\n", waitpid(-1, &status, __WALL) < 0 && errno == ECHILD ? 0 : 1);
	free(heap);
	return result;
}

int main(int argc, char **argv)
{
	const struct pam_conv conversation = { converse, NULL };
	pam_handle_t *pamh = NULL;
	bool gate;
	int result;

	if (argc != 5)
		return 64;
	gate = strcmp(argv[3], "gate") == 0;
	result = pam_start(argv[1], argv[2], &conversation, &pamh);
	if (result == PAM_SUCCESS && strcmp(argv[3], "host") == 0)
		return host(pamh, strtoul(argv[4], NULL, 10));
	if (result == PAM_SUCCESS)
		result = open_session(pamh, gate);
	for (int i = 0; i < 40 && strcmp(argv[3], "often") == 0; i++)
		(void)pam_open_session(pamh, 0);
	if (strcmp(argv[3], "often") == 0 &&
	    system("sed -n 's/^Seccomp_filters:\t//p' /proc/$PPID/status"))
		return 76;
	if (result != PAM_SUCCESS) {
		fprintf(stderr, "opener: %s\n", pam_strerror(pamh, result));
		if (strcmp(argv[3], "on") != 0 && strcmp(argv[3], "often") != 0)
			return 1;
	}
	result = run(pamh, gate, argv[2], argv[4]);
	if (pam_close_session(pamh, 0) != PAM_SUCCESS || pam_end(pamh, PAM_SUCCESS) != PAM_SUCCESS)
		return 75;
	return result;
}
