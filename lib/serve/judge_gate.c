/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Judges which processes within a gate may become the user, and calls that could undo the gate.
 * Only the waiting thread and registers are judged, no memory: the kernel performs what was judged.
 */
#include <errno.h>
#include <linux/seccomp.h>

#include "judge.h"

#define NOT_CONFINED "not confined"

static void decide(bool passes, const char *reason, struct judgement *judgement)
{
	if (passes) {
		judgement_allow(judgement);
		return;
	}
	judgement_fail(judgement, "other", reason);
	judgement->error = EPERM;
}

/* libc sets the ids of all threads where one sets its own: the threads of the PAM caller may, since
 * none of them starts a program as the user. A PAM caller with one thread takes the effective id
 * for a moment, to look at the user's files. */
static void become_user(const struct gate *gate, const struct request *request, bool lasting,
			struct judgement *judgement)
{
	decide(gate_is_confined(gate, request->call.thread) ||
		       ((gate->threads || !lasting) && gate_is_pam_caller(gate, &request->call)),
	       NOT_CONFINED "; is the auth line of pam_sandlock missing?", judgement);
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

/* The other threads of the PAM caller start programs as root or another user. */
void judge_start_program(struct rules *rules, const struct copies *copies, struct request *request,
			 struct judgement *judgement)
{
	const struct caller *caller = &copies->caller;

	decide(gate_is_confined(&rules->gate, request->call.thread) ||
		       (caller->known && !is_user(&caller->status, rules->plan->header->uid)),
	       NOT_CONFINED, judgement);
}

/* Only a confined thread adds a filter: therefore the number of filters proves confinement. TSYNC
 * would copy them to the other threads of the PAM caller, without the Landlock domain. */
void judge_seccomp(struct rules *rules, const struct copies *copies, struct request *request,
		   struct judgement *judgement)
{
	const struct caller *caller = &copies->caller;
	bool all_threads = request->call.arguments[1] & SECCOMP_FILTER_FLAG_TSYNC;

	decide(gate_is_confined(&rules->gate, request->call.thread) &&
		       (!all_threads ||
			(caller->known && caller->status.group != rules->gate.pam_caller)),
	       NOT_CONFINED, judgement);
}

/* prctl that adds a filter; and a new user namespace, in which the user's uid may have any
 * number. */
void judge_confined_only(struct rules *rules, const struct copies *copies, struct request *request,
			 struct judgement *judgement)
{
	(void)copies;
	decide(gate_is_confined(&rules->gate, request->call.thread), NOT_CONFINED, judgement);
}

/* The PAM caller may enter namespaces of other types by setns(fd, 0), as modules do. */
void judge_setns(struct rules *rules, const struct copies *copies, struct request *request,
		 struct judgement *judgement)
{
	if (request->call.arguments[1] == 0 && gate_is_pam_caller(&rules->gate, &request->call))
		judgement_allow(judgement);
	else
		judge_confined_only(rules, copies, request, judgement);
}
