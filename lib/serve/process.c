/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Another process: memory, descriptors, status. Distrusts everything it reads.
 */
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "compat.h"
#include "util.h"

#define STATUS_MAX  4096
#define GROUPS_MAX  256
#define PROC_NAME   64
#define THREADS_MAX 64 /* looked at for a stop, at most */

int process_read(pid_t thread, uint64_t address, void *buffer, size_t length)
{
	struct iovec local = { buffer, length };
	struct iovec remote = { (void *)(uintptr_t)address, length };
	ssize_t got;

	if (length == 0)
		return 0;
	got = process_vm_readv(thread, &local, 1, &remote, 1, 0);
	if (got < 0)
		return -errno;
	return (size_t)got == length ? 0 : -EFAULT;
}

int process_write(pid_t thread, uint64_t address, const void *buffer, size_t length)
{
	struct iovec local = { (void *)(uintptr_t)buffer, length };
	struct iovec remote = { (void *)(uintptr_t)address, length };
	ssize_t put = process_vm_writev(thread, &local, 1, &remote, 1, 0);

	if (put < 0)
		return -errno;
	return (size_t)put == length ? 0 : -EFAULT;
}

int process_memory_open(pid_t thread)
{
	char name[PROC_NAME];
	long memory;

	snprintf(name, sizeof(name), "/proc/%d/mem", (int)thread);
	/* Exactly these flags: the supervisor's filter allows no others that write. */
	memory = syscall(__NR_openat, AT_FDCWD, name, O_WRONLY | O_CLOEXEC);
	return memory < 0 ? -errno : (int)memory;
}

int process_memory_write(int memory, uint64_t address, const void *buffer, size_t length)
{
	long put = syscall(__NR_pwrite64, memory, buffer, length, address);

	return put == (long)length ? 0 : -EFAULT;
}

ssize_t process_gather(pid_t thread, struct iovec *vectors, size_t count, size_t skip, void *buffer,
		       size_t limit)
{
	struct iovec local = { buffer, 0 };
	size_t first = 0;
	size_t last;
	ssize_t got;

	while (first < count && skip >= vectors[first].iov_len)
		skip -= vectors[first++].iov_len;
	if (first < count) {
		vectors[first].iov_base = (void *)((uintptr_t)vectors[first].iov_base + skip);
		vectors[first].iov_len -= skip;
	}
	for (last = first; last < count && local.iov_len < limit; last++) {
		if (vectors[last].iov_len > limit - local.iov_len)
			vectors[last].iov_len = limit - local.iov_len;
		local.iov_len += vectors[last].iov_len;
	}
	if (local.iov_len == 0)
		return 0;
	got = process_vm_readv(thread, &local, 1, vectors + first, last - first, 0);
	if (got < 0)
		return -errno;
	return (size_t)got == local.iov_len ? got : -EFAULT;
}

/* -EINVAL for a thread that does not lead its process, before Linux 6.9. */
static int pidfd_open_thread(pid_t thread)
{
	long pidfd = syscall(__NR_pidfd_open, thread, 0);

	if (pidfd < 0 && (errno == EINVAL || errno == ENOENT))
		pidfd = syscall(__NR_pidfd_open, thread, PIDFD_THREAD);
	return pidfd < 0 ? -errno : (int)pidfd;
}

/* For the thread group, with which a thread nearly always shares its descriptors. */
static int pidfd_open_group(pid_t thread)
{
	struct process_status status;
	int error = process_read_status(thread, &status);
	long pidfd;

	if (error)
		return error;
	pidfd = syscall(__NR_pidfd_open, status.group, 0);
	return pidfd < 0 ? -errno : (int)pidfd;
}

int process_pidfd(pid_t thread)
{
	int pidfd = pidfd_open_thread(thread);

	return pidfd == -EINVAL ? pidfd_open_group(thread) : pidfd;
}

int process_signal(int pidfd, int number)
{
	long result = syscall(__NR_pidfd_send_signal, pidfd, number, NULL, PIDFD_SIGNAL_THREAD);

	if (result < 0 && errno == EINVAL)
		result = syscall(__NR_pidfd_send_signal, pidfd, number, NULL, 0);
	return result < 0 ? -errno : 0;
}

static int descriptor_get(int pidfd, int number)
{
	long copy = syscall(__NR_pidfd_getfd, pidfd, number, 0);

	return copy < 0 ? -errno : (int)copy;
}

int process_descriptor(pid_t thread, int number)
{
	cleanup_fd int pidfd = process_pidfd(thread);

	return pidfd < 0 ? pidfd : descriptor_get(pidfd, number);
}

int process_descriptor_cached(struct pidfd_cache *cache, pid_t thread, int number)
{
	struct process_pidfd *slot = &cache->slots[(unsigned)thread % PIDFD_CACHE_SIZE];
	int copy = -ESRCH;
	int pidfd;

	/* A pidfd stays with its thread: it does not reach a later one of the same number. */
	if (slot->thread == thread)
		copy = descriptor_get(slot->pidfd, number);
	if (copy != -ESRCH)
		return copy;
	pidfd = pidfd_open_thread(thread);
	/* That of a group would outlive the thread. */
	if (pidfd == -EINVAL)
		return process_descriptor(thread, number);
	if (pidfd < 0)
		return pidfd;
	if (slot->thread != 0)
		close(slot->pidfd);
	*slot = (struct process_pidfd){ thread, pidfd };
	return descriptor_get(pidfd, number);
}

static int proc_open(pid_t thread, const char *what, int flags)
{
	char name[PROC_NAME];
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/%s", (int)thread, what);
	fd = open(name, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int process_root(pid_t thread)
{
	return proc_open(thread, "root", O_PATH | O_DIRECTORY);
}

int process_directory(pid_t thread)
{
	return proc_open(thread, "cwd", O_PATH | O_DIRECTORY);
}

/* The number after "\nname:" and blanks; 0 where there is none. */
static uint64_t status_number(const char *text, const char *name, unsigned base)
{
	const char *at = strstr(text, name);
	uint64_t value = 0;

	if (!at)
		return 0;
	for (at += strlen(name); *at == '\t' || *at == ' '; at++)
		;
	for (; *at; at++) {
		unsigned digit;

		if (*at >= '0' && *at <= '9')
			digit = (unsigned)(*at - '0');
		else if (*at >= 'a' && *at <= 'f')
			digit = (unsigned)(*at - 'a') + 10;
		else
			break;
		if (digit >= base)
			break;
		value = value * base + digit;
	}
	return value;
}

/* The number in column `column` (from 0) of the line. */
static uint64_t status_column(const char *text, const char *name, unsigned column)
{
	const char *at = strstr(text, name);

	at = at ? at + strlen(name) : "";
	for (unsigned tabs = 0; tabs <= column; at++) {
		if (*at == '\0' || *at == '\n')
			return UINT64_MAX;
		tabs += *at == '\t';
	}
	return status_number(at - 1, "", 10);
}

/* The name comes first, with newlines escaped, so it cannot forge a later key. */
static int status_parse(const char *text, struct process_status *ret_status)
{
	const char *end = strchr(text, '\n');
	const char *state = strstr(text, "\nState:\t");
	size_t length;

	if (strncmp(text, "Name:\t", 6) != 0 || !end || !state)
		return -ESRCH;
	text += 6;
	length = (size_t)(end - text);
	if (length > PROCESS_NAME_MAX - 1)
		length = PROCESS_NAME_MAX - 1;
	memset(ret_status, 0, sizeof(*ret_status));
	memcpy(ret_status->name, text, length);
	ret_status->state = state[strlen("\nState:\t")];
	ret_status->group = (pid_t)status_number(end, "\nTgid:", 10);
	ret_status->tracer = (pid_t)status_number(end, "\nTracerPid:", 10);
	ret_status->umask = (mode_t)status_number(end, "\nUmask:", 8);
	ret_status->uid = (uid_t)status_number(end, "\nUid:", 10);
	ret_status->gid = (gid_t)status_number(end, "\nGid:", 10);
	ret_status->effective_uid = (uid_t)status_column(end, "\nUid:", 1);
	ret_status->saved_uid = (uid_t)status_column(end, "\nUid:", 2);
	ret_status->file_uid = (uid_t)status_column(end, "\nUid:", 3);
	ret_status->threads = (unsigned)status_number(end, "\nThreads:", 10);
	ret_status->blocked = status_number(end, "\nSigBlk:", 16);
	ret_status->pending = status_number(end, "\nSigPnd:", 16) & ~ret_status->blocked;
	ret_status->shared = status_number(end, "\nShdPnd:", 16) & ~ret_status->blocked;
	ret_status->seccomp = (unsigned)status_number(end, "\nSeccomp:", 10);
	ret_status->filters = (unsigned)status_number(end, "\nSeccomp_filters:", 10);
	ret_status->inner_pids = status_column(end, "\nNSpid:", 1) != UINT64_MAX;
	ret_status->no_new_privs = status_number(end, "\nNoNewPrivs:", 10) == 1;
	ret_status->capable = status_number(end, "\nCapPrm:", 16) != 0;
	return 0;
}

/* Removes the list of groups from the text, or the part that is there; returns the new length. */
static size_t groups_drop(char *text, size_t length)
{
	static const char key[] = "\nGroups:";
	char *list = strstr(text, key);
	char *end;

	if (!list)
		return length;
	end = strchr(list + 1, '\n');
	if (!end)
		return (size_t)(list - text) + sizeof(key) - 1;
	memmove(list, end, length - (size_t)(end - text) + 1);
	return length - (size_t)(end - list);
}

/* The whole text without the list of groups, which may be longer than all the rest; its length, or
 * 0. The kernel generates the text once: later reads continue in it and see the same moment. */
static size_t status_text(int fd, char text[STATUS_MAX])
{
	size_t length = 0;
	ssize_t got;

	while ((got = read(fd, text + length, STATUS_MAX - 1 - length)) > 0) {
		text[length + (size_t)got] = '\0';
		length = groups_drop(text, length + (size_t)got);
	}
	return got < 0 ? 0 : length;
}

int process_read_status(pid_t thread, struct process_status *ret_status)
{
	char text[STATUS_MAX];
	cleanup_fd int fd = proc_open(thread, "status", O_RDONLY);

	if (fd < 0)
		return fd;
	return status_text(fd, text) > 0 ? status_parse(text, ret_status) : -ESRCH;
}

struct groups {
	gid_t list[GROUPS_MAX];
	int count;
};

static bool groups_have(const struct groups *groups, uint64_t gid)
{
	for (int i = 0; i < groups->count; i++)
		if (groups->list[i] == gid)
			return true;
	return false;
}

/* True where all numbers of a line are known groups; false for a line that is cut off. */
static bool line_is_within(const char *text, const char *name, const struct groups *groups)
{
	const char *at = strstr(text, name);

	if (!at)
		return false;
	for (at += strlen(name); *at == '\t' || *at == ' ' || (*at >= '0' && *at <= '9');) {
		if (*at == '\t' || *at == ' ') {
			at++;
			continue;
		}
		if (!groups_have(groups, status_number(at, "", 10)))
			return false;
		at += strspn(at, "0123456789");
	}
	return *at == '\n';
}

bool process_groups_are_ours(pid_t thread, gid_t gid)
{
	cleanup_fd int fd = proc_open(thread, "status", O_RDONLY);
	struct groups groups;
	char text[STATUS_MAX];
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	groups.count = (int)syscall(__NR_getgroups, GROUPS_MAX - 1, groups.list);
	if (length < 0 || groups.count < 0)
		return false;
	text[length] = '\0';
	groups.list[groups.count++] = gid;
	return line_is_within(text, "\nGid:", &groups) && line_is_within(text, "\nGroups:", &groups);
}

bool process_is_stopping(pid_t group)
{
	cleanup_fd int directory = proc_open(group, "task", O_RDONLY | O_DIRECTORY);
	char entries[2048] __attribute__((aligned(8)));
	struct process_status status;
	long length;
	unsigned seen = 0;

	/* getdents64 itself: opendir would allocate. */
	while (directory >= 0 &&
	       (length = syscall(__NR_getdents64, directory, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < length;) {
			const struct dirent *entry = (const void *)(entries + at);
			uint64_t thread;

			at += entry->d_reclen;
			if (parse_unsigned(entry->d_name, INT32_MAX, &thread))
				continue;
			if (process_read_status((pid_t)thread, &status) == 0 &&
			    !strchr("DZX", status.state))
				return status.state == 'T';
			if (++seen == THREADS_MAX)
				return false;
		}
	}
	return false;
}
