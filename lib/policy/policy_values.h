/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The values of the policy language: items of lists, expansions, booleans, sizes. Distrusts the
 * text, and the account: a name or a home is literal, never syntax.
 */
#ifndef SANDLOCK_POLICY_VALUES_H
#define SANDLOCK_POLICY_VALUES_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "policy_report.h"

#define VALUE_MAX PATH_MAX

/* One item of a list, or a single value. */
struct item {
	char *text;
	unsigned line;
	bool follows_comma; /* the item before it ended in the comma that was dropped */
};

/* Marks in a logical line where two physical ones were joined. */
#define VALUE_JOINT '\n'

/* Copies a value, or `length` bytes of one, without the marks of joined lines; NULL without
 * memory. */
char *value_plain(const char *value, size_t length);

/* Splits a value (with its marks of joined lines) at blanks; one comma that ends an item is dropped
 * where another item follows. The caller frees with items_free. -EINVAL with `why`, -ENOMEM. */
int items_split(const char *value, unsigned line, struct item **ret_items, size_t *ret_count,
		char why[WHY_MAX]);
void items_free(struct item *items, size_t count);

enum expand_flags {
	EXPAND_ESCAPES = 1 << 0, /* \xNN is a byte */
	EXPAND_PATH = 1 << 2,    /* a name of the account must be one component */
	EXPAND_PATTERN =
		1 << 1, /* a `*` that was expanded or escaped is refused: it would be a wildcard */
};

/* Replaces %u %U %g %h %% by the account's; NULL stands for a sample account, which serves to check
 * the syntax. */
int value_expand(const char *text, const struct account *account, unsigned flags,
		 char ret_text[VALUE_MAX], char why[WHY_MAX]);

/* True where `text` cannot be checked before the account is known: it holds a number that is the
 * account's. */
bool value_waits(const char *text, const struct account *account);

int boolean_parse(const char *text, bool *ret_value, char why[WHY_MAX]);

/* A decimal count; with `sized` a K, M or G may follow. */
int amount_parse(const char *text, bool sized, uint64_t *ret_value, char why[WHY_MAX]);

/* 0 where `text` is one of `words`, which end in NULL. */
int word_parse(const char *noun, const char *text, const char *const *words, char why[WHY_MAX]);

#endif
