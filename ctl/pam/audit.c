/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `sandlockctl pam`: which services confine which users. Distrusts its operands; believes
 * /etc/pam.d as libpam does, and what sshd prints about itself.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <string.h>

#include "audit.h"
#include "util.h"

/* Where libpam looks for a file, the administrator's first. */
static const char *const directories[] = { "/etc/pam.d", "/usr/lib/pam.d" };

const struct audit_line audit_lines[TYPE_ANY] = {
	[TYPE_ACCOUNT] = { "account required " PAM_MODULE, true },
	[TYPE_AUTH] = { "auth [success=ok ignore=ignore default=bad] " PAM_MODULE, true },
	[TYPE_SESSION] = { "session required " PAM_MODULE, false },
};

void finding_add(struct audit *audit, struct findings *findings, const char *file, unsigned line,
		 const char *format, ...)
{
	cleanup_free char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	for (size_t i = 0; i < findings->count && text; i++)
		if (findings->list[i].line == line && strcmp(findings->list[i].file, file) == 0 &&
		    strcmp(findings->list[i].text, text) == 0)
			return;
	findings->list =
		arena_grow(&audit->arena, findings->list, findings->count, sizeof(*findings->list));
	findings->list[findings->count++] = (struct finding){
		arena_print(&audit->arena, "%s", file),
		line,
		arena_print(&audit->arena, "%s", text ? text : strerror(ENOMEM)),
	};
}

/* A pam_source. What keeps libpam from opening the first file leads it to the second. */
static int file_read(const char *name, void *context, struct arena *arena, const char **ret_path,
		     char **ret_bytes, size_t *ret_length)
{
	struct audit *audit = context;
	cleanup_free char *bytes = malloc(PAM_FILE_MAX);
	cleanup_fd int fd = -1;
	const char *path = NULL;
	ssize_t length;

	for (size_t i = 0; i < ARRAY_SIZE(directories) && fd < 0; i++) {
		path = name[0] == '/' ? name : arena_print(arena, "%s/%s", directories[i], name);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0 && errno != ENOENT && !audit->unread)
			audit->unread = path;
	}
	if (fd < 0)
		return -ENOENT;
	length = bytes ? read_bounded(fd, bytes, PAM_FILE_MAX) : -ENOMEM;
	if (length < 0) {
		audit->unread = audit->unread ? audit->unread : path;
		return (int)length;
	}
	*ret_path = path;
	*ret_length = (size_t)length;
	*ret_bytes = arena_alloc(arena, (size_t)length + 1);
	memcpy(*ret_bytes, bytes, (size_t)length);
	return 0;
}

/* Left behind by editors, packages and administrators: no program has such a name. */
static bool name_is_left_over(const char *name)
{
	static const char *const patterns[] = {
		".*",       "#*",         "*~",       "*.dpkg-*",  "*.ucf-*",   "*.rpm*",
		"*.bak",    "*.disabled", "*.off",    "*.old",     "*.orig",    "*.save",
		"*.swp",    "*.tmp",      "*.pacnew", "*.pacsave", "*.pam-old", "*.sandlock-save",
		"*.pam-new"
	};

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		if (fnmatch(patterns[i], name, 0) == 0)
			return true;
	return false;
}

static void service_add(struct audit *audit, const char *name)
{
	for (size_t i = 0; i < audit->service_count; i++)
		if (strcmp(audit->services[i].pam.name, name) == 0)
			return;
	audit->services = arena_grow(&audit->arena, audit->services, audit->service_count,
				     sizeof(*audit->services));
	audit->services[audit->service_count++] = (struct service){
		.pam = pam_service_read(name, file_read, audit, &audit->arena),
	};
}

static int service_order(const void *left, const void *right)
{
	const struct service *a = left;
	const struct service *b = right;

	return strcmp(a->pam.name, b->pam.name);
}

/* What pam-auth-update remembers to have written. */
static bool profile_is_enabled(void)
{
	cleanup_file FILE *file = fopen("/var/lib/pam/session", "re");
	cleanup_free char *line = NULL;
	bool enabled = false;
	size_t size = 0;

	while (file && !enabled && getline(&line, &size, file) > 0)
		enabled = strcmp(line, "Module: sandlock\n") == 0;
	return enabled;
}

bool services_read(struct audit *audit)
{
	audit->profile = profile_is_enabled();
	service_add(audit, "other");
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		struct dirent **entries;
		int count = scandir(directories[i], &entries, NULL, NULL);

		if (count < 0 && errno != ENOENT)
			return ctl_error("%s: %m", directories[i]) == CTL_GOOD;
		for (int j = 0; j < count; j++) {
			if (entries[j]->d_type != DT_DIR && !name_is_left_over(entries[j]->d_name))
				service_add(audit, entries[j]->d_name);
			free(entries[j]);
		}
		if (count >= 0)
			free(entries);
	}
	qsort(audit->services + 1, audit->service_count - 1, sizeof(*audit->services), service_order);
	return true;
}

const struct pam_stack *service_stack(const struct audit *audit, const struct service *service,
				      enum pam_type type)
{
	const struct pam_stack *own = &service->pam.stacks[type];

	return own->count > 0 ? own : &audit->services[0].pam.stacks[type];
}

static bool audit_is_covered(const struct audit *audit)
{
	for (size_t i = 0; i < audit->user_count; i++) {
		for (size_t j = 0; j < audit->service_count; j++)
			if (audit->services[j].opens &&
			    !coverage_is_good(&audit->services[j].coverage[i]))
				return false;
		for (size_t j = 0; j < audit->file_count; j++)
			if (!coverage_is_good(&audit->files[j].coverage[i]))
				return false;
	}
	return true;
}

static void audit_free(struct audit *audit)
{
	for (size_t i = 0; i < audit->user_count; i++)
		person_free(&audit->users[i].person);
	arena_free(&audit->arena);
}

void pam_users_print(const struct ctl_options *options)
{
	__attribute__((cleanup(audit_free))) struct audit audit = { .options = options };
	bool any = false;

	puts("\nusers confined by " PAM_MODULE ":");
	/* Without a directory of policies nobody is. */
	if (access(ctl_directory(options), F_OK) == 0 &&
	    (users_find(&audit, 0, NULL) != CTL_GOOD || !services_read(&audit)))
		return;
	if (audit.service_count > 0)
		coverage_find(&audit);
	for (size_t i = 0; i < audit.user_count; i++) {
		const char *separator = ": ";

		for (size_t j = 0; j < audit.service_count; j++) {
			const struct service *service = &audit.services[j];

			if (!service->opens || service->coverage[i].state != COVERAGE_GOOD)
				continue;
			if (separator[0] == ':')
				say(stdout, "  %-16s %s/%s", audit.users[i].person.account.name,
				    ctl_directory(options), audit.users[i].policy);
			say(stdout, "%s%s", separator, service->pam.name);
			separator = ", ";
		}
		if (separator[0] == ',')
			putchar('\n');
		any |= separator[0] == ',';
	}
	if (!any)
		puts("  none");
}

/* Finds all there is to find. */
static int audit_make(struct audit *audit, int argc, char **argv)
{
	if (users_find(audit, argc, argv) != CTL_GOOD || !services_read(audit))
		return CTL_ERROR;
	sshd_read(audit);
	coverage_find(audit);
	return CTL_GOOD;
}

/* The named services as they are after an edit. */
static void services_print(const struct ctl_options *options, int argc, char **argv)
{
	__attribute__((cleanup(audit_free))) struct audit audit = { .options = options };

	if (audit_make(&audit, 0, NULL) != CTL_GOOD)
		return;
	for (int i = 0; i < argc; i++)
		for (size_t j = 0; j < audit.service_count; j++)
			if (audit.services[j].opens &&
			    strcmp(audit.services[j].pam.name, argv[i]) == 0)
				report_print_service(&audit, &audit.services[j]);
}

/* `--apply` and `--undo`. */
static int edit_main(const struct ctl_options *options, int argc, char **argv)
{
	__attribute__((cleanup(audit_free))) struct audit audit = { .options = options };
	int status = CTL_GOOD;

	if (argc == 0 || options->json || options->apply == options->undo)
		return ctl_error("usage: sandlockctl pam --apply|--undo [--yes] SERVICE...");
	if (geteuid() != 0)
		return ctl_error("only root may change /etc/pam.d");
	if (options->apply)
		status = audit_make(&audit, 0, NULL);
	if (status == CTL_GOOD)
		status = (options->apply ? services_apply : services_undo)(&audit, argc, argv);
	if (status == CTL_GOOD)
		services_print(options, argc, argv);
	return status;
}

int pam_main(const struct ctl_options *options, int argc, char **argv)
{
	__attribute__((cleanup(audit_free))) struct audit audit = { .options = options };
	bool covered;

	if (options->uses && (argc > 0 || options->json))
		return ctl_error("--uses takes neither users nor --json");
	if (options->apply || options->undo || options->yes)
		return edit_main(options, argc, argv);
	if (options->uses)
		return services_read(&audit) ? uses_print(&audit) : CTL_ERROR;
	if (audit_make(&audit, argc, argv) != CTL_GOOD)
		return CTL_ERROR;
	user_files_find(&audit);
	covered = audit_is_covered(&audit);
	(options->json ? report_print_json : report_print)(&audit, covered);
	return covered && !audit.refused ? CTL_GOOD : CTL_BAD;
}
