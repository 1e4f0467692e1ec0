/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The files that users can write and some program outside of their sessions runs. Looks at what
 * policies grant, not at what exists; a policy that cannot be read grants all.
 */
#include <errno.h>
#include <string.h>

#include "audit.h"
#include "util.h"

#define SENDMAIL "/usr/sbin/sendmail"
#define RC_FILE  "~/.ssh/rc"

/* One user, and what their policy grants. */
struct writer {
	struct audit *audit;
	size_t number;
	const struct plan *plan; /* NULL: there is none */
};

static const struct user *writer_user(const struct writer *writer)
{
	return &writer->audit->users[writer->number];
}

/* `path` begins with ~/ where a file of the home is meant. */
static bool writer_writes(const struct writer *writer, const char *path)
{
	char target[PATH_MAX], real[PATH_MAX], root[PATH_MAX];
	char *slash;

	if (!writer->plan || !(writer->plan->header->flags & PLAN_FILES) || path[0] != '~' ||
	    snprintf(target, sizeof(target), "%s%s", writer_user(writer)->person.account.home,
		     path + 1) >= (int)sizeof(target))
		return true;
	/* What does not exist yet is decided by the directory in which it could be made. */
	while (!realpath(target, real)) {
		slash = strrchr(target, '/');
		if (!slash || slash == target)
			return true;
		*slash = '\0';
	}
	return file_is_granted(writer->plan, FILE_WRITE, real, root);
}

static struct user_file *file_get(struct audit *audit, const char *path, const char *service)
{
	for (size_t i = 0; i < audit->file_count; i++)
		if (strcmp(audit->files[i].path, path) == 0)
			return &audit->files[i];
	audit->files =
		arena_grow(&audit->arena, audit->files, audit->file_count, sizeof(*audit->files));
	audit->files[audit->file_count] = (struct user_file){
		.path = arena_print(&audit->arena, "%s", path),
		.service = service,
		.coverage = arena_alloc(&audit->arena, audit->user_count * sizeof(struct coverage)),
	};
	return &audit->files[audit->file_count++];
}

/* A file is covered where the service is that runs it. */
static void file_add(const struct writer *writer, const char *path, const char *name)
{
	struct audit *audit = writer->audit;
	struct coverage coverage = { COVERAGE_MISSING, "" };
	bool known = !name;

	for (size_t i = 0; i < audit->service_count && name; i++) {
		if (!audit->services[i].opens || strcmp(audit->services[i].pam.name, name) != 0)
			continue;
		coverage = audit->services[i].coverage[writer->number];
		known = true;
	}
	/* sshd has the login shell run it, whatever it does without. */
	if (strcmp(path, RC_FILE) == 0)
		coverage.open = "";
	if (known && writer_writes(writer, path))
		file_get(audit, path, name)->coverage[writer->number] = coverage;
}

/* A file of keys as sshd_config names it; what is not in the home is not the user's. */
static void keys_add(const struct writer *writer, const char *name)
{
	const char *home = writer_user(writer)->person.account.home;
	size_t length = strlen(home);

	if (strncmp(name, "%h/", 3) == 0)
		name += 3;
	else if (name[0] == '/' && strncmp(name, home, length) == 0 && name[length] == '/')
		name += length + 1;
	if (name[0] != '/' && name[0] != '\0' && strcmp(name, "none") != 0)
		file_add(writer, arena_print(&writer->audit->arena, "~/%s", name), "sshd");
}

static void files_add(const struct writer *writer)
{
	const struct sshd_settings *sshd = &writer_user(writer)->sshd;
	char *rest = arena_print(&writer->audit->arena, "%s", sshd->keys);
	const struct {
		const char *path;
		const char *service;
		bool used;
	} rows[] = {
		{ RC_FILE, "sshd", sshd->user_rc },
		{ "~/.ssh/environment", "sshd", sshd->user_environment },
		{ "crontab(1)", "cron", true },
		{ "crontab(1)", "crond", true },
		{ "at(1)", "atd", true },
		{ "~/.config/systemd/user", "systemd-user", true },
		{ "~/.forward", NULL, access(SENDMAIL, X_OK) == 0 },
	};

	while (rest)
		keys_add(writer, strsep(&rest, " "));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].used)
			file_add(writer, rows[i].path, rows[i].service);
}

void user_files_find(struct audit *audit)
{
	for (size_t i = 0; i < audit->user_count; i++) {
		const struct user *user = &audit->users[i];
		struct writer writer = { audit, i, NULL };
		struct plan plan;

		/* As the module loads it. Without a plan every login is refused. */
		if (user->policy[0] && plan_load(audit->options, &user->person, READER_SERVICE,
						 NULL, &plan) == CTL_GOOD)
			writer.plan = &plan;
		if (user->policy[0] && !writer.plan) {
			finding_add(audit, &audit->findings, user->policy, 0,
				    "cannot be used as it is: %s is refused everywhere",
				    user->person.account.name);
			audit->refused = true;
		}
		files_add(&writer);
		if (writer.plan)
			plan_unmap(&plan);
	}
}
