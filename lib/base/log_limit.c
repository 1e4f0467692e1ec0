/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Limits how often lines of one kind are written. A user who causes them may try to fill the log,
 * or to hide a line among a thousand others.
 */
#include "log_limit.h"

#include <time.h>

#define NS_PER_S  1000000000ULL
#define NS_PER_MS 1000000ULL

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static bool take_token(struct log_limit *limit, const struct log_rate *rate, uint64_t now, bool minor)
{
	uint64_t earned = (now - limit->refilled) / (rate->interval_ms * NS_PER_MS);

	if (limit->refilled == 0) {
		limit->tokens = rate->burst;
		limit->refilled = now;
	} else if (earned > 0) {
		uint64_t tokens = limit->tokens + earned;

		limit->tokens = (uint32_t)(tokens > rate->burst ? rate->burst : tokens);
		limit->refilled = now;
	}
	if (limit->tokens <= (minor ? rate->burst / 2 : 0))
		return false;
	limit->tokens--;
	return true;
}

static uint32_t find(const struct log_limit *limit, uint64_t hash)
{
	uint32_t index = 0;

	while (index < LOG_LIMIT_REMEMBERED && limit->remembered[index].hash != hash)
		index++;
	return index;
}

bool log_limit_take(struct log_limit *limit, const struct log_rate *rate, uint64_t hash, bool minor,
		    struct log_left_out *ret_left_out)
{
	uint64_t now = now_ns();
	uint32_t index = find(limit, hash);

	if (index < LOG_LIMIT_REMEMBERED && limit->remembered[index].written != 0 &&
	    now - limit->remembered[index].written < rate->repeat_s * NS_PER_S) {
		limit->remembered[index].suppressed++;
		return false;
	}
	if (!take_token(limit, rate, now, minor)) {
		limit->suppressed++;
		return false;
	}
	if (index == LOG_LIMIT_REMEMBERED) {
		index = limit->next++ % LOG_LIMIT_REMEMBERED;
		limit->suppressed += limit->remembered[index].suppressed;
		limit->remembered[index].suppressed = 0;
	}
	ret_left_out->suppressed = limit->suppressed + limit->remembered[index].suppressed;
	ret_left_out->lost = limit->lost;
	limit->suppressed = 0;
	limit->lost = 0;
	limit->remembered[index].hash = hash;
	limit->remembered[index].written = now;
	limit->remembered[index].suppressed = 0;
	return true;
}

void log_limit_lost(struct log_limit *limit, uint64_t hash, const struct log_left_out *left_out)
{
	uint32_t index = find(limit, hash);

	if (index < LOG_LIMIT_REMEMBERED)
		limit->remembered[index].written = 0;
	limit->suppressed += left_out->suppressed;
	limit->lost += left_out->lost + 1;
}

struct log_left_out log_limit_rest(const struct log_limit *limit)
{
	struct log_left_out rest = { limit->suppressed, limit->lost };

	for (uint32_t i = 0; i < LOG_LIMIT_REMEMBERED; i++)
		rest.suppressed += limit->remembered[i].suppressed;
	return rest;
}
