/*
 * `sandlockctl check`: reads policies as a login would and says what is wrong with them.
 * Called by sandlockctl.
 * Distrusts the files and the directory; asks the account databases only about names that stand in file names.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <string.h>

#include "accounts.h"
#include "ctl.h"
#include "groups.h"
#include "plan_build.h"
#include "util.h"

__attribute__((format(printf, 2, 3))) static void warn(const char *path, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "%s: warning: ", path);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

/* A policy of a user who comes later is no mistake; one that never decides may be. */
static void user_judge(const char *path, const char *user)
{
	cleanup_free char *storage = NULL;
	struct passwd entry;
	int error = user_by_name(user, &entry, &storage);

	if (error == -ENOENT)
		warn(path, "there is no user \"%s\"", user);
	else if (error < 0)
		warn(path, "user \"%s\" could not be looked up: %s", user, strerror(-error));
	else if (strcmp(entry.pw_name, user) != 0)
		warn(path,
		     "the name of the account \"%s\" is \"%s\": this file decides for nobody, "
		     "expected %s.conf",
		     user, entry.pw_name, entry.pw_name);
	else if (entry.pw_uid == 0)
		warn(path, "uid 0 is never confined: this file decides for nobody");
}

/* Where a group is renamed, its members are no longer confined. */
static int group_judge(const char *path, const char *group)
{
	char why[NSS_WHY_MAX];
	int error = group_find(group, why);

	if (error == -ENOENT)
		fprintf(stderr,
			"%s: there is no group \"%s\": this file decides for nobody, expected "
			"@GROUP.conf with the name of a group, or no file\n",
			path, group);
	else if (error < 0)
		fprintf(stderr,
			"%s: the group cannot be looked up: %s; until then users without a "
			"file of their own are refused\n",
			path, why);
	return error;
}

static int name_judge(const char *path, const struct policy_name *name)
{
	if (name->kind == NAME_USER)
		user_judge(path, name->subject);
	return name->kind == NAME_GROUP ? group_judge(path, name->subject) : 0;
}

/* What only shows when a session is planned: a shell that is none, a value that is bad for the
 * user. Planned for the user in the file's name, else for the caller. */
static int policy_try(const struct policy *policy, const char *path, const struct policy_name *name)
{
	const struct diagnostic root_leaves = {
		.file = path,
		.text = "no_new_privs: whoever becomes root in this session can leave it",
	};
	cleanup_person struct person person = { 0 };
	struct plan_builder *builder;
	int error = -ENOENT;

	if (name->kind == NAME_USER)
		error = person_find(name->subject, 0, &person);
	if (error < 0)
		error = person_find(NULL, getuid(), &person);
	if (error < 0)
		return error;
	builder = plan_builder_new();
	if (!builder)
		return -ENOMEM;
	error = policy_plan(policy, &person.account, ctl_report_error, NULL, builder);
	if (error == 0 && (plan_builder_header(builder)->flags & PLAN_ROOT_LEAVES))
		ctl_report(&root_leaves, NULL);
	plan_builder_free(builder);
	return error;
}

static int file_check(const struct ctl_options *options, const char *path, unsigned flags)
{
	struct policy_name name = policy_name_read(path);
	struct policy *policy;
	int error;

	error = policy_load(path, ctl_directory(options), flags, ctl_report, NULL, &policy);
	if (error < 0) {
		if (error != -EINVAL)
			fprintf(stderr, "%s: %s\n", path, strerror(-error));
		return CTL_BAD;
	}
	if (name.kind != NAME_FRAGMENT)
		error = policy_try(policy, path, &name);
	policy_free(policy);
	if (name_judge(path, &name) < 0 || error < 0)
		return CTL_BAD;
	printf("%s: ok\n", path);
	return CTL_GOOD;
}

static int name_order(const struct dirent **left, const struct dirent **right)
{
	return strcmp((*left)->d_name, (*right)->d_name);
}

static int name_is_listed(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

struct listing {
	struct dirent **entries; /* in C order */
	bool *warned;            /* of each entry: one user is enough to say so */
	int count;
};

static void listing_free(struct listing *listing)
{
	for (int i = 0; i < listing->count; i++)
		free(listing->entries[i]);
	free(listing->entries);
	free(listing->warned);
}

static bool listing_has_groups(const struct listing *listing)
{
	for (int i = 0; i < listing->count; i++)
		if (policy_name_read(listing->entries[i]->d_name).kind == NAME_GROUP)
			return true;
	return false;
}

static bool listing_holds(const struct listing *listing, const char *user)
{
	for (int i = 0; i < listing->count; i++) {
		struct policy_name name = policy_name_read(listing->entries[i]->d_name);

		if (name.kind == NAME_USER && strcmp(name.subject, user) == 0)
			return true;
	}
	return false;
}

/* Says of one user that several group files match: only the first one counts. */
static int user_warn(struct listing *listing, const struct passwd *user)
{
	cleanup_groups struct groups groups = { .user = user->pw_name };
	const char *first = NULL;
	char why[NSS_WHY_MAX];
	int error = groups_read(user->pw_name, user->pw_gid, &groups, why);

	for (int i = 0; error >= 0 && i < listing->count; i++) {
		const char *file = listing->entries[i]->d_name;
		struct policy_name name = policy_name_read(file);

		if (name.kind != NAME_GROUP)
			continue;
		error = groups_hold(&groups, name.subject, why);
		/* It was said of the file. */
		if (error == -ENOENT)
			error = 0;
		if (error > 0 && first && !listing->warned[i])
			warn(file, "user \"%s\" is in this group, but %s decides", user->pw_name,
			     first);
		if (error > 0 && first)
			listing->warned[i] = true;
		else if (error > 0)
			first = file;
	}
	if (error < 0)
		ctl_error("the groups of %s cannot be looked up: %s; until then users without a file of "
			  "their own are refused",
			  user->pw_name, why);
	return error;
}

/* One user whose groups cannot be looked up is enough to say so. */
static int groups_warn(struct listing *listing)
{
	const struct passwd *user;
	int error = 0;

	setpwent();
	while (error >= 0 && (user = getpwent())) {
		if (!listing_holds(listing, user->pw_name))
			error = user_warn(listing, user);
	}
	endpwent();
	return error;
}

static int directory_check(const struct ctl_options *options)
{
	const char *directory = ctl_directory(options);
	__attribute__((cleanup(listing_free))) struct listing listing = { 0 };
	int status = CTL_GOOD;
	int count = scandir(directory, &listing.entries, name_is_listed, name_order);

	if (count < 0) {
		ctl_error("%s: %m", directory);
		return CTL_BAD;
	}
	listing.count = count;
	listing.warned = calloc((size_t)count + 1, sizeof(*listing.warned));
	if (!listing.warned)
		return ctl_error("%s", strerror(ENOMEM));
	for (int i = 0; i < count; i++) {
		const char *name = listing.entries[i]->d_name;
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", directory, name);
		if (policy_name_read(name).kind == NAME_IGNORED)
			fprintf(stderr,
				"%s: ignored, its name is not NAME.conf, @GROUP.conf or NAME.inc\n",
				path);
		else if (file_check(options, path, POLICY_LINT) != CTL_GOOD)
			status = CTL_BAD;
	}
	if (count == 0)
		fprintf(stderr, "%s: warning: no policies\n", directory);
	if (listing_has_groups(&listing) && groups_warn(&listing) < 0)
		status = CTL_BAD;
	return status;
}

int check_main(const struct ctl_options *options, int argc, char **argv)
{
	int status = CTL_GOOD;

	if (argc == 0)
		return directory_check(options);
	for (int i = 0; i < argc; i++) {
		if (file_check(options, argv[i], POLICY_LINT | POLICY_OWN) != CTL_GOOD)
			status = CTL_BAD;
	}
	return status;
}
