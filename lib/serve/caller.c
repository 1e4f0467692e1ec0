/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is read about a caller by its process number, before the one check whether it still exists.
 */
#include "caller.h"

#include <errno.h>
#include <unistd.h>

#include "util.h"

static const struct caller nobody = { .root = -1, .directory = -1, .memory = -1 };

void caller_open(struct caller *caller)
{
	*caller = nobody;
}

void caller_fetch_status(struct caller *caller, pid_t thread)
{
	if (!caller->known)
		caller->known = process_read_status(thread, &caller->status) == 0;
}

void caller_fetch_directories(struct caller *caller, pid_t thread, bool relative)
{
	if (caller->root < 0)
		caller->root = process_root(thread);
	if (relative && caller->directory < 0)
		caller->directory = process_directory(thread);
}

void caller_fetch_groups(struct caller *caller, pid_t thread, gid_t gid)
{
	caller->member = process_groups_are_ours(thread, gid);
}

void caller_fetch_memory(struct caller *caller, pid_t thread)
{
	if (caller->memory >= 0)
		return;
	caller->memory = process_memory_open(thread);
	if (caller->memory < 0)
		caller_fetch_status(caller, thread);
}

bool caller_is_plain(const struct caller *caller, uid_t uid)
{
	const struct process_status *status = &caller->status;

	return caller->known && status->uid == uid && status->effective_uid == uid &&
	       status->saved_uid == uid && status->file_uid == uid && !status->capable;
}

void caller_forget(struct caller *caller)
{
	util_cleanup_fd(&caller->root);
	util_cleanup_fd(&caller->directory);
	util_cleanup_fd(&caller->memory);
	*caller = nobody;
}
