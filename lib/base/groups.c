/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is in a group, by the C library's list. As that list does not show which services failed to
 * answer, each of them is also queried by itself.
 */
#include "groups.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>

#include "accounts.h"
#include "util.h"

#define GIDS_MIN 64
#define GIDS_MAX (1 << 20)

static int gids_make(struct nss_gids *gids, long size)
{
	gids->gids = malloc((size_t)size * sizeof(*gids->gids));
	gids->size = size;
	gids->count = 0;
	return gids->gids ? 0 : -ENOMEM;
}

static bool gids_contain(const struct nss_gids *gids, gid_t gid)
{
	for (long i = 0; i < gids->count; i++)
		if (gids->gids[i] == gid)
			return true;
	return false;
}

static void gids_free(struct nss_gids *gids)
{
	free(gids->gids);
	gids->gids = NULL;
}
#define cleanup_gids __attribute__((cleanup(gids_free)))

static int fail(char why[NSS_WHY_MAX], const char *what, int error)
{
	snprintf(why, NSS_WHY_MAX, "%s: %s", what, strerror(error));
	return -EIO;
}

/* The status of a service is an error, unless nsswitch.conf says `continue` for it explicitly. */
static int service_check(const struct nss_service *service, const char *database,
			 enum nss_status status, int error, char why[NSS_WHY_MAX])
{
	if (status == NSS_STATUS_SUCCESS || status == NSS_STATUS_NOTFOUND)
		return 0;
	if ((status == NSS_STATUS_UNAVAIL || status == NSS_STATUS_TRYAGAIN) &&
	    service->actions[status - NSS_STATUS_TRYAGAIN] == NSS_CONTINUE)
		return 0;
	snprintf(why, NSS_WHY_MAX,
		 "service \"%s\" of %s in nsswitch.conf does not answer%s%s; start it, or write "
		 "[%s=continue] after it to do without its groups",
		 service->name, database, error ? ": " : "", error ? strerror(error) : "",
		 status == NSS_STATUS_TRYAGAIN ? "TRYAGAIN" : "UNAVAIL");
	return -EIO;
}

static int list_read(const char *user, gid_t primary, struct nss_gids *gids, char why[NSS_WHY_MAX])
{
	for (int size = GIDS_MIN; size <= GIDS_MAX; size *= 4) {
		int count = size;

		if (gids_make(gids, size) < 0)
			return fail(why, "groups", ENOMEM);
		if (getgrouplist(user, primary, gids->gids, &count) >= 0) {
			gids->count = count;
			return 0;
		}
		gids_free(gids);
	}
	return fail(why, "groups", E2BIG);
}

/* As initgroups(3) goes through them: a line of `initgroups` is taken at its word, while one of
 * `group` is gone through also after success. */
static int services_ask(const struct nss_database *database, struct groups *groups, gid_t primary,
			char why[NSS_WHY_MAX])
{
	for (size_t i = 0; i < database->count; i++) {
		const struct nss_service *service = &database->services[i];
		int error;
		enum nss_status status =
			nss_groups_add(service, groups->user, primary, &groups->told, &error);

		if (service_check(service, database->name, status, error, why) < 0)
			return -EIO;
		if (nss_action_of(service, status) == NSS_RETURN &&
		    (database != &groups->names || status != NSS_STATUS_SUCCESS))
			return 0;
	}
	return 0;
}

/* The services that `compat` queries in turn: it does not report those that cannot be loaded. */
static int compat_load(const struct nss_database *database, char why[NSS_WHY_MAX])
{
	struct nss_database inner;

	for (size_t i = 0; i < database->count; i++)
		if (strcmp(database->services[i].name, "compat") == 0)
			return nss_database_load("group_compat", &inner, why);
	return 0;
}

static int services_load(struct nss_database *ret_names, struct nss_database *ret_initgroups,
			 char why[NSS_WHY_MAX])
{
	if (nss_database_load("group", ret_names, why) < 0 ||
	    nss_database_load("initgroups", ret_initgroups, why) < 0 ||
	    compat_load(ret_names, why) < 0 || compat_load(ret_initgroups, why) < 0)
		return -EIO;
	/* Without a file, or a line, there is one service. */
	if (ret_names->count == 0 && nss_services_parse("files", ret_names) < 0)
		return -EIO;
	return 0;
}

int groups_read(const char *user, gid_t primary, struct groups *ret_groups, char why[NSS_WHY_MAX])
{
	struct nss_database initgroups;
	struct groups *groups = ret_groups;

	*groups = (struct groups){ .user = user };
	if (services_load(&groups->names, &initgroups, why) < 0 ||
	    list_read(user, primary, &groups->listed, why) < 0)
		return -EIO;
	if (gids_make(&groups->told, GIDS_MIN) < 0)
		return fail(why, "groups", ENOMEM);
	return services_ask(initgroups.count > 0 ? &initgroups : &groups->names, groups, primary,
			    why);
}

/* As getgrnam(3), which would pass over a dead service. A directory that is away may look like one
 * that does not know the group: what only it could know cannot be known. */
static int gid_find(const struct nss_database *names, const char *group, gid_t *ret_gid,
		    char why[NSS_WHY_MAX])
{
	const char *remote = NULL;

	for (size_t i = 0; i < names->count; i++) {
		const struct nss_service *service = &names->services[i];
		int error;
		enum nss_status status = nss_group_gid(service, group, ret_gid, &error);

		if (status == NSS_STATUS_SUCCESS)
			return 0;
		if (service_check(service, names->name, status, error, why) < 0)
			return -EIO;
		if (status == NSS_STATUS_NOTFOUND && !nss_is_local(service))
			remote = service->name;
		if (nss_action_of(service, status) == NSS_RETURN)
			break;
	}
	if (!remote)
		return -ENOENT;
	snprintf(why, NSS_WHY_MAX,
		 "no service has the group \"%s\", but \"%s\" may not reach its "
		 "directory; if the group does not exist, remove its policy file",
		 group, remote);
	return -EIO;
}

int group_find(const char *group, char why[NSS_WHY_MAX])
{
	struct nss_database names;
	struct nss_database initgroups;
	gid_t gid;
	int error = services_load(&names, &initgroups, why);

	return error < 0 ? error : gid_find(&names, group, &gid, why);
}

/* 1: the service knows the account in another group of that name, 0: it does not, or an errno. */
static int other_find(const struct groups *groups, const struct nss_service *service,
		      const char *group, gid_t known, gid_t *ret_gid)
{
	cleanup_gids struct nss_gids lines = { NULL, 0, 0 };
	int error = nss_group_lines(service, group, &lines);
	int ignored;

	if (error < 0)
		return error;
	for (long i = 0; i < lines.count; i++) {
		*ret_gid = lines.gids[i];
		if (*ret_gid != known && gids_contain(&groups->listed, *ret_gid))
			return 1;
	}
	/* One that does not answer was checked with the groups of the account. */
	return nss_group_gid(service, group, ret_gid, &ignored) == NSS_STATUS_SUCCESS &&
	       *ret_gid != known && gids_contain(&groups->listed, *ret_gid);
}

/* Another group of the same name, which getgrnam(3) does not come to: in another service, or on a
 * later line. */
static int other_check(const struct groups *groups, const char *group, gid_t known,
		       char why[NSS_WHY_MAX])
{
	for (size_t i = 0; i < groups->names.count; i++) {
		const struct nss_service *service = &groups->names.services[i];
		gid_t gid;
		int found = other_find(groups, service, group, known, &gid);

		if (found < 0)
			return fail(why, service->name, -found);
		if (found == 0)
			continue;
		snprintf(why, NSS_WHY_MAX,
			 "%s is in group %s of service \"%s\" with gid %u, but getgrnam(3) "
			 "finds one with gid %u: rename one of the groups",
			 groups->user, group, service->name, (unsigned)gid, (unsigned)known);
		return -EIO;
	}
	return 0;
}

int groups_contain(const struct groups *groups, const char *group, char why[NSS_WHY_MAX])
{
	gid_t gid;
	int error = gid_find(&groups->names, group, &gid, why);

	if (error < 0)
		return error;
	if (gids_contain(&groups->listed, gid))
		return 1;
	if (!gids_contain(&groups->told, gid))
		return other_check(groups, group, gid, why);
	snprintf(why, NSS_WHY_MAX, "the services list %s in group %s, but getgrouplist(3) does not",
		 groups->user, group);
	return -EIO;
}

void groups_free(struct groups *groups)
{
	gids_free(&groups->listed);
	gids_free(&groups->told);
}

int group_has_user(const char *group, const char *user)
{
	cleanup_free char *storage = NULL;
	cleanup_groups struct groups groups = { .user = user };
	struct passwd entry;
	char why[NSS_WHY_MAX];
	int error = user_by_name(user, &entry, &storage);

	if (error < 0)
		return error;
	error = groups_read(entry.pw_name, entry.pw_gid, &groups, why);
	return error < 0 ? error : groups_contain(&groups, group, why);
}
