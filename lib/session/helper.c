/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starts the helpers of a session.
 */
#include "helper.h"

#include <errno.h>
#include <sys/socket.h>

#include "failure.h"
#include "plan.h"
#include "spawn.h"
#include "util.h"

static bool has_host_names(const struct plan *plan)
{
	return plan->header->hosts.count > 0;
}

/* Where UDP is open the sockets are the machine's own. */
static bool has_private_sockets(const struct plan *plan)
{
	return !(plan->header->flags & PLAN_UDP);
}

static const struct row {
	const char *program;
	bool (*is_needed)(const struct plan *plan);
} rows[HELPERS] = {
	[HELPER_RESOLVER] = { LIBEXECDIR "/sandlock-resolver", has_host_names },
	[HELPER_NETWORK] = { LIBEXECDIR "/sandlock-network", has_private_sockets },
};

_Static_assert(HELPER_PLAN_FD == 3 && HELPER_SOCKET_FD == 4, "the order of descriptors below");

bool helper_is_needed(enum helper helper, const struct plan *plan)
{
	return rows[helper].is_needed(plan);
}

static int helper_start(const struct row *row, int plan_fd, const struct spawn_ids *ids,
			pid_t *ret_pid, int *ret_socket)
{
	cleanup_fd int ours = -1;
	cleanup_fd int theirs = -1;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	pid = spawn_leave(&(struct spawn){
		.program = row->program,
		.argv = (const char *const[]){ row->program, NULL },
		.descriptors = (const int[]){ -1, -1, -1, plan_fd, theirs },
		.descriptor_count = 5,
		.ids = ids,
		.new_session = true,
	});
	if (pid < 0)
		return pid;
	*ret_pid = pid;
	*ret_socket = fd_take(&ours);
	return 0;
}

int helpers_start(const struct plan *plan, int plan_fd, const struct spawn_ids *ids,
		  struct helpers *ret_helpers, struct failure *failure)
{
	struct helpers helpers = { 0 };
	int error = 0;

	for (int i = 0; i < HELPERS; i++)
		helpers.sockets[i] = -1;
	for (int i = 0; i < HELPERS && !error; i++) {
		if (!rows[i].is_needed(plan))
			continue;
		error = helper_start(&rows[i], plan_fd, ids, &helpers.pids[i], &helpers.sockets[i]);
		if (error)
			failure_set(failure, error, "cannot start %s", rows[i].program);
	}
	if (error)
		helpers_close(&helpers);
	else
		*ret_helpers = helpers;
	return error;
}

void helpers_close(struct helpers *helpers)
{
	for (int i = 0; i < HELPERS; i++) {
		util_cleanup_fd(&helpers->sockets[i]);
		helpers->sockets[i] = -1;
	}
}
