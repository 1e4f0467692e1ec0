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

#define DATA_NAME  "sandlock-visit"
#define CHILD_EXIT 254 /* sshd's own status for a login that it refuses */

/* How far a login has come. */
enum stage {
	STAGE_UNOPENED = 0, /* it has asked for credentials, but for no session yet */
	STAGE_REFUSED,
	STAGE_FREE, /* of nobody whom the module confines */
	STAGE_CONFINED,
};

/* What the verbs of one handle tell one another. */
struct visit {
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
			log_line(LOG_ERR, "unknown argument \"%s\" of pam_sandlock, ignored",
				 argv[i]);
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

/* People ----------------------------------------------------------------------------------------- */

/* What cannot be looked up exempts nobody. */
static bool is_exempt(const struct arguments *arguments, const struct person *person)
{
	return person->known && list_contains_user(arguments->exempt, person->name);
}

/* root's name stands for root where no account can be looked up at all. */
bool is_root(const struct person *person)
{
	return person->known ? person->uid == 0 : strcmp(person->name, "root") == 0;
}

int person_read(pam_handle_t *pamh, struct person *ret_person)
{
	struct person person = { 0 };
	cleanup_free char *storage = NULL;
	const void *service = NULL;
	struct passwd entry;

	if (pam_get_item(pamh, PAM_USER, (const void **)&person.name) != PAM_SUCCESS ||
	    !person.name || person.name[0] == '\0')
		return -ENOENT;
	(void)pam_get_item(pamh, PAM_SERVICE, &service);
	person.service = service ? service : "";
	if (user_by_name(person.name, &entry, &storage) == 0) {
		person.known = true;
		person.uid = entry.pw_uid;
	}
	*ret_person = person;
	return 0;
}

/* The session -------------------------------------------------------------------------------------- */

/* sshd's child opens the way out itself, and asks for credentials before it becomes the user; in
 * all other programs the PAM caller, or a child of it that asks for nothing, becomes the user. */
static bool wants_gate(const struct arguments *arguments, const struct person *person)
{
	if (arguments->mode == MODE_AUTO)
		return strcmp(person->service, "sshd") == 0;
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
static const struct visit *visit_find(pam_handle_t *pamh)
{
	const void *data = NULL;

	return pam_get_data(pamh, DATA_NAME, &data) == PAM_SUCCESS ? data : NULL;
}

static void visit_free(pam_handle_t *pamh, void *data, int status)
{
	struct visit *visit = data;

	(void)pamh;
	(void)status;
	login_close(&visit->login);
	free(visit);
}

static int visit_remember(pam_handle_t *pamh, const struct visit *visit)
{
	struct visit *data = malloc(sizeof(*data));

	if (!data)
		return PAM_BUF_ERR;
	*data = *visit;
	return pam_set_data(pamh, DATA_NAME, data, visit_free);
}

static int person_open(pam_handle_t *pamh, const struct arguments *arguments,
		       const struct person *person, struct visit *visit, char why[LOGIN_WHY_MAX])
{
	const struct login_request request = {
		.user = person->name,
		.conf = arguments->conf,
		.gate = visit->gate,
		.inherit = arguments->inherit,
		.agent = pam_getenv(pamh, "SSH_AUTH_SOCK"),
		.display = display_of(pamh, visit->gate),
		.why = why,
	};
	const struct plan *plan = &visit->login.plan;
	int result = login_open(&request, &visit->login);

	if (result == LOGIN_UNNAMED)
		return PAM_IGNORE;
	if (result < 0)
		return LOGIN_REFUSED;
	if (arguments->debug)
		log_line(LOG_DEBUG, "session of %s by %s: policy %s, %s", person->name,
			 person->service, plan_string(plan, plan->header->policy),
			 visit->gate ? "gate" : "open");
	return PAM_SUCCESS;
}

/* Behind a gate only the child is in a session that another could join. */
static bool is_open_already(pam_handle_t *pamh)
{
	const struct visit *visit = visit_find(pamh);

	if (!visit || visit->stage != STAGE_CONFINED || !visit->login.gate)
		return false;
	log_line(LOG_WARNING, "a second session line of pam_sandlock in one service does nothing");
	return true;
}

enum concern person_concern(const struct arguments *arguments, const struct person *person,
			    char why[LOGIN_WHY_MAX])
{
	if (arguments->bad) {
		snprintf(why, LOGIN_WHY_MAX, "unknown value in the argument \"%s\" of pam_sandlock",
			 arguments->bad);
		log_line(LOG_ERR, "login refused user=%s: %s", person->name, why);
		return CONCERN_REFUSED;
	}
	if (arguments->services && !list_contains(arguments->services, person->service))
		return CONCERN_NONE;
	return is_exempt(arguments, person) ? CONCERN_EXEMPT : CONCERN_CONFINED;
}

/* PAM_IGNORE, PAM_SUCCESS, or LOGIN_REFUSED, which was logged. */
static int person_decide(pam_handle_t *pamh, const struct arguments *arguments,
			 const struct person *person, struct visit *visit, char why[LOGIN_WHY_MAX])
{
	visit->gate = wants_gate(arguments, person);
	switch (person_concern(arguments, person, why)) {
	case CONCERN_REFUSED:
		return LOGIN_REFUSED;
	case CONCERN_NONE:
		return PAM_IGNORE;
	case CONCERN_EXEMPT:
		log_line(LOG_INFO, "session of %s by %s is exempt, not confined", person->name,
			 person->service);
		return PAM_IGNORE;
	case CONCERN_CONFINED:
		break;
	}
	return person_open(pamh, arguments, person, visit, why);
}

static int session_decide(pam_handle_t *pamh, const struct arguments *arguments,
			  struct visit *visit, char why[LOGIN_WHY_MAX])
{
	struct person person;
	int result;

	if (person_read(pamh, &person)) {
		log_line(LOG_ERR, "login refused: PAM knows no user name");
		return LOGIN_REFUSED;
	}
	if (is_root(&person))
		return PAM_IGNORE;
	result = person_decide(pamh, arguments, &person, visit, why);
	/* Our answer may be one of many, or of no weight in the stack. */
	if (result == LOGIN_REFUSED && person.known)
		login_refuse(&visit->login, person.uid);
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
	struct visit visit = { .pam_caller = getpid() };
	char why[LOGIN_WHY_MAX] = "";
	struct arguments arguments;
	int result;

	log_open(-1);
	if (is_open_already(pamh)) {
		log_close();
		return PAM_SUCCESS;
	}
	arguments = arguments_read(argc, argv);
	result = session_decide(pamh, &arguments, &visit, why);
	visit.stage = stage_after(result);
	if (visit_remember(pamh, &visit) != PAM_SUCCESS && result == PAM_SUCCESS) {
		login_close(&visit.login);
		result = LOGIN_REFUSED;
	}
	log_identify(NULL, 0);
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
static int child_stop(pam_handle_t *pamh, const struct visit *visit, int argc, const char **argv)
{
	struct arguments arguments;
	struct person person = { .name = "", .service = "" };

	if (person_read(pamh, &person) == 0 && is_root(&person))
		return PAM_IGNORE;
	log_open(-1);
	arguments = arguments_read(argc, argv);
	if (visit->gate || wants_gate(&arguments, &person)) {
		log_line(LOG_ALERT,
			 "login refused user=%s: the session line of pam_sandlock did not let it in",
			 person.name);
		_exit(CHILD_EXIT);
	}
	log_close();
	return PAM_IGNORE;
}

__attribute__((visibility("default"))) int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc,
							  const char **argv)
{
	const struct visit *visit = visit_find(pamh);

	if ((unsigned)flags & PAM_DELETE_CRED)
		return PAM_IGNORE;
	if (!visit)
		(void)visit_remember(pamh, &(struct visit){ .pam_caller = getpid() });
	if (!visit || getpid() == visit->pam_caller)
		return PAM_IGNORE;
	switch (visit->stage) {
	case STAGE_UNOPENED:
	case STAGE_REFUSED:
		return child_stop(pamh, visit, argc, argv);
	case STAGE_FREE:
		return PAM_IGNORE;
	case STAGE_CONFINED:
		break;
	}
	if (!visit->login.gate)
		return PAM_IGNORE;
	return nested_in_session() ? PAM_SUCCESS : child_enter(&visit->login);
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
	const struct visit *visit = visit_find(pamh);

	(void)flags;
	(void)argc;
	(void)argv;
	return visit && visit->stage == STAGE_CONFINED ? PAM_SUCCESS : PAM_IGNORE;
}
