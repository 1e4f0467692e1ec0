/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How often the lines of one kind are written, whoever causes them: the same one again only after a
 * while, different ones at a rate, and the next line says how many were left out. Memory of the
 * caller's, no allocation; not for several threads at once.
 */
#ifndef SANDLOCK_LOG_LIMIT_H
#define SANDLOCK_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_LIMIT_REMEMBERED 64 /* different lines that are told apart */

struct log_rate {
	uint32_t repeat_s;    /* the same line is written again after so long */
	uint32_t burst;       /* so many different ones in a row, then */
	uint32_t interval_ms; /* one in so long */
};

/* All zero: nothing was written yet. */
struct log_limit {
	struct {
		uint64_t hash;
		uint64_t written; /* monotonic ns */
		uint32_t suppressed;
	} remembered[LOG_LIMIT_REMEMBERED];
	uint64_t refilled;
	uint32_t tokens;
	uint32_t suppressed; /* by the rate, since the last line */
	uint32_t lost;
	uint32_t next;
};

/* What a line has to tell of others. */
struct log_left_out {
	uint32_t suppressed;
	uint32_t lost; /* written, but the log did not take it */
};

/* Whether a line of this hash is due. Half of the burst is kept from lines that are `minor`. */
bool log_limit_take(struct log_limit *limit, const struct log_rate *rate, uint64_t hash, bool minor,
		    struct log_left_out *ret_left_out);

/* The log did not take the line: it is due again, and counts as lost with all that it told of. */
void log_limit_lost(struct log_limit *limit, uint64_t hash, const struct log_left_out *left_out);

/* All that no line has told yet. */
struct log_left_out log_limit_rest(const struct log_limit *limit);

#endif
