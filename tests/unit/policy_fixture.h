/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of the policy reader share: complaints collected, and a directory of policies.
 * Linked into every unit test.
 */
#ifndef SANDLOCK_TEST_POLICY_HELPER_H
#define SANDLOCK_TEST_POLICY_HELPER_H

#include "policy.h"
#include "policy_report.h"

/* Complaints as lines: "error FILE:LINE: TEXT\n" or "warning …"; of FILE the last component. */
struct collected {
	unsigned errors;
	unsigned warnings;
	char text[16384];
};

void collect(const struct diagnostic *diagnostic, void *context);

/* A fresh directory below /tmp or another one, and its removal with all files in it. */
char *directory_make(void);
char *directory_make_below(const char *parent);
void directory_remove(char *directory);

/* DIRECTORY/NAME with this text and mode 0644; the path is the caller's. */
char *file_make(const char *directory, const char *name, const char *text, size_t length);

/* Loads `text` as DIRECTORY/test.conf (POLICY_OWN | POLICY_LINT). */
int policy_load_text(const char *directory, const char *text, struct collected *ret_collected,
		     struct policy **ret_policy);

#endif
