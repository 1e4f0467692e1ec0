/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Another process, mostly the caller of a trapped call: its memory, descriptors, directories,
 * signals. No state but the pidfds of the last callers. Everything read is hostile, and may change
 * between two reads: read once, use the copy. A pid is only meaningful while notify_is_valid says
 * so *after* the reads.
 */
#ifndef SANDLOCK_PROCESS_H
#define SANDLOCK_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Exactly `length` bytes or -EFAULT; -EPERM where the process is out of reach, -ESRCH where it is
 * gone. */
int process_read(pid_t thread, uint64_t address, void *buffer, size_t length);

/* Writes into whatever process has the number by then: nothing can be checked afterwards. */
int process_write(pid_t thread, uint64_t address, const void *buffer, size_t length);

/* A descriptor that writes into the present address space of the thread, never into a later one;
 * -EACCES where the process is not dumpable or not our effective uid's. */
int process_memory_open(pid_t thread);
int process_memory_write(int memory, uint64_t address, const void *buffer, size_t length);

/* Gathers from the process's own vectors, skipping the first `skip` bytes, at most `limit`; -EFAULT
 * where a part cannot be read. Returns the bytes read. `vectors` is changed. */
ssize_t process_gather(pid_t thread, struct iovec *vectors, size_t count, size_t skip, void *buffer,
		       size_t limit);

/* A copy of descriptor `number`; -EBADF where it is not open, -EPERM where the process is out of
 * reach. */
int process_descriptor(pid_t thread, int number);

/* The same, by a cached pidfd: most calls come from few threads, and
 * opening one costs more than its use. All zero: empty. */
#define PIDFD_CACHE_SIZE 16
struct pidfd_cache {
	struct process_pidfd {
		pid_t thread; /* 0: none */
		int pidfd;
	} slots[PIDFD_CACHE_SIZE];
};
int process_descriptor_cached(struct pidfd_cache *cache, pid_t thread, int number);

/* A pidfd of the thread, or of its process before Linux 6.9; a negative errno. */
int process_pidfd(pid_t thread);

/* Sends the signal to the thread of a pidfd, or to its process before Linux 6.9. */
int process_signal(int pidfd, int number);

/* O_PATH descriptors of the root and the working directory. */
int process_root(pid_t thread);
int process_directory(pid_t thread);

/* A thread's status in /proc. */
#define PROCESS_NAME_MAX 16
struct process_status {
	char name[PROCESS_NAME_MAX];
	pid_t group;  /* the process */
	pid_t tracer; /* 0: none */
	char state;   /* R S D T t Z X */
	mode_t umask;
	uid_t uid; /* real */
	gid_t gid; /* real */
	uid_t effective_uid;
	uid_t saved_uid;
	uid_t file_uid; /* by which files are opened and sockets reached */
	unsigned threads;
	uint64_t pending; /* signals for this thread that it does not block */
	uint64_t shared;  /* signals for the process that this thread does not block */
	uint64_t blocked; /* signals that this thread blocks */
	unsigned seccomp; /* 2: filtered */
	unsigned filters; /* how many */
	bool no_new_privs;
	bool capable;    /* some capability is permitted */
	bool inner_pids; /* it is in a pid namespace below ours */
};
int process_read_status(pid_t thread, struct process_status *ret_status);

/* True where every gid of the thread, of its groups too, is `gid` or among our own groups. */
bool process_groups_are_ours(pid_t thread, gid_t gid);

/* True where the process is being stopped: threads that wait uninterruptibly (as pending ones do)
 * cannot stop yet, but the first other one has. */
bool process_is_stopping(pid_t group);

#endif
