/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Accounts and the plans that decide for them.
 * Distrusts the policy files, as a login does; a directory service may fail at any time.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "accounts.h"
#include "ctl.h"
#include "network_namespace.h"
#include "plan_build.h"
#include "user_directories.h"
#include "util.h"

#define PATH_SIZE 4096

const char *ctl_directory(const struct ctl_options *options)
{
	return options->conf ? options->conf : POLICY_DIRECTORY;
}

bool operand_is_file(const char *text)
{
	const char *dot = strrchr(text, '.');

	return strchr(text, '/') || (dot && (strcmp(dot, ".conf") == 0 || strcmp(dot, ".inc") == 0));
}

struct policy_name policy_name_read(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');
	struct policy_name read = { 0 };
	bool group = name[0] == '@';

	if (!dot || dot == name || (group && dot == name + 1) || dot - name > NAME_MAX)
		return read;
	memcpy(read.subject, name + group, (size_t)(dot - name) - group);
	if (strcmp(dot, ".inc") == 0)
		read.kind = NAME_FRAGMENT;
	else if (strcmp(dot, ".conf") == 0)
		read.kind = group                                  ? NAME_GROUP
			    : strcmp(read.subject, "default") == 0 ? NAME_DEFAULT
								   : NAME_USER;
	return read;
}

void ctl_report(const struct diagnostic *diagnostic, void *context)
{
	(void)context;
	say(stderr, "%s:", diagnostic->file);
	if (diagnostic->line > 0)
		say(stderr, "%u:", diagnostic->line);
	say(stderr, "%s %s\n", diagnostic->error ? "" : " warning:", diagnostic->text);
}

void ctl_report_error(const struct diagnostic *diagnostic, void *context)
{
	if (diagnostic->error)
		ctl_report(diagnostic, context);
}

void person_free(struct person *person)
{
	free(person->user_storage);
	free(person->group_storage);
	free(person->login_storage);
}

int person_find(const char *name, uid_t uid, struct person *ret_person)
{
	struct passwd entry;
	struct group group;
	int error = name ? user_by_name(name, &entry, &ret_person->user_storage)
			 : user_by_uid(uid, &entry, &ret_person->user_storage);

	if (error < 0)
		return error;
	ret_person->login_storage = name ? strdup(name) : NULL;
	if (name && !ret_person->login_storage)
		return -ENOMEM;
	error = group_by_gid(entry.pw_gid, &group, &ret_person->group_storage);
	ret_person->account = (struct account){
		.name = entry.pw_name,
		.login = ret_person->login_storage,
		.group = error == 0 ? group.gr_name : "",
		.home = entry.pw_dir,
		.uid = entry.pw_uid,
		.gid = entry.pw_gid,
	};
	ret_person->shell = entry.pw_shell;
	return 0;
}

int person_require(const char *name, struct person *ret_person)
{
	int error = person_find(name, 0, ret_person);

	if (error < 0)
		return ctl_error("user \"%s\": %s", name,
				 error == -ENOENT ? "unknown" : strerror(-error));
	if (ret_person->account.uid == 0)
		return ctl_error("user \"%s\": root is never confined", name);
	return CTL_GOOD;
}

bool shell_is_ours(const char *shell)
{
	const char *slash = strrchr(shell, '/');

	return slash && strcmp(slash + 1, SHELL_NAME) == 0;
}

/* The policy that decides for `account`, or CTL_ERROR after a line that says why there is none. */
static int policy_path(const struct ctl_options *options, const struct account *account,
		       char ret_path[PATH_SIZE])
{
	const char *directory = ctl_directory(options);
	char name[POLICY_NAME_MAX];
	int error = policy_search(directory, account, ctl_report, NULL, name);

	if (error == -ENOENT)
		return ctl_error("%s: no policy in %s applies to this account", account->name,
				 directory);
	if (error < 0)
		return ctl_error("%s: cannot be looked up", name);
	if (snprintf(ret_path, PATH_SIZE, "%s/%s", directory, name) >= PATH_SIZE)
		return ctl_error("%s/%s: %s", directory, name, strerror(ENAMETOOLONG));
	return CTL_GOOD;
}

static int plan_make(const struct policy *policy, const char *path, const struct account *account,
		     int memfd)
{
	struct plan_builder *builder = plan_builder_new();
	int error = builder ? policy_plan(policy, account, ctl_report_error, NULL, builder) : -ENOMEM;
	char text[PLAN_EXCESS_MAX];
	const struct diagnostic excess = { .file = path, .text = text, .error = true };

	if (error == 0)
		error = plan_seal(builder, memfd);
	if (error == -E2BIG) {
		plan_builder_excess(builder, text);
		ctl_report(&excess, NULL);
	}
	plan_builder_free(builder);
	return error == -E2BIG ? -EINVAL : error;
}

int plan_of(const struct policy *policy, const char *path, const struct account *account,
	    struct plan *ret_plan)
{
	cleanup_fd int memfd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct account here = *account;
	int error;

	here.can_have_network = geteuid() == 0 ? network_namespace_of_root
					       : network_namespace_of_user;
	error = memfd < 0 ? -errno : plan_make(policy, path, &here, memfd);

	return error ? error : plan_map(memfd, ret_plan);
}

void plan_warn_links(const struct plan *plan, bool secret)
{
	for (uint32_t i = 0; i < plan->header->files.count; i++) {
		const struct plan_file *file = &plan->files[i];
		const char *path = plan_string(plan, file->path);
		char text[2 * PATH_MAX + 256];
		const struct diagnostic warning = {
			.file = plan_string(plan, file->file),
			.line = file->line,
			.text = text,
		};
		struct path_end end;
		int fd = user_directories_open_path(plan, path, &end);

		util_cleanup_fd(&fd);
		if (end.obstacle == PATH_NO_OBSTACLE)
			continue;
		if (secret)
			snprintf(text, sizeof(text), "\"...\" grants nothing: \"...\" %s",
				 path_obstacle_text(end.obstacle));
		else
			snprintf(text, sizeof(text), "\"%s\" grants nothing: \"%s\" %s", path,
				 end.name, path_obstacle_text(end.obstacle));
		ctl_report(&warning, NULL);
	}
}

/* What is read of a policy, as the account that reads it. */
struct reading {
	const struct ctl_options *options;
	const struct account *account;
	int memfd; /* the plan goes there */
};

static int policy_read(const struct reading *reading, struct policy **ret_policy,
		       char ret_path[PATH_SIZE])
{
	int error;

	if (policy_path(reading->options, reading->account, ret_path) != CTL_GOOD)
		return CTL_ERROR;
	error = policy_load(ret_path, NULL, 0, ctl_report, NULL, ret_policy);
	if (error < 0)
		return ctl_error("%s: %s", ret_path, error == -EINVAL ? "refused" : strerror(-error));
	return CTL_GOOD;
}

static int plan_write(void *context)
{
	const struct reading *reading = context;
	char path[PATH_SIZE];
	struct policy *policy;
	int error;

	if (policy_read(reading, &policy, path) != CTL_GOOD)
		return CTL_ERROR;
	error = plan_make(policy, path, reading->account, reading->memfd);
	policy_free(policy);
	if (error < 0)
		return ctl_error("%s: %s", path, error == -EINVAL ? "refused" : strerror(-error));
	return CTL_GOOD;
}

int plan_load(const struct ctl_options *options, const struct person *person, enum reader reader,
	      struct policy **ret_policy, struct plan *ret_plan)
{
	cleanup_fd int memfd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct reading reading = { options, &person->account, memfd };
	char path[PATH_SIZE];
	int error;

	if (memfd < 0)
		return ctl_error("memfd_create: %m");
	if (reader_run(reader, person, plan_write, &reading) != CTL_GOOD)
		return CTL_ERROR;
	error = plan_map(memfd, ret_plan);
	if (error < 0)
		return ctl_error("plan: %s", strerror(-error));
	if (ret_policy && policy_read(&reading, ret_policy, path) != CTL_GOOD) {
		plan_unmap(ret_plan);
		return CTL_ERROR;
	}
	return CTL_GOOD;
}

/* For the user in the file's name, else for the caller. */
int draft_person(const char *path, struct person *ret_person)
{
	const struct policy_name name = policy_name_read(path);

	if (name.kind == NAME_USER && person_find(name.subject, 0, ret_person) == 0)
		return 0;
	return person_find(NULL, getuid(), ret_person);
}

static int draft_load(const struct ctl_options *options, const char *path,
		      struct person *ret_person, struct policy **ret_policy, struct plan *ret_plan)
{
	struct policy *policy;
	int error = policy_load(path, ctl_directory(options), POLICY_OWN, ctl_report, NULL, &policy);

	if (error == 0 && policy_is_secret(policy)) {
		policy_free(policy);
		return ctl_error("%s: its text is not shown, since not everybody may read it", path);
	}
	if (error == 0)
		error = draft_person(path, ret_person);
	if (error == 0)
		error = plan_of(policy, path, &ret_person->account, ret_plan);
	if (error < 0)
		return ctl_error("%s: %s", path, error == -EINVAL ? "refused" : strerror(-error));
	*ret_policy = policy;
	return CTL_GOOD;
}

int operand_load(const struct ctl_options *options, const char *operand, struct person *ret_person,
		 struct policy **ret_policy, struct plan *ret_plan)
{
	if (operand_is_file(operand))
		return draft_load(options, operand, ret_person, ret_policy, ret_plan);
	if (person_require(operand, ret_person) != CTL_GOOD)
		return CTL_ERROR;
	return plan_load(options, ret_person, READER_LOGIN, ret_policy, ret_plan);
}
