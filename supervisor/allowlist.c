/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The supervisor's own filter: what serving needs, and nothing that makes, opens for writing or
 * executes. Distrusts the supervisor itself, once it has read a hostile byte.
 */
#include "allowlist.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/socket.h>

#include "call_list.h"
#include "compat.h"
#include "util.h"

static const uint32_t allowed[] = {
	/* waiting */
	__NR_epoll_pwait,
	__NR_epoll_ctl,
	__NR_timerfd_settime,
	__NR_setitimer,
	__NR_ppoll,
	__NR_rt_sigreturn,
	__NR_restart_syscall, /* after a stop */
	/* the listener */
	__NR_ioctl,
	/* the caller of a trapped call */
	__NR_process_vm_readv,
	__NR_process_vm_writev,
	__NR_pidfd_open,
	__NR_pidfd_getfd,
	__NR_pidfd_send_signal,
	__NR_pwrite64,
	__NR_getdents64,
	__NR_getgroups,
	/* performing */
	__NR_connect,
	__NR_bind,
	__NR_listen,
	__NR_sendto,
	__NR_sendmsg,
	__NR_recvmsg, /* sockets of the network helper */
	__NR_getsockopt,
	__NR_setsockopt,
	__NR_getsockname,
	__NR_fcntl,
	__NR_umask,
	__NR_capset,
	__NR_fchdir,
	__NR_openat2,
	__NR_madvise,
	/* files under /proc, pins, the log's socket */
	__NR_read,
	__NR_recvfrom,
	__NR_close,
	__NR_fstat,
	__NR_newfstatat,
	__NR_readlinkat,
	__NR_getpid,
	__NR_clock_gettime, /* where the vDSO has no clock */
	/* the confined process, and the parent that stops with it */
	__NR_wait4,
	__NR_kill,
	/* the end */
	__NR_exit_group,
#ifdef __NR_open /* numbers that only the older machines have */
	__NR_epoll_wait,
	__NR_poll,
	__NR_stat,
	__NR_readlink,
#endif
};

/* Some C libraries count O_PATH to O_ACCMODE. */
#define WRITING (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

static const struct call_limit limited[] = {
	{ __NR_socket, 0, ~0U, AF_UNIX },
	/* the real uid alone, to send descriptors in the user's name */
	{ __NR_setresuid, 1, ~0U, ~0U },
	/* our own, to keep to the budget of a real-time process */
	{ __NR_sched_setscheduler, 0, ~0U, 0 },
	/* reading only; O_RDONLY is 0 */
	{ __NR_openat, 2, WRITING, 0 },
	/* the memory of a caller; no limit of a file's size lets anything be written into a file */
	{ __NR_openat, 2, ~0U, O_WRONLY | O_CLOEXEC },
#ifdef __NR_open
	{ __NR_open, 1, WRITING, 0 },
#endif
};

int allowlist_load(void)
{
	const struct call_list list = {
		allowed,
		ARRAY_SIZE(allowed),
		limited,
		ARRAY_SIZE(limited),
	};

	return call_list_load(&list);
}
