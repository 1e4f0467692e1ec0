/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Judges whose limits, priority, processors and scheduler are changed: only those of a process of
 * the session. A process's calls on itself are not trapped. The number can be any process's.
 */
#include <errno.h>
#include <stdio.h>

#include "judge.h"
#include "process.h"

#define NUMBER_MAX 12

/* A process that Landlock lets us read is in our domain, and so in the session: processes outside
 * are closed to us as they are to the caller. Whether the address is mapped does not matter. For a
 * number that no process can have the kernel answers. */
static int reach(pid_t process)
{
	char byte;
	int error = process < 0 ? 0 : process_read(process, 0, &byte, sizeof(byte));

	return error == -EFAULT ? 0 : error;
}

/* Numbers are in registers, which do not change. The process may end before the kernel looks, and
 * its number be reused: what is changed then belongs to the same user. In a pid namespace of the
 * session no number is that of a process outside. */
static void judge_number(const struct copies *copies, pid_t process, struct judgement *judgement)
{
	char number[NUMBER_MAX];
	int error = reach(process);

	if (error == 0 || (copies->caller.known && copies->caller.status.inner_pids)) {
		judgement_allow(judgement);
	} else if (error == -ESRCH) {
		judgement_mistake(judgement, ESRCH);
	} else {
		snprintf(number, sizeof(number), "%d", (int)process);
		judgement_refuse(judgement, "process", number, NULL);
		judgement->error = EPERM;
	}
}

/* The limits of any process may be read, as without a session. */
void judge_prlimit64(struct rules *rules, const struct copies *copies, struct request *request,
		     struct judgement *judgement)
{
	if (request->call.arguments[2] == 0)
		judgement_allow(judgement);
	else
		judge_process(rules, copies, request, judgement);
}

void judge_process(struct rules *rules, const struct copies *copies, struct request *request,
		   struct judgement *judgement)
{
	(void)rules;
	judge_number(copies, (pid_t)request->call.arguments[0], judgement);
}

void judge_who(struct rules *rules, const struct copies *copies, struct request *request,
	       struct judgement *judgement)
{
	(void)rules;
	judge_number(copies, (pid_t)request->call.arguments[1], judgement);
}
