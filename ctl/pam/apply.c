/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `sandlockctl pam --apply` and `--undo`: write the lines that an audit finds missing into the files of
 * /etc/pam.d, and take them back. Nothing is written before its difference was shown and agreed to. A
 * wrong line can lock out root, so each file is replaced whole, and the old one is kept beside it.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "audit.h"
#include "util.h"

#define DIRECTORY "/etc/pam.d"
#define VENDOR    "/usr/lib/pam.d"

/* One file that is to be replaced. */
struct edit {
	const char *name;
	const char *from;   /* what it is made of: itself, a package's file, or its backup */
	const char *target; /* in DIRECTORY */
	const char *backup;
	const char *new; /* where its new text waits */
	const char *first;
	const char *last; /* lines to add */
};

struct edits {
	struct audit *audit;
	struct edit *list;
	size_t count;
};

/* Without it each line that calls it refuses everybody, root too. */
static bool module_is_installed(void)
{
	static const char *const patterns[] = {
		"/lib/security/" PAM_MODULE,       "/lib/*/security/" PAM_MODULE,
		"/lib64/security/" PAM_MODULE,     "/usr/lib/security/" PAM_MODULE,
		"/usr/lib/*/security/" PAM_MODULE, "/usr/lib64/security/" PAM_MODULE
	};
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(patterns) && !found; i++) {
		glob_t matches;

		found = glob(patterns[i], 0, NULL, &matches) == 0;
		if (found)
			globfree(&matches);
	}
	return found;
}

static struct edit *edit_get(struct edits *edits, const char *from)
{
	struct arena *arena = &edits->audit->arena;
	const char *name = strrchr(from, '/') + 1;

	for (size_t i = 0; i < edits->count; i++)
		if (strcmp(edits->list[i].name, name) == 0)
			return &edits->list[i];
	edits->list = arena_grow(arena, edits->list, edits->count, sizeof(*edits->list));
	edits->list[edits->count] = (struct edit){
		.name = name,
		.from = from,
		.target = arena_print(arena, DIRECTORY "/%s", name),
		.backup = arena_print(arena, DIRECTORY "/%s" BACKUP_SUFFIX, name),
		.new = arena_print(arena, DIRECTORY "/.%s.sandlock-new", name),
		.first = "",
		.last = "",
	};
	return &edits->list[edits->count++];
}

/* Puts the new text beside the target, with the owner and the mode of the old one. */
static int edit_write(const struct edit *edit)
{
	cleanup_fd int from = open(edit->from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_free char *bytes = malloc(PAM_FILE_MAX);
	cleanup_fd int to = -1;
	struct stat status;
	ssize_t length;
	bool ends;

	if (from < 0 || !bytes || fstat(from, &status) < 0)
		return -errno;
	length = read_bounded(from, bytes, PAM_FILE_MAX);
	if (length < 0)
		return (int)length;
	ends = length == 0 || bytes[length - 1] == '\n';
	if (unlink(edit->new) < 0 && errno != ENOENT)
		return -errno;
	to = open(edit->new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0 || write_exact(to, edit->first, strlen(edit->first)) < 0 ||
	    write_exact(to, bytes, (size_t)length) < 0 || write_exact(to, "\n", !ends) < 0 ||
	    write_exact(to, edit->last, strlen(edit->last)) < 0 ||
	    fchown(to, status.st_uid, status.st_gid) < 0 ||
	    fchmod(to, status.st_mode & 07777) < 0 || fsync(to) < 0)
		return errno ? -errno : -EIO;
	return 0;
}

static void difference_print(const char *old, const char *new, const char *name)
{
	char *argv[] = { (char *)(uintptr_t) "diff",    (char *)(uintptr_t) "-u",
			 (char *)(uintptr_t) "--label", (char *)(uintptr_t)old,
			 (char *)(uintptr_t) "--label", (char *)(uintptr_t)name,
			 (char *)(uintptr_t) "--",      (char *)(uintptr_t)old,
			 (char *)(uintptr_t) new,       NULL };
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* True where root agrees, on the terminal or by --yes. */
static bool is_agreed(const struct ctl_options *options)
{
	char answer[16];

	if (options->yes)
		return true;
	if (!isatty(STDIN_FILENO)) {
		ctl_error("nothing was changed: answer on a terminal, or write --yes");
		return false;
	}
	fputs("Keep a root session open until a new login works. Write these files? [y/N] ", stdout);
	fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* The old file stays as the backup; of a package's file there is a copy. */
static int edit_keep(const struct edit *edit)
{
	struct edit copy = { .from = edit->from, .new = edit->backup, .first = "", .last = "" };

	if (strcmp(edit->from, edit->target) != 0)
		return edit_write(&copy);
	if (unlink(edit->backup) < 0 && errno != ENOENT)
		return -errno;
	return link(edit->target, edit->backup) < 0 ? -errno : 0;
}

static int edits_drop(const struct edits *edits, int status)
{
	for (size_t i = 0; i < edits->count; i++)
		unlink(edits->list[i].new);
	return status;
}

/* Shows all that would change, asks, and then makes `keep` of each old file. */
static int edits_make(const struct edits *edits, int (*keep)(const struct edit *edit))
{
	const struct ctl_options *options = edits->audit->options;

	for (size_t i = 0; i < edits->count; i++) {
		const struct edit *edit = &edits->list[i];
		bool exists = access(edit->target, F_OK) == 0;
		int error = edit_write(edit);

		if (error < 0)
			return edits_drop(edits, ctl_error("%s: %s", edit->target, strerror(-error)));
		difference_print(exists ? edit->target : edit->from, edit->new, edit->target);
	}
	if (!is_agreed(options))
		return edits_drop(edits, CTL_BAD);
	for (size_t i = 0; i < edits->count; i++) {
		const struct edit *edit = &edits->list[i];
		int error = keep ? keep(edit) : 0;

		if (error == 0 && rename(edit->new, edit->target) < 0)
			error = -errno;
		if (error < 0)
			return edits_drop(edits, ctl_error("%s: %s", edit->target, strerror(-error)));
		say(stdout, "%s: written\n", edit->target);
	}
	return CTL_GOOD;
}

static struct service *service_find(struct audit *audit, const char *name)
{
	for (size_t i = 0; i < audit->service_count; i++)
		if (audit->services[i].opens && strcmp(audit->services[i].pam.name, name) == 0)
			return &audit->services[i];
	return NULL;
}

static void service_edit(struct edits *edits, const struct service *service)
{
	struct arena *arena = &edits->audit->arena;

	for (enum pam_type type = 0; type < TYPE_ANY; type++) {
		struct edit *edit;

		if (!service->missing[type])
			continue;
		edit = edit_get(edits, service->missing[type]);
		/* Another service may lack the same line of the same file. */
		if (audit_lines[type].first && !strstr(edit->first, audit_lines[type].text))
			edit->first =
				arena_print(arena, "%s%s\n", edit->first, audit_lines[type].text);
		if (!audit_lines[type].first && !strstr(edit->last, audit_lines[type].text))
			edit->last = arena_print(arena, "%s%s\n", edit->last, audit_lines[type].text);
	}
}

int services_apply(struct audit *audit, int argc, char **argv)
{
	struct edits edits = { .audit = audit };
	int status;

	if (!module_is_installed())
		return ctl_error(PAM_MODULE " is not installed where PAM looks for it: its lines would "
					    "refuse everybody, root too");
	for (int i = 0; i < argc; i++) {
		const struct service *service = service_find(audit, argv[i]);

		if (!service)
			return ctl_error("%s: no such service, or it opens no sessions", argv[i]);
		service_edit(&edits, service);
	}
	if (edits.count == 0) {
		puts("nothing to add");
		return CTL_GOOD;
	}
	status = edits_make(&edits, edit_keep);
	for (size_t i = 0; i < edits.count && status == CTL_GOOD; i++)
		say(stdout, "%s: as it was; `sandlockctl pam --undo %s` restores it\n",
		    edits.list[i].backup, edits.list[i].name);
	return status;
}

/* A file that a package has as well is not needed. */
static void vendor_restore(const struct edit *edit, struct arena *arena)
{
	const char *vendor = arena_print(arena, VENDOR "/%s", edit->name);
	cleanup_free char *a = malloc(PAM_FILE_MAX), *b = malloc(PAM_FILE_MAX);
	cleanup_fd int one = open(vendor, O_RDONLY | O_CLOEXEC);
	cleanup_fd int two = open(edit->target, O_RDONLY | O_CLOEXEC);
	ssize_t length = a && one >= 0 ? read_bounded(one, a, PAM_FILE_MAX) : -1;

	if (length >= 0 && b && two >= 0 && read_bounded(two, b, PAM_FILE_MAX) == length &&
	    memcmp(a, b, (size_t)length) == 0)
		unlink(edit->target);
}

int services_undo(struct audit *audit, int argc, char **argv)
{
	struct edits edits = { .audit = audit };
	int status;

	for (int i = 0; i < argc; i++) {
		struct edit *edit;

		if (strchr(argv[i], '/'))
			return ctl_error("%s: expected the name of a service", argv[i]);
		edit = edit_get(&edits, arena_print(&audit->arena, DIRECTORY "/%s", argv[i]));
		edit->from = edit->backup;
		if (access(edit->backup, F_OK) < 0)
			return ctl_error("%s: %m: nothing to undo", edit->backup);
	}
	status = edits_make(&edits, NULL);
	for (size_t i = 0; i < edits.count && status == CTL_GOOD; i++) {
		unlink(edits.list[i].backup);
		vendor_restore(&edits.list[i], &audit->arena);
	}
	return status;
}
