/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What can become of a login: every way through a stack of PAM, whatever its modules return. Pure.
 */
#ifndef SANDLOCK_PAM_OUTCOME_H
#define SANDLOCK_PAM_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>

struct pam_stack;

/* The ways on which libpam answers success. */
struct pam_outcome {
	bool held;    /* the module was called and returned success or ignore */
	bool skipped; /* it was not called */
	bool ignored; /* it was called and returned neither */
};

#define PAM_EVERY_LINE ((size_t)-1)

/* `ours[i]` is true where line i calls the module; several may. Where `only` is not PAM_EVERY_LINE,
 * no line but that one skips a line of ours: then `skipped` means that this one alone can do so. */
struct pam_outcome pam_stack_outcome(const struct pam_stack *stack, const bool *ours, size_t only);

#endif
