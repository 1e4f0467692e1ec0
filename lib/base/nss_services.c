/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The services that nsswitch.conf lists for groups, each queried by itself. Distrusts the services:
 * one that cannot answer is distinguished from one without the group.
 */
#include "nss_services.h"

#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "util.h"

#define SWITCH      "/etc/nsswitch.conf"
#define BLANK       " \t\n\v\f\r"
#define ENTRY_MIN   (16U << 10)
#define ENTRY_MAX   (16U << 20) /* the largest entry that is read */
#define SYMBOL_SIZE (NSS_NAME_MAX + 32)

/* The services whose data is on this machine, and the text file that some of them have. The
 * directory of any other may be unreachable without its library saying so. */
static const struct {
	const char *name;
	const char *file;
} local_services[] = {
	{ "files", "/etc/group" },
	{ "compat", "/etc/group" },
	{ "extrausers", "/var/lib/extrausers/group" },
	{ "altfiles", "/usr/lib/group" },
	{ "cache", "/etc/group.cache" },
	{ "db", NULL },
	{ "systemd", NULL },
};

/* Whose library may say NOTFOUND while its daemon is dead, as Fedora and RHEL build it, and where
 * the daemon listens. */
static const struct {
	const char *name;
	const char *socket;
} silent_services[] = {
	{ "sss", "/var/lib/sss/pipes/nss" },
};

typedef enum nss_status (*group_by_name_call)(const char *, struct group *, char *, size_t, int *);
typedef enum nss_status (*group_next_call)(struct group *, char *, size_t, int *);
typedef enum nss_status (*groups_of_user_call)(const char *, gid_t, long *, long *, gid_t **, long,
					       int *);
typedef enum nss_status (*start_call)(int);
typedef enum nss_status (*end_call)(void);

__attribute__((format(printf, 2, 3))) static int fail(char why[NSS_WHY_MAX], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, NSS_WHY_MAX, format, arguments);
	va_end(arguments);
	return -EIO;
}

/* The line ------------------------------------------------------------------ */

static size_t word_length(const char *text, const char *end)
{
	return strcspn(text, end);
}

/* The index of the word among `words`, or -1. */
static int word_find(const char *text, size_t length, const char *const *words, int count)
{
	for (int i = 0; i < count; i++)
		if (strlen(words[i]) == length && strncasecmp(words[i], text, length) == 0)
			return i;
	return -1;
}

/* `[!]STATUS=ACTION`, with blanks around each part; NULL where it is none. */
static const char *reaction_parse(const char *text, struct nss_service *service)
{
	static const char *const statuses[NSS_STATUSES] = { "TRYAGAIN", "UNAVAIL", "NOTFOUND",
							    "SUCCESS" };
	static const char *const actions[] = { "CONTINUE", "RETURN", "MERGE" };
	bool others = *text == '!';
	size_t length;
	int status, action;

	text += others;
	length = word_length(text, BLANK "=]");
	status = word_find(text, length, statuses, NSS_STATUSES);
	text += length + strspn(text + length, BLANK);
	if (status < 0 || *text != '=')
		return NULL;
	text += 1 + strspn(text + 1, BLANK);
	length = word_length(text, BLANK "=]");
	action = word_find(text, length, actions, ARRAY_SIZE(actions));
	if (action < 0)
		return NULL;
	for (int i = 0; i < NSS_STATUSES; i++)
		if ((i == status) != others)
			service->actions[i] = (unsigned char)(NSS_CONTINUE + action);
	return text + length;
}

/* What is within brackets; NULL where it is malformed. */
static const char *reactions_parse(const char *text, struct nss_service *service)
{
	text += 1 + strspn(text + 1, BLANK);
	do {
		text = reaction_parse(text, service);
		if (!text)
			return NULL;
		text += strspn(text, BLANK);
	} while (*text != ']' && *text != '\0');
	return *text == ']' ? text + 1 : NULL;
}

int nss_services_parse(const char *text, struct nss_database *database)
{
	while (*(text += strspn(text, BLANK))) {
		size_t length = word_length(text, BLANK "[");
		struct nss_service *service = &database->services[database->count];

		/* A second bracket, where the C library stops reading. */
		if (length == 0 || length >= NSS_NAME_MAX || database->count == NSS_SERVICES_MAX)
			return -EINVAL;
		*service = (struct nss_service){ .library = NULL };
		memcpy(service->name, text, length);
		database->count++;
		text += length + strspn(text + length, BLANK);
		if (*text == '[')
			text = reactions_parse(text, service);
		if (!text)
			return -EINVAL;
	}
	return 0;
}

/* What is written of the database in this line, or NULL. */
static const char *line_services(char *line, const char *name)
{
	size_t length = strlen(name);

	line[strcspn(line, "#")] = '\0';
	line += strspn(line, BLANK);
	if (strncmp(line, name, length) != 0 || !strchr(BLANK ":", line[length]) || !line[length])
		return NULL;
	line += length + strspn(line + length, BLANK);
	return line + (*line == ':');
}

static int switch_read(struct nss_database *database, char why[NSS_WHY_MAX])
{
	cleanup_file FILE *file = fopen(SWITCH, "re");
	cleanup_free char *line = NULL;
	size_t size = 0;
	unsigned number = 0;

	if (!file)
		return errno == ENOENT ? 0 : fail(why, SWITCH ": %s", strerror(errno));
	errno = 0;
	while (getline(&line, &size, file) >= 0) {
		const char *services = line_services(line, database->name);

		number++;
		if (!services)
			continue;
		/* The last line counts. */
		database->listed = true;
		database->count = 0;
		if (nss_services_parse(services, database) < 0)
			return fail(why, SWITCH ":%u: malformed line of %s", number, database->name);
	}
	return errno ? fail(why, SWITCH ": %s", strerror(errno)) : 0;
}

/* The libraries ------------------------------------------------------------- */

static void *symbol_find(const struct nss_service *service, const char *call)
{
	char symbol[SYMBOL_SIZE];

	snprintf(symbol, sizeof(symbol), "_nss_%s_%s", service->name, call);
	return dlsym(service->library ? service->library : RTLD_DEFAULT, symbol);
}

/* Without one of these it has no groups, and the C library treats it as unavailable. */
static bool knows_groups(const struct nss_service *service)
{
	static const char *const calls[] = { "initgroups_dyn", "getgrnam_r", "getgrent_r",
					     "getgrgid_r" };

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (symbol_find(service, calls[i]))
			return true;
	return false;
}

static int service_load(const char *database, struct nss_service *service, char why[NSS_WHY_MAX])
{
	char library[SYMBOL_SIZE];
	const char *error;

	/* From glibc 2.34 on it is a part of the C library. */
	if (strcmp(service->name, "files") == 0 && knows_groups(service))
		return 0;
	snprintf(library, sizeof(library), "libnss_%s.so.2", service->name);
	service->library = dlopen(library, RTLD_NOW);
	if (!service->library) {
		error = dlerror();
		return fail(why,
			    "service \"%s\" of %s in " SWITCH " cannot be loaded (%s): install it, "
			    "or remove it from the line",
			    service->name, database, error ? error : library);
	}
	if (!knows_groups(service))
		return fail(why, "service \"%s\" of %s in " SWITCH ": %s provides no groups",
			    service->name, database, library);
	return 0;
}

int nss_database_load(const char *name, struct nss_database *ret_database, char why[NSS_WHY_MAX])
{
	struct nss_database database = { .name = name };
	int error = switch_read(&database, why);

	for (size_t i = 0; error == 0 && i < database.count; i++)
		error = service_load(name, &database.services[i], why);
	if (error == 0)
		*ret_database = database;
	return error;
}

/* Asking -------------------------------------------------------------------- */

enum nss_action nss_action_of(const struct nss_service *service, enum nss_status status)
{
	int index = (int)status - NSS_STATUS_TRYAGAIN;
	enum nss_action written = index >= 0 && index < NSS_STATUSES
					  ? (enum nss_action)service->actions[index]
					  : NSS_RETURN;

	if (written != NSS_DEFAULT)
		return written;
	return status == NSS_STATUS_SUCCESS ? NSS_RETURN : NSS_CONTINUE;
}

static bool is_named(const struct nss_service *service, const char *name)
{
	return strcmp(service->name, name) == 0;
}

/* 0, or the errno for which the service cannot be reached. */
static int daemon_try(const char *path)
{
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return errno;
	return 0;
}

/* What the library should have said. libnss_systemd calls it unavailable that none of userdb's
 * services runs, as in a container: there is nobody who could know a group. */
static enum nss_status status_mend(const struct nss_service *service, enum nss_status status,
				   int *error)
{
	if (status == NSS_STATUS_UNAVAIL && *error == ESRCH && is_named(service, "systemd"))
		return NSS_STATUS_NOTFOUND;
	for (size_t i = 0; status == NSS_STATUS_NOTFOUND && i < ARRAY_SIZE(silent_services); i++) {
		int dead = is_named(service, silent_services[i].name)
				   ? daemon_try(silent_services[i].socket)
				   : 0;

		if (dead) {
			*error = dead;
			return NSS_STATUS_UNAVAIL;
		}
	}
	return status;
}

bool nss_is_local(const struct nss_service *service)
{
	for (size_t i = 0; i < ARRAY_SIZE(local_services); i++)
		if (is_named(service, local_services[i].name))
			return true;
	return false;
}

enum nss_status nss_group_gid(const struct nss_service *service, const char *group, gid_t *ret_gid,
			      int *ret_error)
{
	group_by_name_call call = (group_by_name_call)symbol_find(service, "getgrnam_r");
	enum nss_status status = NSS_STATUS_TRYAGAIN;
	struct group entry;

	*ret_error = 0;
	if (!call)
		return NSS_STATUS_NOTFOUND;
	for (size_t size = ENTRY_MIN; size <= ENTRY_MAX; size *= 4) {
		cleanup_free char *storage = malloc(size);

		*ret_error = ENOMEM;
		if (!storage)
			return NSS_STATUS_TRYAGAIN;
		*ret_error = 0;
		status = call(group, &entry, storage, size, ret_error);
		if (status == NSS_STATUS_SUCCESS)
			*ret_gid = entry.gr_gid;
		if (status != NSS_STATUS_TRYAGAIN || *ret_error != ERANGE)
			break;
	}
	return status_mend(service, status, ret_error);
}

/* The gid in a line of group(5) of that name; false for any other line, which the C library skips
 * where it is malformed. */
static bool line_gid(char *line, const char *group, gid_t *ret_gid)
{
	char *rest = line + strspn(line, BLANK);
	const char *name = strsep(&rest, ":");
	const char *gid;
	char *end;
	unsigned long number;

	if (strcmp(name, group) != 0 || !rest)
		return false;
	(void)strsep(&rest, ":");
	gid = strsep(&rest, ":\n");
	if (!gid)
		return false;
	/* As the C library does: 0123 is a number as well. */
	number = strtoul(gid, &end, 10);
	errno = 0;
	*ret_gid = (gid_t)number;
	return end != gid && *end == '\0';
}

static int gid_add(struct nss_gids *gids, gid_t gid)
{
	gid_t *grown = realloc(gids->gids, (size_t)(gids->count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	gids->gids = grown;
	gids->gids[gids->count++] = gid;
	gids->size = gids->count;
	return 0;
}

static int file_gids_add(const char *path, const char *group, struct nss_gids *gids)
{
	cleanup_file FILE *file = fopen(path, "re");
	cleanup_free char *line = NULL;
	size_t size = 0;
	gid_t gid;

	if (!file)
		return errno == ENOENT ? 0 : -errno;
	errno = 0;
	while (getline(&line, &size, file) >= 0) {
		int error = line_gid(line, group, &gid) ? gid_add(gids, gid) : 0;

		if (error)
			return error;
	}
	return errno ? -errno : 0;
}

int nss_group_lines(const struct nss_service *service, const char *group, struct nss_gids *gids)
{
	for (size_t i = 0; i < ARRAY_SIZE(local_services); i++)
		if (is_named(service, local_services[i].name) && local_services[i].file)
			return file_gids_add(local_services[i].file, group, gids);
	return 0;
}

/* A service without initgroups_dyn() is read from end to end by the C library. What matters here
 * is only that this can be done. */
static enum nss_status groups_walk(const struct nss_service *service, int *ret_error)
{
	group_next_call next = (group_next_call)symbol_find(service, "getgrent_r");
	start_call start = (start_call)symbol_find(service, "setgrent");
	end_call end = (end_call)symbol_find(service, "endgrent");
	enum nss_status status = start ? start(0) : NSS_STATUS_SUCCESS;
	size_t size = ENTRY_MIN;
	cleanup_free char *storage = malloc(size);
	struct group entry;

	if (!next)
		return NSS_STATUS_NOTFOUND;
	while (storage && status == NSS_STATUS_SUCCESS) {
		status = next(&entry, storage, size, ret_error);
		if (status != NSS_STATUS_TRYAGAIN || *ret_error != ERANGE || size >= ENTRY_MAX)
			continue;
		free(storage);
		size *= 4;
		storage = malloc(size);
		status = NSS_STATUS_SUCCESS;
	}
	if (end)
		end();
	return storage ? status : NSS_STATUS_TRYAGAIN;
}

enum nss_status nss_groups_add(const struct nss_service *service, const char *user, gid_t primary,
			       struct nss_gids *gids, int *ret_error)
{
	groups_of_user_call call = (groups_of_user_call)symbol_find(service, "initgroups_dyn");
	enum nss_status status;

	*ret_error = 0;
	if (!call)
		return groups_walk(service, ret_error);
	status = call(user, primary, &gids->count, &gids->size, &gids->gids, -1, ret_error);
	return status_mend(service, status, ret_error);
}
