/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Kernel constants that the headers of the oldest supported distribution lack.
 * Every file that talks to Landlock or seccomp includes it; it holds no logic.
 * Values are from include/uapi of Linux 6.18.
 */
#ifndef SANDLOCK_COMPAT_H
#define SANDLOCK_COMPAT_H

#include <linux/audit.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/syscall.h>

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#ifndef LANDLOCK_ACCESS_NET_BIND_TCP
#define LANDLOCK_ACCESS_NET_BIND_TCP    (1ULL << 0)
#define LANDLOCK_ACCESS_NET_CONNECT_TCP (1ULL << 1)
#endif
#ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL               (1ULL << 1)
#endif

/* enum landlock_rule_type: the second member came with ABI 4. */
#define COMPAT_LANDLOCK_RULE_PATH_BENEATH 1
#define COMPAT_LANDLOCK_RULE_NET_PORT     2

/* struct landlock_ruleset_attr as of ABI 6; the kernel takes any shorter size. */
struct compat_landlock_ruleset {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

/* struct landlock_net_port_attr, ABI 4. */
struct compat_landlock_net_port {
	uint64_t allowed_access;
	uint64_t port;
};

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, uint64_t)
#endif

/* pidfd_open(2) on a thread that does not lead its group, Linux 6.9. */
#ifndef PIDFD_THREAD
#define PIDFD_THREAD 0200 /* O_EXCL */
#endif
#ifndef PIDFD_SIGNAL_THREAD
#define PIDFD_SIGNAL_THREAD (1UL << 0)
#endif

/* The one ABI that a session may use; a kernel may have others as well. */
#if defined(__x86_64__)
#define COMPAT_AUDIT_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define COMPAT_AUDIT_ARCH AUDIT_ARCH_AARCH64
#else
#error "no filter tables for this machine yet"
#endif

/* System calls newer than the oldest headers; one number on every machine from 424 on. */
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif
#ifndef __NR_setxattrat
#define __NR_setxattrat 463
#endif
#ifndef __NR_open_tree_attr
#define __NR_open_tree_attr 467
#endif

/* Socket options. C libraries lack some of them, and the kernel's own headers do not stand beside
 * theirs. */
#ifndef F_SETDELEG /* Linux 6.19 */
#define F_SETDELEG 1040
#endif
#ifndef IPV6_FLOWLABEL_MGR
#define IPV6_FLOWLABEL_MGR 32
#endif
#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef SO_RCVPRIORITY
#define SO_RCVPRIORITY 82
#endif
#ifndef SO_INQ
#define SO_INQ 84
#endif
#ifndef TCP_AO_ADD_KEY
#define TCP_AO_ADD_KEY 38
#define TCP_AO_REPAIR  42
#endif
#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS 44
#endif
#ifndef TCP_DELACK_MAX_US
#define TCP_DELACK_MAX_US 46
#endif

/* The answer to a pending system call that makes the kernel handle the signal. */
#define COMPAT_ERESTARTSYS 512

#ifndef AT_STATX_DONT_SYNC /* of fstatat(2), too: what is cached is enough */
#define AT_STATX_DONT_SYNC 0x4000
#endif

#endif
