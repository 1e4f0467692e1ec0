/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What judging an internet destination must come to, read from the bytes once more. Needs no
 * cmocka: fuzz targets use it too.
 */
#ifndef SANDLOCK_TEST_JUDGE_ORACLE_H
#define SANDLOCK_TEST_JUDGE_ORACLE_H

#include "judgement.h"
#include "request.h"
#include "ruleset_fixture.h"

struct oracle_answer {
	enum judgement_kind kind;
	const struct rule *rule;
	bool named;   /* `address` and `port` are where the call would lead */
	bool invalid; /* the address is none for the socket */
	bool minor;
	struct address address;
	uint16_t port;
};

/* The address that the bytes hold, as a socket of `domain` and `type` reads them. */
bool oracle_read(const struct request *request, struct address *ret_address, uint16_t *ret_port);

/* Of connect, or of a send with a name. `bound` is what the socket is bound to, NULL: nothing. */
struct oracle_answer oracle_judge(const struct world *world, const struct request *request,
				  const struct address *bound);

#endif
