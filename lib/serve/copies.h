/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our copies of the arguments of a trapped call, read from its caller by process number. The caller
 * chooses all of it, and can change it at any time; it came from the caller only if the
 * notification is valid after the last copy. Knows no policy. No allocation.
 */
#ifndef SANDLOCK_COPIES_H
#define SANDLOCK_COPIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "caller.h"
#include "process.h"
#include "request.h"

#define MESSAGE_VECTORS     1024         /* UIO_MAXIOV */
#define MESSAGE_CONTROL     4096         /* bytes */
#define MESSAGE_DESCRIPTORS 253          /* SCM_MAX_FD */
#define MESSAGE_PAYLOAD     (512U << 10) /* a datagram of the largest default buffer, twice over */

/* A message that is to be sent; its name is the request's address. */
struct message {
	int flags;
	size_t vector_count;
	size_t total;          /* bytes, according to its sender */
	size_t payload_length; /* bytes that were copied */
	bool unreadable;       /* the payload cannot be read, or is too long for us */
	size_t control_length;
	size_t descriptor_count;
	struct iovec vectors[MESSAGE_VECTORS];
	int descriptors[MESSAGE_DESCRIPTORS]; /* copies of ours */
	unsigned char control[MESSAGE_CONTROL] __attribute__((aligned(8)));
	unsigned char payload[MESSAGE_PAYLOAD] __attribute__((aligned(4096)));
};

struct copies {
	bool multi_uid; /* processes of other uids than the user's may be in the session */
	gid_t gid;      /* the user's */
	struct pidfd_cache pidfds;
	struct caller caller;
	struct message message;
};

void copies_open(struct copies *copies, bool multi_uid, gid_t gid);

/* A copy of the descriptor in argument 0, once, and its kind; 0 or a positive errno.
 * copies->caller.error is set where the caller cannot be served. */
int copy_socket(struct copies *copies, struct request *request);

/* A sockaddr, of the caller's `length`; 0, EINVAL, EFAULT, EACCES. The rest is zero. */
int copy_address(struct request *request, uint64_t address, int64_t length);

/* What judging a copied unix address needs: the caller's ids, root and working directory. */
void copy_unix_caller(struct copies *copies, const struct request *request);

/* Closes and forgets what was copied of the caller and of a message. */
void copies_forget(struct copies *copies);

/* Only those of the message: the next one may follow. */
void copies_forget_message(struct copies *copies);

#endif
