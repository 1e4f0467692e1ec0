/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Logs refusals, limited in rate.
 */
#include "denial.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "util.h"

#define TEXT_MAX        320
#define DESTINATION_MAX 128 /* four times that where every byte is escaped */
#define NUMBER_MAX      24

static uint64_t denial_hash(const struct denial *denial, const char *program)
{
	const char *parts[] = { denial->operation, denial->protocol, denial->destination,
				denial->minor ? "" : program };
	uint64_t hash = HASH_START;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		hash = hash_bytes(hash, parts[i], strlen(parts[i]) + 1);
	return hash;
}

static const struct log_rate denial_rate = { DENIALS_REPEAT_S, DENIALS_BURST, DENIALS_INTERVAL_MS };

/* A path of the user's may be as long as a line: the fields after it must not be cut off. */
static void format_destination(char text[DESTINATION_MAX], const char *destination)
{
	int length = snprintf(text, DESTINATION_MAX, "%s", destination);

	if (length >= DESTINATION_MAX)
		memcpy(text + DESTINATION_MAX - 4, "...", 4);
}

static void format_rule(char text[TEXT_MAX], const struct plan *plan, const struct denial *denial)
{
	const struct rule *rule = denial->rule;
	const char *label = rule ? plan_string(plan, rule->label) : "";

	if (denial->reason)
		snprintf(text, TEXT_MAX, "%s", denial->reason);
	else if (!rule)
		snprintf(text, TEXT_MAX, "default");
	else
		snprintf(text, TEXT_MAX, "%s:%u%s%s", plan_string(plan, rule->file), rule->line,
			 *label ? ":" : "", label);
}

/* NULL for 0: the field is left out. */
static const char *format_count(char text[NUMBER_MAX], uint32_t count)
{
	snprintf(text, NUMBER_MAX, "%u", count);
	return count > 0 ? text : NULL;
}

void denial_log(struct denials *denials, const struct plan *plan, pid_t thread,
		const struct process_status *status, const struct denial *denial)
{
	const char *program = status ? status->name : "?";
	uint64_t hash = denial_hash(denial, program);
	struct log_left_out left_out;
	char destination[DESTINATION_MAX];
	char suppressed[NUMBER_MAX];
	char lost[NUMBER_MAX];
	char pid[NUMBER_MAX];
	char rule[TEXT_MAX];

	if (!log_limit_take(&denials->limit, &denial_rate, hash, denial->minor, &left_out))
		return;
	snprintf(pid, sizeof(pid), "%d", (int)(status ? status->group : thread));
	format_rule(rule, plan, denial);
	format_destination(destination, denial->destination);

	const struct log_field fields[] = {
		{ "pid", pid },
		{ "program", program },
		{ "operation", denial->operation },
		{ "protocol", denial->protocol },
		{ "destination", destination },
		{ "name", denial->name },
		{ denial->reason ? "reason" : "rule", rule },
		{ "suppressed", format_count(suppressed, left_out.suppressed) },
		{ "lost", format_count(lost, left_out.lost) },
	};

	if (!log_event(LOG_NOTICE, "denied", fields, ARRAY_SIZE(fields)))
		log_limit_lost(&denials->limit, hash, &left_out);
}

void denial_flush(const struct denials *denials, unsigned tries)
{
	const struct log_left_out rest = log_limit_rest(&denials->limit);
	char suppressed[NUMBER_MAX];
	char lost[NUMBER_MAX];

	const struct log_field fields[] = {
		{ "suppressed", format_count(suppressed, rest.suppressed) },
		{ "lost", format_count(lost, rest.lost) },
	};

	if (rest.suppressed == 0 && rest.lost == 0)
		return;
	while (!log_event(LOG_NOTICE, "denied", fields, ARRAY_SIZE(fields)) && log_is_full() &&
	       --tries > 0)
		(void)poll(NULL, 0, DENIALS_AGAIN_MS);
}
