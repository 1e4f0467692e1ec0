/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Domains under which anybody can register a name (publicsuffix.org), from the system's list. Reads
 * the list each time: only for rules with *.domain.
 */
#ifndef SANDLOCK_PUBLIC_SUFFIX_H
#define SANDLOCK_PUBLIC_SUFFIX_H

#define PUBLIC_SUFFIX_LIST "/usr/share/publicsuffix/public_suffix_list.dat"

enum public_suffix {
	PUBLIC_SUFFIX_NO = 0,
	PUBLIC_SUFFIX_YES,
	PUBLIC_SUFFIX_UNKNOWN, /* there is no list */
};

/* `domain` is lower case, without dots at its ends. One of a single label always is one. */
enum public_suffix public_suffix_find(const char *list, const char *domain);

#endif
