/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opens a policy file, makes sure that only its owner could have written it, reads it.
 * Distrusts the path and all its directories; what is checked is the descriptor that is read.
 */
#include "policy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accounts.h"
#include "util.h"

#define DEPTH_MAX 256 /* of directories */
#define WHO_MAX   64

/* A complaint with its file, as a message of its own may need both. */
struct file_check {
	struct reporter *reporter;
	const char *path;
	const char *blamed; /* the including file, or NULL */
	unsigned line;
};

/* Against the file `path`, or the line that named it. */
static int complain(const struct file_check *check, const char *path, const char *text)
{
	if (check->blamed)
		report_error(check->reporter, check->blamed, check->line, "include: %s: %s", path,
			     text);
	else
		report_error(check->reporter, path, 0, "%s", text);
	return -EINVAL;
}

static bool is_owner(const struct file_check *check, uid_t uid)
{
	return uid == 0 || ((check->reporter->flags & POLICY_OWN) && uid == getuid());
}

/* `writable` are the mode bits that would let others write; `why` is filled where it is not
 * trusted. */
static bool is_trusted(const struct file_check *check, const struct stat *status, mode_t writable,
		       char why[WHY_MAX])
{
	if (!is_owner(check, status->st_uid)) {
		why_write(why, "owned by uid %u, should be 0", (unsigned)status->st_uid);
		return false;
	}
	if (status->st_mode & writable) {
		why_write(why, "writable by others (mode %04o), should be %04o",
			  (unsigned)status->st_mode & 07777,
			  (unsigned)(status->st_mode & ~writable) & 07777);
		return false;
	}
	return true;
}

/* Root may be asked about a draft by somebody who could not read it: by sudo, say. What is not for
 * everybody is checked, and not shown. */
static void note_secret(const struct file_check *check, const struct stat *status, mode_t everybody)
{
	if (!(check->reporter->flags & POLICY_OWN) || geteuid() != 0 ||
	    (status->st_mode & everybody) || check->reporter->secret)
		return;
	report_warning(check->reporter, check->path, 0,
		       "not world-readable, so no login can read it; its text is not "
		       "shown (expected mode 0644, in directories of mode 0755)");
	check->reporter->secret = true;
}

/* Against an opened directory, whose name is only asked for here: that costs a login 10 us each. */
static int complain_directory(const struct file_check *check, int fd, const char *text)
{
	char link[64], name[PATH_MAX];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, name, sizeof(name) - 1);
	if (length < 0)
		length = snprintf(name, sizeof(name), "a directory above %s", check->path);
	name[length] = '\0';
	return complain(check, name, text);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Checks the directory and all above it, by descriptors: `..` of an opened directory is where it
 * really is. */
static int check_directories(const struct file_check *check, int directory)
{
	cleanup_fd int fd = openat(directory, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat status, above;
	char why[WHY_MAX];

	for (int depth = 0; depth < DEPTH_MAX && fd >= 0; depth++) {
		cleanup_fd int parent = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (parent < 0 || fstat(fd, &status) < 0 || fstat(parent, &above) < 0)
			return complain_directory(check, fd, strerror(errno));
		if (!is_trusted(check, &status, status.st_mode & S_ISVTX ? 0 : S_IWGRP | S_IWOTH, why))
			return complain_directory(check, fd, why);
		note_secret(check, &status, S_IXOTH);
		if (is_same(&status, &above))
			return 0;
		close(fd);
		fd = fd_take(&parent);
	}
	return complain(check, check->path, "the directories above it cannot be checked");
}

/* The directory of `path` that the caller may not search; false where it may search all. */
static bool find_closed(const char *path, char directory[PATH_MAX])
{
	char part[PATH_MAX];
	size_t length = strlen(path), parent = 0;

	if (length >= PATH_MAX)
		return false;
	memcpy(part, path, length + 1);
	for (size_t i = 1; i <= length; i++) {
		struct stat status;

		if (path[i] != '/' && path[i] != '\0')
			continue;
		part[i] = '\0';
		if (fstatat(AT_FDCWD, part, &status, AT_SYMLINK_NOFOLLOW) < 0) {
			bool closed = errno == EACCES;

			part[parent] = '\0';
			snprintf(directory, PATH_MAX, "%s",
				 parent           ? part
				 : path[0] == '/' ? "/"
						  : ".");
			return closed;
		}
		part[i] = path[i];
		parent = i;
	}
	return false;
}

void why_denied(const char *path, bool is_directory, char why[WHY_MAX])
{
	cleanup_free char *storage = NULL;
	char directory[PATH_MAX];
	char who[WHO_MAX];
	struct passwd entry;

	if (user_by_uid(geteuid(), &entry, &storage) == 0)
		snprintf(who, sizeof(who), "%s (uid %u)", entry.pw_name, (unsigned)geteuid());
	else
		snprintf(who, sizeof(who), "uid %u", (unsigned)geteuid());

	if (find_closed(path, directory))
		why_write(why,
			  "Permission denied: %s may not enter %.200s, expected mode 0755: chmod 0755 %.200s",
			  who, directory, directory);
	else
		why_write(why,
			  "Permission denied: %s may not read it, expected mode %s: chmod %s %.200s",
			  who, is_directory ? "0755" : "0644", is_directory ? "0755" : "0644", path);
}

static int complain_open(const struct file_check *check, int error)
{
	char why[WHY_MAX];

	if (error == ELOOP)
		return complain(check, check->path, "symbolic link, expected a regular file");
	if (error != EACCES)
		return complain(check, check->path, strerror(error));
	why_denied(check->path, false, why);
	return complain(check, check->path, why);
}

/* The file in its directory, both still unchecked. O_NONBLOCK: a FIFO must not block us. */
static int open_file(const struct file_check *check, int *ret_directory)
{
	char above[PATH_MAX], name[PATH_MAX];
	char *base;
	int fd;

	if (strlen(check->path) >= PATH_MAX)
		return complain(check, check->path, strerror(ENAMETOOLONG));
	memcpy(above, check->path, strlen(check->path) + 1);
	memcpy(name, check->path, strlen(check->path) + 1);
	base = basename(name);
	*ret_directory = open(dirname(above), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_directory < 0)
		return complain_open(check, errno);
	fd = openat(*ret_directory, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? complain_open(check, errno) : fd;
}

static int check_file(const struct file_check *check, int fd)
{
	struct stat status;
	char why[WHY_MAX];

	if (fstat(fd, &status) < 0)
		return complain(check, check->path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return complain(check, check->path, "not a regular file");
	if (!is_trusted(check, &status, S_IWGRP | S_IWOTH, why))
		return complain(check, check->path, why);
	note_secret(check, &status, S_IROTH);
	return 0;
}

static int read_all(const struct file_check *check, int fd, char **ret_bytes, size_t *ret_length)
{
	cleanup_free char *bytes = malloc(POLICY_SIZE_MAX);
	ssize_t length;

	if (!bytes)
		return -ENOMEM;
	length = read_bounded(fd, bytes, POLICY_SIZE_MAX);
	if (length == -EFBIG)
		return complain(check, check->path, "larger than 256 KiB, expected less");
	if (length < 0)
		return complain(check, check->path, strerror((int)-length));
	*ret_bytes = bytes;
	*ret_length = (size_t)length;
	bytes = NULL;
	return 0;
}

int policy_file_read(const char *path, const char *blamed, unsigned line, struct reporter *reporter,
		     char **ret_bytes, size_t *ret_length)
{
	const struct file_check check = { reporter, path, blamed, line };
	cleanup_fd int directory = -1;
	cleanup_fd int fd = -1;

	if (strcmp(path, "-") == 0 && (reporter->flags & POLICY_OWN))
		return read_all(&check, STDIN_FILENO, ret_bytes, ret_length);
	fd = open_file(&check, &directory);
	if (fd < 0 || check_file(&check, fd) < 0 || check_directories(&check, directory) < 0)
		return -EINVAL;
	return read_all(&check, fd, ret_bytes, ret_length);
}
