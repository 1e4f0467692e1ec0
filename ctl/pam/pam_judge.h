/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What can become of a login: every way through a stack of PAM, whatever its modules return. Pure.
 * Distrusts every module but the one that is asked about: each may return anything.
 */
#ifndef SANDLOCK_PAM_JUDGE_H
#define SANDLOCK_PAM_JUDGE_H

#include <stdbool.h>
#include <stddef.h>

struct pam_stack;

/* The ways on which libpam answers success. */
struct pam_judgement {
	bool held;     /* the module was called and returned success or ignore */
	bool unrun;    /* it was not called */
	bool unheeded; /* it was called and returned neither */
};

#define PAM_EVERY_LINE ((size_t)-1)

/* `ours[i]` says that line i of the stack calls the module; several may. Where `only` is not
 * PAM_EVERY_LINE, no line but that one passes over a line of ours: then `unrun` says that this one
 * alone lets a login by. -ENOMEM. */
int pam_judge(const struct pam_stack *stack, const bool *ours, size_t only,
	      struct pam_judgement *ret_judgement);

#endif
