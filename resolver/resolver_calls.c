/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The resolver's own filter: sockets, reading files, memory that is not executable. Distrusts the
 * resolver itself, once it has read a hostile byte.
 */
#include "resolver_calls.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "call_list.h"
#include "compat.h"
#include "util.h"

static const uint32_t allowed[] = {
	/* waiting */
	__NR_epoll_pwait,
	__NR_epoll_ctl,
	__NR_rt_sigreturn,
	__NR_restart_syscall,
	__NR_clock_gettime,
	/* questions and answers */
	__NR_connect,
	__NR_sendto,
	__NR_sendmsg,
	__NR_recvfrom,
	__NR_recvmsg,
	__NR_accept4,
	__NR_getsockname,
	__NR_setsockopt, /* of the log's socket */
	__NR_getrandom,
	__NR_fcntl,
	__NR_close,
	/* files */
	__NR_read,
	__NR_lseek,
	__NR_fstat,
	__NR_newfstatat,
	/* the C library's memory */
	__NR_brk,
	__NR_munmap,
	__NR_mremap,
	__NR_madvise,
	__NR_futex,
	/* the log, and the end */
	__NR_write,
	__NR_getpid,
	__NR_exit_group,
#ifdef __NR_open /* numbers that only the older machines have */
	__NR_epoll_wait,
	__NR_stat,
#endif
};

#define WRITING (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

static const struct call_limit limited[] = {
	{ __NR_socket, 0, ~0U, AF_INET },
	{ __NR_socket, 0, ~0U, AF_INET6 },
	{ __NR_socket, 0, ~0U, AF_UNIX },
	{ __NR_openat, 2, WRITING, 0 },
	{ __NR_mmap, 2, PROT_EXEC, 0 },
	{ __NR_mprotect, 2, PROT_EXEC, 0 },
	/* the interface of a link-local name server */
	{ __NR_ioctl, 1, ~0U, SIOCGIFINDEX },
#ifdef __NR_open
	{ __NR_open, 1, WRITING, 0 },
#endif
};

int resolver_calls_limit(void)
{
	const struct call_list list = {
		allowed,
		ARRAY_SIZE(allowed),
		limited,
		ARRAY_SIZE(limited),
	};

	return call_list_load(&list);
}
