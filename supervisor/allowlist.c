/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The supervisor's own filter: what serving needs, and nothing that makes, opens for writing or
 * executes. Distrusts the supervisor itself, once it has read a hostile byte.
 */
#include "allowlist.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* Calls of which the low word of one argument decides; of several rows of a call, any. */
static const struct {
	uint32_t call;
	uint32_t argument;
	uint32_t mask;
	uint32_t value;
} limited[] = {
	{ __NR_socket, 0, ~0U, AF_UNIX },
	/* the real uid alone, to send descriptors in the user's name */
	{ __NR_setresuid, 1, ~0U, ~0U },
	/* reading only; O_RDONLY is 0 */
	{ __NR_openat, 2, WRITING, 0 },
	/* the memory of a caller; no limit of a file's size lets anything be written into a file */
	{ __NR_openat, 2, ~0U, O_WRONLY | O_CLOEXEC },
#ifdef __NR_open
	{ __NR_open, 1, WRITING, 0 },
#endif
};

#define LENGTH_MAX (6 + 2 * ARRAY_SIZE(allowed) + 6 * ARRAY_SIZE(limited))

int allowlist_load(void)
{
	struct sock_filter program[LENGTH_MAX];
	struct sock_fprog loaded = { 0, program };
	unsigned short at = 0;

#define EMIT(...) (program[at++] = (struct sock_filter)__VA_ARGS__)
	EMIT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
	EMIT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, COMPAT_AUDIT_ARCH, 1, 0));
	EMIT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
	EMIT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		EMIT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], 0, 1));
		EMIT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	}
	for (size_t i = 0; i < ARRAY_SIZE(limited); i++) {
		EMIT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
		EMIT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, limited[i].call, 0, 4));
		EMIT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offsetof(struct seccomp_data, args) +
								   8 * limited[i].argument)));
		EMIT(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, limited[i].mask));
		EMIT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, limited[i].value, 0, 1));
		EMIT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	}
	EMIT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
#undef EMIT
	loaded.len = at;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &loaded))
		return -errno;
	return 0;
}
