/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The second stage of a trapped call: whether the rules allow it. Uses only our copies; performs
 * nothing, logs nothing, waits for nothing. The address in the request becomes the one that was
 * judged: the actual address for an unspecified one, an invalid one where it does not fit its
 * socket, the socket itself for a path. The rows of trapped.h name these functions; `judgement`
 * starts as judgement_none, a refusal.
 */
#ifndef SANDLOCK_JUDGE_H
#define SANDLOCK_JUDGE_H

#include "copies.h"
#include "judgement.h"
#include "rules.h"

#define JUDGE_PROTOTYPE(name)                                               \
	void judge_##name(struct rules *rules, const struct copies *copies, \
			  struct request *request, struct judgement *judgement)
JUDGE_PROTOTYPE(connect);
JUDGE_PROTOTYPE(bind);
JUDGE_PROTOTYPE(listen);
JUDGE_PROTOTYPE(send);
JUDGE_PROTOTYPE(sendmmsg);

/* judge_private.c: a new socket, and where one of the private namespace may lead. */
JUDGE_PROTOTYPE(creation);
bool judge_is_private(const struct rules *rules, const struct request *request);
struct endpoint;
/* True for a connection to a name server, which the resolver answers in its place. */
bool judge_goes_private(const struct rules *rules, const struct request *request,
			const struct endpoint *endpoint);
void judge_private_destination(const struct rules *rules, const struct request *request,
			       const struct endpoint *endpoint, struct judgement *judgement);

/* Whether a listening TCP socket listens on a port that the policy allows. */
bool judge_is_listening_port(const struct plan *plan, int fd);

/* judge_process.c: calls by the argument that names a process. */
JUDGE_PROTOTYPE(prlimit64);
JUDGE_PROTOTYPE(process); /* the first argument */
JUDGE_PROTOTYPE(who);     /* the second */

/* judge_unix.c: a destination. */
JUDGE_PROTOTYPE(unix);

/* judge_option.c */
JUDGE_PROTOTYPE(setsockopt);

/* judge_mode.c: set-id bits, by the argument that is the mode. */
JUDGE_PROTOTYPE(mode_1);
JUDGE_PROTOTYPE(mode_2);
JUDGE_PROTOTYPE(mode_3);
JUDGE_PROTOTYPE(attribute);
JUDGE_PROTOTYPE(openat2);

/* judge_gate.c */
JUDGE_PROTOTYPE(set_uids);
JUDGE_PROTOTYPE(setfsuid);
JUDGE_PROTOTYPE(setresuid);
JUDGE_PROTOTYPE(seccomp);
JUDGE_PROTOTYPE(confined_only);
JUDGE_PROTOTYPE(setns);
JUDGE_PROTOTYPE(start_program);
#undef JUDGE_PROTOTYPE

/* True where the caller, as copied, is neither the user nor root: calls are performed as the user,
 * who may reach what the caller could not. */
static inline bool judge_is_other_user(const struct rules *rules, const struct copies *copies)
{
	const struct caller *caller = &copies->caller;

	return rules->multi_uid &&
	       (!caller->known || (caller->status.file_uid != 0 &&
				   caller->status.file_uid != rules->plan->header->uid));
}

#endif
