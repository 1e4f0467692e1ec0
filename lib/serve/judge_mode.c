/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Judges which processes may give a file set-id bits: plain ones of the user, which give away no
 * more than they have, and none that became root or took other ids, since anybody outside the
 * session could run such a file as that account.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "judge.h"

#define MODE_MAX  8
#define MODE_BITS 07777

/* The ids of a waiting thread do not change, and nothing else is judged. */
static bool is_users(const struct rules *rules, const struct copies *copies)
{
	return caller_is_plain(&copies->caller, rules->plan->header->uid) && copies->caller.member;
}

static void refuse(const char *kind, const char *text, struct judgement *judgement)
{
	judgement_refuse(judgement, kind, text, NULL);
	judgement->error = EPERM;
}

static void judge_mode(const struct rules *rules, const struct copies *copies, uint64_t mode,
		       struct judgement *judgement)
{
	char text[MODE_MAX];

	if (is_users(rules, copies)) {
		judgement_allow(judgement);
		return;
	}
	snprintf(text, sizeof(text), "%o", (unsigned)mode & MODE_BITS);
	refuse("mode", text, judgement);
}

void judge_mode_1(struct rules *rules, const struct copies *copies, struct request *request,
		  struct judgement *judgement)
{
	judge_mode(rules, copies, request->call.arguments[1], judgement);
}

void judge_mode_2(struct rules *rules, const struct copies *copies, struct request *request,
		  struct judgement *judgement)
{
	judge_mode(rules, copies, request->call.arguments[2], judgement);
}

void judge_mode_3(struct rules *rules, const struct copies *copies, struct request *request,
		  struct judgement *judgement)
{
	judge_mode(rules, copies, request->call.arguments[3], judgement);
}

/* File capabilities, and access lists, by which a file with the set-gid bit alone, made elsewhere,
 * becomes a program that has it. */
void judge_attribute(struct rules *rules, const struct copies *copies, struct request *request,
		     struct judgement *judgement)
{
	(void)request;
	if (is_users(rules, copies))
		judgement_allow(judgement);
	else
		refuse("attribute", "?", judgement);
}

/* The mode is in memory, which can change: for other processes openat2(2) does not exist, and they
 * use openat(2). */
void judge_openat2(struct rules *rules, const struct copies *copies, struct request *request,
		   struct judgement *judgement)
{
	(void)request;
	if (is_users(rules, copies))
		judgement_allow(judgement);
	else
		judgement_mistake(judgement, ENOSYS);
}
