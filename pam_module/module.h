/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the parts of the module share: its arguments, and the user.
 */
#ifndef SANDLOCK_PAM_MODULE_H
#define SANDLOCK_PAM_MODULE_H

#include <security/pam_modules.h>
#include <stdbool.h>
#include <sys/types.h>

#include "login.h"

/* Not PAM_SESSION_ERR: with that, sudo runs the command without a session. */
#define LOGIN_REFUSED PAM_PERM_DENIED

enum mode {
	MODE_AUTO = 0,
	MODE_GATE,
	MODE_OPEN,
};

struct arguments {
	enum mode mode;
	const char *exempt;   /* names and @groups, by commas */
	const char *services; /* the only ones, by commas; NULL: all */
	const char *conf;
	bool inherit;
	bool quiet;
	bool debug;
	const char *bad; /* an argument whose value is not known */
};

/* The user, and the service. */
struct user {
	const char *name;
	const char *service;
	const char *client; /* where the login comes from, or NULL */
	bool known;
	uid_t uid;
};

/* Whether a session of the user would be confined. */
enum concern {
	CONCERN_REFUSED = 0, /* an argument is invalid: not known; the reason was logged */
	CONCERN_NONE,
	CONCERN_EXEMPT,
	CONCERN_CONFINED, /* where a policy applies to them */
};

struct arguments arguments_read(int argc, const char **argv);

/* -ENOENT where the handle has no user name. */
int user_read(pam_handle_t *pamh, struct user *ret_user);
bool is_root(const struct user *user);
enum concern user_concern(const struct arguments *arguments, const struct user *user,
			  char why[LOGIN_WHY_MAX]);

/* Shows the user one line, unless `quiet` or the program forbids it. `why` may contain any
 * bytes. */
void refusal_tell(pam_handle_t *pamh, const struct arguments *arguments, int flags, const char *why);

#endif
