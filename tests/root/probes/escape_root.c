/* SPDX-License-Identifier: BSD-3-Clause */
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
#include <linux/openat2.h>
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
#include <sys/xattr.h>

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

/* Who holds one has every other open(2) of the file wait: a login of anybody's. */
static int lease(void)
{
	int fd = open("/etc/hostname", O_RDONLY);
	int error = result_of(fcntl(fd, F_SETLEASE, F_WRLCK));

	close(fd);
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

/* Files that whoever is outside runs as another account ------------------------------------------- */

#define SET_UID 04755
#define SET_GID 02755
#define DISK    6 /* a group that reads disks */

/* A file of root's, that `make` gives or has given the bits of `mode`. Who is not root makes none. */
static int set_id(int (*make)(int fd, mode_t mode), mode_t mode)
{
	struct stat status = { 0 };
	int fd = open(PLACE, O_RDWR | O_CREAT | O_TRUNC, 0755);
	int error = fd < 0 || fchown(fd, geteuid(), getegid()) ? errno : make(fd, mode);

	umask(0);
	if (!error && (stat(PLACE, &status) || !(status.st_mode & mode & 06000)))
		error = ENODATA;
	unlink(PLACE);
	return error ? error : getuid() ? EPERM : 0;
}

static int mode_by_path(int fd, mode_t mode)
{
	(void)fd;
	return result_of(syscall(__NR_chmod, PLACE, mode));
}

static int mode_by_file(int fd, mode_t mode)
{
	return result_of(syscall(__NR_fchmod, fd, mode));
}

static int mode_at(int fd, mode_t mode)
{
	(void)fd;
	return result_of(syscall(__NR_fchmodat, AT_FDCWD, PLACE, mode));
}

static int mode_at_with_flags(int fd, mode_t mode)
{
	return result_of(syscall(452 /* fchmodat2 */, fd, "", mode, AT_EMPTY_PATH));
}

static int mode_with_high_bits(int fd, mode_t mode)
{
	return result_of(syscall(__NR_fchmod, 1UL << 32 | (unsigned)fd, 1UL << 32 | mode));
}

static int mode_of_open(int fd, mode_t mode)
{
	(void)fd;
	unlink(PLACE);
	return closed((int)syscall(__NR_open, PLACE, O_WRONLY | O_CREAT, mode));
}

static int mode_of_openat(int fd, mode_t mode)
{
	(void)fd;
	unlink(PLACE);
	return closed((int)syscall(__NR_openat, AT_FDCWD, PLACE, O_WRONLY | O_CREAT | O_EXCL, mode));
}

static int mode_of_openat2(int fd, mode_t mode)
{
	struct open_how how = { .flags = O_WRONLY | O_CREAT, .mode = mode };

	(void)fd;
	unlink(PLACE);
	return closed((int)syscall(__NR_openat2, AT_FDCWD, PLACE, &how, sizeof(how)));
}

static int mode_of_creat(int fd, mode_t mode)
{
	(void)fd;
	unlink(PLACE);
	return closed((int)syscall(__NR_creat, PLACE, mode));
}

static int mode_of_node(int fd, mode_t mode)
{
	(void)fd;
	unlink(PLACE);
	return result_of(syscall(__NR_mknod, PLACE, S_IFREG | mode, 0));
}

static int mode_of_node_at(int fd, mode_t mode)
{
	(void)fd;
	unlink(PLACE);
	return result_of(syscall(__NR_mknodat, AT_FDCWD, PLACE, S_IFREG | mode, 0));
}

static int mode_of_nameless(int fd, mode_t mode)
{
	char path[32];

	unlink(PLACE);
	fd = open("/var/tmp", O_RDWR | O_TMPFILE, mode);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return fd < 0 ? errno : result_of(linkat(AT_FDCWD, path, AT_FDCWD, PLACE, AT_SYMLINK_FOLLOW));
}

/* As another account, whose file it then is. */
static int mode_as_another(int fd, mode_t mode)
{
	if (setresgid(65534, 65534, 65534) || fchown(fd, 65534, 65534) ||
	    syscall(__NR_setresuid, 65534, 65534, 0))
		return errno;
	mode_by_file(fd, mode);
	return result_of(syscall(__NR_setresuid, 0, 0, 0)) ?: mode_by_file(fd, mode);
}

/* As an account that has got a group of the machine's. */
static int mode_with_group(int fd, mode_t mode)
{
	const gid_t disk = DISK;
	pid_t child;

	if (syscall(__NR_setgroups, 1, &disk) || fchown(fd, 65534, DISK))
		return errno;
	child = fork();
	if (child == 0) {
		if (setresuid(65534, 65534, 65534))
			_exit(errno);
		_exit(mode_by_file(fd, mode));
	}
	return child_result(child);
}

/* A file that has the bit already, made as an account of its own, gets another group, and the right
 * to execute by its access list. */
static int mode_by_list(int fd, mode_t mode)
{
	static const struct {
		uint32_t version;
		struct {
			uint16_t tag, permissions;
			uint32_t id;
		} entries[3];
	} list = { 2, { { 1, 7, ~0U }, { 4, 5, ~0U }, { 0x20, 5, ~0U } } };
	struct stat status;

	(void)mode;
	if (syscall(__NR_fchmod, fd, 02644) || fchown(fd, 65534, DISK) ||
	    fsetxattr(fd, "system.posix_acl_access", &list, sizeof(list), 0) || fstat(fd, &status))
		return errno;
	return (status.st_mode & 02011) == 02011 ? 0 : ENODATA;
}

/* The list alone, which nobody else may set for the user's files. */
static int access_list(void)
{
	static const unsigned char value[] = { 2,   0,   0, 0, 1,   0,   7,   0,   255, 255,
					       255, 255, 4, 0, 5,   0,   255, 255, 255, 255,
					       32,  0,   5, 0, 255, 255, 255, 255 };
	int fd = open(PLACE, O_RDWR | O_CREAT, 0755);
	int error =
		fd < 0 ? errno
		       : result_of(fsetxattr(fd, "system.posix_acl_access", value, sizeof(value), 0));

	unlink(PLACE);
	return error ? error : getuid() ? EPERM : 0;
}

#define SET_ID(name, make, mode)           \
	static int name(void)              \
	{                                  \
		return set_id(make, mode); \
	}
SET_ID(set_uid, mode_by_path, SET_UID)
SET_ID(set_gid, mode_by_path, SET_GID)
SET_ID(set_uid_by_file, mode_by_file, SET_UID)
SET_ID(set_uid_at, mode_at, SET_UID)
SET_ID(set_uid_at_with_flags, mode_at_with_flags, SET_UID)
SET_ID(set_uid_with_high_bits, mode_with_high_bits, SET_UID)
SET_ID(set_uid_of_open, mode_of_open, SET_UID)
SET_ID(set_uid_of_openat, mode_of_openat, SET_UID)
SET_ID(set_gid_of_openat, mode_of_openat, SET_GID)
SET_ID(set_uid_of_openat2, mode_of_openat2, SET_UID)
SET_ID(set_uid_of_creat, mode_of_creat, SET_UID)
SET_ID(set_uid_of_node, mode_of_node, SET_UID)
SET_ID(set_uid_of_node_at, mode_of_node_at, SET_UID)
SET_ID(set_uid_of_nameless, mode_of_nameless, SET_UID)
SET_ID(set_uid_as_another, mode_as_another, SET_UID)
SET_ID(set_gid_with_group, mode_with_group, SET_GID)
SET_ID(set_gid_by_list, mode_by_list, SET_GID)
#undef SET_ID

/* File capabilities are of the same kind. */
static int set_capability(int fd, mode_t mode)
{
	const struct {
		uint32_t magic;
		uint32_t sets[4];
	} all = { 0x02000001 /* version 2, effective */, { ~0U, 0, 0, 0 } };

	(void)mode;
	return result_of(fsetxattr(fd, "security.capability", &all, sizeof(all), 0))
		       ?: result_of(fchmod(fd, 0755));
}

static int file_capability(void)
{
	int fd = open(PLACE, O_RDWR | O_CREAT, 0755);
	int error = fd < 0 ? errno : set_capability(fd, 0);

	unlink(PLACE);
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
	{ "lease", lease },
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
	{ "set_uid", set_uid },
	{ "set_gid", set_gid },
	{ "set_uid_by_file", set_uid_by_file },
	{ "set_uid_at", set_uid_at },
	{ "set_uid_at_with_flags", set_uid_at_with_flags },
	{ "set_uid_with_high_bits", set_uid_with_high_bits },
	{ "set_uid_of_open", set_uid_of_open },
	{ "set_uid_of_openat", set_uid_of_openat },
	{ "set_gid_of_openat", set_gid_of_openat },
	{ "set_uid_of_openat2", set_uid_of_openat2 },
	{ "set_uid_of_creat", set_uid_of_creat },
	{ "set_uid_of_node", set_uid_of_node },
	{ "set_uid_of_node_at", set_uid_of_node_at },
	{ "set_uid_of_nameless", set_uid_of_nameless },
	{ "set_uid_as_another", set_uid_as_another },
	{ "set_gid_with_group", set_gid_with_group },
	{ "set_gid_by_list", set_gid_by_list },
	{ "access_list", access_list },
	{ "file_capability", file_capability },
};
PROBE_MAIN(probes)
