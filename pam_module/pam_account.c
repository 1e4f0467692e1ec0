/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The account phase: tells a user whose session would be refused why, while the program still shows
 * what a module says (sshd does so in no later phase). The session phase stays the guard.
 * Distrusts the user name; uid 0 is decided before anything that can fail.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "module.h"

#define REFUSED_NAME "sandlock-refused"
#define REFUSED_S    1 /* a second line of one stack comes at once, another try later */

/* The last refusal of a handle. */
struct refusal {
	char *name;
	time_t at; /* monotonic */
};

static time_t now_s(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* sudo, chsh and screen locks ask about the user who runs them. That one is logged in, gets no
 * session here, and may be just about to correct the policy. */
static bool asks_about_itself(pam_handle_t *pamh, const struct user *user)
{
	const void *asker = NULL;

	if (user->known && getuid() == user->uid)
		return true;
	return pam_get_item(pamh, PAM_RUSER, &asker) == PAM_SUCCESS && asker &&
	       strcmp(asker, user->name) == 0;
}

/* A second line in the stack neither logs nor tells the same again. */
static bool is_refused_already(pam_handle_t *pamh, const char *name)
{
	const void *data = NULL;
	const struct refusal *refusal;

	if (pam_get_data(pamh, REFUSED_NAME, &data) != PAM_SUCCESS || !data)
		return false;
	refusal = data;
	return now_s() - refusal->at <= REFUSED_S && strcmp(refusal->name, name) == 0;
}

static void refused_free(pam_handle_t *pamh, void *data, int status)
{
	struct refusal *refusal = data;

	(void)pamh;
	(void)status;
	free(refusal->name);
	free(refusal);
}

static void refused_remember(pam_handle_t *pamh, const char *name)
{
	struct refusal *refusal = calloc(1, sizeof(*refusal));

	if (!refusal)
		return;
	*refusal = (struct refusal){ strdup(name), now_s() };
	if (!refusal->name || pam_set_data(pamh, REFUSED_NAME, refusal, refused_free) != PAM_SUCCESS)
		refused_free(pamh, refusal, 0);
}

/* False: the session would be refused, which was logged. The plan is not kept: the policy that
 * counts is the one that is there when the session is opened. */
static bool user_would_enter(const struct arguments *arguments, const struct user *user,
			     char why[LOGIN_WHY_MAX])
{
	const struct login_request request = {
		.user = user->name,
		.conf = arguments->conf,
		.why = why,
	};

	switch (user_concern(arguments, user, why)) {
	case CONCERN_REFUSED:
		return false;
	case CONCERN_NONE:
	case CONCERN_EXEMPT:
		return true;
	case CONCERN_CONFINED:
		break;
	}
	return login_check(&request) >= 0;
}

/* Success could let somebody in where this is the only module that decides. */
__attribute__((visibility("default"))) int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc,
							    const char **argv)
{
	char why[LOGIN_WHY_MAX] = "";
	struct arguments arguments;
	struct user user;
	bool enters;

	/* No program of a user's opens sessions of others. */
	if (geteuid() != 0 || user_read(pamh, &user) || is_root(&user) ||
	    asks_about_itself(pamh, &user))
		return PAM_IGNORE;
	if (is_refused_already(pamh, user.name))
		return LOGIN_REFUSED;
	log_open(-1);
	log_identify(user.name, 0);
	arguments = arguments_read(argc, argv);
	enters = user_would_enter(&arguments, &user, why);
	log_close();
	if (enters)
		return PAM_IGNORE;
	refused_remember(pamh, user.name);
	refusal_tell(pamh, &arguments, flags, why);
	return LOGIN_REFUSED;
}
