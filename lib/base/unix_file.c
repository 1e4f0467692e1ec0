/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A socket file, and the sockets that the kernel has on it. Allocates nothing. A file has one
 * socket in its life: bind(2) makes the file, and no other socket can be bound to it afterwards.
 */
#include "unix_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "util.h"

#define NAME_MAX_HERE 40
#define FDINFO_MAX    512
#define CHUNK         4096
#define LINE_START    64 /* of a line of mountinfo: mount, parent and device stand there */

/* The decimal number at *at, which is advanced past it. */
static uint64_t number_take(const char **at)
{
	uint64_t value = 0;

	while (**at == ' ' || **at == '\t')
		++*at;
	for (; **at >= '0' && **at <= '9'; ++*at)
		value = value * 10 + (uint64_t)(**at - '0');
	return value;
}

static int field_read(const char *text, const char *name, uint64_t *ret_value)
{
	const char *at = strstr(text, name);

	if (!at)
		return -EBADMSG;
	at += strlen(name);
	*ret_value = number_take(&at);
	return 0;
}

int unix_file_identify(int fd, const struct stat *status, struct unix_file *ret_file)
{
	struct unix_file file = { .device = status->st_dev, .inode = status->st_ino };
	char path[NAME_MAX_HERE];
	char text[FDINFO_MAX];
	cleanup_fd int info = -1;
	ssize_t length;
	int error;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	length = info < 0 ? -1 : read(info, text, sizeof(text) - 1);
	if (length < 0)
		return -errno;
	text[length] = '\0';
	error = field_read(text, "mnt_id:", &file.mount);
	if (!error)
		error = field_read(text, "ino:", &file.number);
	if (!error)
		*ret_file = file;
	return error;
}

/* "36 35 98:0 / /mnt ..." */
static bool line_is(const char *line, uint64_t mount, dev_t *ret_device)
{
	uint64_t major_number;

	if (number_take(&line) != mount)
		return false;
	(void)number_take(&line);
	major_number = number_take(&line);
	if (*line++ != ':')
		return false;
	*ret_device = makedev((unsigned)major_number, (unsigned)number_take(&line));
	return true;
}

/* The device of the file system that is mounted there; stat(2) has others for the files of some. */
static bool superblock_find(uint64_t mount, dev_t *ret_device)
{
	cleanup_fd int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	char chunk[CHUNK];
	char line[LINE_START];
	size_t at = 0;
	ssize_t length;

	while (fd >= 0 && (length = read(fd, chunk, sizeof(chunk))) > 0) {
		for (ssize_t i = 0; i < length; i++) {
			if (chunk[i] != '\n') {
				if (at < sizeof(line) - 1)
					line[at++] = chunk[i];
				continue;
			}
			line[at] = '\0';
			at = 0;
			if (line_is(line, mount, ret_device))
				return true;
		}
	}
	return false;
}

static bool is_on_superblock(struct unix_file *file, const struct unix_socket *socket)
{
	if (file->asked == SUPERBLOCK_UNASKED)
		file->asked = superblock_find(file->mount, &file->superblock) ? SUPERBLOCK_KNOWN
									      : SUPERBLOCK_UNKNOWN;
	return file->asked == SUPERBLOCK_KNOWN && file->superblock == socket->device;
}

void unix_matches_add(const struct unix_socket *socket, void *data)
{
	struct unix_matches *matches = data;
	bool sure;

	if (!socket->has_file || socket->file != (uint32_t)matches->file.number ||
	    (matches->asked == UNIX_FILE_DATAGRAM && socket->type != SOCK_DGRAM))
		return;
	sure = socket->device == matches->file.device || is_on_superblock(&matches->file, socket);
	if (!sure && matches->file.asked == SUPERBLOCK_KNOWN)
		return;
	matches->sure |= sure;
	if (matches->count < UNIX_MATCHES_MAX) {
		matches->sockets[matches->count].inode = socket->inode;
		matches->sockets[matches->count].cookie = socket->cookie;
		matches->sockets[matches->count].listening = socket->listening;
	}
	matches->count++;
}

int unix_file_sockets(int diag, const struct unix_file *file, enum unix_file_asked asked,
		      struct unix_matches *ret_matches)
{
	*ret_matches = (struct unix_matches){ .file = *file, .asked = asked };
	return unix_diag_each(diag, asked == UNIX_FILE_LISTENING, UNIX_DIAG_FILE, unix_matches_add,
			      ret_matches);
}
