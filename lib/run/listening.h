/*
 * Which unix sockets this session listens on, by what the kernel says of them and not by their
 * names. Called by the serving of listen and of unix connect. No allocation. Names may be moved and
 * linked by the user at any time: a socket file is only believed while the very socket that we were
 * asked to listen on still holds it.
 */
#ifndef SANDLOCK_LISTENING_H
#define SANDLOCK_LISTENING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LISTENING_MAX 256

struct listening {
	int diag; /* NETLINK_SOCK_DIAG, -1: the kernel has none */
	uint32_t next;
	struct {
		uint32_t socket; /* inode number of the socket itself, 0: free */
		uint32_t cookie[2];
		uint32_t file; /* inode number of the file it is bound to */
		uint32_t device;
	} sockets[LISTENING_MAX];
};

/* Opens the kernel's diagnosis socket; without one nothing is ever found. */
void listening_open(struct listening *listening);

/* `fd` listens now, on behalf of the session. The oldest is forgotten where the table is full. */
void listening_add(struct listening *listening, int fd);

/* True where the socket file (device, inode) belongs to a socket of this session that listens
 * now. */
bool listening_holds(struct listening *listening, dev_t device, ino_t inode);

#endif
