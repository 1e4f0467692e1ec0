/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether an ssh agent serves a socket. Distrusts a process's own name and the number of the
 * process that once listened; only the program that the kernel reports for a process counts.
 */
#include "agent_holders.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sock_diag.h"
#include "start_wait.h"
#include "unix_diag.h"
#include "unix_file.h"
#include "util.h"

#define LINK_MAX_HERE 32
#define NAME_SIZE     108 /* of sun_path */
#define STATUS_SIZE   1024
#define ENTRIES_SIZE  4096
#define COMM_LENGTH   15 /* of the name that the kernel keeps of a process */
#define LOOK_MS       2000
#define SHORTEST_TAIL 6 /* what mkdtemp(3) makes of XXXXXX */

/* The programs; for those with more sockets than the agent's, also the file name: their other
 * sockets start programs, or change what is started. */
static const struct {
	const char *program;
	const char *socket;
} agents[] = {
	{ "sshd", NULL },
	{ "sshd-session", NULL },
	{ "ssh-agent", NULL },
	{ "gpg-agent", "S.gpg-agent.ssh" },
	{ "gnome-keyring-daemon", "ssh" },
};

/* Processes of the user that cannot be inspected and have no sockets of others: our own, and the
 * waiting half of systemd's PAM session. */
static const char *const harmless[] = {
	"sandlock-shell",  "sandlock-superv", "sandlock-resolv",
	"sandlock-networ", "sandlock-planne", "(sd-pam)",
};

struct scan {
	uid_t uid;
	uint64_t cookie;
	char link[LINK_MAX_HERE]; /* as /proc/PID/fd shows the socket */
	char name[NAME_SIZE];     /* that it was bound to */
	bool found;
	bool users;         /* a process of the user's made it */
	unsigned holders;   /* agents that have it open */
	bool other;         /* another process has it open */
	unsigned closed;    /* agents of the user that cannot be inspected */
	bool closed_others; /* other processes of the user */
	bool hidden;        /* there may be more */
	bool late;          /* because there was no time to look at them */
	int64_t end;        /* of the time to look */
};

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_agent(const struct scan *scan, const char *program, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(agents); i++)
		if (strncmp(program, agents[i].program, length) == 0 &&
		    (!agents[i].socket || strcmp(base_of(scan->name), agents[i].socket) == 0))
			return true;
	return false;
}

static bool is_harmless(const char *comm)
{
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		if (strcmp(comm, harmless[i]) == 0)
			return true;
	return false;
}

/* A program counts where root has installed it: anybody can copy and rename one. */
static bool runs_agent(const struct scan *scan, int process)
{
	static const char deleted[] = " (deleted)"; /* an update has replaced it */
	char path[PATH_MAX];
	struct stat status;
	ssize_t length = readlinkat(process, "exe", path, sizeof(path) - 1);
	char *end;

	if (length < 0 || fstatat(process, "exe", &status, 0) || status.st_uid != 0 ||
	    (status.st_mode & (S_IWGRP | S_IWOTH)))
		return false;
	path[length] = '\0';
	end = strstr(path, deleted);
	if (end && end[sizeof(deleted) - 1] == '\0')
		*end = '\0';
	return is_agent(scan, base_of(path), SIZE_MAX);
}

/* A directory as it is read; opendir(3) would allocate. */
struct entries {
	int fd;
	long length;
	long at;
	char buffer[ENTRIES_SIZE] __attribute__((aligned(8)));
};

/* NULL at the end. */
static const char *entry_next(struct entries *entries)
{
	const struct dirent *entry;

	if (entries->at >= entries->length) {
		entries->length = syscall(__NR_getdents64, entries->fd, entries->buffer,
					  sizeof(entries->buffer));
		entries->at = 0;
	}
	if (entries->length <= 0)
		return NULL;
	entry = (const void *)(entries->buffer + entries->at);
	entries->at += entry->d_reclen;
	return entry->d_name;
}

/* Anybody can hold hundreds of thousands of descriptors, and the login waits meanwhile. */
static bool is_late(struct scan *scan)
{
	scan->late |= start_now_ms() >= scan->end;
	return scan->late;
}

/* 1: the thread has the socket, 0: not, or a negative errno. */
static int thread_holds(struct scan *scan, int tasks, const char *thread)
{
	cleanup_fd int task = openat(tasks, thread, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int fd = task < 0 ? -1 : openat(task, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct entries entries = { .fd = fd };
	const char *number;

	if (fd < 0)
		return -errno;
	while (!is_late(scan) && (number = entry_next(&entries))) {
		char name[LINK_MAX_HERE];
		ssize_t length = readlinkat(fd, number, name, sizeof(name) - 1);

		if (length < 0 && errno == EACCES)
			return -EACCES;
		if (length <= 0)
			continue;
		name[length] = '\0';
		if (strcmp(name, scan->link) == 0)
			return 1;
	}
	return 0;
}

/* The same of a process: each thread may have descriptors of its own. */
static int holds_socket(struct scan *scan, int process)
{
	cleanup_fd int tasks = openat(process, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct entries entries = { .fd = tasks };
	const char *thread;
	int refused = 0;

	if (tasks < 0)
		return -errno;
	while (!is_late(scan) && (thread = entry_next(&entries))) {
		int holds = isdigit((unsigned char)thread[0]) ? thread_holds(scan, tasks, thread) : 0;

		if (holds == 1)
			return 1;
		if (holds < 0 && holds != -ESRCH && holds != -ENOENT)
			refused = holds;
	}
	return refused;
}

static bool has_uid(const char *status, uid_t uid)
{
	const char *at = strstr(status, "\nUid:");

	at = at ? at + sizeof("\nUid:") - 1 : "";
	/* Real, effective, saved, of files. */
	while (*at == '\t' || isdigit((unsigned char)*at)) {
		uint64_t value = 0;

		for (; *at == '\t'; at++)
			;
		for (; isdigit((unsigned char)*at); at++)
			value = value * 10 + (uint64_t)(*at - '0');
		if (value == uid)
			return true;
	}
	return false;
}

static ssize_t text_read(int process, const char *what, char *text, size_t size)
{
	cleanup_fd int fd = openat(process, what, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, size - 1);

	if (length >= 0)
		text[length] = '\0';
	return length;
}

/* A process that has ended, all its threads too, has nothing open; it only waits to be reaped. */
static bool has_ended(const char *status)
{
	return (strstr(status, "\nState:\tZ") || strstr(status, "\nState:\tX")) &&
	       strstr(status, "\nThreads:\t1\n");
}

/* A process that cannot be inspected is known only by its own name. */
static void closed_see(struct scan *scan, int process)
{
	char status[STATUS_SIZE];
	char comm[COMM_LENGTH + 2];
	ssize_t length;

	if (text_read(process, "status", status, sizeof(status)) < 0) {
		scan->hidden |= errno != ESRCH && errno != ENOENT;
		return;
	}
	if (!has_uid(status, scan->uid) || has_ended(status))
		return;
	length = text_read(process, "comm", comm, sizeof(comm));
	if (length < 1)
		return;
	/* Replaces the newline. */
	comm[length - 1] = '\0';
	if (is_agent(scan, comm, COMM_LENGTH))
		scan->closed++;
	else
		scan->closed_others |= !is_harmless(comm);
}

static bool is_number(const char *text)
{
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* ".../ssh-XXXXXXXXXX/agent.123", as sshd and ssh-agent choose by themselves; since OpenSSH 10.1
 * ".ssh/agent/s.WORDS". */
static bool has_agent_name(const char *name)
{
	static const char newer[] = "/.ssh/agent/";
	static const char older[] = "agent.";
	const char *base = base_of(name);
	const char *directory = base;

	if (strncmp(base, "s.", 2) == 0)
		return base - name >= (ptrdiff_t)sizeof(newer) &&
		       strncmp(base - (sizeof(newer) - 1), newer, sizeof(newer) - 1) == 0;
	if (base == name || strncmp(base, older, sizeof(older) - 1) != 0 ||
	    !is_number(base + sizeof(older) - 1))
		return false;
	for (directory--; directory > name && directory[-1] != '/'; directory--)
		;
	return strncmp(directory, "ssh-", 4) == 0 && base - 1 - directory >= 4 + SHORTEST_TAIL;
}

static void process_see(struct scan *scan, int proc, const char *number)
{
	/* It stays with this process, and does not reach a later one of its number. */
	cleanup_fd int process = openat(proc, number, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int holds = process < 0 ? -errno : holds_socket(scan, process);

	if (holds == 1 && runs_agent(scan, process))
		scan->holders++;
	else if (holds == 1)
		scan->other = true;
	/* Where the name of the socket decides, the owner of the process need not be known. */
	else if ((holds == -EACCES || holds == -EPERM) && has_agent_name(scan->name))
		scan->closed_others = true;
	else if (holds == -EACCES || holds == -EPERM)
		closed_see(scan, process);
	else if (holds < 0 && holds != -ESRCH && holds != -ENOENT)
		scan->hidden = true;
}

static void processes_see(struct scan *scan)
{
	cleanup_fd int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct entries entries = { .fd = proc };
	const char *number;

	/* If it is not visible, /proc hides the processes of others, and those of the user that the
	 * user may not inspect. */
	scan->hidden = proc < 0 || faccessat(proc, "1/status", R_OK, 0);
	while (!scan->other && !is_late(scan) && (number = entry_next(&entries)))
		if (isdigit((unsigned char)number[0]))
			process_see(scan, proc, number);
}

static void socket_see(const struct unix_socket *socket, void *data)
{
	struct scan *scan = data;

	if (socket->cookie != scan->cookie || !socket->name || socket->name_length >= NAME_SIZE)
		return;
	scan->found = true;
	scan->users = socket->has_uid && socket->uid == scan->uid;
	memcpy(scan->name, socket->name, socket->name_length);
	scan->name[socket->name_length] = '\0';
}

static enum agent_verdict verdict_of(const struct scan *scan)
{
	if (scan->other)
		return AGENT_OTHER;
	/* A process that there was no time to check could be any, whatever the name. */
	if (scan->late)
		return AGENT_UNSEEN;
	/* All were checked. */
	if (!scan->hidden && scan->closed == 0 && !scan->closed_others)
		return scan->holders > 0 ? AGENT_SERVED : AGENT_UNSEEN;
	/* bind(2) had that name, whatever the file is called by now: no other server can take
	 * it. */
	if (has_agent_name(scan->name))
		return AGENT_SERVED;
	if (scan->hidden || scan->closed_others)
		return AGENT_UNSEEN;
	return AGENT_SERVED;
}

enum agent_verdict agent_holders_judge(int path_fd, const struct stat *status, uid_t uid)
{
	struct scan scan = { .uid = uid, .end = start_now_ms() + LOOK_MS };
	cleanup_fd int diag = sock_diag_open();
	struct unix_matches matches;
	struct unix_file file;

	if (diag < 0 || unix_file_identify(path_fd, status, &file) ||
	    unix_file_sockets(diag, &file, UNIX_FILE_LISTENING, &matches))
		return AGENT_UNSEEN;
	if (matches.count == 0)
		return AGENT_DEAD;
	if (matches.count > 1 || !matches.sure)
		return AGENT_UNSEEN;
	scan.cookie = matches.sockets[0].cookie;
	snprintf(scan.link, sizeof(scan.link), "socket:[%u]", matches.sockets[0].inode);
	if (unix_diag_each(diag, true, UNIX_DIAG_WHO, socket_see, &scan) || !scan.found)
		return AGENT_UNSEEN;
	if (!scan.users)
		return AGENT_FOREIGN;
	processes_see(&scan);
	return verdict_of(&scan);
}
