/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A key of the language, where it is set, and the checking of one of its items: what the table of
 * keys and the functions in it share.
 */
#ifndef SANDLOCK_POLICY_TASK_H
#define SANDLOCK_POLICY_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy_report.h"

struct item;
struct planning;
struct policy_key;
struct setting;

/* One item to check and, where there is a plan, to add to it. */
struct task {
	const struct policy_key *key;
	const struct setting *setting;
	const struct item *item;
	struct planning *planning; /* NULL: the policy is only loaded */
	char *advice;              /* room for a warning of at most WHY_MAX; NULL: none is wanted */
	bool paths;                /* without a plan: the paths that the item names are looked at */
	bool links;                /* also for links that no path is followed through */
};

enum key_shape {
	KEY_SINGLE = 0,
	KEY_LIST, /* also as key.label */
};

struct policy_key {
	const char *section;
	const char *name;
	enum key_shape shape;
	/* 0, or a negative errno with the error in `why`. */
	int (*apply)(const struct task *task, char why[WHY_MAX]);
	uint32_t argument; /* for `apply` */
};

/* A key that is set: at one place, for the whole policy. */
struct setting {
	const struct policy_key *key;
	const char *name; /* as written: key or key.label */
	const char *file;
	unsigned line;
	bool superseded;    /* the including file sets the same single value */
	struct item *items; /* one where the key is not a list */
	size_t item_count;
};

#endif
