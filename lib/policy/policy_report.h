/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Errors and warnings about a policy: counted, put on one line, passed to a callback. Distrusts the
 * text that they quote: it may come from any user's draft.
 */
#ifndef SANDLOCK_POLICY_REPORT_H
#define SANDLOCK_POLICY_REPORT_H

#include <errno.h>

#include "policy_types.h"

#define WHY_MAX 512

struct reporter {
	policy_report report;
	void *context;
	unsigned flags; /* enum policy_flags: warnings pass only with POLICY_LINT */
	unsigned errors;
	bool secret; /* a file was read that is not world-readable: no byte of it is shown */
};

/* What is not printable becomes '?', what is beyond WHY_MAX is cut. */
void report_error(struct reporter *reporter, const char *file, unsigned line, const char *format,
		  ...) __attribute__((format(printf, 4, 5)));
void report_warning(struct reporter *reporter, const char *file, unsigned line, const char *format,
		    ...) __attribute__((format(printf, 4, 5)));

/* Writes into `why` what is wrong and what was expected. */
void why_write(char why[WHY_MAX], const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for a word that is not in `words` (which ends in NULL): suggests the nearest one, else
 * lists all. */
void why_unknown(char why[WHY_MAX], const char *noun, const char *word, const char *const *words);

/* How a parser ends: `return refuse(why, ...)`. Macros, so that the compiler knows the value. */
#define refuse(why, ...)                    (why_write(why, __VA_ARGS__), -EINVAL)
#define refuse_word(why, noun, word, words) (why_unknown(why, noun, word, words), -EINVAL)

/* The one of `words` that `word` is probably a misspelling of; NULL where none is near. */
const char *nearest_word(const char *word, const char *const *words);

#endif
