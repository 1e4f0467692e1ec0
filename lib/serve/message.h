/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A message that is to be sent on behalf, copied out of its sender. All of it is the sender's
 * choice, and another one at the next look.
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

/* Copies the payload that copies->message.vectors name. A stream goes in parts, from where it
 * stands. What cannot be read is no error, nor is a datagram that is too long: the kernel looks at
 * much else first. 0 or a positive errno. */
int message_copy_payload(struct copies *copies, const struct request *request);

/* Copies all that the message is made of, its name into `request`, in the kernel's order. Of
 * control messages none is left that changes to whom it goes, and descriptors are copies of ours. 0
 * or a positive errno; copies_forget_message in any case. */
int message_copy(struct copies *copies, struct request *request, const struct wire_header *header);

/* Leaves the interface to the machine's routes, whatever the control messages say: what goes to a
 * loopback address would leave the machine by another. Groups, link-local and broadcast addresses
 * mean nothing without an interface, and keep it. The name must have been judged. */
void message_clear_interface(struct message *message, const struct request *request);

#endif
