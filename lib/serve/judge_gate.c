/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Judges who becomes the user behind a gate, and what could undo it. The thread is judged, which
 * waits, and no memory: what was judged is what the kernel does.
 */
#include <errno.h>
#include <linux/seccomp.h>

#include "judge.h"

static void decide(bool passes, struct judgement *judgement)
{
	if (passes) {
		judgement_allow(judgement);
		return;
	}
	judgement_fail(judgement, "other", "not confined");
	judgement->error = EPERM;
}

/* libc sets the ids of all threads where one sets its own: those of the opener follow, since none
 * of them starts a program as the user. An opener with one thread takes the effective id for a
 * moment, to look at the user's files. */
static void become_user(const struct gate *gate, const struct request *request, bool lasting,
			struct judgement *judgement)
{
	decide(gate_is_behind(gate, request->call.thread) ||
		       ((gate->threads || !lasting) && gate_is_opener(gate, &request->call)),
	       judgement);
}

/* setuid, and setreuid, which changes the saved uid with the effective one. */
void judge_set_uids(struct rules *rules, const struct copies *copies, struct request *request,
		    struct judgement *judgement)
{
	(void)copies;
	become_user(&rules->gate, request, true, judgement);
}

void judge_setfsuid(struct rules *rules, const struct copies *copies, struct request *request,
		    struct judgement *judgement)
{
	(void)copies;
	become_user(&rules->gate, request, false, judgement);
}

void judge_setresuid(struct rules *rules, const struct copies *copies, struct request *request,
		     struct judgement *judgement)
{
	const uint64_t *arguments = request->call.arguments;
	const uid_t user = rules->plan->header->uid;

	(void)copies;
	become_user(&rules->gate, request,
		    (uid_t)arguments[0] == user || (uid_t)arguments[2] == user, judgement);
}

static bool is_user(const struct process_status *status, uid_t user)
{
	return status->uid == user || status->effective_uid == user || status->saved_uid == user ||
	       status->file_uid == user;
}

/* Programs of the opener's other threads are root's, or somebody else's. */
void judge_start_program(struct rules *rules, const struct copies *copies, struct request *request,
			 struct judgement *judgement)
{
	const struct caller *caller = &copies->caller;

	decide(gate_is_behind(&rules->gate, request->call.thread) ||
		       (caller->known && !is_user(&caller->status, rules->plan->header->uid)),
	       judgement);
}

/* That nobody else adds a filter makes their number the proof of being behind the gate. TSYNC would
 * give those of a confined thread to the opener's others, without its Landlock domain. */
void judge_seccomp(struct rules *rules, const struct copies *copies, struct request *request,
		   struct judgement *judgement)
{
	const struct caller *caller = &copies->caller;
	bool all_threads = request->call.arguments[1] & SECCOMP_FILTER_FLAG_TSYNC;

	decide(gate_is_behind(&rules->gate, request->call.thread) &&
		       (!all_threads || (caller->known && caller->status.group != rules->gate.opener)),
	       judgement);
}

/* prctl that adds a filter; and a new user namespace, in which the user's uid may have any
 * number. */
void judge_behind_gate(struct rules *rules, const struct copies *copies, struct request *request,
		       struct judgement *judgement)
{
	(void)copies;
	decide(gate_is_behind(&rules->gate, request->call.thread), judgement);
}

/* The opener may enter namespaces of other types by setns(fd, 0), as modules do. */
void judge_setns(struct rules *rules, const struct copies *copies, struct request *request,
		 struct judgement *judgement)
{
	if (request->call.arguments[1] == 0 && gate_is_opener(&rules->gate, &request->call))
		judgement_allow(judgement);
	else
		judge_behind_gate(rules, copies, request, judgement);
}
