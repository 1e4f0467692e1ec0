/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A PAM module that asks the application what to return.
 * Loaded by libpam in test_pam_outcome, which compares its ways through a stack with libpam's own.
 */
#include <stdlib.h>

#define PAM_SM_SESSION
#include <security/pam_ext.h>
#include <security/pam_modules.h>

/* The one argument names the line; the answer is the letter `A` plus the value. */
PAM_EXTERN __attribute__((visibility("default"))) int pam_sm_open_session(pam_handle_t *handle,
									  int flags, int argc,
									  const char **argv)
{
	char *answer = NULL;
	int value = PAM_SERVICE_ERR;

	(void)flags;
	if (argc == 1 && pam_prompt(handle, PAM_PROMPT_ECHO_ON, &answer, "%s", argv[0]) == 0 && answer)
		value = answer[0] - 'A';
	free(answer);
	return value;
}
