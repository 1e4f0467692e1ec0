/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ways to a TCP listener that no rule names: by every call, every caller, every entry into the
 * kernel. Run by test_escape.py.
 */
#include "plain_connect.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#define IPPROTO_SMC_ 256

static int dial_inet6(const char *address)
{
	struct sockaddr_in6 in6 = inet6_to(address, target.refused);

	return dial(stream(AF_INET6), &in6, sizeof(in6));
}

static int plain6(void)
{
	return dial_inet6("::1");
}

static int other_loopback(void)
{
	return dial_inet("127.0.0.2");
}

static int mapped(void)
{
	return dial_inet6("::ffff:127.0.0.1");
}

static int any(void)
{
	return dial_inet("0.0.0.0");
}

static int any6(void)
{
	return dial_inet6("::");
}

static int any_mapped(void)
{
	return dial_inet6("::ffff:0.0.0.0");
}

static int any_from_bound(void)
{
	struct sockaddr_in in = inet_to("0.0.0.0", target.refused);
	struct sockaddr_in from = inet_to("127.0.0.1", 0);
	int socket = stream(AF_INET);

	/* Where binding is refused, the destination stays loopback. */
	(void)bind(socket, (const void *)&from, sizeof(from));
	return dial(socket, &in, sizeof(in));
}

static int overlong(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);
	struct sockaddr_storage storage = { 0 };

	memcpy(&storage, &in, sizeof(in));
	return dial(stream(AF_INET), &storage, sizeof(storage));
}

static int without_scope(void)
{
	struct sockaddr_in6 in6 = inet6_to("::1", target.refused);

	return dial(stream(AF_INET6), &in6, 24);
}

static int nonblocking(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);
	int error = dial(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), &in, sizeof(in));

	return error == EINPROGRESS ? 0 : error;
}

static int reconnect(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.allowed);
	struct sockaddr_in next = inet_to("127.0.0.1", target.refused);
	const struct sockaddr none = { AF_UNSPEC, { 0 } };
	int socket = stream(AF_INET);

	if (dial(socket, &in, sizeof(in)) || dial(socket, &none, sizeof(none)))
		return errno;
	return dial(socket, &next, sizeof(next));
}

/* Sends that connect --------------------------------------------------------------------------- */

static int fast_open_sendto(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);

	return result_of(sendto(stream(AF_INET), "x", 1, MSG_FASTOPEN, (const void *)&in, sizeof(in)));
}

static struct mmsghdr message_to(struct sockaddr_in *in)
{
	static struct iovec vector = { (char *)"x", 1 };

	return (struct mmsghdr){ .msg_hdr = { .msg_name = in,
					      .msg_namelen = sizeof(*in),
					      .msg_iov = &vector,
					      .msg_iovlen = 1 } };
}

static int fast_open_sendmsg(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);
	struct mmsghdr message = message_to(&in);

	return result_of(sendmsg(stream(AF_INET), &message.msg_hdr, MSG_FASTOPEN));
}

static int fast_open_sendmmsg(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);
	struct mmsghdr message = message_to(&in);

	return result_of(sendmmsg(stream(AF_INET), &message, 1, MSG_FASTOPEN));
}

static int fast_open_connect(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);
	int socket = stream(AF_INET);
	int on = 1;

	if (setsockopt(socket, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)))
		return errno;
	if (connect(socket, (const void *)&in, sizeof(in)))
		return errno;
	return result_of(write(socket, "x", 1));
}

static int other_protocol(int protocol)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);

	return dial(socket(AF_INET, SOCK_STREAM, protocol), &in, sizeof(in));
}

static int mptcp(void)
{
	return other_protocol(IPPROTO_MPTCP);
}

static int smc(void)
{
	return other_protocol(IPPROTO_SMC_);
}

static int dccp(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);

	return dial(socket(AF_INET, SOCK_DCCP, IPPROTO_DCCP), &in, sizeof(in));
}

static int sctp_packets(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);

	return dial(socket(AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP), &in, sizeof(in));
}

static int mptcp6(void)
{
	struct sockaddr_in6 in6 = inet6_to("::1", target.refused);

	return dial(socket(AF_INET6, SOCK_STREAM, IPPROTO_MPTCP), &in6, sizeof(in6));
}

static int smc_family(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);

	return dial(socket(43 /* AF_SMC */, SOCK_STREAM, 0), &in, sizeof(in));
}

static int sctp(void)
{
	return other_protocol(IPPROTO_SCTP);
}

/* Arguments of which the kernel reads the low half only --------------------------------------- */

#define HIGH (1UL << 32)

static int high_bits_of(unsigned long descriptor, unsigned long length)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);

	return result_of(syscall(__NR_connect, (unsigned long)stream(AF_INET) | descriptor, &in,
				 sizeof(in) | length));
}

static int descriptor_high(void)
{
	return high_bits_of(HIGH, 0);
}

static int length_high(void)
{
	return high_bits_of(0, HIGH);
}

static int protocol_high(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);

	return dial((int)syscall(__NR_socket, HIGH | AF_INET, HIGH | SOCK_STREAM,
				 HIGH | IPPROTO_MPTCP),
		    &in, sizeof(in));
}

static int fast_open_high(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);

	return result_of(syscall(__NR_sendto, stream(AF_INET), "x", 1UL, HIGH | MSG_FASTOPEN, &in,
				 sizeof(in)));
}

/* Other entries into the kernel ---------------------------------------------------------------- */

static int io_uring(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);
	struct io_uring_params params = { 0 };
	int ring = (int)syscall(__NR_io_uring_setup, 4, &params);
	struct io_uring_sqe *entries;
	struct io_uring_cqe *done;
	char *rings;

	if (ring < 0)
		return errno;
	rings = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	entries = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (rings == MAP_FAILED || entries == MAP_FAILED)
		return errno;
	entries[0] = (struct io_uring_sqe){ .opcode = IORING_OP_CONNECT,
					    .fd = stream(AF_INET),
					    .addr = (uintptr_t)&in,
					    .off = sizeof(in) };
	*(unsigned *)(rings + params.sq_off.array) = 0;
	*(volatile unsigned *)(rings + params.sq_off.tail) = 1;
	if (syscall(__NR_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return errno;
	done = (struct io_uring_cqe *)(rings + params.cq_off.cqes);
	return -done->res;
}

#ifdef __x86_64__
/* A call of the 32-bit table, whose pointers are below 4 GiB. */
static int call_32(int number, int one, unsigned two, int three)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(one), "c"(two), "d"(three)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)result < 0 ? -(int)result : 0;
}

static struct sockaddr_in *low_address(void)
{
	struct sockaddr_in *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (low == MAP_FAILED)
		exit(2);
	*low = inet_to("127.0.0.1", target.refused);
	return low;
}

static int connect_32(void)
{
	struct sockaddr_in *low = low_address();

	return call_32(362, stream(AF_INET), (unsigned)(uintptr_t)low, sizeof(*low));
}

static int socketcall_32(void)
{
	struct sockaddr_in *low = low_address();
	unsigned *words = (unsigned *)(low + 1);

	words[0] = (unsigned)stream(AF_INET);
	words[1] = (unsigned)(uintptr_t)low;
	words[2] = sizeof(*low);
	return call_32(102, 3, (unsigned)(uintptr_t)words, 0);
}

static int connect_x32(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);

	return result_of(syscall(0x40000000 | __NR_connect, stream(AF_INET), &in, sizeof(in)));
}

/* The tracer makes a connect of a harmless call. */
static int traced_number(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);
	struct user_regs_struct registers;
	pid_t child = fork();
	int status;

	if (child == 0) {
		int socket = stream(AF_INET);

		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(result_of(syscall(__NR_getppid, socket, &in, sizeof(in))));
	}
	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
		ptrace(PTRACE_GETREGS, child, 0, &registers);
		if (registers.orig_rax == __NR_getppid && (int)registers.rax == -ENOSYS) {
			registers.orig_rax = __NR_connect;
			ptrace(PTRACE_SETREGS, child, 0, &registers);
		}
		ptrace(PTRACE_SYSCALL, child, 0, 0);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : ECANCELED;
}
#endif

/* A listener of our own that lets everything pass. */
static int own_listener(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_connect, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { 4, code };
	struct seccomp_notif request = { 0 };
	struct seccomp_notif_resp answer = { .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };
	pid_t child;
	int listener;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	listener = (int)syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER,
				SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	if (listener < 0)
		return errno;
	child = fork();
	if (child == 0)
		_exit(plain());
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request))
		return errno;
	answer.id = request.id;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	return child_result(child);
}

/* Races ---------------------------------------------------------------------------------------- */

static struct sockaddr_in *shared;
static int other_sockets[2];
#define RACED 100

static void *change_port(void *unused)
{
	volatile in_port_t *port = &shared->sin_port;

	for (;;) {
		*port = htons((in_port_t)target.allowed);
		*port = htons((in_port_t)target.refused);
	}
	return unused;
}

static void *change_address(void *unused)
{
	volatile in_addr_t *address = &shared->sin_addr.s_addr;

	for (;;) {
		*address = htonl(INADDR_ANY);
		*address = htonl(INADDR_LOOPBACK);
	}
	return unused;
}

static void *change_descriptor(void *unused)
{
	for (;;) {
		dup2(other_sockets[0], RACED);
		dup2(other_sockets[1], RACED);
	}
	return unused;
}

/* True where it came to the listener that may not be reached: the others answer too. */
static int is_there(int socket)
{
	struct sockaddr_in peer;
	socklen_t size = sizeof(peer);

	return getpeername(socket, (struct sockaddr *)&peer, &size) == 0 &&
	       peer.sin_port == htons((in_port_t)target.refused);
}

static int connect_shared(void)
{
	int socket = stream(AF_INET);
	int error = dial(socket, shared, sizeof(*shared));

	if (!error && !is_there(socket))
		error = EACCES;
	close(socket);
	return error;
}

static int share(int flags)
{
	int file = flags & MAP_ANONYMOUS ? -1 : memfd_create("address", 0);

	if (file >= 0 && ftruncate(file, 4096))
		return errno;
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | flags, file, 0);
	if (shared == MAP_FAILED)
		return errno;
	*shared = inet_to("127.0.0.1", target.allowed);
	return 0;
}

static int race_port(void)
{
	return share(MAP_ANONYMOUS) ? errno : race(change_port, connect_shared);
}

static int race_file(void)
{
	return share(0) ? errno : race(change_port, connect_shared);
}

static int race_any(void)
{
	int error = share(MAP_ANONYMOUS);

	shared->sin_port = htons((in_port_t)target.refused);
	return error ? error : race(change_address, connect_shared);
}

/* One page is put in the place of another. */
static void *change_page(void *unused)
{
	const int flags = MAP_SHARED | MAP_FIXED;
	int files[2];

	for (int i = 0; i < 2; i++) {
		struct sockaddr_in in = inet_to("127.0.0.1", i ? target.refused : target.allowed);

		files[i] = memfd_create("page", 0);
		if (pwrite(files[i], &in, sizeof(in), 0) < 0)
			return unused;
	}
	for (;;) {
		(void)mmap(shared, 4096, PROT_READ, flags, files[0], 0);
		(void)mmap(shared, 4096, PROT_READ, flags, files[1], 0);
	}
	return unused;
}

static int race_page(void)
{
	return share(MAP_ANONYMOUS) ? errno : race(change_page, connect_shared);
}

/* The address goes and comes back while it is read. */
static void *change_mapping(void *unused)
{
	const struct sockaddr_in in = inet_to("127.0.0.1", target.refused);
	int file = memfd_create("page", 0);

	if (pwrite(file, &in, sizeof(in), 0) < 0)
		return unused;
	for (;;) {
		munmap(shared, 4096);
		(void)mmap(shared, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0);
	}
	return unused;
}

static int connect_unmapped(void)
{
	const struct sockaddr_in *address = shared;
	int socket = stream(AF_INET);
	int error = dial(socket, address, sizeof(*address));

	close(socket);
	return error == EFAULT ? EACCES : error;
}

static int race_unmapped(void)
{
	int error = share(MAP_ANONYMOUS);

	shared->sin_port = htons((in_port_t)target.refused);
	return error ? error : race(change_mapping, connect_unmapped);
}

/* A child that is killed while it calls: its number is another's next. */
static int connect_killed(void)
{
	pid_t child = fork();
	int error;

	if (child == 0)
		_exit(plain());
	if (clock_seconds() * 1e6 - (double)(long)(clock_seconds() * 1e6) < 0.5)
		usleep(200);
	kill(child, SIGKILL);
	error = child_result(child);
	return error == ECANCELED ? EACCES : error;
}

static void *change_nothing(void *unused)
{
	return unused;
}

static int race_killed(void)
{
	return race(change_nothing, connect_killed);
}

static int connect_raced(void)
{
	struct sockaddr_in in = inet_to("127.0.0.1", target.refused);
	int error;

	other_sockets[0] = stream(AF_INET);
	error = result_of(connect(RACED, (const void *)&in, sizeof(in)));
	close(other_sockets[0]);
	return error == EISCONN ? EACCES : error;
}

/* A connected unix pair under the same number. */
static int race_descriptor(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return errno;
	other_sockets[0] = stream(AF_INET);
	other_sockets[1] = pair[0];
	dup2(pair[0], RACED);
	return race(change_descriptor, connect_raced) ? EACCES : 0;
}

static const struct probe probes[] = {
	{ "connect", plain },
	{ "connect_ipv6", plain6 },
	{ "connect_other_loopback", other_loopback },
	{ "connect_mapped", mapped },
	{ "connect_any", any },
	{ "connect_any_ipv6", any6 },
	{ "connect_any_mapped", any_mapped },
	{ "connect_any_from_bound", any_from_bound },
	{ "connect_overlong", overlong },
	{ "connect_without_scope", without_scope },
	{ "connect_nonblocking", nonblocking },
	{ "connect_again_after_unspec", reconnect },
	{ "fast_open_sendto", fast_open_sendto },
	{ "fast_open_sendmsg", fast_open_sendmsg },
	{ "fast_open_sendmmsg", fast_open_sendmmsg },
	{ "fast_open_connect", fast_open_connect },
	{ "mptcp", mptcp },
	{ "mptcp_ipv6", mptcp6 },
	{ "smc", smc },
	{ "smc_family", smc_family },
	{ "dccp", dccp },
	{ "sctp_packets", sctp_packets },
	{ "sctp", sctp },
	{ "descriptor_with_high_bits", descriptor_high },
	{ "length_with_high_bits", length_high },
	{ "protocol_with_high_bits", protocol_high },
	{ "fast_open_with_high_bits", fast_open_high },
	{ "io_uring", io_uring },
#ifdef __x86_64__
	{ "int80_connect", connect_32 },
	{ "int80_socketcall", socketcall_32 },
	{ "x32_connect", connect_x32 },
	{ "tracer_changes_number", traced_number },
#endif
	{ "listener_of_ones_own", own_listener },
	{ "race_port", race_port },
	{ "race_port_in_a_file", race_file },
	{ "race_page", race_page },
	{ "race_unmapped", race_unmapped },
	{ "race_killed_callers", race_killed },
	{ "race_any", race_any },
	{ "race_descriptor", race_descriptor },
};
PROBE_MAIN(probes)
