/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening a policy's paths: links of root's, links of everybody else's, and who changes them meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "path.h"
#include "util.h"

#define USER 12345

static char tree[64]; /* of root's, below directories of root's */
static int top;       /* the same, opened */

static void directory(const char *name, mode_t mode, uid_t uid)
{
	assert_int_equal(0, mkdirat(top, name, 0700));
	assert_int_equal(0, fchmodat(top, name, mode, 0));
	assert_int_equal(0, fchownat(top, name, uid, 0, 0));
}

/* `%` in the target stands for the tree. */
static void link_to(const char *target, const char *name)
{
	char text[PATH_MAX];

	if (target[0] == '%')
		snprintf(text, sizeof(text), "%s%s", tree, target + 1);
	else
		snprintf(text, sizeof(text), "%s", target);
	assert_int_equal(0, symlinkat(text, top, name));
}

static int tree_make(void **state)
{
	cleanup_fd int file = -1;

	(void)state;
	if (geteuid() != 0)
		return 0;
	umask(0);
	snprintf(tree, sizeof(tree), "/run/sandlock-path.XXXXXX");
	if (!mkdtemp(tree) || chmod(tree, 0755))
		return -1;
	top = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
	directory("real", 0755, 0);
	directory("real/below", 0755, 0);
	file = openat(top, "real/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	directory("users", 0755, USER);
	directory("users/dir", 0755, USER);
	directory("users/roots", 0755, 0);
	directory("group", 0775, 0);
	directory("sticky", 01777, 0);
	directory("open", 0757, 0);
	directory("locked", 0700, 0);
	return file < 0;
}

static int tree_remove(void **state)
{
	char *const argv[] = { (char *)(uintptr_t) "rm", (char *)(uintptr_t) "-rf", tree, NULL };
	pid_t child;
	int status;

	(void)state;
	if (geteuid() != 0)
		return 0;
	close(top);
	child = fork();
	if (child == 0) {
		execv("/bin/rm", argv);
		_exit(1);
	}
	return waitpid(child, &status, 0) != child || status != 0;
}

static void need_root(void)
{
	if (geteuid() != 0) {
		print_message("skipped: only root has directories that root alone may write\n");
		skip();
	}
}

/* path_open of TREE`name`; where the end lies in the tree, end->name is what follows it. */
static int open_in(const char *name, struct path_end *end)
{
	char path[2 * PATH_MAX];
	size_t length = strlen(tree);
	int fd;

	snprintf(path, sizeof(path), "%s%s", tree, name);
	fd = path_open(path, NULL, end);
	if (strncmp(end->name, tree, length) == 0)
		memmove(end->name, end->name + length, strlen(end->name + length) + 1);
	return fd;
}

static void expect_reached(const char *name, const char *reached)
{
	struct path_end end;
	cleanup_fd int fd = open_in(name, &end);
	struct stat got, wanted;
	char path[2 * PATH_MAX];

	if (fd < 0)
		fail_msg("%s: %s at %s", name, strerror(-fd), end.name);
	assert_string_equal(reached, end.name);
	assert_int_equal(PATH_NO_OBSTACLE, end.obstacle);
	snprintf(path, sizeof(path), "%s%s", tree, reached);
	assert_int_equal(0, lstat(path, &wanted));
	assert_int_equal(0, fstat(fd, &got));
	assert_true(got.st_ino == wanted.st_ino && got.st_dev == wanted.st_dev);
}

static void expect_obstacle(const char *name, enum path_obstacle obstacle, const char *where)
{
	struct path_end end;
	int fd = open_in(name, &end);

	if (fd != -ELOOP || end.obstacle != obstacle || strcmp(end.name, where) != 0)
		fail_msg("%s: %d, obstacle %d at %s", name, fd, (int)end.obstacle, end.name);
	assert_true(strlen(path_obstacle_text(obstacle)) > 0);
}

static void expect_error(const char *name, int error, const char *where)
{
	struct path_end end;

	assert_int_equal(error, open_in(name, &end));
	assert_int_equal(PATH_NO_OBSTACLE, end.obstacle);
	if (where)
		assert_string_equal(where, end.name);
}

/* ---- what is there ---- */

static void path_without_links_is_opened(void **state)
{
	struct path_end end;

	(void)state;
	need_root();
	expect_reached("/real", "/real");
	expect_reached("//real///below//.//", "/real/below");
	expect_reached("/real/file", "/real/file");
	expect_reached("/users/dir", "/users/dir");
	expect_reached("/users/roots", "/users/roots");
	expect_reached("/users/dir/", "/users/dir");
	expect_reached("/users//dir", "/users/dir");
	expect_reached("//real/file", "/real/file");
	expect_reached("/sticky", "/sticky");
	{
		cleanup_fd int fd = path_open("/", NULL, &end);

		assert_true(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) &&
			    (fcntl(fd, F_GETFL) & O_PATH));
		assert_string_equal("/", end.name);
	}
}

static void descriptors_are_all_closed(void **state)
{
	static const char *const names[] = { "/real/below", "/closed_link", "/nowhere/x",
					     "/users/closed" };
	int before, after;

	(void)state;
	need_root();
	link_to("%/real/../real", "closed_link");
	link_to("/", "users/closed");
	before = dup(top);
	close(before);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct path_end end;
		int fd = open_in(names[i], &end);

		util_cleanup_fd(&fd);
	}
	after = dup(top);
	close(after);
	assert_int_equal(before, after);
}

static void path_that_is_missing_is_told_apart(void **state)
{
	(void)state;
	need_root();
	link_to("nowhere", "dangling");
	link_to("real/file/", "slashed");
	expect_error("/missing", -ENOENT, "/missing");
	expect_error("/missing/below", -ENOENT, "/missing");
	expect_error("/dangling", -ENOENT, "/nowhere");
	expect_error("/real/file/below", -ENOTDIR, "/real/file");
	expect_error("/real/file/", -ENOTDIR, NULL);
	expect_error("/slashed", -ENOTDIR, NULL);
}

static void path_too_long_or_relative_is_refused(void **state)
{
	char name[PATH_MAX + 2], target[PATH_MAX];
	struct path_end end;

	(void)state;
	need_root();
	assert_int_equal(-EINVAL, path_open("real", NULL, &end));
	assert_int_equal(-EINVAL, path_open("", NULL, &end));
	memset(name, 'a', sizeof(name));
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(-ENAMETOOLONG, path_open(name, NULL, &end));
	name[NAME_MAX + 2] = '\0';
	assert_int_equal(-ENAMETOOLONG, path_open(name, NULL, &end));
	name[NAME_MAX + 1] = '\0';
	assert_int_equal(-ENOENT, path_open(name, NULL, &end));

	/* Neither is, but both together are. */
	for (size_t i = 0; i + 2 < sizeof(target); i += 2)
		memcpy(target + i, "./", 3);
	target[PATH_MAX - 2] = '\0';
	link_to(target, "long");
	expect_reached("/long", "");
	expect_error("/long/real/below", -ENAMETOOLONG, NULL);
}

/* ---- links of root's ---- */

static void link_of_root_s_is_followed(void **state)
{
	(void)state;
	need_root();
	link_to("real", "link");
	link_to("%/real", "absolute");
	link_to("link", "chain");
	link_to("real/../link/./below/..//below/", "winding");
	link_to("../../../../..//..", "beyond");
	link_to("users/dir", "to_users");
	expect_reached("/link", "/real");
	expect_reached("/link/below", "/real/below");
	expect_reached("/absolute/file", "/real/file");
	expect_reached("/chain/below", "/real/below");
	expect_reached("/winding", "/real/below");
	expect_reached("/to_users", "/users/dir");
	{
		struct path_end end;
		cleanup_fd int fd = open_in("/beyond/proc", &end);

		assert_true(fd >= 0);
		assert_string_equal("/proc", end.name);
	}
}

static void links_are_counted(void **state)
{
	char name[32], target[32];

	(void)state;
	need_root();
	link_to("loop", "loop");
	expect_obstacle("/loop", PATH_LOOP, "/loop");
	expect_obstacle("/loop/below", PATH_LOOP, "/loop");
	link_to("real", "n0");
	for (int i = 1; i <= 40; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		snprintf(target, sizeof(target), "n%d", i - 1);
		link_to(target, name);
	}
	expect_reached("/n39/below", "/real/below");
	expect_obstacle("/n40/below", PATH_LOOP, "/n0");
}

/* ---- links of others ---- */

static void link_in_a_users_directory_is_refused(void **state)
{
	(void)state;
	need_root();
	link_to("/", "users/link");
	link_to("../real", "users/relative");
	link_to("dir", "users/beside");
	link_to("users/link", "leads_there");
	link_to("users", "into");
	expect_obstacle("/users/link", PATH_LINK, "/users/link");
	expect_obstacle("/users/link/etc", PATH_LINK, "/users/link");
	expect_obstacle("/users/relative/below", PATH_LINK, "/users/relative");
	expect_obstacle("/users/beside", PATH_LINK, "/users/beside");
	expect_obstacle("/leads_there/etc", PATH_LINK, "/users/link");
	expect_obstacle("/into/link/etc", PATH_LINK, "/users/link");
}

/* The user can have put this directory of root's in the place of another one of root's. */
static void link_in_a_directory_below_a_users_is_refused(void **state)
{
	(void)state;
	need_root();
	link_to("/", "users/roots/link");
	directory("sticky/roots", 0755, 0);
	link_to("/", "sticky/roots/link");
	expect_obstacle("/users/roots/link/etc", PATH_LINK, "/users/roots/link");
	expect_obstacle("/sticky/roots/link", PATH_LINK, "/sticky/roots/link");
}

static void link_in_a_directory_that_others_write_is_refused(void **state)
{
	static const char *const places[] = { "group", "sticky", "open" };

	(void)state;
	need_root();
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char name[32], path[64];

		snprintf(name, sizeof(name), "%s/link", places[i]);
		snprintf(path, sizeof(path), "/%s", name);
		link_to("/", name);
		expect_obstacle(path, PATH_LINK, path);
	}
}

static void link_in_a_directory_whose_access_list_lets_others_is_refused(void **state)
{
	static const struct {
		uint32_t version;
		struct {
			uint16_t tag, permissions;
			uint32_t id;
		} entries[5];
	} list = { 2,
		   { { 0x01, 7, UINT32_MAX },
		     { 0x02, 7, USER },
		     { 0x04, 5, UINT32_MAX },
		     { 0x10, 7, UINT32_MAX },
		     { 0x20, 5, UINT32_MAX } } };
	char path[128];

	(void)state;
	need_root();
	directory("listed", 0755, 0);
	link_to("/", "listed/link");
	snprintf(path, sizeof(path), "%s/listed", tree);
	{
		struct path_end end;
		cleanup_fd int fd = open_in("/listed/link", &end);

		assert_true(fd >= 0);
		assert_string_equal("/", end.name);
	}
	if (setxattr(path, "system.posix_acl_access", &list, sizeof(list), 0)) {
		print_message("skipped: no access lists on this file system: %s\n", strerror(errno));
		skip();
	}
	expect_obstacle("/listed/link", PATH_LINK, "/listed/link");
}

static void way_back_out_of_a_users_directory_is_refused(void **state)
{
	(void)state;
	need_root();
	link_to("users/dir/../../real", "back");
	link_to("users/../real", "back_at_once");
	expect_obstacle("/back", PATH_PARENT, "/users/dir/..");
	/* Whose parent root alone can change. */
	expect_reached("/back_at_once", "/real");
}

static void link_of_proc_is_refused(void **state)
{
	struct path_end end;

	(void)state;
	need_root();
	link_to("/proc/self/fd/0", "input");
	link_to("/proc/1/root", "another_root");
	expect_obstacle("/input", PATH_PROCESS_LINK, "/proc/self");
	expect_obstacle("/another_root/etc", PATH_PROCESS_LINK, "/proc/1/root");
	assert_int_equal(-ELOOP, path_open("/proc/thread-self/cwd", NULL, &end));
	assert_int_equal(-ELOOP, path_open("/proc/mounts", NULL, &end));
	assert_int_equal(PATH_PROCESS_LINK, end.obstacle);
	{
		cleanup_fd int fd = path_open("/proc/sys/kernel", NULL, &end);

		assert_true(fd >= 0);
	}
}

static void error_says_whether_others_decide(void **state)
{
	struct path_end end;

	(void)state;
	need_root();
	assert_int_equal(-ENOENT, open_in("/missing", &end));
	assert_false(end.changeable);
	assert_int_equal(-ENOENT, open_in("/users/missing", &end));
	assert_true(end.changeable);
}

/* ---- who opens ---- */

static int as_user(void (*work)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (setgid(USER) || setuid(USER))
			_exit(2);
		work();
		_exit(0);
	}
	assert_int_equal(child, waitpid(child, &status, 0));
	return status;
}

static void user_opens(void)
{
	expect_reached("/real/below", "/real/below");
	expect_reached("/own_link/below", "/real/below");
	expect_obstacle("/users/own", PATH_LINK, "/users/own");
	expect_error("/locked/x", -EACCES, "/locked/x");
}

static void user_is_judged_as_root_is(void **state)
{
	(void)state;
	need_root();
	link_to("real", "own_link");
	link_to("/", "users/own");
	assert_int_equal(0, as_user(user_opens));
}

/* ---- what changes meanwhile ---- */

static void exchange_for_ever(const char *one, const char *other)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	for (;;)
		renameat2(top, one, top, other, RENAME_EXCHANGE);
}

static void place_that_is_exchanged_never_leads_out(void **state)
{
	struct stat root, status;
	unsigned reached = 0, refused = 0;
	pid_t child;

	(void)state;
	need_root();
	assert_int_equal(0, stat("/", &root));
	directory("users/place", 0755, USER);
	link_to("/", "users/place.link");
	child = fork();
	if (child == 0)
		exchange_for_ever("users/place", "users/place.link");
	for (int i = 0; i < 20000; i++) {
		struct path_end end;
		cleanup_fd int fd = open_in(i % 2 ? "/users/place" : "/users//place", &end);

		if (fd < 0) {
			refused++;
			continue;
		}
		reached++;
		assert_int_equal(0, fstat(fd, &status));
		assert_false(S_ISLNK(status.st_mode));
		assert_false(status.st_ino == root.st_ino && status.st_dev == root.st_dev);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_true(reached > 0 && refused > 0);
}

/* ---- a file system whose server is the user's ---- */

static struct fuse_attr served_attr(uint64_t node, mode_t mode)
{
	return (struct fuse_attr){ .ino = node, .mode = mode, .nlink = 1, .size = 1, .blksize = 512 };
}

/* Whatever is looked up is a link to /, in a directory that is called root's. */
static void serve(int device)
{
	char request[65536];
	struct {
		struct fuse_out_header header;
		union {
			struct fuse_init_out init;
			struct fuse_attr_out attr;
			struct fuse_entry_out entry;
			char target[1];
		};
	} answer;

	for (;;) {
		ssize_t length = read(device, request, sizeof(request));
		const struct fuse_in_header *header = (const void *)request;
		size_t size = 0;

		if (length < (ssize_t)sizeof(*header))
			_exit(0);
		memset(&answer, 0, sizeof(answer));
		answer.header.unique = header->unique;
		switch (header->opcode) {
		case FUSE_INIT:
			size = sizeof(answer.init);
			answer.init.major = FUSE_KERNEL_VERSION;
			answer.init.minor = FUSE_KERNEL_MINOR_VERSION;
			answer.init.max_write = 4096;
			break;
		case FUSE_GETATTR:
			size = sizeof(answer.attr);
			answer.attr.attr = served_attr(header->nodeid, header->nodeid == 1
									       ? S_IFDIR | 0755
									       : S_IFLNK | 0777);
			break;
		case FUSE_LOOKUP:
			size = sizeof(answer.entry);
			answer.entry.nodeid = 2;
			answer.entry.attr = served_attr(2, S_IFLNK | 0777);
			break;
		case FUSE_READLINK:
			size = sizeof(answer.target);
			answer.target[0] = '/';
			break;
		case FUSE_FORGET:
		case FUSE_BATCH_FORGET:
			continue;
		default:
			answer.header.error = -ENOSYS;
		}
		answer.header.len = (uint32_t)(sizeof(answer.header) + size);
		if (write(device, &answer, answer.header.len) < 0 && errno != ENOENT)
			_exit(0);
	}
}

#define NO_FUSE 77

static void look_into_served(void)
{
	char options[128], path[128], home[128];
	int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	struct stat status;
	pid_t server;

	snprintf(path, sizeof(path), "%s/users/mounted", tree);
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=%d,group_id=%d,allow_other", device, USER, USER);
	if (device < 0 || unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("test", path, "fuse", MS_NOSUID | MS_NODEV, options))
		_exit(NO_FUSE);
	server = fork();
	if (server == 0)
		serve(device);
	/* A user may mount over a home, which stands in a directory of root's. */
	snprintf(home, sizeof(home), "%s/real", tree);
	if (mount(path, home, NULL, MS_BIND, NULL))
		_exit(NO_FUSE);
	assert_int_equal(0, stat(home, &status));
	assert_true(status.st_uid == 0 && (status.st_mode & 07777) == 0755);
	expect_reached("/real", "/real");
	expect_obstacle("/real/link", PATH_LINK, "/real/link");
	kill(server, SIGKILL);
	_exit(0);
}

static void link_on_a_users_file_system_is_refused(void **state)
{
	pid_t child;
	int status;

	(void)state;
	need_root();
	directory("users/mounted", 0755, USER);
	child = fork();
	if (child == 0)
		look_into_served();
	assert_int_equal(child, waitpid(child, &status, 0));
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_FUSE) {
		print_message("skipped: no FUSE\n");
		skip();
	}
	assert_int_equal(0, status);
}

/* ---- names ---- */

static void name_is_the_canonical_one_as_far_as_it_goes(void **state)
{
	static const struct {
		const char *path, *name;
	} rows[] = {
		{ "/name_link/below", "/real/below" },
		{ "/name_link/missing/./x//y", "/real/missing/x/y" },
		{ "/users/name_link/x", "/users/name_link/x" },
		{ "/name_dangling/x", "/nowhere/x" },
		{ "/name_missing_parent/x", "/real/x" },
		{ "", "" },
	};

	(void)state;
	need_root();
	link_to("real", "name_link");
	link_to("/", "users/name_link");
	link_to("nowhere", "name_dangling");
	link_to("real/nothing/../", "name_missing_parent");
	link_to("name_loop", "name_loop");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char path[128], name[PATH_MAX];

		snprintf(path, sizeof(path), "%s%s", tree, rows[i].path);
		assert_int_equal(0, path_name(path, NULL, name));
		assert_string_equal(rows[i].name, name + strlen(tree));
	}
	{
		char path[128], name[PATH_MAX];

		snprintf(path, sizeof(path), "%s/name_loop", tree);
		assert_int_equal(-ELOOP, path_name(path, NULL, name));
		assert_int_equal(-EINVAL, path_name("x", NULL, name));
	}
}

static void path_is_beneath_by_whole_names(void **state)
{
	static const struct {
		const char *path;
		const char *directory;
		bool beneath;
	} cases[] = {
		{ "/home/alice", "/home/alice", true },
		{ "/home/alice/x", "/home/alice", true },
		{ "/home/alice2", "/home/alice", false },
		{ "/home", "/home/alice", false },
		{ "/etc", "/", true },
		{ "/", "/", true },
		{ "/etc", "", false },
		{ "", "/", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(cases[i].beneath,
				 path_is_beneath(cases[i].path, cases[i].directory));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path_is_beneath_by_whole_names),
		cmocka_unit_test(path_without_links_is_opened),
		cmocka_unit_test(descriptors_are_all_closed),
		cmocka_unit_test(path_that_is_missing_is_told_apart),
		cmocka_unit_test(path_too_long_or_relative_is_refused),
		cmocka_unit_test(link_of_root_s_is_followed),
		cmocka_unit_test(links_are_counted),
		cmocka_unit_test(link_in_a_users_directory_is_refused),
		cmocka_unit_test(link_in_a_directory_below_a_users_is_refused),
		cmocka_unit_test(link_in_a_directory_that_others_write_is_refused),
		cmocka_unit_test(link_in_a_directory_whose_access_list_lets_others_is_refused),
		cmocka_unit_test(way_back_out_of_a_users_directory_is_refused),
		cmocka_unit_test(link_of_proc_is_refused),
		cmocka_unit_test(error_says_whether_others_decide),
		cmocka_unit_test(user_is_judged_as_root_is),
		cmocka_unit_test(place_that_is_exchanged_never_leads_out),
		cmocka_unit_test(link_on_a_users_file_system_is_refused),
		cmocka_unit_test(name_is_the_canonical_one_as_far_as_it_goes),
	};

	return cmocka_run_group_tests(tests, tree_make, tree_remove);
}
