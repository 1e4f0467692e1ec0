/*
 * The one table of the language: sections, keys, what judges a value.
 * Called by the policy reader; a new key is one row here and one function in policy_apply.c.
 * Distrusts nothing itself: the functions of its rows do.
 */
#ifndef SANDLOCK_POLICY_KEYS_H
#define SANDLOCK_POLICY_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy_report.h"

struct item;
struct planning;
struct policy_key;
struct setting;

/* One item to judge and, where there is a plan, to add to it. */
struct task {
	const struct policy_key *key;
	const struct setting *setting;
	const struct item *item;
	struct planning *planning; /* NULL: the policy is only loaded */
	char *advice; /* a warning of at most WHY_MAX may be left here; NULL: none is wanted */
	bool links;   /* also of links that no path is followed through */
};

enum key_shape {
	KEY_SINGLE = 0,
	KEY_LIST, /* also as key.label */
};

struct policy_key {
	const char *section;
	const char *name;
	enum key_shape shape;
	/* 0, or a negative errno with the complaint in `why`. */
	int (*apply)(const struct task *task, char why[WHY_MAX]);
	uint32_t argument; /* for `apply` */
};

/* `name` as written, with its label. NULL with the complaint in `why`. */
const struct policy_key *key_find(const char *section, const char *name, char why[WHY_MAX]);

/* The row of a key that exists. */
const struct policy_key *key_get(const char *section, const char *name);

/* 0 where the section exists; -EINVAL with the complaint in `why`. */
int section_find(const char *section, char why[WHY_MAX]);

#endif
