/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The PAM verbs: whom the module is about, what its arguments say, what its codes mean. Must leave
 * the process as it was found. Distrusts the user name; uid 0 is decided before anything that can
 * fail.
 */
#include <errno.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounts.h"
#include "log.h"
#include "login.h"
#include "module.h"
#include "module_arguments.h"
#include "nested.h"
#include "util.h"

#define UID_UNKNOWN ((uid_t)-1) /* the program may know it all the same */
#define DATA_NAME   "sandlock-state"
#define CHILD_EXIT  254 /* sshd's own status for a login that it refuses */

/* How far a login has come. */
enum stage {
	STAGE_UNOPENED = 0, /* it has asked for credentials, but for no session yet */
	STAGE_REFUSED,
	STAGE_FREE, /* of nobody whom the module confines */
	STAGE_CONFINED,
};

/* What the verbs of one handle tell one another. */
struct handle_state {
	enum stage stage;
	pid_t pam_caller;
	bool gate;
	struct login login; /* where it is confined */
};

/* Arguments ---------------------------------------------------------------------------------- */

static enum mode mode_of(const char *value)
{
	if (argument_is(value, "gate"))
		return MODE_GATE;
	return argument_is(value, "open") ? MODE_OPEN : MODE_AUTO;
}

struct arguments arguments_read(int argc, const char **argv)
{
	struct module_arguments read = { 0 };
	const char *bad = NULL;

	for (int i = 0; i < argc; i++) {
		enum argument_state state = module_argument_read(argv[i], &read);

		if (state == ARGUMENT_UNKNOWN)
			log_line(LOG_ERR, "unknown pam_sandlock argument \"%s\", ignored", argv[i]);
		else if (state == ARGUMENT_BAD_VALUE)
			bad = argv[i];
	}
	return (struct arguments){
		.mode = mode_of(read.values[ARGUMENT_MODE]),
		.exempt = read.values[ARGUMENT_EXEMPT],
		.services = read.values[ARGUMENT_SERVICES],
		.conf = read.values[ARGUMENT_CONF],
		.inherit = argument_is(read.values[ARGUMENT_NESTED], "inherit"),
		.quiet = read.values[ARGUMENT_QUIET] != NULL,
		.debug = read.values[ARGUMENT_DEBUG] != NULL,
		.bad = bad,
	};
}

/* Users ----------------------------------------------------------------------------------------- */

/* What cannot be looked up exempts nobody. */
static bool is_exempt(const struct arguments *arguments, const struct user *user)
{
	return user->known && list_contains_user(arguments->exempt, user->name);
}

/* root's name stands for root where no account can be looked up at all. */
bool is_root(const struct user *user)
{
	return user->known ? user->uid == 0 : strcmp(user->name, "root") == 0;
}

int user_read(pam_handle_t *pamh, struct user *ret_user)
{
	struct user user = { 0 };
	cleanup_free char *storage = NULL;
	const void *service = NULL;
	const void *client = NULL;
	struct passwd entry;

	if (pam_get_item(pamh, PAM_USER, (const void **)&user.name) != PAM_SUCCESS || !user.name ||
	    user.name[0] == '\0')
		return -ENOENT;
	(void)pam_get_item(pamh, PAM_SERVICE, &service);
	user.service = service ? service : "";
	(void)pam_get_item(pamh, PAM_RHOST, &client);
	user.client = client;
	if (user_by_name(user.name, &entry, &storage) == 0) {
		user.known = true;
		user.uid = entry.pw_uid;
	}
	*ret_user = user;
	return 0;
}

/* The session -------------------------------------------------------------------------------------- */

/* sshd's child opens the way out itself, and asks for credentials before it becomes the user; in
 * all other programs the PAM caller, or a child of it that asks for nothing, becomes the user. */
static bool wants_gate(const struct arguments *arguments, const struct user *user)
{
	if (arguments->mode == MODE_AUTO)
		return strcmp(user->service, "sshd") == 0;
	return arguments->mode == MODE_GATE;
}

/* The display that the program which opens the session has itself. The variables of PAM alone do
 * not count: pam_env may have read them from a file of the user's. Nor do they for sshd, whose
 * displays are ports. */
static const char *display_of(pam_handle_t *pamh, bool gate)
{
	const char *named = pam_getenv(pamh, "DISPLAY");
	const char *own = getenv("DISPLAY");
	const void *item = NULL;

	if (pam_get_item(pamh, PAM_XDISPLAY, &item) == PAM_SUCCESS && item)
		return item;
	/* Some display managers name it as the terminal. */
	if (pam_get_item(pamh, PAM_TTY, &item) == PAM_SUCCESS && item && *(const char *)item == ':')
		return item;
	return !gate && named && own && strcmp(named, own) == 0 ? own : NULL;
}

/* NULL: no verb that counts was called yet. */
static const struct handle_state *handle_state_find(pam_handle_t *pamh)
{
	const void *data = NULL;

	return pam_get_data(pamh, DATA_NAME, &data) == PAM_SUCCESS ? data : NULL;
}

static void handle_state_free(pam_handle_t *pamh, void *data, int status)
{
	struct handle_state *state = data;

	(void)pamh;
	(void)status;
	login_close(&state->login);
	free(state);
}

static int handle_state_save(pam_handle_t *pamh, const struct handle_state *state)
{
	struct handle_state *data = malloc(sizeof(*data));

	if (!data)
		return PAM_BUF_ERR;
	*data = *state;
	return pam_set_data(pamh, DATA_NAME, data, handle_state_free);
}

static int user_open(pam_handle_t *pamh, const struct arguments *arguments, const struct user *user,
		     struct handle_state *state, char why[LOGIN_WHY_MAX])
{
	const struct login_request request = {
		.user = user->name,
		.service = user->service,
		.client = user->client,
		.conf = arguments->conf,
		.gate = state->gate,
		.inherit = arguments->inherit,
		.agent = pam_getenv(pamh, "SSH_AUTH_SOCK"),
		.display = display_of(pamh, state->gate),
		.why = why,
	};
	const struct plan *plan = &state->login.plan;
	int result = login_open(&request, &state->login);

	if (result == LOGIN_UNNAMED)
		return PAM_IGNORE;
	if (result < 0)
		return LOGIN_REFUSED;
	if (arguments->debug)
		log_line(LOG_DEBUG, "session of %s by %s: policy %s, %s", user->name, user->service,
			 plan_string(plan, plan->header->policy), state->gate ? "gate" : "open");
	return PAM_SUCCESS;
}

/* Behind a gate only the child is in a session that another could join. */
static bool is_open_already(pam_handle_t *pamh)
{
	const struct handle_state *state = handle_state_find(pamh);

	if (!state || state->stage != STAGE_CONFINED || !state->login.gate)
		return false;
	log_line(LOG_WARNING, "a second session line of pam_sandlock in one service has no effect");
	return true;
}

enum concern user_concern(const struct arguments *arguments, const struct user *user,
			  char why[LOGIN_WHY_MAX])
{
	if (arguments->bad) {
		snprintf(why, LOGIN_WHY_MAX, "unknown value in argument \"%s\" of pam_sandlock",
			 arguments->bad);
		log_line(LOG_ERR, "login refused: %s", why);
		return CONCERN_REFUSED;
	}
	if (arguments->services && !list_contains(arguments->services, user->service))
		return CONCERN_NONE;
	return is_exempt(arguments, user) ? CONCERN_EXEMPT : CONCERN_CONFINED;
}

/* PAM_IGNORE, PAM_SUCCESS, or LOGIN_REFUSED, which was logged. */
static int user_decide(pam_handle_t *pamh, const struct arguments *arguments,
		       const struct user *user, struct handle_state *state, char why[LOGIN_WHY_MAX])
{
	state->gate = wants_gate(arguments, user);
	switch (user_concern(arguments, user, why)) {
	case CONCERN_REFUSED:
		return LOGIN_REFUSED;
	case CONCERN_NONE:
		return PAM_IGNORE;
	case CONCERN_EXEMPT:
		log_line(LOG_INFO, "session of %s by %s is exempt, not confined", user->name,
			 user->service);
		return PAM_IGNORE;
	case CONCERN_CONFINED:
		break;
	}
	return user_open(pamh, arguments, user, state, why);
}

static int session_decide(pam_handle_t *pamh, const struct arguments *arguments,
			  struct handle_state *state, char why[LOGIN_WHY_MAX])
{
	struct user user;
	int result;

	if (user_read(pamh, &user)) {
		log_line(LOG_ERR, "login refused: PAM has no user name");
		login_refuse(&state->login, UID_UNKNOWN);
		return LOGIN_REFUSED;
	}
	log_identify(user.name, 0);
	if (is_root(&user))
		return PAM_IGNORE;
	result = user_decide(pamh, arguments, &user, state, why);
	/* Our answer may be one of many, or of no weight in the stack. */
	if (result == LOGIN_REFUSED)
		login_refuse(&state->login, user.known ? user.uid : UID_UNKNOWN);
	return result;
}

void refusal_tell(pam_handle_t *pamh, const struct arguments *arguments, int flags, const char *why)
{
	char text[LOGIN_WHY_MAX];
	size_t length = 0;

	if (arguments->quiet || ((unsigned)flags & PAM_SILENT))
		return;
	/* It goes to a terminal. */
	for (; length < sizeof(text) - 1 && why[length]; length++) {
		text[length] = why[length];
		if (why[length] < ' ' || why[length] > '~')
			text[length] = '?';
	}
	text[length] = '\0';
	pam_error(pamh, "sandlock: login refused%s%s; ask the system administrator",
		  length > 0 ? ": " : "", text);
}

static enum stage stage_after(int result)
{
	switch (result) {
	case PAM_SUCCESS:
		return STAGE_CONFINED;
	case PAM_IGNORE:
		return STAGE_FREE;
	default:
		return STAGE_REFUSED;
	}
}

__attribute__((visibility("default"))) int pam_sm_open_session(pam_handle_t *pamh, int flags,
							       int argc, const char **argv)
{
	struct handle_state state = { .pam_caller = getpid() };
	char why[LOGIN_WHY_MAX] = "";
	struct arguments arguments;
	int result;

	log_open(-1);
	if (is_open_already(pamh)) {
		log_close();
		return PAM_SUCCESS;
	}
	arguments = arguments_read(argc, argv);
	result = session_decide(pamh, &arguments, &state, why);
	state.stage = stage_after(result);
	if (handle_state_save(pamh, &state) != PAM_SUCCESS && result == PAM_SUCCESS) {
		login_close(&state.login);
		result = LOGIN_REFUSED;
	}
	log_close();
	if (result == LOGIN_REFUSED)
		refusal_tell(pamh, &arguments, flags, why);
	return result;
}

/* The child of a gate's PAM caller, about to become the user: the only thing that stops sshd here
 * is the end of the process. */
static int child_enter(const struct login *login)
{
	log_open(-1);
	if (login_enter(login))
		_exit(CHILD_EXIT);
	log_close();
	return PAM_SUCCESS;
}

/* Our session line was passed over, or its answer was: there is no gate before the child. */
static int child_stop(pam_handle_t *pamh, const struct handle_state *state, int argc,
		      const char **argv)
{
	struct arguments arguments;
	struct user user = { .name = "", .service = "" };

	if (user_read(pamh, &user) == 0 && is_root(&user))
		return PAM_IGNORE;
	log_open(-1);
	log_identify(user.name, 0);
	arguments = arguments_read(argc, argv);
	if (state->gate || wants_gate(&arguments, &user)) {
		log_line(LOG_ALERT,
			 "login refused: pam_sandlock did not open this session (session line "
			 "missing, optional or skipped?)");
		_exit(CHILD_EXIT);
	}
	log_close();
	return PAM_IGNORE;
}

__attribute__((visibility("default"))) int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc,
							  const char **argv)
{
	const struct handle_state *state = handle_state_find(pamh);

	if ((unsigned)flags & PAM_DELETE_CRED)
		return PAM_IGNORE;
	if (!state)
		(void)handle_state_save(pamh, &(struct handle_state){ .pam_caller = getpid() });
	if (!state || getpid() == state->pam_caller)
		return PAM_IGNORE;
	switch (state->stage) {
	case STAGE_UNOPENED:
	case STAGE_REFUSED:
		return child_stop(pamh, state, argc, argv);
	case STAGE_FREE:
		return PAM_IGNORE;
	case STAGE_CONFINED:
		break;
	}
	if (!state->login.gate)
		return PAM_IGNORE;
	return nested_in_session() ? PAM_SUCCESS : child_enter(&state->login);
}

/* Success could let somebody in where this is the only module that decides. */
__attribute__((visibility("default"))) int pam_sm_authenticate(pam_handle_t *pamh, int flags,
							       int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_IGNORE;
}

/* The supervisor ends with the last process of the session; what is confined stays so. */
__attribute__((visibility("default"))) int pam_sm_close_session(pam_handle_t *pamh, int flags,
								int argc, const char **argv)
{
	const struct handle_state *state = handle_state_find(pamh);

	(void)flags;
	(void)argc;
	(void)argv;
	return state && state->stage == STAGE_CONFINED ? PAM_SUCCESS : PAM_IGNORE;
}
