/*
 * Says what was refused, limited in rate.
 * Called by the serving modules.
 * Distrusts the session: it may try to fill the log or to hide a line behind a thousand others.
 */
#include "denial.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "util.h"

#define TEXT_MAX        320
#define DESTINATION_MAX 128 /* four times that where every byte is escaped */
#define NUMBER_MAX      24

static uint64_t denial_hash(const struct denial *denial, const char *program)
{
	const char *parts[] = { denial->operation, denial->protocol, denial->destination, program };
	uint64_t hash = HASH_START;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		hash = hash_bytes(hash, parts[i], strlen(parts[i]) + 1);
	return hash;
}

static bool take_token(struct denials *denials, uint64_t now)
{
	uint64_t earned = (now - denials->refilled) * DENIALS_PER_S / NS_PER_S;

	if (denials->refilled == 0) {
		denials->tokens = DENIALS_BURST;
		denials->refilled = now;
	} else if (earned > 0) {
		uint64_t tokens = denials->tokens + earned;

		denials->tokens = (uint32_t)(tokens > DENIALS_BURST ? DENIALS_BURST : tokens);
		denials->refilled = now;
	}
	if (denials->tokens == 0)
		return false;
	denials->tokens--;
	return true;
}

/* Whether to write now; *ret_suppressed counts those of the same kind, and all others that the rate
 * held back. */
static bool denial_is_due(struct denials *denials, uint64_t hash, uint32_t *ret_suppressed)
{
	uint64_t now = clock_now_ns();
	uint32_t place;

	for (place = 0; place < DENIALS_REMEMBERED; place++)
		if (denials->remembered[place].hash == hash)
			break;
	if (place < DENIALS_REMEMBERED &&
	    now - denials->remembered[place].written < DENIALS_REPEAT_S * NS_PER_S) {
		denials->remembered[place].suppressed++;
		return false;
	}
	if (!take_token(denials, now)) {
		denials->suppressed++;
		return false;
	}
	if (place == DENIALS_REMEMBERED) {
		place = denials->next++ % DENIALS_REMEMBERED;
		denials->suppressed += denials->remembered[place].suppressed;
		denials->remembered[place].suppressed = 0;
	}
	*ret_suppressed = denials->suppressed + denials->remembered[place].suppressed;
	denials->suppressed = 0;
	denials->remembered[place].hash = hash;
	denials->remembered[place].written = now;
	denials->remembered[place].suppressed = 0;
	return true;
}

/* The user may make a path as long as a line: what stands behind it must not be cut off for that. */
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

void denial_log(struct denials *denials, const struct plan *plan, pid_t thread,
		const struct target_status *status, const struct denial *denial)
{
	const char *program = status ? status->name : "?";
	char destination[DESTINATION_MAX];
	char pid[NUMBER_MAX];
	char count[NUMBER_MAX];
	char rule[TEXT_MAX];
	uint32_t suppressed = 0;

	if (!denial_is_due(denials, denial_hash(denial, program), &suppressed))
		return;
	snprintf(pid, sizeof(pid), "%d", (int)(status ? status->group : thread));
	snprintf(count, sizeof(count), "%u", suppressed);
	format_rule(rule, plan, denial);
	format_destination(destination, denial->destination);

	const struct log_field fields[] = {
		{ "pid", pid },
		{ "program", program },
		{ "operation", denial->operation },
		{ "protocol", denial->protocol },
		{ "destination", destination },
		{ denial->reason ? "reason" : "rule", rule },
		{ "suppressed", suppressed > 0 ? count : NULL },
	};

	log_event(LOG_NOTICE, "denied", fields, ARRAY_SIZE(fields));
}

void denial_flush(struct denials *denials)
{
	uint32_t suppressed = denials->suppressed;
	char count[NUMBER_MAX];

	for (uint32_t i = 0; i < DENIALS_REMEMBERED; i++)
		suppressed += denials->remembered[i].suppressed;
	if (suppressed == 0)
		return;
	snprintf(count, sizeof(count), "%u", suppressed);

	const struct log_field fields[] = {
		{ "suppressed", count },
	};

	log_event(LOG_NOTICE, "denied", fields, ARRAY_SIZE(fields));
}
