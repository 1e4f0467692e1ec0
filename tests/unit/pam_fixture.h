/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of the PAM reader share: Debian's files of /etc/pam.d in memory.
 * Linked into every unit test.
 */
#ifndef SANDLOCK_TEST_PAM_FIXTURE_H
#define SANDLOCK_TEST_PAM_FIXTURE_H

#include "pam_stack.h"

struct pam_text {
	const char *name;
	const char *text;
};

/* The texts of a test, which end in a name of NULL, go before Debian's. NULL: Debian's alone. */
int pam_fixture_source(const char *name, void *context, struct arena *arena, const char **ret_path,
		       char **ret_bytes, size_t *ret_length);

/* The problems are lines "FILE:LINE: TEXT\n". */
struct pam_service pam_fixture_read(const char *name, struct pam_text *texts, struct arena *arena);
void pam_fixture_problems(const struct pam_service *service, char text[4096]);

/* A stack as words: NAME of each module without pam_ and .so, `!` where the line always fails, `{`
 * and `}` around substacks. */
void pam_fixture_describe(const struct pam_stack *stack, char text[4096]);

#endif
