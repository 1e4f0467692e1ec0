/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The policy language: find the deciding file, verify it, read it strictly, make a plan. Trusts a
 * file only after its owner was checked on the opened descriptor; checks every byte.
 */
#ifndef SANDLOCK_POLICY_H
#define SANDLOCK_POLICY_H

#include "policy_types.h"

struct plan_builder;
struct policy;

/* Which file decides: NAME.conf, else the first @group.conf (C order) whose group holds the
 * account, else default.conf. 0 and the file's name below `directory`; -ENOENT: none does; -EIO: a
 * group or the account's groups could not be looked up, the directory could not be read, or there
 * is a file of the account's by another spelling of its name (`AD\dana`); `ret_name` then says
 * where. The reason goes to `report` (NULL: nobody) as an error; a warning is about a file of a
 * group that is not. Reads the group database only where @group files exist. */
#define POLICY_NAME_MAX 256
int policy_search(const char *directory, const struct account *account, policy_report report,
		  void *context, char ret_name[POLICY_NAME_MAX]);

/* The same, where nobody wants to know why. */
int policy_find(const char *directory, const struct account *account, char ret_name[POLICY_NAME_MAX]);

/* Opens, verifies and reads `path` and what it includes, for any account. Every complaint goes to
 * `report`; -EINVAL after at least one error. `path` "-" is standard input (POLICY_OWN only). A
 * fragment is beside `path`; where it is not, in `include_directory`, unless that is NULL. */
int policy_load(const char *path, const char *include_directory, unsigned flags,
		policy_report report, void *context, struct policy **ret_policy);
void policy_free(struct policy *policy);

/* True where not everybody may read all of its files: their text is not to be shown to anybody. */
bool policy_is_secret(const struct policy *policy);

/* Warns of the paths of [filesystem] that grant nothing, as the calling account sees them; of those
 * with a % it says nothing. Not a part of policy_load, whose caller may see what nobody is to be
 * told. */
void policy_lint_paths(const struct policy *policy, unsigned flags, policy_report report,
		       void *context);

/* Expands %u and the like for `account` and writes everything into `builder`. Reads resolv.conf
 * (`dns`), /etc/shells (`shell`) and the paths of unix_allow. Files of
 * [filesystem] that are not there are warned of without being asked. */
int policy_plan(const struct policy *policy, const struct account *account, policy_report report,
		void *context, struct plan_builder *builder);

/* One item as it holds for an account, and where it is written. */
struct policy_value {
	const char *section;
	const char *key; /* with its label */
	const char *text;
	const char *file;
	unsigned line;
};
typedef void (*policy_visit)(const struct policy_value *value, void *context);

/* Every item in the order of the files; single values that an including file overrides are left
 * out. */
void policy_each(const struct policy *policy, const struct account *account, policy_visit visit,
		 void *context);

#endif
