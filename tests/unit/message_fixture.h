/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A message that this very process sends, and our copies of it. Asserts through cmocka.
 */
#ifndef SANDLOCK_TEST_MESSAGE_FIXTURE_H
#define SANDLOCK_TEST_MESSAGE_FIXTURE_H

#include "message.h"

struct message_fixture {
	struct copies copies;
	struct request request;
	struct wire_header header;
	struct iovec vectors[MESSAGE_VECTORS + 1];
	unsigned char bytes[64];
	unsigned char control[2 * MESSAGE_CONTROL] __attribute__((aligned(8)));
	size_t control_used;
};

/* Before and after a test whose state is the fixture: one vector of `bytes`, which count up from 0. */
int message_fixture_open(void **state);
int message_fixture_close(void **state);

void message_fixture_kind(struct message_fixture *fixture, int domain, int type, int protocol);

/* Adds a control message after those that are there; its place. */
struct cmsghdr *message_fixture_add(struct message_fixture *fixture, int level, int type,
				    const void *data, size_t length);
void message_fixture_empty(struct message_fixture *fixture);

/* What message_copy returns. */
int message_fixture_copy(struct message_fixture *fixture);

/* Asserts that this much of the control messages is sent along as it came. */
void message_fixture_assert_copied(const struct message_fixture *fixture, size_t length);

#endif
