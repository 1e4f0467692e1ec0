/*
 * A message that is to be sent on behalf, copied out of its sender into the supervisor's scratch
 * memory. Used by serve_send. All of it is the sender's choice, and another one at the next look.
 */
#ifndef SANDLOCK_MESSAGE_H
#define SANDLOCK_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "supervise.h"

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

/* Copies the payload that the vectors in scratch name. A stream goes in parts, from where it
 * stands. What cannot be read is no error, nor is a datagram that is too long: the kernel looks at
 * much else first. 0 or a positive errno. */
int message_copy_payload(struct supervisor *supervisor, const struct request *request,
			 struct message *message);

/* Copies all that the message is made of, its name into `request`, in the kernel's order. Control
 * messages are judged: none is left that changes to whom it goes, and descriptors are copies of
 * ours. 0 or a positive errno; message_drop in any case. */
int message_copy(struct supervisor *supervisor, struct request *request,
		 const struct wire_header *header, struct message *message);

/* Leaves the interface to the machine's routes, whatever the control messages say: what goes to a
 * loopback address would leave the machine by another. Groups, link-local and broadcast addresses
 * mean nothing without an interface, and keep it. The name must have been judged. */
void message_clear_interface(struct supervisor *supervisor, const struct request *request,
			     const struct message *message);

/* Closes the copies of descriptors, and gives memory back where it was much. */
void message_drop(struct supervisor *supervisor, const struct message *message);

#endif
