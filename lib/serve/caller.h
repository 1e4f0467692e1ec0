/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What was read about the caller of a trapped call by its process number: valid only if the
 * notification is valid afterwards. The descriptors stay with what they were opened on, whatever
 * process has the number later.
 */
#ifndef SANDLOCK_CALLER_H
#define SANDLOCK_CALLER_H

#include <stdbool.h>
#include <sys/types.h>

#include "process.h"

struct caller {
	int error;     /* why the caller cannot be served, a negative errno; 0: it can */
	int root;      /* O_PATH, or negative */
	int directory; /* O_PATH, or negative */
	int memory;    /* to write into its address space, or negative */
	bool member;   /* all of its groups are the session's; unset until fetched */
	bool known;    /* `status` was read */
	struct process_status status;
};

void caller_open(struct caller *caller);

/* Each once for a call; what cannot be read stays negative or unknown. */
void caller_fetch_status(struct caller *caller, pid_t thread);
void caller_fetch_directories(struct caller *caller, pid_t thread, bool relative);
void caller_fetch_groups(struct caller *caller, pid_t thread, gid_t gid);
void caller_fetch_memory(struct caller *caller, pid_t thread);

/* True where the caller is a plain process of `uid`: all its ids are that one, and it has no
 * capability. That user has chosen every address that it passes. */
bool caller_is_plain(const struct caller *caller, uid_t uid);

/* Closes what was fetched. */
void caller_forget(struct caller *caller);

#endif
