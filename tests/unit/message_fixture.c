/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A message that this very process sends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "message_fixture.h"

int message_fixture_open(void **state)
{
	struct message_fixture *fixture = *state;

	memset(fixture, 0, sizeof(*fixture));
	copies_open(&fixture->copies, false, getgid());
	fixture->request.call.thread = getpid();
	fixture->request.socket_fd = -1;
	for (size_t i = 0; i < sizeof(fixture->bytes); i++)
		fixture->bytes[i] = (unsigned char)i;
	fixture->vectors[0] = (struct iovec){ fixture->bytes, sizeof(fixture->bytes) };
	fixture->header.vectors = (uintptr_t)fixture->vectors;
	fixture->header.vector_count = 1;
	return 0;
}

int message_fixture_close(void **state)
{
	struct message_fixture *fixture = *state;
	struct pidfd_cache *pidfds = &fixture->copies.pidfds;

	copies_forget(&fixture->copies);
	for (size_t i = 0; i < PIDFD_CACHE_SIZE; i++)
		if (pidfds->slots[i].thread)
			close(pidfds->slots[i].pidfd);
	return 0;
}

void message_fixture_kind(struct message_fixture *fixture, int domain, int type, int protocol)
{
	fixture->request.kind = (struct socket_kind){ domain, type, protocol };
}

struct cmsghdr *message_fixture_add(struct message_fixture *fixture, int level, int type,
				    const void *data, size_t length)
{
	struct cmsghdr *added = (void *)(fixture->control + fixture->control_used);

	added->cmsg_level = level;
	added->cmsg_type = type;
	added->cmsg_len = CMSG_LEN(length);
	memcpy(CMSG_DATA(added), data, length);
	fixture->control_used += CMSG_ALIGN(added->cmsg_len);
	fixture->header.control = (uintptr_t)fixture->control;
	fixture->header.control_length = fixture->control_used;
	return added;
}

void message_fixture_empty(struct message_fixture *fixture)
{
	fixture->control_used = 0;
}

int message_fixture_copy(struct message_fixture *fixture)
{
	return message_copy(&fixture->copies, &fixture->request, &fixture->header);
}

void message_fixture_assert_copied(const struct message_fixture *fixture, size_t length)
{
	assert_int_equal(length, fixture->copies.message.control_length);
	assert_memory_equal(fixture->control, fixture->copies.message.control, length);
}
