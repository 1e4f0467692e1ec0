/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The users of an audit. A directory service need not list its accounts, so those whom the
 * policies' own names tell of are looked up as well.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "accounts.h"
#include "audit.h"
#include "util.h"

static bool shell_lets_in(const char *shell)
{
	const char *slash = strrchr(shell, '/');
	const char *name = slash ? slash + 1 : shell;

	return strcmp(name, "nologin") != 0 && strcmp(name, "false") != 0;
}

/* One account, where a policy applies to it. CTL_GOOD, or CTL_ERROR after a complaint. */
static int user_add(struct audit *audit, const char *name, bool asked_for)
{
	struct user user = { 0 };
	int error = 0;

	for (size_t i = 0; i < audit->user_count; i++)
		if (!asked_for && strcmp(audit->users[i].person.account.name, name) == 0)
			return CTL_GOOD;
	if (asked_for && person_require(name, &user.person) != CTL_GOOD) {
		person_free(&user.person);
		return CTL_ERROR;
	}
	if (!asked_for)
		error = person_find(name, 0, &user.person);
	if (error < 0)
		return error == -ENOENT ? CTL_GOOD
					: ctl_error("user \"%s\": %s", name, strerror(-error));
	if (user.person.account.uid != 0)
		error = policy_find(ctl_directory(audit->options), &user.person.account, user.policy);
	if (error == -ENOENT)
		user.policy[0] = '\0';
	if (!asked_for && (!user.policy[0] || (strcmp(user.policy, "default.conf") == 0 &&
					       !shell_lets_in(user.person.shell)))) {
		person_free(&user.person);
		return CTL_GOOD;
	}
	if (error < 0 && error != -ENOENT && asked_for) {
		person_free(&user.person);
		return ctl_error("%s: cannot be looked up", user.policy);
	}
	if (error < 0 && error != -ENOENT)
		finding_add(audit, &audit->findings, user.policy, 0,
			    "cannot be looked up: %s is refused everywhere", name);
	user.confining_shell = shell_is_ours(user.person.shell);
	user.sshd = (struct sshd_settings){ .use_pam = true, .open = "", .keys = "" };
	audit->users = arena_grow(&audit->arena, audit->users, audit->user_count, sizeof(user));
	audit->users[audit->user_count++] = user;
	return CTL_GOOD;
}

static int members_add(struct audit *audit, const char *name)
{
	cleanup_free char *storage = NULL;
	int status = CTL_GOOD;
	struct group group;
	int error = group_by_name(name, &group, &storage);

	if (error < 0)
		return error == -ENOENT ? CTL_GOOD
					: ctl_error("group \"%s\": %s", name, strerror(-error));
	for (char **member = group.gr_mem; *member && status == CTL_GOOD; member++)
		status = user_add(audit, *member, false);
	return status;
}

/* The users and groups that policies are named after. */
static int named_add(struct audit *audit)
{
	struct dirent **entries;
	int count = scandir(ctl_directory(audit->options), &entries, NULL, alphasort);
	int status = CTL_GOOD;

	if (count < 0)
		return ctl_error("%s: %m", ctl_directory(audit->options));
	for (int i = 0; i < count; i++) {
		struct policy_name name = policy_name_read(entries[i]->d_name);

		if (status == CTL_GOOD && name.kind == NAME_USER)
			status = user_add(audit, name.subject, false);
		if (status == CTL_GOOD && name.kind == NAME_GROUP)
			status = members_add(audit, name.subject);
		free(entries[i]);
	}
	free(entries);
	return status;
}

static int user_order(const void *left, const void *right)
{
	const struct user *a = left;
	const struct user *b = right;

	return strcmp(a->person.account.name, b->person.account.name);
}

int users_find(struct audit *audit, int argc, char **argv)
{
	const struct passwd *entry;
	int status = CTL_GOOD;

	for (int i = 0; i < argc && status == CTL_GOOD; i++)
		status = user_add(audit, argv[i], true);
	if (argc > 0)
		return status;
	status = named_add(audit);
	setpwent();
	while (status == CTL_GOOD && (entry = getpwent()))
		status = user_add(audit, arena_print(&audit->arena, "%s", entry->pw_name), false);
	endpwent();
	if (audit->user_count > 0)
		qsort(audit->users, audit->user_count, sizeof(*audit->users), user_order);
	return status;
}
