/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The outcome of judging a trapped call: the value that goes from judge to perform, or to the log.
 */
#ifndef SANDLOCK_JUDGEMENT_H
#define SANDLOCK_JUDGEMENT_H

#include <errno.h>
#include <stdbool.h>

struct rule;

enum judgement_kind {
	JUDGEMENT_REFUSED = 0,
	JUDGEMENT_ALLOWED,
	JUDGEMENT_PRIVATE, /* allowed, in the session's private network namespace */
	JUDGEMENT_LATER,   /* refused, unless a host name gets the address meanwhile */
};

#define JUDGEMENT_TEXT_MAX 160

struct judgement {
	enum judgement_kind kind;
	int error;         /* errno for the caller where it is not allowed, positive */
	bool is_mistake;   /* a mistake of the caller, whatever the policy says: not logged */
	bool is_minor;     /* what libraries try by themselves; they cope with a refusal */
	bool kernel_first; /* the kernel first reports other errors of the call */
	int path_fd; /* keeps the unix socket that was judged where it is: O_PATH of its file, or
			the socket of an abstract name; -1: none. The caller closes it */
	const char *protocol;    /* as the log names it */
	const struct rule *rule; /* that decided; NULL: no rule did */
	const char *reason;      /* why the call cannot be judged; NULL: it was */
	char destination[JUDGEMENT_TEXT_MAX];
};

/* The judgement of every call until a judge changes it. */
static const struct judgement judgement_none = {
	.error = EACCES,
	.path_fd = -1,
	.protocol = "other",
	.destination = "?",
};

void judgement_allow(struct judgement *judgement);

/* The kernel would give the same answer. */
void judgement_mistake(struct judgement *judgement, int error);

/* EACCES; `rule` NULL: no rule allows it. */
void judgement_refuse(struct judgement *judgement, const char *protocol, const char *destination,
		      const struct rule *rule);

/* EACCES for what cannot be judged. */
void judgement_fail(struct judgement *judgement, const char *protocol, const char *reason);

#endif
