/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The services that nsswitch.conf lists for groups, each queried by itself: getgrouplist(3) and
 * getgrnam(3) skip one that is dead or cannot be loaded, and their callers cannot tell.
 */
#ifndef SANDLOCK_NSS_SERVICES_H
#define SANDLOCK_NSS_SERVICES_H

#include <nss.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define NSS_WHY_MAX      512
#define NSS_NAME_MAX     64
#define NSS_SERVICES_MAX 16
#define NSS_STATUSES     4 /* TRYAGAIN to SUCCESS */

enum nss_action {
	NSS_DEFAULT = 0, /* return after success, else continue */
	NSS_CONTINUE,
	NSS_RETURN,
	NSS_MERGE,
};

struct nss_service {
	char name[NSS_NAME_MAX];
	unsigned char actions[NSS_STATUSES]; /* enum nss_action, as written; see nss_action_of */
	void *library;                       /* NULL: not loaded, or a part of the C library */
};

struct nss_database {
	const char *name;
	bool listed; /* nsswitch.conf has a line for it */
	size_t count;
	struct nss_service services[NSS_SERVICES_MAX];
};

/* Reads the line of `name`, and loads each of its services, for good. Without a line there are no
 * services. 0, or -EIO after `why` was filled: the file cannot be read, the line is malformed, or a
 * service cannot be loaded. */
int nss_database_load(const char *name, struct nss_database *ret_database, char why[NSS_WHY_MAX]);

/* The services of a line, without the database's name; nothing is loaded. -EINVAL where the C
 * library would take nothing from it, or it is longer than anybody's. Exported for tests. */
int nss_services_parse(const char *text, struct nss_database *database);

enum nss_action nss_action_of(const struct nss_service *service, enum nss_status status);

/* Whether all data of the service is on this machine: a group that it does not know does not
 * exist. */
bool nss_is_local(const struct nss_service *service);

/* In what follows, a service whose daemon is dead is UNAVAIL even where its library says
 * NOTFOUND. */

/* The gid of a group: as the service's getgrnam_r(). *ret_error is its errno. */
enum nss_status nss_group_gid(const struct nss_service *service, const char *group, gid_t *ret_gid,
			      int *ret_error);

/* Gids in memory of malloc(3). */
struct nss_gids {
	gid_t *gids;
	long count;
	long size;
};

/* Adds the gid of each line that the service's text file has of the group: getgrnam_r() stops at
 * the first. A service without such a file adds none. 0 or a negative errno. */
int nss_group_lines(const struct nss_service *service, const char *group, struct nss_gids *gids);

/* Adds the groups of a user to `gids`: as the service's initgroups_dyn(). */
enum nss_status nss_groups_add(const struct nss_service *service, const char *user, gid_t primary,
			       struct nss_gids *gids, int *ret_error);

#endif
