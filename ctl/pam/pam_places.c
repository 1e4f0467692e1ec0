/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What users can write that some program outside of their sessions runs. Looks at what policies
 * grant, not at what is there; a policy that cannot be read grants all.
 */
#include <errno.h>
#include <string.h>

#include "pam.h"
#include "util.h"

#define SENDMAIL "/usr/sbin/sendmail"
#define RC_FILE  "~/.ssh/rc"

static const struct door *door_find(const struct survey *survey, const char *name)
{
	for (size_t i = 0; i < survey->door_count; i++)
		if (survey->doors[i].opens && strcmp(survey->doors[i].name, name) == 0)
			return &survey->doors[i];
	return NULL;
}

static int place_get(struct survey *survey, const char *path, const char *service,
		     struct place **ret_place)
{
	struct place *grown;
	struct place place = { .service = service };

	for (size_t i = 0; i < survey->place_count; i++) {
		if (strcmp(survey->places[i].path, path) == 0) {
			*ret_place = &survey->places[i];
			return 0;
		}
	}
	grown = reallocarray(survey->places, survey->place_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	survey->places = grown;
	place.path = strdup(path);
	place.used = calloc(survey->subject_count, sizeof(*place.used));
	place.ways = calloc(survey->subject_count, sizeof(*place.ways));
	grown[survey->place_count++] = place;
	*ret_place = &grown[survey->place_count - 1];
	return place.path && place.used && place.ways ? 0 : -ENOMEM;
}

/* `path` begins with ~/ where a file of the home is meant. */
static bool subject_writes(const struct subject *subject, const struct plan *plan, const char *path)
{
	char target[PATH_MAX], real[PATH_MAX], root[PATH_MAX];
	char *slash;

	if (!plan || !(plan->header->flags & PLAN_FILES) || path[0] != '~')
		return true;
	if (snprintf(target, sizeof(target), "%s%s", subject->person.account.home, path + 1) >=
	    (int)sizeof(target))
		return true;
	/* What is not there yet is judged by the directory in which it could be made. */
	while (!realpath(target, real)) {
		slash = strrchr(target, '/');
		if (!slash || slash == target)
			return true;
		*slash = '\0';
	}
	return file_is_granted(plan, FILE_WRITE, real, root);
}

/* One subject, and what their policy grants. */
struct writer {
	struct survey *survey;
	size_t number;
	const struct plan *plan; /* NULL: there is none */
};

static int place_add(const struct writer *writer, const char *path, const char *service)
{
	struct survey *survey = writer->survey;
	const struct subject *subject = &survey->subjects[writer->number];
	const struct door *door = service ? door_find(survey, service) : NULL;
	struct place *place;
	int error;

	if ((service && !door) || !subject_writes(subject, writer->plan, path))
		return 0;
	error = place_get(survey, path, service, &place);
	if (error < 0)
		return error;
	place->used[writer->number] = true;
	place->ways[writer->number] = door ? door->ways[writer->number]
					   : (struct way){ WAY_UNCOVERED, "" };
	/* sshd has the login shell run it, whatever it does without. */
	if (strcmp(path, RC_FILE) == 0)
		place->ways[writer->number].open = "";
	return 0;
}

/* A file of keys as sshd_config names it; what is not in the home is not the user's. */
static int keys_add(const struct writer *writer, const char *name)
{
	const struct account *account = &writer->survey->subjects[writer->number].person.account;
	size_t home = strlen(account->home);
	char path[PATH_MAX];

	if (strncmp(name, "%h/", 3) == 0)
		name += 3;
	else if (name[0] == '/' && strncmp(name, account->home, home) == 0 && name[home] == '/')
		name += home + 1;
	if (name[0] == '/' || strcmp(name, "none") == 0)
		return 0;
	snprintf(path, sizeof(path), "~/%s", name);
	return place_add(writer, path, "sshd");
}

static int sshd_places_add(const struct writer *writer)
{
	const struct sshd_facts *facts = &writer->survey->subjects[writer->number].sshd;
	cleanup_free char *keys = strdup(facts->keys);
	char *rest = keys;
	char *name;
	int error = keys ? 0 : -ENOMEM;

	while (error == 0 && (name = strsep(&rest, " ")))
		if (*name)
			error = keys_add(writer, name);
	if (error == 0 && facts->user_rc)
		error = place_add(writer, RC_FILE, "sshd");
	if (error == 0 && facts->user_environment)
		error = place_add(writer, "~/.ssh/environment", "sshd");
	return error;
}

static int subject_places_add(const struct writer *writer)
{
	static const struct {
		const char *path;
		const char *service;
	} rows[] = {
		{ "crontab(1)", "cron" },
		{ "crontab(1)", "crond" },
		{ "at(1)", "atd" },
		{ "~/.config/systemd/user", "systemd-user" },
	};
	int error = sshd_places_add(writer);

	for (size_t i = 0; i < ARRAY_SIZE(rows) && error == 0; i++)
		error = place_add(writer, rows[i].path, rows[i].service);
	if (error == 0 && access(SENDMAIL, X_OK) == 0)
		error = place_add(writer, "~/.forward", NULL);
	return error;
}

/* The plan of a subject's policy, as the module loads it. Without one every login is refused. */
static bool subject_plan(struct survey *survey, const struct subject *subject, struct plan *ret_plan)
{
	if (subject->policy[0] == '\0')
		return false;
	if (plan_load(survey->options, &subject->person, READER_SERVICE, NULL, ret_plan) == CTL_GOOD)
		return true;
	finding_add(&survey->findings, subject->policy, 0,
		    "cannot be used as it is: %s is refused everywhere",
		    subject->person.account.name);
	survey->refused = true;
	return false;
}

int places_find(struct survey *survey)
{
	int error = 0;

	for (size_t i = 0; i < survey->subject_count && error == 0; i++) {
		struct writer writer = { survey, i, NULL };
		struct plan plan;

		if (subject_plan(survey, &survey->subjects[i], &plan))
			writer.plan = &plan;
		error = subject_places_add(&writer);
		if (writer.plan)
			plan_unmap(&plan);
	}
	return error;
}
