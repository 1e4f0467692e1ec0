/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Users and groups of the machine, read with as much memory as an entry needs. Distrusts the
 * databases: one that does not answer is an error, never an absent account.
 */
#ifndef SANDLOCK_ACCOUNTS_H
#define SANDLOCK_ACCOUNTS_H

#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <sys/types.h>

/* 0, -ENOENT where there is none, or another negative errno where it is not known. The strings of
 * *ret_entry are in *ret_storage, which the caller frees; after an error it is untouched. */
int user_by_name(const char *name, struct passwd *ret_entry, char **ret_storage);
int user_by_uid(uid_t uid, struct passwd *ret_entry, char **ret_storage);
int group_by_name(const char *name, struct group *ret_entry, char **ret_storage);
int group_by_gid(gid_t gid, struct group *ret_entry, char **ret_storage);

#endif
