/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opens a path of a policy, component by component. Distrusts everybody but root: users own some
 * directories on the way, and the servers of some file systems.
 */
#include "path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "util.h"

#define LINKS_MAX 40 /* as the kernel: path_resolution(7) */

/* What <linux/magic.h> of the oldest supported distribution may lack. */
#define MAGIC_CIFS   0xff534d42U
#define MAGIC_SMB2   0xfe534d42U
#define MAGIC_VBOXSF 0x786f4256U

bool path_is_beneath(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	if (length == 0 || strncmp(path, directory, length) != 0)
		return false;
	return directory[length - 1] == '/' || path[length] == '/' || path[length] == '\0';
}

struct walk {
	int fd;             /* the directory that was reached */
	struct stat status; /* of fd */
	dev_t root;         /* the device of / */
	bool roots;         /* only root can have changed the way to fd */
	unsigned links;
	const char *next; /* what is left of `text` */
	char text[PATH_MAX];
	struct path_end *end;                   /* its name is "" for / while the walk lasts */
	const struct path_untrusted *untrusted; /* NULL: none */
};

/* File systems whose server decides what belongs to root, and may be a user's program. */
static bool is_served(int fd)
{
	static const unsigned served[] = { FUSE_SUPER_MAGIC, V9FS_MAGIC, SMB_SUPER_MAGIC,
					   MAGIC_CIFS,       MAGIC_SMB2, MAGIC_VBOXSF };
	struct statfs status;

	if (fstatfs(fd, &status))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(served); i++)
		if ((unsigned)status.f_type == served[i])
			return true;
	return false;
}

/* The mode's group bits are also the mask of an access control list. Nobody mounts over /. */
static bool root_alone_writes(const struct walk *walk)
{
	const struct stat *status = &walk->status;

	return S_ISDIR(status->st_mode) && status->st_uid == 0 &&
	       (status->st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
	       (status->st_dev == walk->root || !is_served(walk->fd));
}

static int name_append(struct path_end *end, const char *name, size_t length)
{
	size_t used = strlen(end->name);

	if (used + 1 + length >= sizeof(end->name))
		return -ENAMETOOLONG;
	end->name[used] = '/';
	memcpy(end->name + used + 1, name, length);
	end->name[used + 1 + length] = '\0';
	return 0;
}

static void name_pop(struct path_end *end)
{
	char *slash = strrchr(end->name, '/');

	if (slash)
		*slash = '\0';
}

static bool is_parent(const char *name, size_t length)
{
	return length == 2 && name[0] == '.' && name[1] == '.';
}

/* The component that comes next, without what means nothing; its length, 0 at the end. */
static size_t walk_next(struct walk *walk)
{
	size_t length;

	do {
		walk->next += strspn(walk->next, "/");
		length = strcspn(walk->next, "/");
		if (length != 1 || walk->next[0] != '.')
			return length;
		walk->next += length;
	} while (true);
}

/* Continues from `fd`, which it takes over. */
static void walk_move(struct walk *walk, int *fd, const struct stat *status)
{
	util_cleanup_fd(&walk->fd);
	walk->fd = fd_take(fd);
	walk->status = *status;
}

static int walk_to_root(struct walk *walk)
{
	cleanup_fd int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status))
		return -errno;
	walk->root = status.st_dev;
	walk->end->name[0] = '\0';
	walk_move(walk, &fd, &status);
	return 0;
}

static int stop(struct walk *walk, enum path_obstacle obstacle)
{
	walk->end->obstacle = obstacle;
	return -ELOOP;
}

static bool is_roots(const struct walk *walk)
{
	return walk->roots && !(walk->untrusted &&
				walk->untrusted->contains(walk->end->name, walk->untrusted->context));
}

/* Only where no user can move fd meanwhile: it is still in the directory in which it was found. */
static int walk_up(struct walk *walk)
{
	cleanup_fd int fd = -1;
	struct stat status;

	if (!walk->roots)
		return stop(walk, PATH_PARENT);
	fd = openat(walk->fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status))
		return -errno;
	name_pop(walk->end);
	if (!is_roots(walk))
		return stop(walk, PATH_PARENT);
	walk->next += strlen("..");
	walk_move(walk, &fd, &status);
	return 0;
}

/* Puts the target of the link before what is left after its component. */
static int text_replace(struct walk *walk, int link, size_t length)
{
	char target[PATH_MAX];
	const char *rest = walk->next + length;
	size_t left = strlen(rest);
	ssize_t got = readlinkat(link, "", target, sizeof(target));

	if (got < 0)
		return -errno;
	if ((size_t)got + left >= sizeof(walk->text))
		return -ENAMETOOLONG;
	memmove(walk->text + got, rest, left + 1);
	memcpy(walk->text, target, (size_t)got);
	walk->next = walk->text;
	return 0;
}

/* `link` was found in a directory of which the walk has checked who writes it. */
static int walk_follow(struct walk *walk, int link, size_t length)
{
	struct statfs status;
	int error;

	if (!is_roots(walk))
		return stop(walk, PATH_LINK);
	if (fstatfs(link, &status))
		return -errno;
	if (status.f_type == PROC_SUPER_MAGIC)
		return stop(walk, PATH_PROCESS_LINK);
	if (++walk->links > LINKS_MAX)
		return stop(walk, PATH_LOOP);
	error = text_replace(walk, link, length);
	if (error || walk->text[0] != '/')
		return error;
	return walk_to_root(walk);
}

/* O_DIRECTORY mounts an automount; anything but a directory is then opened as it is, a link too. */
static int component_open(int directory, const char *name)
{
	int fd = openat(directory, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 && errno == ENOTDIR ? openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)
					  : fd;
}

static int walk_down(struct walk *walk, size_t length)
{
	char name[NAME_MAX + 1];
	cleanup_fd int fd = -1;
	struct stat status;
	int error;

	/* Never true again: below, a user could have exchanged one directory of root's for
	 * another. */
	walk->roots = walk->roots && root_alone_writes(walk);
	if (length > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, walk->next, length);
	name[length] = '\0';
	fd = component_open(walk->fd, name);
	if (fd < 0 || fstat(fd, &status))
		return -errno;
	if (S_ISLNK(status.st_mode))
		return walk_follow(walk, fd, length);
	if (!S_ISDIR(status.st_mode) && walk->next[length])
		return -ENOTDIR;
	error = name_append(walk->end, name, length);
	if (error)
		return error;
	walk->next += length;
	walk_move(walk, &fd, &status);
	return 0;
}

static int text_check(const char *path)
{
	if (path[0] != '/')
		return -EINVAL;
	return strlen(path) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* `path` has passed text_check. After an error walk->next is what was not walked. */
static int walk_all(struct walk *walk, const char *path)
{
	size_t length;
	int error;

	memcpy(walk->text, path, strlen(path) + 1);
	walk->next = walk->text;
	error = walk_to_root(walk);
	while (!error && (length = walk_next(walk)) > 0)
		error = is_parent(walk->next, length) ? walk_up(walk) : walk_down(walk, length);
	return error;
}

/* For a name without a descriptor: appends the rest as it is written. */
static int name_rest(struct walk *walk)
{
	size_t length;
	int error = 0;

	while (!error && (length = walk_next(walk)) > 0) {
		if (is_parent(walk->next, length))
			name_pop(walk->end);
		else
			error = name_append(walk->end, walk->next, length);
		walk->next += length;
	}
	return error;
}

static void name_finish(struct path_end *end)
{
	if (end->name[0] == '\0')
		memcpy(end->name, "/", 2);
}

/* True where `path`, once it has been opened without meeting a link, is its canonical name. */
static bool is_canonical(const char *path)
{
	size_t length = strlen(path);

	return !strstr(path, "//") && !strstr(path, "/.") && (length == 1 || path[length - 1] != '/');
}

/* Where there is no link at all, one call is enough; after any error the walk decides. */
static int open_at_once(const char *path)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_NO_SYMLINKS };
	cleanup_fd int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	struct stat status;

	if (fd < 0 && errno == ENOTDIR) {
		how.flags = O_PATH | O_CLOEXEC;
		fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	}
	return fd < 0 || fstat(fd, &status) ? -1 : fd_take(&fd);
}

static int walk_open(const char *path, const struct path_untrusted *untrusted,
		     struct path_end *ret_end)
{
	struct walk walk = {
		.fd = -1, .roots = true, .next = "", .end = ret_end, .untrusted = untrusted
	};
	int error = walk_all(&walk, path);

	ret_end->changeable = !is_roots(&walk);
	/* For a message alone, which may be cut. */
	if (error)
		(void)name_append(ret_end, walk.next, strcspn(walk.next, "/"));
	name_finish(ret_end);
	if (error)
		util_cleanup_fd(&walk.fd);
	return error ? error : walk.fd;
}

int path_open(const char *path, const struct path_untrusted *untrusted, struct path_end *ret_end)
{
	int fd = text_check(path);

	*ret_end = (struct path_end){ 0 };
	if (fd < 0)
		return fd;
	fd = is_canonical(path) ? open_at_once(path) : -1;
	if (fd < 0)
		return walk_open(path, untrusted, ret_end);
	memcpy(ret_end->name, path, strlen(path) + 1);
	return fd;
}

int path_name(const char *path, const struct path_untrusted *untrusted, char ret_name[PATH_MAX])
{
	struct path_end end = { 0 };
	struct walk walk = { .fd = -1, .roots = true, .next = "", .end = &end, .untrusted = untrusted };
	int error = text_check(path);

	if (error)
		return error;
	(void)walk_all(&walk, path);
	util_cleanup_fd(&walk.fd);
	error = end.obstacle == PATH_LOOP ? -ELOOP : name_rest(&walk);
	if (error)
		return error;
	name_finish(&end);
	memcpy(ret_name, end.name, sizeof(end.name));
	return 0;
}

const char *path_obstacle_text(enum path_obstacle obstacle)
{
	switch (obstacle) {
	case PATH_NO_OBSTACLE:
		break;
	case PATH_LINK:
		return "is a symbolic link that users other than root can change: write "
		       "the path that it points to";
	case PATH_PROCESS_LINK:
		return "differs from process to process: write a path without it";
	case PATH_PARENT:
		return "leads up from a directory that users other than root can move: "
		       "write a path without it";
	case PATH_LOOP:
		return "is the 41st symbolic link on the way, expected at most 40";
	}
	return "";
}
