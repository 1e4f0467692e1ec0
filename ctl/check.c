/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `sandlockctl check`: reads policies as a login would and says what is wrong with them.
 * Distrusts the files and the directory; as root it reads them with the rights of a login.
 */
#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "accounts.h"
#include "ctl.h"
#include "groups.h"
#include "policy_file.h"
#include "util.h"

__attribute__((format(printf, 2, 3))) static void warn(const char *path, const char *format, ...)
{
	va_list arguments;

	say(stderr, "%s: warning: ", path);
	va_start(arguments, format);
	say_list(stderr, format, arguments);
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
		warn(path, "user \"%s\" cannot be looked up: %s", user, strerror(-error));
	else if (strcmp(entry.pw_name, user) != 0)
		warn(path,
		     "account \"%s\" is called \"%s\": this file applies to nobody, "
		     "expected %s.conf",
		     user, entry.pw_name, entry.pw_name);
	else if (entry.pw_uid == 0)
		warn(path, "root is never confined: this file applies to nobody");
}

/* Where a group is renamed, its members are no longer confined. */
static int group_judge(const char *path, const char *group)
{
	char why[NSS_WHY_MAX];
	int error = group_find(group, why);

	if (error == -ENOENT)
		say(stderr,
		    "%s: there is no group \"%s\": this file applies to nobody, expected "
		    "@GROUP.conf with the name of a group, or no file\n",
		    path, group);
	else if (error < 0)
		say(stderr,
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

/* Only where look-ups are answered is it known which names are below a domain. */
static void domains_warn(const struct plan *plan, bool secret)
{
	if (plan->header->dns != PLAN_DNS_FILTERED || !plan_opens_udp(plan))
		return;
	for (uint32_t i = 0; i < plan->header->rules.count; i++) {
		const struct rule *rule = &plan->ruleset.rules[i];
		const char *host = rule->target == TARGET_HOST
					   ? plan_string(plan, plan->hosts[rule->value])
					   : "";
		char text[PATH_MAX];
		const struct diagnostic warning = {
			.file = plan_string(plan, rule->file),
			.line = rule->line,
			.text = text,
		};

		if (host[0] != '*')
			continue;
		snprintf(text, sizeof(text),
			 "\"%s\" allows nothing: dns = filtered is not available where a rule or "
			 "udp_answer opens UDP",
			 secret ? "..." : host);
		ctl_report(&warning, NULL);
	}
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
	struct plan plan;
	int error = draft_person(path, &person);

	if (error == 0)
		error = plan_of(policy, path, &person.account, &plan);
	if (error != 0)
		return error;
	if (plan.header->flags & PLAN_ROOT_LEAVES)
		ctl_report(&root_leaves, NULL);
	domains_warn(&plan, policy_is_secret(policy));
	if (name->kind == NAME_USER)
		plan_warn_links(&plan, policy_is_secret(policy));
	plan_unmap(&plan);
	return 0;
}

/* A file that is checked, and how. */
struct checking {
	const struct ctl_options *options;
	const char *path;
	struct policy_name name;
	unsigned flags;
	struct policy *policy;
	const struct person *person; /* who is named by the file, or NULL */
};

/* What depends on the paths that the policy names, and on who looks at them. */
static int paths_check(void *context)
{
	const struct checking *checking = context;
	enum name_kind kind = checking->name.kind;

	/* Of a user's own file, policy_try warns of them by the plan. */
	policy_lint_paths(checking->policy, kind == NAME_USER ? 0 : POLICY_LINKS, ctl_report, NULL);
	if (kind == NAME_FRAGMENT)
		return CTL_GOOD;
	return policy_try(checking->policy, checking->path, &checking->name) == 0 ? CTL_GOOD
										  : CTL_BAD;
}

static int file_check(void *context)
{
	struct checking *checking = context;
	const char *path = checking->path;
	int status;
	int error = policy_load(path, ctl_directory(checking->options), checking->flags, ctl_report,
				NULL, &checking->policy);

	if (error < 0) {
		if (error != -EINVAL)
			say(stderr, "%s: %s\n", path, strerror(-error));
		return CTL_BAD;
	}
	status = reader_run(READER_LOGIN, checking->person, paths_check, checking);
	policy_free(checking->policy);
	if (name_judge(path, &checking->name) < 0 || status != CTL_GOOD)
		return CTL_BAD;
	say(stdout, "%s: ok\n", path);
	return CTL_GOOD;
}

/* An installed one as a login reads it: as the user in the file's name does, or as nobody in
 * particular. Any other is the caller's own draft. */
static int policy_check(const struct ctl_options *options, const char *path, bool installed)
{
	struct checking checking = {
		.options = options, .path = path, .name = policy_name_read(path), .flags = POLICY_LINT
	};
	cleanup_person struct person person = { 0 };
	const char *user = checking.name.subject;

	if (checking.name.kind == NAME_USER && person_find(user, 0, &person) == 0 &&
	    person.account.uid != 0)
		checking.person = &person;
	if (installed)
		return reader_run(READER_LOGIN, checking.person, file_check, &checking);
	checking.flags |= POLICY_OWN;
	return file_check(&checking);
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
		error = groups_contain(&groups, name.subject, why);
		/* It was said of the file. */
		if (error == -ENOENT)
			error = 0;
		if (error > 0 && first && !listing->warned[i])
			warn(file, "user \"%s\" is in this group, but %s applies", user->pw_name,
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
static int groups_warn(void *context)
{
	struct listing *listing = context;
	const struct passwd *user;
	int error = 0;

	setpwent();
	while (error >= 0 && (user = getpwent())) {
		if (!listing_holds(listing, user->pw_name))
			error = user_warn(listing, user);
	}
	endpwent();
	return error < 0 ? CTL_BAD : CTL_GOOD;
}

/* What a login starts, with the rights of whom it starts it as. */
static int programs_check(void *context)
{
	static const char *const programs[] = { LIBEXECDIR "/sandlock-planner",
						LIBEXECDIR "/sandlock-supervisor",
						LIBEXECDIR "/sandlock-resolver",
						LIBEXECDIR "/sandlock-network" };
	int status = CTL_GOOD;

	(void)context;
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		if (access(programs[i], X_OK) == 0)
			continue;
		say(stderr, "%s: uid %u may not execute it: %m; expected mode 0755\n", programs[i],
		    (unsigned)geteuid());
		status = CTL_BAD;
	}
	return status;
}

/* Whether a login can list the directory at all. */
static int directory_try(void *context)
{
	const char *directory = ctl_directory(context);
	DIR *stream = opendir(directory);
	char why[WHY_MAX];

	if (stream) {
		closedir(stream);
		return CTL_GOOD;
	}
	if (errno == EACCES)
		why_denied(directory, true, why);
	else
		why_write(why, "%m");
	say(stderr, "%s: %s\n", directory, why);
	return CTL_BAD;
}

static int listing_check(const struct ctl_options *options, const struct listing *listing)
{
	const char *directory = ctl_directory(options);
	int status = CTL_GOOD;

	for (int i = 0; i < listing->count; i++) {
		const char *name = listing->entries[i]->d_name;
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", directory, name);
		if (policy_name_read(name).kind == NAME_IGNORED)
			say(stderr,
			    "%s: ignored, its name is not NAME.conf, @GROUP.conf or NAME.inc\n",
			    path);
		else if (policy_check(options, path, true) != CTL_GOOD)
			status = CTL_BAD;
	}
	return status;
}

static int directory_check(const struct ctl_options *options)
{
	const char *directory = ctl_directory(options);
	__attribute__((cleanup(listing_free))) struct listing listing = { 0 };
	int status;
	int count;

	/* Nor are names listed that not everybody may list. */
	if (reader_run(READER_SERVICE, NULL, directory_try, (void *)(uintptr_t)options) != CTL_GOOD)
		return CTL_BAD;
	count = scandir(directory, &listing.entries, name_is_listed, name_order);
	if (count < 0) {
		ctl_error("%s: %m", directory);
		return CTL_BAD;
	}
	listing.count = count;
	listing.warned = calloc((size_t)count + 1, sizeof(*listing.warned));
	if (!listing.warned)
		return ctl_error("%s", strerror(ENOMEM));
	status = listing_check(options, &listing);
	if (count == 0)
		say(stderr, "%s: warning: no policies\n", directory);
	if (listing_has_groups(&listing) &&
	    reader_run(READER_SERVICE, NULL, groups_warn, &listing) != CTL_GOOD)
		status = CTL_BAD;
	/* Policies of another directory may be for another machine. */
	if (!options->conf && reader_run(READER_SERVICE, NULL, programs_check, NULL) != CTL_GOOD)
		status = CTL_BAD;
	return status;
}

/* True for a file of the directory of policies, by whatever path: no draft. */
static bool is_installed(const struct ctl_options *options, const char *path)
{
	cleanup_free char *copy = strdup(path);
	struct stat directory, above;

	return copy && stat(ctl_directory(options), &directory) == 0 &&
	       stat(dirname(copy), &above) == 0 && directory.st_dev == above.st_dev &&
	       directory.st_ino == above.st_ino;
}

int check_main(const struct ctl_options *options, int argc, char **argv)
{
	int status = CTL_GOOD;

	if (argc == 0)
		return directory_check(options);
	for (int i = 0; i < argc; i++) {
		bool installed = geteuid() == 0 && is_installed(options, argv[i]);

		if (policy_check(options, argv[i], installed) != CTL_GOOD)
			status = CTL_BAD;
	}
	return status;
}
