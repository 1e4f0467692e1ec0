/*
 * Which services of nsswitch.conf are asked for a group.
 * Called by policy_find before the first one is looked up.
 * Distrusts the C library's default, for which the next service's word also stands for a dead one.
 */
#include "policy_services.h"

#include <dlfcn.h>
#include <errno.h>
#include <nss.h>
#include <string.h>

#include "util.h"

#define SWITCH "/etc/nsswitch.conf"
#define BLANK  " \t\n"
#define HEED   "UNAVAIL=return TRYAGAIN=return"

/* 0: it is not installed, answers nothing, and does not count. -EIO: it cannot be loaded, for lack
 * of memory say. The C library would pass over it, and its caller's limits decide whom a policy
 * names. 1: it is loaded, and stays. */
static int service_load(const char *service, size_t length)
{
	char library[SERVICES_MAX + sizeof("libnss_.so.2")];
	const char *error;

	if (length == strlen("files") && strncmp(service, "files", length) == 0)
		return 1;
	snprintf(library, sizeof(library), "libnss_%.*s.so.2", (int)length, service);
	if (dlopen(library, RTLD_LAZY))
		return 1;
	/* In C's own language, since nobody has set another one. */
	error = dlerror();
	return error && strstr(error, "No such file or directory") ? 0 : -EIO;
}

/* The first of two words on the same status gives way, so what the file says comes last. */
bool services_heed(const char *services, char ret_services[SERVICES_MAX])
{
	size_t used = 0;

	ret_services[0] = '\0';
	while (*(services += strspn(services, BLANK))) {
		size_t length = strcspn(services, BLANK "[");
		int loaded = length > 0 ? service_load(services, length) : 0;
		const char *heed = loaded ? HEED : "";
		const char *actions = services + length + strspn(services + length, BLANK);
		size_t said = *actions == '[' ? strcspn(actions + 1, "]") : 0;
		int written = snprintf(ret_services + used, SERVICES_MAX - used,
				       *heed || said ? "%.*s [%s %.*s] " : "%.*s ", (int)length,
				       services, heed, (int)said, actions + 1);

		if (loaded < 0 || written < 0 || (size_t)written >= SERVICES_MAX - used)
			return false;
		used += (size_t)written;
		services = *actions == '[' ? actions + 1 + said + (actions[1 + said] == ']')
					   : actions;
	}
	return true;
}

/* The services, where the line is the one of groups; else NULL. */
static const char *group_services(char *line)
{
	line[strcspn(line, "#\n")] = '\0';
	line += strspn(line, BLANK);
	if (strncmp(line, "group", strlen("group")) != 0)
		return NULL;
	line += strlen("group");
	line += strspn(line, BLANK);
	return *line == ':' ? line + 1 : NULL;
}

int services_heed_groups(void)
{
	cleanup_file FILE *file = fopen(SWITCH, "re");
	char line[SERVICES_MAX];
	char services[SERVICES_MAX] = "";

	/* Without a file, or a line, there is one service. */
	if (!file && errno != ENOENT)
		return -EIO;
	while (file && fgets(line, sizeof(line), file)) {
		const char *found = group_services(line);

		if (found && !services_heed(found, services))
			return -EIO;
	}
	if (file && ferror(file))
		return -EIO;
	return services[0] && __nss_configure_lookup("group", services) ? -EIO : 0;
}
