/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Limits how often lines of one kind are written: the same one again only after some time,
 * different ones at a rate; the next line says how many were left out. Memory of the caller, no
 * allocation; not for several threads at once.
 */
#ifndef SANDLOCK_LOG_LIMIT_H
#define SANDLOCK_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_LIMIT_REMEMBERED 64 /* different lines that are told apart */

struct log_rate {
	uint32_t repeat_s;    /* the same line is written again after this time */
	uint32_t burst;       /* number of different ones in a row, then one */
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

/* What a line reports about others. */
struct log_left_out {
	uint32_t suppressed;
	uint32_t lost; /* written, but the log did not accept it */
};

/* Whether a line of this hash is due. Lines that are `minor` get only half of the burst. */
bool log_limit_take(struct log_limit *limit, const struct log_rate *rate, uint64_t hash, bool minor,
		    struct log_left_out *ret_left_out);

/* The log did not accept the line: it is due again, and counts as lost with all that it
 * reported. */
void log_limit_lost(struct log_limit *limit, uint64_t hash, const struct log_left_out *left_out);

/* Everything that no line has reported yet. */
struct log_left_out log_limit_rest(const struct log_limit *limit);

#endif
