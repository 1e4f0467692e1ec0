/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starts sandlock-resolver.
 */
#include "resolver.h"

#include <errno.h>
#include <sys/socket.h>

#include "resolution.h"
#include "util.h"

#define RESOLVER LIBEXECDIR "/sandlock-resolver"

_Static_assert(RESOLVER_PLAN_FD == 3 && RESOLVER_SOCKET_FD == 4, "the order of descriptors");

pid_t resolver_spawn(const struct plan *plan, int memfd, const struct spawn_ids *ids, int *ret_socket)
{
	static const char *const argv[] = { "sandlock-resolver", NULL };
	int pair[2];
	pid_t pid;

	*ret_socket = -1;
	if (plan->header->hosts.count == 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	pid = spawn_leave(&(struct spawn){
		.program = RESOLVER,
		.argv = argv,
		.descriptors = (const int[]){ -1, -1, -1, memfd, pair[1] },
		.descriptor_count = 5,
		.ids = ids,
		.new_session = true,
	});
	util_cleanup_fd(&pair[1]);
	if (pid < 0)
		util_cleanup_fd(&pair[0]);
	else
		*ret_socket = pair[0];
	return pid;
}
