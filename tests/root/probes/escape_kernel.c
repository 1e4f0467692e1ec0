/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel offers to who would leave a session by its own machinery: namespaces by every
 * call, keyrings, terminals, kinds of sockets, headers of packets. Run by test_escape.py and
 * test_escape_root.py. What a probe changes ends with it.
 */
#include "probe.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <linux/tty.h>
#include <net/ethernet.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <termios.h>

static int closed(int fd)
{
	int error = fd < 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	return error;
}

/* Namespaces ------------------------------------------------------------------------------------- */

static int unshare_alone(int flags)
{
	pid_t child = fork();

	if (child == 0)
		_exit(result_of(unshare(flags)));
	return child_result(child);
}

static int user(void)
{
	return unshare_alone(CLONE_NEWUSER);
}

static int user_and_mounts(void)
{
	return unshare_alone(CLONE_NEWUSER | CLONE_NEWNS);
}

static int user_and_network(void)
{
	return unshare_alone(CLONE_NEWUSER | CLONE_NEWNET);
}

static int user_and_time(void)
{
	return unshare_alone(CLONE_NEWUSER | 0x80 /* CLONE_NEWTIME */);
}

static int by_clone(void)
{
	pid_t child = (pid_t)syscall(__NR_clone, CLONE_NEWUSER | CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0);

	if (child == 0)
		_exit(0);
	return child_result(child);
}

static int by_clone3(void)
{
	struct clone_args arguments = { .flags = CLONE_NEWUSER | CLONE_NEWNET,
					.exit_signal = SIGCHLD };
	pid_t child = (pid_t)syscall(__NR_clone3, &arguments, sizeof(arguments));

	if (child == 0)
		_exit(0);
	return child_result(child);
}

/* Flags that the kernel reads as 64 bits, from memory, and as 32. */
static int with_high_bits(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(result_of(syscall(__NR_unshare, 1UL << 32 | CLONE_NEWUSER)));
	return child_result(child);
}

/* Keyrings ------------------------------------------------------------------------------------- */

static int key_add(void)
{
	return result_of(syscall(__NR_add_key, "user", "escape", "x", 1UL, KEY_SPEC_PROCESS_KEYRING));
}

static int key_session(void)
{
	return result_of(syscall(__NR_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1));
}

static int key_request(void)
{
	long key = syscall(__NR_request_key, "user", "escape", NULL, 0);

	/* There is none, but it was looked for. */
	return key < 0 && errno == ENOKEY ? 0 : result_of(key);
}

/* The kernel's machinery ------------------------------------------------------------------------ */

static int fault_handler(void)
{
	return closed((int)syscall(__NR_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY */));
}

static int socket_program(void)
{
	static const struct bpf_insn code[] = { { .code = 0xb7 }, { .code = 0x95 } };
	union bpf_attr attributes = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
				      .insn_cnt = 2,
				      .insns = (uintptr_t)code,
				      .license = (uintptr_t) "GPL" };

	return closed((int)syscall(__NR_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes)));
}

static int accounting(void)
{
	return result_of(syscall(__NR_acct, NULL));
}

static int domain_name(void)
{
	char name[65];

	return getdomainname(name, sizeof(name)) ? errno
						 : result_of(setdomainname(name, strlen(name)));
}

static int network_setting(void)
{
	return closed(open("/proc/sys/net/ipv4/ip_forward", O_WRONLY));
}

static int control_group(void)
{
	return closed(open("/sys/fs/cgroup/cgroup.procs", O_WRONLY));
}

/* Terminals ------------------------------------------------------------------------------------ */

/* On a terminal of its own, in a session of its own. */
static int on_terminal(int (*act)(int terminal))
{
	pid_t child = fork();

	if (child == 0) {
		int master = posix_openpt(O_RDWR | O_NOCTTY);
		int terminal = -1;

		if (master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0)
			terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
		if (terminal < 0)
			_exit(errno);
		setsid();
		if (ioctl(terminal, TIOCSCTTY, 0))
			_exit(errno);
		_exit(act(terminal));
	}
	return child_result(child);
}

static int type_into(int terminal)
{
	return result_of(ioctl(terminal, TIOCSTI, "x"));
}

static int type_with_high_bits(int terminal)
{
	return result_of(syscall(__NR_ioctl, terminal, 1UL << 32 | TIOCSTI, "x"));
}

static int paste(int terminal)
{
	char function[2] = { 3 /* paste the selection */ };

	/* No console, but let in. */
	return ioctl(terminal, TIOCLINUX, function) && errno != ENOTTY ? errno : 0;
}

static int take_console(int terminal)
{
	int error = result_of(ioctl(terminal, TIOCCONS, 0));
	int console = error ? -1 : open("/dev/console", O_WRONLY);

	if (console >= 0)
		ioctl(console, TIOCCONS, 0);
	return error;
}

static int line_discipline(int terminal)
{
	const int slip = N_SLIP;

	return result_of(ioctl(terminal, TIOCSETD, &slip));
}

static int terminal_type(void)
{
	return on_terminal(type_into);
}

static int terminal_type_high(void)
{
	return on_terminal(type_with_high_bits);
}

static int terminal_paste(void)
{
	return on_terminal(paste);
}

static int terminal_console(void)
{
	return on_terminal(take_console);
}

static int terminal_discipline(void)
{
	return on_terminal(line_discipline);
}

/* Sockets -------------------------------------------------------------------------------------- */

/* Families that no session may use, each by any type: 0 where one was made. */
static int other_families(void)
{
	int error = EAFNOSUPPORT;

	for (int family = 0; family < 64; family++) {
		if (family == AF_UNIX || family == AF_INET || family == AF_INET6 ||
		    family == AF_NETLINK)
			continue;
		for (int type = 1; type <= SOCK_PACKET; type++) {
			if (closed(socket(family, type, 0)) == 0)
				return 0;
			if (errno == EPERM)
				error = EPERM;
		}
	}
	return error;
}

static int other_netlink(void)
{
	int error = EPROTONOSUPPORT;

	for (int protocol = 1; protocol < 32; protocol++) {
		if (closed(socket(AF_NETLINK, SOCK_RAW, protocol)) == 0)
			return 0;
		if (errno == EPERM)
			error = EPERM;
	}
	return error;
}

static int other_protocols(void)
{
	const int domains[] = { AF_INET, AF_INET6 };
	int error = EPROTONOSUPPORT;

	for (int i = 0; i < 2; i++) {
		for (int protocol = 1; protocol < 512; protocol++) {
			if (protocol == IPPROTO_TCP)
				continue;
			if (closed(socket(domains[i], SOCK_STREAM, protocol)) == 0)
				return 0;
			if (errno == EPERM)
				error = EPERM;
		}
	}
	return error;
}

static int option(int domain, int level, int name, const void *value, socklen_t size)
{
	int fd = socket(domain, SOCK_STREAM, 0);

	return fd < 0 ? errno : result_of(setsockopt(fd, level, name, value, size));
}

/* A loose source route over another machine. */
static int source_route(void)
{
	const unsigned char route[] = { 131, 7, 4, 127, 0, 0, 2, 0 };

	return option(AF_INET, IPPROTO_IP, IP_OPTIONS, route, sizeof(route));
}

static int routing_header(void)
{
	return option(AF_INET6, IPPROTO_IPV6, IPV6_RTHDR, NULL, 0);
}

static int flow_label(void)
{
	const struct {
		struct in6_addr destination;
		uint32_t label;
		uint8_t action, share;
		uint16_t flags, expires, linger;
		uint32_t pad;
	} request = { IN6ADDR_LOOPBACK_INIT, 0, 0, 1, 1, 0, 0, 0 };

	return option(AF_INET6, IPPROTO_IPV6, 32 /* IPV6_FLOWLABEL_MGR */, &request, sizeof(request));
}

static int upper_protocol(void)
{
	return option(AF_INET, IPPROTO_TCP, 31 /* TCP_ULP */, "smc", 3);
}

static const struct probe probes[] = {
	{ "namespace_user", user },
	{ "namespace_user_and_mounts", user_and_mounts },
	{ "namespace_user_and_network", user_and_network },
	{ "namespace_user_and_time", user_and_time },
	{ "namespace_by_clone", by_clone },
	{ "namespace_by_clone3", by_clone3 },
	{ "namespace_with_high_bits", with_high_bits },
	{ "key_add", key_add },
	{ "key_session", key_session },
	{ "key_request", key_request },
	{ "fault_handler", fault_handler },
	{ "socket_program", socket_program },
	{ "accounting", accounting },
	{ "domain_name", domain_name },
	{ "network_setting", network_setting },
	{ "control_group", control_group },
	{ "terminal_type", terminal_type },
	{ "terminal_type_with_high_bits", terminal_type_high },
	{ "terminal_paste", terminal_paste },
	{ "terminal_console", terminal_console },
	{ "terminal_line_discipline", terminal_discipline },
	{ "other_families", other_families },
	{ "other_netlink", other_netlink },
	{ "other_protocols", other_protocols },
	{ "source_route", source_route },
	{ "routing_header", routing_header },
	{ "flow_label", flow_label },
	{ "upper_protocol", upper_protocol },
};
PROBE_MAIN(probes)
