/*
 * What root would use to undo a sandbox that it is in, or to change the machine around it. Run by
 * test_pam_root.py as root, outside of every session and inside of one; PATH is the pid of a
 * process of root's outside. What a probe changes it changes back, since bare it succeeds.
 */
#include "probe.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/fanotify.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/utsname.h>

#define PLACE "/var/tmp/escape-root"

static pid_t outside(void)
{
	return (pid_t)strtol(target.path, NULL, 10);
}

static int closed(int fd)
{
	int error = fd < 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	return error;
}

/* 0 where the call fails for want of sense only, not of a right. */
static int sense(long result, int expected)
{
	return result >= 0 || errno == expected ? 0 : errno;
}

/* Files ---------------------------------------------------------------------------------------- */

static int write_passwd(void)
{
	return closed(open("/etc/passwd", O_WRONLY | O_APPEND));
}

static int truncate_shadow(void)
{
	struct stat status;

	return stat("/etc/shadow", &status) ? errno
					    : result_of(truncate("/etc/shadow", status.st_size));
}

static int create(const char *path)
{
	int error = closed(open(path, O_WRONLY | O_CREAT | O_EXCL, 0644));

	if (!error)
		unlink(path);
	return error;
}

static int cron_file(void)
{
	return create("/etc/cron.d/escape-root");
}

static int pam_file(void)
{
	return create("/etc/pam.d/escape-root");
}

static int policy_file(void)
{
	return create("/etc/sandlock-escape");
}

static int root_file(void)
{
	return create("/root/escape-root");
}

static int link_passwd(void)
{
	int error = result_of(link("/etc/passwd", "/etc/cron.d/escape-root"));

	if (!error)
		unlink("/etc/cron.d/escape-root");
	return error;
}

static int rename_file(void)
{
	int error = result_of(rename("/etc/hostname", "/etc/hostname.away"));

	if (!error)
		rename("/etc/hostname.away", "/etc/hostname");
	return error;
}

static int kernel_setting(void)
{
	return closed(open("/proc/sys/kernel/core_pattern", O_WRONLY));
}

static int sysrq(void)
{
	return closed(open("/proc/sysrq-trigger", O_WRONLY));
}

/* A node that was made and opened. */
static int node(mode_t type, dev_t device)
{
	int error = result_of(mknod(PLACE, type | 0600, device));

	if (!error)
		error = closed(open(PLACE, O_RDONLY));
	unlink(PLACE);
	return error;
}

static int device_node(void)
{
	return node(S_IFCHR, makedev(1, 3));
}

static int memory_device(void)
{
	return node(S_IFCHR, makedev(1, 1));
}

/* The disk that the machine's programs lie on. */
static int disk(void)
{
	struct stat status;

	return stat("/usr", &status) ? errno : node(S_IFBLK, status.st_dev);
}

static int by_handle(void)
{
	struct {
		struct file_handle handle;
		unsigned char room[MAX_HANDLE_SZ];
	} file = { .handle = { .handle_bytes = MAX_HANDLE_SZ } };
	int directory = open("/var", O_RDONLY | O_DIRECTORY);
	int mount;

	if (directory < 0)
		directory = open("/usr", O_RDONLY | O_DIRECTORY);
	if (name_to_handle_at(AT_FDCWD, "/usr/bin/env", &file.handle, &mount, 0))
		return errno;
	return closed(open_by_handle_at(directory, &file.handle, O_RDONLY));
}

static int change_root(void)
{
	return result_of(chroot("/"));
}

/* Mounts and namespaces -------------------------------------------------------------------------- */

static int mount_tmpfs(void)
{
	int error = result_of(mkdir(PLACE, 0700));

	if (!error)
		error = result_of(mount("tmpfs", PLACE, "tmpfs", 0, NULL));
	if (!error)
		umount(PLACE);
	rmdir(PLACE);
	return error;
}

static int mount_bind(void)
{
	int error = result_of(mkdir(PLACE, 0700));

	if (!error)
		error = result_of(mount("/etc", PLACE, NULL, MS_BIND, NULL));
	if (!error)
		umount(PLACE);
	rmdir(PLACE);
	return error;
}

static int new_mount_api(void)
{
	return closed((int)syscall(__NR_fsopen, "tmpfs", 0));
}

static int open_tree_clone(void)
{
	return closed((int)syscall(__NR_open_tree, AT_FDCWD, "/etc", 1 /* OPEN_TREE_CLONE */));
}

static int namespace_new(void)
{
	return result_of(unshare(CLONE_NEWNS));
}

static int namespace_of_init(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)outside());
	fd = open(path, O_RDONLY);
	return fd < 0 ? errno : result_of(setns(fd, CLONE_NEWNET));
}

static int root_of_outside(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root/etc/hostname", (int)outside());
	return closed(open(path, O_RDONLY));
}

/* The kernel --------------------------------------------------------------------------------------- */

static int module_load(void)
{
	return sense(syscall(__NR_init_module, "no module", 9, ""), ENOEXEC);
}

static int module_file(void)
{
	return sense(syscall(__NR_finit_module, open("/usr/bin/env", O_RDONLY), "", 0), ENOEXEC);
}

static int bpf_map(void)
{
	union bpf_attr attributes = {
		.map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 4, .max_entries = 1
	};

	return closed((int)syscall(__NR_bpf, BPF_MAP_CREATE, &attributes, sizeof(attributes)));
}

static int perf(void)
{
	struct perf_event_attr attributes = { .type = PERF_TYPE_SOFTWARE,
					      .size = sizeof(attributes),
					      .config = PERF_COUNT_SW_CPU_CLOCK };

	return closed((int)syscall(__NR_perf_event_open, &attributes, outside(), -1, -1, 0));
}

static int kernel_log(void)
{
	return result_of(klogctl(9 /* SYSLOG_ACTION_SIZE_UNREAD */, NULL, 0));
}

static int ports(void)
{
	return result_of(ioperm(0x80, 1, 1));
}

static int host_name(void)
{
	struct utsname name;

	return uname(&name) ? errno : result_of(sethostname(name.nodename, strlen(name.nodename)));
}

static int kexec(void)
{
	return sense(syscall(__NR_kexec_load, 0, 0, NULL, ~0UL), EINVAL);
}

static int watch_files(void)
{
	return closed(fanotify_init(FAN_CLASS_CONTENT, O_RDONLY));
}

static int real_time(void)
{
	const struct sched_param wanted = { .sched_priority = 1 };
	const struct sched_param before = { 0 };
	int error = result_of(sched_setscheduler(0, SCHED_FIFO, &wanted));

	if (!error)
		sched_setscheduler(0, SCHED_OTHER, &before);
	return error;
}

static int limits_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return errno;
	limit.rlim_max = limit.rlim_cur = limit.rlim_max + 4096;
	return result_of(setrlimit(RLIMIT_MEMLOCK, &limit));
}

static int io_ring(void)
{
	char parameters[256] = { 0 };

	return closed((int)syscall(__NR_io_uring_setup, 1, parameters));
}

/* Back into a bounding set that was narrowed. */
static int capability_back(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2] = { 0 };

	if (syscall(__NR_capget, &header, sets))
		return errno;
	sets[0].permitted |= 1U << CAP_SYS_ADMIN;
	sets[0].effective |= 1U << CAP_SYS_ADMIN;
	return result_of(syscall(__NR_capset, &header, sets));
}

/* The network ---------------------------------------------------------------------------------------- */

static int packet_socket(void)
{
	return closed(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)));
}

static int raw_socket(void)
{
	return closed(socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
}

static int raw_tcp(void)
{
	return closed(socket(AF_INET, SOCK_RAW, IPPROTO_TCP));
}

static int packet_filter(void)
{
	return closed(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
}

static int socket_diagnosis(void)
{
	return closed(socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG));
}

static int kernel_crypto(void)
{
	return closed(socket(AF_ALG, SOCK_SEQPACKET, 0));
}

/* What the kernel answers to the request, as an errno. */
static int netlink_ask(struct nlmsghdr *request)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	char answer[4096];
	const struct nlmsghdr *header = (const void *)answer;
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

	request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (fd < 0 || connect(fd, (struct sockaddr *)&kernel, sizeof(kernel)) ||
	    send(fd, request, request->nlmsg_len, 0) < 0 || recv(fd, answer, sizeof(answer), 0) < 0)
		return errno;
	close(fd);
	return header->nlmsg_type == NLMSG_ERROR
		       ? -((const struct nlmsgerr *)NLMSG_DATA(header))->error
		       : EPROTO;
}

static int address_change(uint16_t type)
{
	struct {
		struct nlmsghdr header;
		struct ifaddrmsg message;
		struct rtattr attribute;
		struct in_addr address;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = type,
			    .nlmsg_flags = type == RTM_NEWADDR ? NLM_F_CREATE : 0 },
		.message = { .ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = 1 },
		.attribute = { .rta_len = RTA_LENGTH(4), .rta_type = IFA_LOCAL },
		.address = { htonl(0xc0000263) },
	};

	return netlink_ask(&request.header);
}

static int address_add(void)
{
	int error = address_change(RTM_NEWADDR);

	if (!error)
		address_change(RTM_DELADDR);
	return error;
}

static int interface_flags(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int error = ioctl(fd, SIOCGIFFLAGS, &request) ? errno : 0;

	if (!error)
		error = result_of(ioctl(fd, SIOCSIFFLAGS, &request));
	close(fd);
	return error;
}

static int unix_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int error;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	error = result_of(connect(fd, (struct sockaddr *)&address, sizeof(address)));
	close(fd);
	return error;
}

static int docker(void)
{
	return unix_to("/run/docker.sock");
}

static int bus(void)
{
	return unix_to("/run/dbus/system_bus_socket");
}

static int user_bus(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/run/user/%d/bus", (int)getuid());
	return unix_to(path);
}

static int tcp_elsewhere(void)
{
	struct sockaddr_in address = inet_to("192.0.2.1", target.refused);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int error = result_of(connect(fd, (struct sockaddr *)&address, sizeof(address)));

	close(fd);
	return error;
}

static const struct probe probes[] = {
	{ "write_passwd", write_passwd },
	{ "truncate_shadow", truncate_shadow },
	{ "cron_file", cron_file },
	{ "pam_file", pam_file },
	{ "policy_file", policy_file },
	{ "root_file", root_file },
	{ "link_passwd", link_passwd },
	{ "rename_file", rename_file },
	{ "kernel_setting", kernel_setting },
	{ "sysrq", sysrq },
	{ "device_node", device_node },
	{ "memory_device", memory_device },
	{ "disk", disk },
	{ "by_handle", by_handle },
	{ "change_root", change_root },
	{ "mount_tmpfs", mount_tmpfs },
	{ "mount_bind", mount_bind },
	{ "new_mount_api", new_mount_api },
	{ "open_tree_clone", open_tree_clone },
	{ "namespace_new", namespace_new },
	{ "namespace_of_init", namespace_of_init },
	{ "root_of_outside", root_of_outside },
	{ "module_load", module_load },
	{ "module_file", module_file },
	{ "bpf_map", bpf_map },
	{ "perf", perf },
	{ "kernel_log", kernel_log },
	{ "ports", ports },
	{ "host_name", host_name },
	{ "kexec", kexec },
	{ "watch_files", watch_files },
	{ "real_time", real_time },
	{ "limits_raise", limits_raise },
	{ "io_ring", io_ring },
	{ "capability_back", capability_back },
	{ "packet_socket", packet_socket },
	{ "raw_socket", raw_socket },
	{ "raw_tcp", raw_tcp },
	{ "packet_filter", packet_filter },
	{ "socket_diagnosis", socket_diagnosis },
	{ "kernel_crypto", kernel_crypto },
	{ "address_add", address_add },
	{ "interface_flags", interface_flags },
	{ "docker", docker },
	{ "bus", bus },
	{ "user_bus", user_bus },
	{ "tcp_elsewhere", tcp_elsewhere },
};
PROBE_MAIN(probes)
