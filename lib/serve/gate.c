/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The gate around a session. Distrusts everybody who carries no filter of a session.
 */
#include "gate.h"

#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process.h"

int gate_open(struct gate *gate, pid_t pam_caller)
{
	struct process_status status;
	int error = process_read_status(pam_caller, &status);
	long pidfd = syscall(__NR_pidfd_open, pam_caller, 0);

	if (pidfd < 0)
		return -errno;
	gate->pidfd = (int)pidfd;
	if (error)
		return error;
	if (status.filters == 0)
		return -EOPNOTSUPP;
	gate->pam_caller = pam_caller;
	gate->threads = status.threads > 1;
	gate->filters = status.filters;
	gate->closed = true;
	return 0;
}

bool gate_is_pam_caller(const struct gate *gate, const struct notification *call)
{
	struct pollfd alive = { gate->pidfd, POLLIN, 0 };
	struct process_status status;

	if (!gate->closed || (call->thread != gate->pam_caller && !gate->threads))
		return false;
	/* Readable means dead: then the number may be another's. */
	return process_read_status(call->thread, &status) == 0 && status.group == gate->pam_caller &&
	       status.filters == gate->filters && poll(&alive, 1, 0) == 0;
}

bool gate_is_confined(const struct gate *gate, pid_t thread)
{
	struct process_status status;

	return gate->closed && process_read_status(thread, &status) == 0 &&
	       status.filters > gate->filters;
}
