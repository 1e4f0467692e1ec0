/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the host names of a plan answer now, as `test` and `show` tell it. Allocates, and starts
 * threads. The answers are the network's.
 */
#ifndef SANDLOCK_HOST_ANSWERS_H
#define SANDLOCK_HOST_ANSWERS_H

#include "host_table.h"
#include "resolve.h"

struct plan;

struct host_answer {
	const char *name; /* NULL: not asked, as *.domain */
	int error;        /* of getaddrinfo(3) */
	struct resolved resolved;
};

struct host_answers {
	uint32_t count;           /* the hosts of the plan */
	struct host_answer *rows; /* and one more: of `name` */
	struct host_table table;  /* the addresses that are opened */
};

/* Asks for every name of the plan, and for `name` where it is none of them (NULL: for none): all
 * see the same answers. An address stands for itself. 0 or -ENOMEM. */
int host_answers_get(struct host_answers *answers, const struct plan *plan, const char *name);
void host_answers_free(struct host_answers *answers);

/* The one of `name`. */
const struct host_answer *host_answers_find(const struct host_answers *answers, const char *name);

/* Whether a row of an answer may be opened for the plan's names. */
bool host_answer_opens(const struct plan *plan, const struct host_answer *answer, uint32_t row);

/* The rule that names a host: by its name, or by *.domain; NULL. */
const struct rule *host_rule_find(const struct plan *plan, const char *name);

/* "@private", as name_addresses has it; "special" for what it never may have. */
const char *class_text(enum address_class class);
const char *address_class_text(const struct address *address);

/* Warns of each rule whose names have addresses, none of which may be opened. */
void host_answers_warn(const struct host_answers *answers, const struct plan *plan);

#endif
