/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A message to be sent, copied from its sender. The sender chooses all of it, and can change it at
 * any time.
 */
#ifndef SANDLOCK_MESSAGE_H
#define SANDLOCK_MESSAGE_H

#include "copies.h"

/* struct user_msghdr as the kernel reads it. */
struct wire_header {
	uint64_t name;
	int32_t name_length;
	uint32_t unused1;
	uint64_t vectors;
	uint64_t vector_count;
	uint64_t control;
	uint64_t control_length;
	uint32_t flags;
	uint32_t unused2;
};

/* Copies the payload of copies->message.vectors. A stream is copied in parts, from its progress on.
 * An unreadable payload is no error here, nor is a datagram that is too long: the kernel checks
 * much else first. 0 or a positive errno. */
int message_copy_payload(struct copies *copies, const struct request *request);

/* Copies all parts of the message, its name into `request`, in the kernel's order. No control
 * message is left that changes the destination, and descriptors are copies of ours. 0 or a positive
 * errno; copies_forget_message in any case. */
int message_copy(struct copies *copies, struct request *request, const struct wire_header *header);

/* Removes the interface from the control messages, so that the machine's routes decide: through
 * another interface a message to a loopback address would leave the machine. Groups, link-local and
 * broadcast addresses need an interface, and keep it. The name must have been judged. */
void message_clear_interface(struct message *message, const struct request *request);

#endif
