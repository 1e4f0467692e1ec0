/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a gate lets pass. Distrusts everybody who carries no filter of a session.
 */
#include "gate.h"

#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process.h"

int gate_open(struct gate *gate, pid_t opener)
{
	struct process_status status;
	int error = process_read_status(opener, &status);
	long pidfd = syscall(__NR_pidfd_open, opener, 0);

	if (pidfd < 0)
		return -errno;
	gate->pidfd = (int)pidfd;
	if (error)
		return error;
	if (status.filters == 0)
		return -EOPNOTSUPP;
	gate->opener = opener;
	gate->threads = status.threads > 1;
	gate->filters = status.filters;
	gate->closed = true;
	return 0;
}

bool gate_is_opener(const struct gate *gate, const struct notification *call)
{
	struct pollfd alive = { gate->pidfd, POLLIN, 0 };
	struct process_status status;

	if (!gate->closed || (call->thread != gate->opener && !gate->threads))
		return false;
	/* Readable means dead: then the number may be another's. */
	return process_read_status(call->thread, &status) == 0 && status.group == gate->opener &&
	       status.filters == gate->filters && poll(&alive, 1, 0) == 0;
}

bool gate_is_behind(const struct gate *gate, pid_t thread)
{
	struct process_status status;

	return gate->closed && process_read_status(thread, &status) == 0 &&
	       status.filters > gate->filters;
}
