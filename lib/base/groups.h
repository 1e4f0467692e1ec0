/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is in a group, decided here for policies, exempt= and sandlockctl. An account is in a group
 * whose gid is its primary one or is in the list that getgrouplist(3) gives. Never by the group's
 * own list of members: directory services leave it incomplete.
 */
#ifndef SANDLOCK_GROUPS_H
#define SANDLOCK_GROUPS_H

#include "nss_services.h"

/* The groups of an account, and the services that know gids. */
struct groups {
	const char *user;
	struct nss_database names; /* `group`, for the gids */
	struct nss_gids listed;    /* by getgrouplist(3), with the primary one */
	struct nss_gids told;      /* by the services themselves */
};
#define cleanup_groups __attribute__((cleanup(groups_free)))

/* `user` is the canonical name, pw_name; it must stay as long as *ret_groups, which groups_free()
 * takes also after an error. 0, or -EIO after `why` was filled: the groups of the account cannot
 * all be known, be it that a service cannot be loaded, or that it does not answer. */
int groups_read(const char *user, gid_t primary, struct groups *ret_groups, char why[NSS_WHY_MAX]);

/* 1: the account is in the group, 0: it is not, -ENOENT: there is no such group, -EIO after `why`
 * was filled: it cannot be known, also where no service knows the group and one of them asks a
 * directory elsewhere. */
int groups_contain(const struct groups *groups, const char *group, char why[NSS_WHY_MAX]);

void groups_free(struct groups *groups);

/* 0: there is such a group, -ENOENT: there is none, -EIO after `why` was filled: it cannot be
 * known. */
int group_find(const char *group, char why[NSS_WHY_MAX]);

/* The first two for one account and one group, where nobody wants to know why; -ENOENT where there
 * is no such account or no such group. `user` is a name as somebody spelled it. */
int group_has_user(const char *group, const char *user);

#endif
