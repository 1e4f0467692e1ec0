/*
 * `sandlockctl check`: reads policies as a login would and says what is wrong with them.
 * Called by sandlockctl.
 * Distrusts the files and the directory; asks the account databases only about names that stand in file names.
 */
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>

#include "ctl.h"
#include "plan_build.h"
#include "util.h"

#define GROUPS_MAX 1024

static void name_warn(const char *path, const struct policy_name *name)
{
	if (name->kind == NAME_USER && !getpwnam(name->subject))
		fprintf(stderr, "%s: warning: there is no user \"%s\"\n", path, name->subject);
	if (name->kind == NAME_GROUP && !getgrnam(name->subject))
		fprintf(stderr, "%s: warning: there is no group \"%s\"\n", path, name->subject);
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
	name_warn(path, &name);
	if (error < 0)
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

static bool listing_holds(const struct listing *listing, const char *user)
{
	for (int i = 0; i < listing->count; i++) {
		struct policy_name name = policy_name_read(listing->entries[i]->d_name);

		if (name.kind == NAME_USER && strcmp(name.subject, user) == 0)
			return true;
	}
	return false;
}

static bool groups_hold(const gid_t *groups, int count, gid_t wanted)
{
	for (int i = 0; i < count; i++) {
		if (groups[i] == wanted)
			return true;
	}
	return false;
}

/* Says of one user that several group files match: only the first one counts. */
static void user_warn(struct listing *listing, const struct passwd *user)
{
	gid_t groups[GROUPS_MAX];
	int group_count = GROUPS_MAX;
	const char *first = NULL;

	if (getgrouplist(user->pw_name, user->pw_gid, groups, &group_count) < 0)
		group_count = GROUPS_MAX;
	for (int i = 0; i < listing->count; i++) {
		const char *file = listing->entries[i]->d_name;
		struct policy_name name = policy_name_read(file);
		const struct group *group = name.kind == NAME_GROUP ? getgrnam(name.subject) : NULL;

		if (!group || !groups_hold(groups, group_count, group->gr_gid))
			continue;
		if (first && !listing->warned[i])
			fprintf(stderr, "%s: warning: user \"%s\" is in this group, but %s decides\n",
				file, user->pw_name, first);
		if (first)
			listing->warned[i] = true;
		else
			first = file;
	}
}

static void groups_warn(struct listing *listing)
{
	const struct passwd *user;

	setpwent();
	while ((user = getpwent())) {
		if (!listing_holds(listing, user->pw_name))
			user_warn(listing, user);
	}
	endpwent();
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
	groups_warn(&listing);
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
