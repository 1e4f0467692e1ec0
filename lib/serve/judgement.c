/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The outcome of judging a trapped call.
 */
#include "judgement.h"

#include <errno.h>
#include <stdio.h>

void judgement_allow(struct judgement *judgement)
{
	judgement->kind = JUDGEMENT_ALLOWED;
}

void judgement_mistake(struct judgement *judgement, int error)
{
	judgement->kind = JUDGEMENT_REFUSED;
	judgement->is_mistake = true;
	judgement->error = error;
}

void judgement_refuse(struct judgement *judgement, const char *protocol, const char *destination,
		      const struct rule *rule)
{
	judgement->kind = JUDGEMENT_REFUSED;
	judgement->error = EACCES;
	judgement->protocol = protocol;
	judgement->rule = rule;
	snprintf(judgement->destination, sizeof(judgement->destination), "%s", destination);
}

void judgement_fail(struct judgement *judgement, const char *protocol, const char *reason)
{
	judgement_refuse(judgement, protocol, "?", NULL);
	judgement->reason = reason;
}
