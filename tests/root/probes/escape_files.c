/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ways to files that no list names: to read, change, make and execute them. Run by test_escape.py, in a directory
 * that the user may write, with another one that only permissions would open as the path.
 */
#include "probe.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/un.h>

#define PATH_MAX_ 300

static const char *in(const char *name)
{
	static char paths[4][PATH_MAX_];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, PATH_MAX_, "%s/%s", target.path, name);
	return path;
}

static int directory(void)
{
	return open(target.path, O_PATH | O_DIRECTORY);
}

/* The secret, read from a descriptor. */
static int read_from(int fd)
{
	char text[8] = "";

	if (fd < 0 || pread(fd, text, 4, 0) < 0)
		return errno;
	return strcmp(text, "kept") == 0 ? 0 : ENOMSG;
}

static int write_to(int fd)
{
	return fd < 0 ? errno : result_of(pwrite(fd, "lost", 4, 0));
}

/* ---- reading ---- */

static int read_open(void)
{
	return read_from(open(in("file"), O_RDONLY));
}

static int read_openat(void)
{
	return read_from(openat(directory(), "file", O_RDONLY));
}

static int read_openat2(void)
{
	struct open_how how = { .flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT };

	return read_from((int)syscall(SYS_openat2, directory(), "/file", &how, sizeof(how)));
}

static int read_from_inside(void)
{
	return chdir(target.path) ? errno : read_from(open("file", O_RDONLY));
}

static int read_reopened(void)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", open(in("file"), O_PATH));
	return read_from(open(name, O_RDONLY));
}

static int read_through_root(void)
{
	char name[PATH_MAX_ + 32];

	snprintf(name, sizeof(name), "/proc/self/root%s", in("file"));
	return read_from(open(name, O_RDONLY));
}

static int read_through_cwd(void)
{
	return chdir(target.path) ? errno : read_from(open("/proc/self/cwd/file", O_RDONLY));
}

static int read_through_link(void)
{
	if (symlink(in("file"), "soft"))
		return errno;
	return read_from(open("soft", O_RDONLY));
}

static int read_linked(void)
{
	return link(in("file"), "hard") ? errno : read_from(open("hard", O_RDONLY));
}

static int read_linked_by_descriptor(void)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", open(in("file"), O_PATH));
	if (linkat(AT_FDCWD, name, AT_FDCWD, "hard", AT_SYMLINK_FOLLOW))
		return errno;
	return read_from(open("hard", O_RDONLY));
}

static int read_moved(void)
{
	return rename(in("file"), "moved") ? errno : read_from(open("moved", O_RDONLY));
}

static int read_exchanged(void)
{
	close(open("mine", O_WRONLY | O_CREAT, 0666));
	if (renameat2(AT_FDCWD, in("file"), AT_FDCWD, "mine", RENAME_EXCHANGE))
		return errno;
	return read_from(open("mine", O_RDONLY));
}

/* The directory above is moved to where reading is free. */
static int read_with_its_directory_moved(void)
{
	if (rename(in("below"), "below"))
		return errno;
	return read_from(open("below/file", O_RDONLY));
}

static int read_mapped(void)
{
	int fd = open(in("file"), O_RDONLY);
	char *text = mmap(NULL, 4, PROT_READ, MAP_PRIVATE, fd, 0);

	return text == MAP_FAILED ? errno : memcmp(text, "kept", 4) ? ENOMSG : 0;
}

static int read_sent(void)
{
	int out = open("copy", O_RDWR | O_CREAT, 0666);
	off_t offset = 0;

	if (sendfile(out, open(in("file"), O_RDONLY), &offset, 4) < 0)
		return errno;
	return read_from(out);
}

static int read_by_child(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(read_open());
	return child_result(child);
}

static int read_after_vfork(void)
{
	pid_t child = (pid_t)syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);

	if (child == 0)
		_exit(read_open());
	return child_result(child);
}

static int read_by_namespace(void)
{
	pid_t child = fork();

	if (child == 0) {
		if (mkdir("mount", 0755) || unshare(CLONE_NEWUSER | CLONE_NEWNS) ||
		    mount(target.path, "mount", NULL, MS_BIND, NULL))
			_exit(errno);
		_exit(read_from(open("mount/file", O_RDONLY)));
	}
	return child_result(child);
}

static int read_through_thread(void)
{
	char name[PATH_MAX_ + 32];

	snprintf(name, sizeof(name), "/proc/thread-self/root%s", in("file"));
	return read_from(open(name, O_RDONLY));
}

static int read_through_child(void)
{
	char name[PATH_MAX_ + 32];
	pid_t child = fork();
	int error;

	if (child == 0) {
		pause();
		_exit(0);
	}
	snprintf(name, sizeof(name), "/proc/%d/root%s", (int)child, in("file"));
	error = read_from(open(name, O_RDONLY));
	kill(child, SIGKILL);
	return error;
}

static int read_copied(void)
{
	int out = open("copy", O_RDWR | O_CREAT, 0666);

	if (copy_file_range(open(in("file"), O_RDONLY), NULL, out, NULL, 4, 0) < 0)
		return errno;
	return read_from(out);
}

static int read_by_directory_moved_up(void)
{
	if (mkdir("mine", 0755) ||
	    renameat2(AT_FDCWD, in("below"), AT_FDCWD, "mine", RENAME_EXCHANGE))
		return errno;
	return read_from(open("mine/file", O_RDONLY));
}

static int list(void)
{
	char entries[512];
	int fd = open(target.path, O_RDONLY | O_DIRECTORY);

	return fd < 0 ? errno : result_of(syscall(SYS_getdents64, fd, entries, sizeof(entries)));
}

/* ---- changing and making ---- */

static int write_open(void)
{
	return write_to(open(in("file"), O_WRONLY));
}

static int write_appended(void)
{
	int fd = open(in("file"), O_WRONLY | O_APPEND);

	return fd < 0 ? errno : result_of(write(fd, "more", 4));
}

static int write_reopened(void)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", open(in("file"), O_PATH));
	return write_to(open(name, O_RDWR));
}

static int cut(void)
{
	return result_of(truncate(in("file"), 0));
}

static int cut_by_open(void)
{
	return result_of(open(in("file"), O_RDONLY | O_TRUNC));
}

static int make(void)
{
	return result_of(open(in("new"), O_WRONLY | O_CREAT | O_EXCL, 0666));
}

static int make_nameless(void)
{
	int fd = open(target.path, O_TMPFILE | O_RDWR, 0666);
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return fd < 0 ? errno
		      : result_of(linkat(AT_FDCWD, name, AT_FDCWD, in("new"), AT_SYMLINK_FOLLOW));
}

static int make_directory(void)
{
	return result_of(mkdir(in("new"), 0777));
}

static int make_link(void)
{
	return result_of(symlink("/", in("new")));
}

static int make_hard_link(void)
{
	close(open("mine", O_WRONLY | O_CREAT, 0666));
	return result_of(link("mine", in("new")));
}

static int make_fifo(void)
{
	return result_of(mknod(in("new"), S_IFIFO | 0666, 0));
}

static int make_socket(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	snprintf(name.sun_path, sizeof(name.sun_path), "%s", in("new"));
	return result_of(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&name, sizeof(name)));
}

static int make_socket_from_inside(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "new" };

	if (chdir(target.path))
		return errno;
	return result_of(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&name, sizeof(name)));
}

static int move_in(void)
{
	close(open("mine", O_WRONLY | O_CREAT, 0666));
	return result_of(rename("mine", in("file")));
}

static int move_within(void)
{
	return result_of(rename(in("file"), in("new")));
}

static int remove_file(void)
{
	return result_of(unlink(in("file")));
}

static int remove_directory(void)
{
	return result_of(unlink(in("below/file"))) ?: result_of(rmdir(in("below")));
}

static int write_mapped(void)
{
	int fd = open(in("file"), O_RDWR);
	char *text = mmap(NULL, 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (text == MAP_FAILED)
		return errno;
	memcpy(text, "lost", 4); /* NOLINT(bugprone-not-null-terminated-result) */
	return 0;
}

/* The kernel writes the memory of who dies to where he stands. */
static int dump_core(void)
{
	const struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (setrlimit(RLIMIT_CORE, &limit) || chdir(target.path))
			_exit(errno);
		abort();
	}
	if (waitpid(child, &status, 0) < 0)
		return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : WCOREDUMP(status) ? 0 : ENOENT;
}

/* ---- executing ---- */

static int execute(int (*how)(void))
{
	pid_t child = fork();

	if (child == 0) {
		close(STDERR_FILENO);
		how();
		_exit(errno);
	}
	return child_result(child);
}

static char *const arguments[] = { (char *)"program", NULL };

static int by_path(void)
{
	return execv(in("program"), arguments);
}

static int by_descriptor(void)
{
	return fexecve(open(in("program"), O_PATH), arguments, environ);
}

static int by_loader(void)
{
	char *const words[] = { (char *)"ld.so", (char *)in("program"), NULL };

	return execv("/lib64/ld-linux-x86-64.so.2", words);
}

static int by_interpreter(void)
{
	char *const words[] = { (char *)"sh", (char *)in("script"), NULL };

	return execv("/bin/sh", words);
}

static int by_first_line(void)
{
	int fd = open("mine", O_WRONLY | O_CREAT, 0755);

	dprintf(fd, "#!%s\n", in("program"));
	close(fd);
	return execv("./mine", arguments);
}

static int execute_path(void)
{
	return execute(by_path);
}

static int execute_descriptor(void)
{
	return execute(by_descriptor);
}

static int execute_by_loader(void)
{
	return execute(by_loader);
}

static int execute_by_interpreter(void)
{
	return execute(by_interpreter);
}

static int execute_by_first_line(void)
{
	return execute(by_first_line);
}

static const struct probe probes[] = {
	{ "read_open", read_open },
	{ "read_openat", read_openat },
	{ "read_openat2", read_openat2 },
	{ "read_from_inside", read_from_inside },
	{ "read_reopened", read_reopened },
	{ "read_through_root", read_through_root },
	{ "read_through_cwd", read_through_cwd },
	{ "read_through_link", read_through_link },
	{ "read_linked", read_linked },
	{ "read_linked_by_descriptor", read_linked_by_descriptor },
	{ "read_moved", read_moved },
	{ "read_exchanged", read_exchanged },
	{ "read_with_its_directory_moved", read_with_its_directory_moved },
	{ "read_mapped", read_mapped },
	{ "read_sent", read_sent },
	{ "read_by_child", read_by_child },
	{ "read_after_vfork", read_after_vfork },
	{ "read_by_namespace", read_by_namespace },
	{ "read_through_thread", read_through_thread },
	{ "read_through_child", read_through_child },
	{ "read_copied", read_copied },
	{ "read_with_its_directory_exchanged", read_by_directory_moved_up },
	{ "list", list },
	{ "write_mapped", write_mapped },
	{ "dump_core", dump_core },
	{ "write_open", write_open },
	{ "write_appended", write_appended },
	{ "write_reopened", write_reopened },
	{ "cut", cut },
	{ "cut_by_open", cut_by_open },
	{ "make", make },
	{ "make_nameless", make_nameless },
	{ "make_directory", make_directory },
	{ "make_link", make_link },
	{ "make_hard_link", make_hard_link },
	{ "make_fifo", make_fifo },
	{ "make_socket", make_socket },
	{ "make_socket_from_inside", make_socket_from_inside },
	{ "move_in", move_in },
	{ "move_within", move_within },
	{ "remove_file", remove_file },
	{ "remove_directory", remove_directory },
	{ "execute_path", execute_path },
	{ "execute_descriptor", execute_descriptor },
	{ "execute_by_loader", execute_by_loader },
	{ "execute_by_interpreter", execute_by_interpreter },
	{ "execute_by_first_line", execute_by_first_line },
};
PROBE_MAIN(probes)
