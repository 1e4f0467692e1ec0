/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program with a second thread that opens a PAM session, as display managers do. The words:
 * service, user, who ("caller" or "other": the thread that starts the session's command;
 * "dropped": the other one has taken the user's ids before; "itself": it connects), command or
 * address and port.
 */
#include <arpa/inet.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static sem_t opened;

struct work {
	int (*does)(char **words);
	char **words;
	int result;
};

static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
		    void *data)
{
	(void)messages;
	(void)data;
	*responses = calloc((size_t)count, sizeof(**responses));
	return *responses ? PAM_SUCCESS : PAM_BUF_ERR;
}

/* 70: the child could not become the user. */
static int run(char **words)
{
	const struct passwd *entry = getpwnam(words[0]);
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (!entry || initgroups(entry->pw_name, entry->pw_gid) || setgid(entry->pw_gid) ||
		    setuid(entry->pw_uid))
			_exit(70);
		execl("/bin/bash", "bash", "-c", words[2], NULL);
		_exit(71);
	}
	if (waitpid(pid, &status, 0) != pid)
		return 72;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* As lightdm does to write the user's files. */
static int ids_take(const char *user)
{
	const struct passwd *entry = getpwnam(user);

	return entry ? setresuid(entry->pw_uid, entry->pw_uid, (uid_t)-1) : -1;
}

/* All threads have the user's ids; the child needs no more. 71: it could not start a program. */
static int run_dropped(char **words)
{
	pid_t pid;
	int status;

	if (ids_take(words[0]))
		return 73;
	pid = fork();
	if (pid == 0) {
		execl("/bin/bash", "bash", "-c", words[2], NULL);
		_exit(71);
	}
	if (waitpid(pid, &status, 0) != pid)
		return 72;
	return setresuid(0, 0, (uid_t)-1) ? 74 : WEXITSTATUS(status);
}

static int say_hello(char **words)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)atoi(words[3])) };
	struct msghdr message = { 0 };
	struct iovec vector = { (char *)"hello", 5 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	message.msg_iov = &vector;
	message.msg_iovlen = 1;
	inet_pton(AF_INET, words[2], &address.sin_addr);
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
			       sendmsg(fd, &message, MSG_NOSIGNAL) == 5
		       ? 0
		       : 1;
}

static void *other(void *data)
{
	struct work *work = data;

	while (sem_wait(&opened))
		;
	work->result = work->does(work->words);
	return NULL;
}

int main(int argc, char **argv)
{
	const struct pam_conv conversation = { converse, NULL };
	struct work work = { NULL, argv + 2, 0 };
	pam_handle_t *pamh = NULL;
	pthread_t thread;
	int result;

	if (argc < 5 || sem_init(&opened, 0, 0))
		return 64;
	work.does = strcmp(argv[3], "itself") == 0    ? say_hello
		    : strcmp(argv[3], "dropped") == 0 ? run_dropped
						      : run;
	if (pthread_create(&thread, NULL, other, &work))
		return 65;
	result = pam_start(argv[1], argv[2], &conversation, &pamh);
	if (result == PAM_SUCCESS)
		result = pam_open_session(pamh, 0);
	if (result != PAM_SUCCESS) {
		fprintf(stderr, "threads: %s\n", pam_strerror(pamh, result));
		return 1;
	}
	if (strcmp(argv[3], "caller") == 0) {
		if (ids_take(argv[2]) || setresuid(0, 0, (uid_t)-1))
			return 73;
		result = run(argv + 2);
	} else {
		sem_post(&opened);
		pthread_join(thread, NULL);
		result = work.result;
	}
	pam_close_session(pamh, 0);
	pam_end(pamh, PAM_SUCCESS);
	return result;
}
