/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looks the host names of a plan up, many at a time. Distrusts the answers as the supervisor does.
 */
#include "host_answers.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>

#include "ctl.h"
#include "dns_name.h"
#include "resolution.h"
#include "util.h"

#define THREADS_MAX 32

struct pool {
	pthread_mutex_t lock;
	struct host_answer *rows;
	uint32_t count;
	uint32_t next;
};

static void *pool_work(void *context)
{
	struct pool *pool = context;

	for (;;) {
		struct host_answer *row;

		pthread_mutex_lock(&pool->lock);
		row = pool->next < pool->count ? &pool->rows[pool->next++] : NULL;
		pthread_mutex_unlock(&pool->lock);
		if (!row)
			return NULL;
		if (row->name && row->resolved.count == 0)
			row->error = resolve_host(row->name, &row->resolved);
	}
}

static void rows_resolve(struct host_answer *rows, uint32_t count)
{
	struct pool pool = { PTHREAD_MUTEX_INITIALIZER, rows, count, 0 };
	pthread_t threads[THREADS_MAX];
	uint32_t started = 0;

	while (started < THREADS_MAX && started < count &&
	       pthread_create(&threads[started], NULL, pool_work, &pool) == 0)
		started++;
	(void)pool_work(&pool);
	while (started > 0)
		pthread_join(threads[--started], NULL);
}

static bool is_below(const char *name, const char *pattern)
{
	struct dns_name below, above;

	return pattern[0] == '*' && dns_name_parse(pattern + 2, &above) == 0 &&
	       dns_name_parse(name, &below) == 0 && dns_name_is_below(&below, &above);
}

bool host_answer_opens(const struct plan *plan, const struct host_answer *answer, uint32_t row)
{
	return resolution_opens(&answer->resolved.rows[row].address, plan->header->name_classes,
				answer->resolved.rows[row].listed);
}

static void table_add(struct host_answers *answers, const struct plan *plan, uint32_t host,
		      const struct host_answer *answer)
{
	for (uint32_t i = 0; i < answer->resolved.count; i++) {
		if (host_answer_opens(plan, answer, i))
			host_table_add(&answers->table, host, &answer->resolved.rows[i].address, 0,
				       UINT32_MAX);
	}
}

static int table_fill(struct host_answers *answers, const struct plan *plan)
{
	struct host_row *rows = calloc(HOST_ADDRESSES_MAX, sizeof(*rows));
	uint32_t *heads = calloc(1U << HOST_HEADS_BITS, sizeof(*heads));
	const struct host_answer *own = &answers->rows[answers->count];

	if (!rows || !heads) {
		free(rows);
		free(heads);
		return -ENOMEM;
	}
	host_table_open(&answers->table, rows, HOST_ADDRESSES_MAX, heads, HOST_HEADS_BITS);
	for (uint32_t i = 0; i < answers->count; i++) {
		if (answers->rows[i].name)
			table_add(answers, plan, i, &answers->rows[i]);
		else if (own->name && is_below(own->name, plan_string(plan, plan->hosts[i])))
			table_add(answers, plan, i, own);
	}
	return 0;
}

int host_answers_get(struct host_answers *answers, const struct plan *plan, const char *name)
{
	uint32_t count = plan->header->hosts.count;
	struct host_answer *own;
	bool is_own = name;
	int error;

	*answers = (struct host_answers){ .count = count };
	answers->rows = calloc(count + 1, sizeof(*answers->rows));
	if (!answers->rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		const char *host = plan_string(plan, plan->hosts[i]);

		answers->rows[i].name = host[0] == '*' ? NULL : host;
		is_own = is_own && strcasecmp(host, name) != 0;
	}
	own = &answers->rows[count];
	own->name = is_own ? name : NULL;
	if (is_own && address_parse(name, &own->resolved.rows[0].address) == 0)
		own->resolved.count = 1;
	rows_resolve(answers->rows, count + 1);
	error = table_fill(answers, plan);
	if (error)
		host_answers_free(answers);
	return error;
}

void host_answers_free(struct host_answers *answers)
{
	free(answers->rows);
	free(answers->table.rows);
	free(answers->table.heads);
	*answers = (struct host_answers){ 0 };
}

const struct host_answer *host_answers_find(const struct host_answers *answers, const char *name)
{
	for (uint32_t i = 0; i < answers->count; i++) {
		if (answers->rows[i].name && strcasecmp(answers->rows[i].name, name) == 0)
			return &answers->rows[i];
	}
	return &answers->rows[answers->count];
}

const struct rule *host_rule_find(const struct plan *plan, const char *name)
{
	for (uint32_t i = 0; i < plan->ruleset.rule_count; i++) {
		const struct rule *rule = &plan->ruleset.rules[i];
		const char *host;

		if (rule->target != TARGET_HOST)
			continue;
		host = plan_string(plan, plan->hosts[rule->value]);
		if (strcasecmp(host, name) == 0 || is_below(name, host))
			return rule;
	}
	return NULL;
}

const char *class_text(enum address_class class)
{
	switch (class) {
	case CLASS_GLOBAL:
		return "@global";
	case CLASS_LOOPBACK:
		return "@loopback";
	case CLASS_PRIVATE:
		return "@private";
	case CLASS_LINKLOCAL:
		return "@linklocal";
	case CLASS_SPECIAL:
		break;
	}
	return "special";
}

const char *address_class_text(const struct address *address)
{
	return class_text(address_classify(address));
}

static bool opens_some(const struct plan *plan, const struct host_answer *answer)
{
	for (uint32_t i = 0; i < answer->resolved.count; i++) {
		if (host_answer_opens(plan, answer, i))
			return true;
	}
	return false;
}

static void warn_useless(const struct plan *plan, const struct rule *rule,
			 const struct host_answer *answer)
{
	say(stderr, "%s:%u: warning: \"%s\" allows nothing: name_addresses does not have",
	    plan_string(plan, rule->file), rule->line, plan_string(plan, rule->text));
	for (uint32_t i = 0; i < answer->resolved.count; i++) {
		const struct address *address = &answer->resolved.rows[i].address;
		char text[ADDRESS_TEXT_MAX];

		address_format(address, text);
		say(stderr, "%s %s of %s", i > 0 ? "," : "", address_class_text(address), text);
	}
	fputc('\n', stderr);
}

void host_answers_warn(const struct host_answers *answers, const struct plan *plan)
{
	for (uint32_t i = 0; i < answers->count; i++) {
		const struct host_answer *answer = &answers->rows[i];

		if (answer->name && answer->error)
			say(stderr,
			    "sandlockctl: warning: %s: %s; its rules allow nothing until it resolves\n",
			    answer->name, gai_strerror(answer->error));
	}
	for (uint32_t i = 0; i < plan->ruleset.rule_count; i++) {
		const struct rule *rule = &plan->ruleset.rules[i];
		const struct host_answer *answer =
			rule->target == TARGET_HOST ? &answers->rows[rule->value] : NULL;

		if (answer && answer->resolved.count > 0 && !opens_some(plan, answer))
			warn_useless(plan, rule, answer);
	}
}
