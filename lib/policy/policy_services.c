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

/* One that is not installed answers nothing, and does not count. */
static bool is_installed(const char *service, size_t length)
{
	char library[SERVICES_MAX + sizeof("libnss_.so.2")];
	void *handle;

	if (length == strlen("files") && strncmp(service, "files", length) == 0)
		return true;
	snprintf(library, sizeof(library), "libnss_%.*s.so.2", (int)length, service);
	handle = dlopen(library, RTLD_LAZY);
	if (handle)
		dlclose(handle);
	return handle;
}

/* The first of two words on the same status gives way, so what the file says comes last. */
bool services_heed(const char *services, char ret_services[SERVICES_MAX])
{
	size_t used = 0;

	ret_services[0] = '\0';
	while (*(services += strspn(services, BLANK))) {
		size_t length = strcspn(services, BLANK "[");
		const char *heed = length > 0 && is_installed(services, length) ? HEED : "";
		const char *actions = services + length + strspn(services + length, BLANK);
		size_t said = *actions == '[' ? strcspn(actions + 1, "]") : 0;
		int written = snprintf(ret_services + used, SERVICES_MAX - used,
				       *heed || said ? "%.*s [%s %.*s] " : "%.*s ", (int)length,
				       services, heed, (int)said, actions + 1);

		if (written < 0 || (size_t)written >= SERVICES_MAX - used)
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
	while (file && fgets(line, sizeof(line), file)) {
		const char *found = group_services(line);

		if (found && !services_heed(found, services))
			return -EIO;
	}
	return services[0] && __nss_configure_lookup("group", services) ? -EIO : 0;
}
