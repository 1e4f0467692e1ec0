/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A socket file, and the listening sockets that the kernel has on it.
 */
#ifndef SANDLOCK_UNIX_FILE_H
#define SANDLOCK_UNIX_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "unix_diag.h"

/* A file as stat(2) and as the kernel knows it. */
struct unix_file {
	dev_t device;     /* st_dev */
	uint64_t inode;   /* st_ino */
	uint64_t number;  /* the kernel's own inode number */
	uint64_t mount;   /* as in mountinfo */
	dev_t superblock; /* the device of its file system */
	enum {
		SUPERBLOCK_UNASKED = 0,
		SUPERBLOCK_KNOWN,
		SUPERBLOCK_UNKNOWN
	} asked;
};

/* The sockets that may be the one on a file. Usually one; the kernel tells 32 bits of an inode's
 * number only, so there can be more, and nobody knows which it is. */
#define UNIX_MATCHES_MAX 8
enum unix_file_asked {
	UNIX_FILE_ALL = 0,
	UNIX_FILE_LISTENING,
	UNIX_FILE_DATAGRAM, /* the datagram sockets: they have no connections, with its name */
};
struct unix_matches {
	struct unix_file file;
	enum unix_file_asked asked;
	bool sure;      /* one at least is on this file system beyond doubt */
	uint32_t count; /* more than UNIX_MATCHES_MAX: too many */
	struct {
		uint32_t inode;
		uint64_t cookie;
		bool listening;
	} sockets[UNIX_MATCHES_MAX];
};

/* `fd` is an O_PATH descriptor; `status` is what fstat tells of it. 0 or a negative errno. */
int unix_file_identify(int fd, const struct stat *status, struct unix_file *ret_file);

/* Adds `socket` where it may be on `matches->file`. Leaves out only what cannot be. */
void unix_matches_add(const struct unix_socket *socket, void *matches);

/* The sockets `asked` for that may be on the file. */
int unix_file_sockets(int diag, const struct unix_file *file, enum unix_file_asked asked,
		      struct unix_matches *ret_matches);

#endif
