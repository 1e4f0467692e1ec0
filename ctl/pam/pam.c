/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `sandlockctl pam`: every way in of every user whom a policy names, and whether a session is held
 * there. Distrusts its operands; believes /etc/pam.d as libpam does, and what sshd says about
 * itself.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>

#include "accounts.h"
#include "pam.h"
#include "util.h"

#define PAM_FILE_MAX (256U << 10)

/* Where libpam looks for a file, the administrator's first. */
static const char *const directories[] = { "/etc/pam.d", "/usr/lib/pam.d" };

static int file_read(int fd, char **ret_bytes, size_t *ret_length)
{
	cleanup_free char *bytes = malloc(PAM_FILE_MAX);
	ssize_t length;

	if (!bytes)
		return -ENOMEM;
	length = read_bounded(fd, bytes, PAM_FILE_MAX);
	if (length < 0)
		return (int)length;
	*ret_bytes = bytes;
	*ret_length = (size_t)length;
	bytes = NULL;
	return 0;
}

/* Keeps the first path that could not be read. */
static void unread_keep(char **unread, char **path)
{
	if (*unread)
		return;
	*unread = *path;
	*path = NULL;
}

/* A pam_source, whose context keeps the path of a file that is there but could not be read:
 * whatever keeps libpam from opening the first file leads it to the second. */
static int directories_source(const char *name, void *context, char **ret_path, char **ret_bytes,
			      size_t *ret_length)
{
	cleanup_fd int fd = -1;
	int error = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(directories) && fd < 0; i++) {
		cleanup_free char *path = NULL;

		if (asprintf(&path, "%s%s%s", name[0] == '/' ? "" : directories[i],
			     name[0] == '/' ? "" : "/", name) < 0)
			return -ENOMEM;
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0 && errno != ENOENT)
			unread_keep(context, &path);
		if (fd < 0)
			continue;
		error = file_read(fd, ret_bytes, ret_length);
		if (error < 0) {
			unread_keep(context, &path);
		} else {
			*ret_path = path;
			path = NULL;
		}
	}
	return error;
}

static int subject_order(const void *left, const void *right)
{
	const struct subject *a = left;
	const struct subject *b = right;

	return strcmp(a->person.account.name, b->person.account.name);
}

static bool shell_lets_in(const char *shell)
{
	const char *slash = strrchr(shell, '/');
	const char *name = slash ? slash + 1 : shell;

	return strcmp(name, "nologin") != 0 && strcmp(name, "false") != 0;
}

/* Takes the person over. 0 or -ENOMEM. */
static int subject_add(struct survey *survey, struct person *person, const char *policy)
{
	struct subject *grown =
		reallocarray(survey->subjects, survey->subject_count + 1, sizeof(*grown));
	struct subject *subject;

	if (!grown)
		return -ENOMEM;
	survey->subjects = grown;
	subject = &grown[survey->subject_count++];
	*subject = (struct subject){
		.person = *person,
		.confining_shell = shell_is_ours(person->shell),
	};
	snprintf(subject->policy, sizeof(subject->policy), "%s", policy);
	person->user_storage = NULL;
	person->group_storage = NULL;
	person->login_storage = NULL;
	return 0;
}

/* One account of the machine, where a policy names it. */
static int account_add(struct survey *survey, const char *name)
{
	const char *directory = ctl_directory(survey->options);
	cleanup_person struct person person = { 0 };
	char policy[POLICY_NAME_MAX] = "";
	int error = person_find(name, 0, &person);

	if (error < 0)
		return error == -ENOENT ? 0 : error;
	if (person.account.uid == 0)
		return 0;
	error = policy_find(directory, &person.account, policy);
	if (error == -ENOENT ||
	    (error == 0 && strcmp(policy, "default.conf") == 0 && !shell_lets_in(person.shell)))
		return 0;
	if (error < 0 && error != -EIO)
		return error;
	if (error == -EIO)
		finding_add(&survey->findings, policy, 0,
			    "could not be looked up: %s is refused everywhere", name);
	return subject_add(survey, &person, policy);
}

static bool subjects_hold(const struct survey *survey, const char *name)
{
	for (size_t i = 0; i < survey->subject_count; i++)
		if (strcmp(survey->subjects[i].person.account.name, name) == 0)
			return true;
	return false;
}

static int members_add(struct survey *survey, const char *name)
{
	cleanup_free char *storage = NULL;
	struct group group;
	int error = group_by_name(name, &group, &storage);

	if (error < 0)
		return error == -ENOENT ? 0 : error;
	for (char **member = group.gr_mem; error == 0 && *member; member++)
		if (!subjects_hold(survey, *member))
			error = account_add(survey, *member);
	return error;
}

/* Those whom the names of the policies name: a directory service need not list its accounts. */
static int named_add(struct survey *survey)
{
	const char *directory = ctl_directory(survey->options);
	struct dirent **entries;
	int count = scandir(directory, &entries, NULL, alphasort);
	int error = 0;

	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		struct policy_name name = policy_name_read(entries[i]->d_name);

		if (error == 0 && name.kind == NAME_USER && !subjects_hold(survey, name.subject))
			error = account_add(survey, name.subject);
		if (error == 0 && name.kind == NAME_GROUP)
			error = members_add(survey, name.subject);
		free(entries[i]);
	}
	free(entries);
	return error;
}

static int accounts_add(struct survey *survey)
{
	const struct passwd *entry;
	int error = 0;

	setpwent();
	while (error == 0 && (entry = getpwent())) {
		cleanup_free char *name = strdup(entry->pw_name);

		error = name ? account_add(survey, name) : -ENOMEM;
	}
	endpwent();
	if (error == 0)
		error = named_add(survey);
	if (survey->subject_count > 0)
		qsort(survey->subjects, survey->subject_count, sizeof(*survey->subjects),
		      subject_order);
	return error;
}

/* Whoever is named as an operand is asked about, whether a policy names them or not. */
static int operands_add(struct survey *survey, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		cleanup_person struct person person = { 0 };
		char policy[POLICY_NAME_MAX] = "";
		int error;

		if (person_require(argv[i], &person) != CTL_GOOD)
			return CTL_ERROR;
		error = policy_find(ctl_directory(survey->options), &person.account, policy);
		if (error < 0 && error != -ENOENT)
			return ctl_error("%s: could not be looked up", policy);
		if (error < 0)
			policy[0] = '\0';
		if (subject_add(survey, &person, policy) < 0)
			return ctl_error("%s", strerror(ENOMEM));
	}
	return CTL_GOOD;
}

/* Left behind by editors, packages and administrators: no program has such a name. */
static bool name_is_left_over(const char *name)
{
	static const char *const endings[] = { ".bak",     ".disabled", ".off",    ".old",
					       ".orig",    ".save",     ".swp",    ".tmp",
					       ".pam-old", ".pam-new",  ".pacnew", ".pacsave" };
	size_t length = strlen(name);

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		size_t size = strlen(endings[i]);

		if (length > size && strcmp(name + length - size, endings[i]) == 0)
			return true;
	}
	return name[0] == '.' || name[0] == '#' || name[length - 1] == '~' ||
	       strstr(name, ".dpkg-") || strstr(name, ".ucf-") || strstr(name, ".rpm");
}

static bool doors_hold(const struct survey *survey, const char *name)
{
	for (size_t i = 0; i < survey->door_count; i++)
		if (strcmp(survey->doors[i].name, name) == 0)
			return true;
	return false;
}

static int door_add(struct survey *survey, const char *name)
{
	struct door *grown = reallocarray(survey->doors, survey->door_count + 1, sizeof(*grown));
	struct door door = { .name = strdup(name) };
	int error;

	if (!grown || !door.name) {
		if (grown)
			survey->doors = grown;
		free(door.name);
		return -ENOMEM;
	}
	survey->doors = grown;
	error = pam_service_read(name, directories_source, &survey->unread, &door.service);
	grown[survey->door_count++] = door;
	return error;
}

static int doors_read(struct survey *survey, const char *directory)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, NULL, alphasort);
	int error = 0;

	if (count < 0)
		return errno == ENOENT ? 0 : -errno;
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;

		if (error == 0 && entries[i]->d_type != DT_DIR && !name_is_left_over(name) &&
		    !doors_hold(survey, name))
			error = door_add(survey, name);
		free(entries[i]);
	}
	free(entries);
	return error;
}

static int door_order(const void *left, const void *right)
{
	const struct door *a = left;
	const struct door *b = right;

	return strcmp(a->name, b->name);
}

static void findings_free(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		free(findings->list[i].file);
		free(findings->list[i].text);
	}
	free(findings->list);
}

static void survey_free(struct survey *survey)
{
	for (size_t i = 0; i < survey->subject_count; i++)
		person_free(&survey->subjects[i].person);
	for (size_t i = 0; i < survey->door_count; i++) {
		free(survey->doors[i].name);
		free(survey->doors[i].ways);
		pam_service_free(&survey->doors[i].service);
		findings_free(&survey->doors[i].findings);
	}
	for (size_t i = 0; i < survey->place_count; i++) {
		free(survey->places[i].path);
		free(survey->places[i].used);
		free(survey->places[i].ways);
	}
	free(survey->unread);
	free(survey->subjects);
	free(survey->doors);
	free(survey->places);
	pam_service_free(&survey->other);
	findings_free(&survey->findings);
}

static int services_read(struct survey *survey)
{
	int error = pam_service_read("other", directories_source, &survey->unread, &survey->other);

	for (size_t i = 0; i < ARRAY_SIZE(directories) && error == 0; i++)
		error = doors_read(survey, directories[i]);
	if (error < 0)
		return error;
	if (survey->door_count > 0)
		qsort(survey->doors, survey->door_count, sizeof(*survey->doors), door_order);
	return 0;
}

/* Judges what there is. 0 or a negative errno. */
static int survey_make(struct survey *survey)
{
	int error = services_read(survey);

	if (error < 0)
		return error;
	sshd_ask(survey);
	for (size_t i = 0; i < survey->door_count && error == 0; i++) {
		struct door *door = &survey->doors[i];

		door->opens = door_opens_sessions(survey, door->name);
		if (door->opens)
			error = door_judge(survey, door);
	}
	doors_share_lines(survey);
	greeters_find(survey);
	if (error == 0)
		error = places_find(survey);
	return error < 0 || !survey->findings.failed ? error : -ENOMEM;
}

static bool survey_is_covered(const struct survey *survey)
{
	for (size_t i = 0; i < survey->door_count; i++)
		for (size_t j = 0; j < survey->subject_count && survey->doors[i].opens; j++)
			if (!way_is_covered(&survey->doors[i].ways[j]))
				return false;
	for (size_t i = 0; i < survey->place_count; i++)
		for (size_t j = 0; j < survey->subject_count; j++)
			if (survey->places[i].used[j] && !way_is_covered(&survey->places[i].ways[j]))
				return false;
	return true;
}

static int uses_main(const struct ctl_options *options, int argc)
{
	__attribute__((cleanup(survey_free))) struct survey survey = { .options = options };
	int error;

	if (argc > 0 || options->json)
		return ctl_error("--uses takes no user and no --json");
	error = services_read(&survey);
	if (error < 0)
		return ctl_error("%s", strerror(-error));
	if (survey.unread)
		return ctl_error("%s: could not be read, so that what it calls is not known",
				 survey.unread);
	return uses_print(&survey) ? CTL_BAD : CTL_GOOD;
}

int pam_main(const struct ctl_options *options, int argc, char **argv)
{
	__attribute__((cleanup(survey_free))) struct survey survey = { .options = options };
	bool covered;
	int error;

	if (options->uses)
		return uses_main(options, argc);
	if (argc == 0 && access(ctl_directory(options), R_OK) < 0)
		return ctl_error("%s: %m", ctl_directory(options));
	if (argc > 0 && operands_add(&survey, argc, argv) != CTL_GOOD)
		return CTL_ERROR;
	error = argc > 0 ? 0 : accounts_add(&survey);
	if (error == 0)
		error = survey_make(&survey);
	if (error < 0)
		return ctl_error("%s", strerror(-error));
	covered = survey_is_covered(&survey);
	if (options->json)
		survey_print_json(&survey, covered);
	else
		survey_print(&survey, covered);
	return covered && !survey.refused ? CTL_GOOD : CTL_BAD;
}
