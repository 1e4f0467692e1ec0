/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why a start failed: what could not be done, and the errno. It is passed by handover.h from the
 * process that failed to the one that logs it and refuses the login.
 */
#ifndef SANDLOCK_FAILURE_H
#define SANDLOCK_FAILURE_H

#define FAILURE_TEXT_MAX 160

struct failure {
	int error;                   /* negative errno; 0: the text says all */
	char text[FAILURE_TEXT_MAX]; /* "the supervisor cannot load its filter" */
};

/* Returns `error`. */
int failure_set(struct failure *failure, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
