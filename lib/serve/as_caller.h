/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the supervisor takes over while it performs one call, so that the kernel sees the caller:
 * the only place where a serving supervisor changes its own identity. Everything is put back in
 * the opposite order, at the end of the block:
 *
 *	cleanup_as_caller struct as_caller as_caller = { 0 };
 */
#ifndef SANDLOCK_AS_CALLER_H
#define SANDLOCK_AS_CALLER_H

#include <stdbool.h>
#include <sys/types.h>

struct as_caller {
	bool uid;
	uid_t uid_before;
	bool directory;
	bool umask;
	mode_t umask_before;
	bool untraced;
};

#define cleanup_as_caller __attribute__((cleanup(as_caller_end)))

/* The real uid, by which the kernel counts what a process uses, and which it tells to receivers.
 * `own`: ours, which under PAM is the service account's. Effective and saved uid stay. All of these
 * return 0 or a negative errno, and are called once at most. */
int as_caller_uid(struct as_caller *as_caller, uid_t uid, uid_t own);

/* The working directory: relative paths of a call start there. Afterwards it is the root, so that
 * no directory of the caller stays in use by us. */
int as_caller_directory(struct as_caller *as_caller, int directory);

/* The umask, of files that the call creates. */
void as_caller_umask(struct as_caller *as_caller, mode_t mask);

/* Without CAP_SYS_PTRACE, which opens paths through the /proc of processes that the caller may not
 * access. For supervisors that have it. */
int as_caller_untraced(struct as_caller *as_caller);

void as_caller_end(struct as_caller *as_caller);

#endif
