/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The PAM verbs: every argument, every return code. Run by `make unit`, with a handle of the real
 * libpam; needs no root. The module's own file is included, and what opens a session stands in for
 * lib/session, which tests/root runs.
 */
#define login_open        fake_login_open
#define login_check       fake_login_check
#define login_enter       fake_login_enter
#define login_refuse      fake_login_refuse
#define login_close       fake_login_close
#define nested_in_session fake_nested_in_session
#define log_line          fake_log_line
#define getpid            fake_getpid
#define getuid            fake_getuid
#define geteuid           fake_geteuid
/* libpam lets nobody have data but a module that it has called. */
#define pam_set_data fake_pam_set_data
#define pam_get_data fake_pam_get_data
#define _exit        fake_exit
#include "../../pam_module/pam_account.c"
#include "../../pam_module/pam_sandlock.c"
#undef _exit

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <security/pam_appl.h>

#define OPENER 4711

/* What the fakes answer, and what they saw. */
static struct {
	int open_result;
	int check_result;
	int enter_result;
	bool nested;
	pid_t pid;
	uid_t uid, euid;
	int checked, opened, entered, closed, exited, exit_status;
	uid_t refused; /* 0: nobody was */
	struct login_request request;
	char log[1024];
	char said[640];
	int said_count;
	jmp_buf exit;
	struct {
		void *data;
		void (*free)(pam_handle_t *, void *, int);
	} data[2]; /* of the session, and of the account phase */
} world;

static size_t data_number(const char *name)
{
	bool account = strcmp(name, REFUSED_NAME) == 0;

	assert_true(account || strcmp(name, DATA_NAME) == 0);
	return account;
}

static void data_drop(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(world.data); i++) {
		if (world.data[i].data)
			world.data[i].free(NULL, world.data[i].data, PAM_SUCCESS);
		world.data[i].data = NULL;
	}
}

int fake_pam_set_data(pam_handle_t *pamh, const char *name, void *data,
		      void (*cleanup)(pam_handle_t *, void *, int))
{
	size_t number = data_number(name);

	if (world.data[number].data)
		world.data[number].free(pamh, world.data[number].data, PAM_DATA_REPLACE);
	world.data[number].data = data;
	world.data[number].free = cleanup;
	return PAM_SUCCESS;
}

int fake_pam_get_data(const pam_handle_t *pamh, const char *name, const void **ret_data)
{
	(void)pamh;
	*ret_data = world.data[data_number(name)].data;
	return *ret_data ? PAM_SUCCESS : PAM_NO_MODULE_DATA;
}

int fake_login_open(const struct login_request *request, struct login *ret_login)
{
	static const struct plan_header header;

	world.opened++;
	world.request = *request;
	if (world.open_result == 0)
		*ret_login = (struct login){ .gate = request->gate,
					     .pam_caller = world.pid,
					     .plan = { .header = &header, .strings = "" } };
	return world.open_result;
}

int fake_login_check(const struct login_request *request)
{
	world.checked++;
	world.request = *request;
	if (world.check_result < 0)
		snprintf(request->why, LOGIN_WHY_MAX, "nobody.conf:2: \033[2Jwrong");
	return world.check_result;
}

int fake_login_enter(const struct login *login)
{
	assert_int_equal(OPENER, login->pam_caller);
	world.entered++;
	return world.enter_result;
}

void fake_login_refuse(const struct login *login, uid_t uid)
{
	(void)login;
	world.refused = uid;
}

void fake_login_close(struct login *login)
{
	(void)login;
	world.closed++;
}

bool fake_nested_in_session(void)
{
	return world.nested;
}

pid_t fake_getpid(void)
{
	return world.pid;
}

uid_t fake_getuid(void)
{
	return world.uid;
}

uid_t fake_geteuid(void)
{
	return world.euid;
}

__attribute__((noreturn)) void fake_exit(int status)
{
	world.exited++;
	world.exit_status = status;
	longjmp(world.exit, 1);
}

__attribute__((format(printf, 2, 3))) void fake_log_line(int priority, const char *format, ...)
{
	size_t used = strlen(world.log);
	va_list arguments;

	(void)priority;
	va_start(arguments, format);
	vsnprintf(world.log + used, sizeof(world.log) - used, format, arguments);
	va_end(arguments);
}

/* A handle ------------------------------------------------------------------------------------ */

static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
		    void *data)
{
	(void)data;
	*responses = calloc((size_t)count, sizeof(**responses));
	for (int i = 0; i < count; i++)
		snprintf(world.said, sizeof(world.said), "%s", messages[i]->msg);
	world.said_count += count;
	return PAM_SUCCESS;
}

struct place {
	char directory[64];
	pam_handle_t *pamh;
};

static void stack_write(const struct place *place, const char *service, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", place->directory, service);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void handle_start(struct place *place, const char *service, const char *user)
{
	static const struct pam_conv conversation = { converse, NULL };

	data_drop();
	if (place->pamh)
		pam_end(place->pamh, PAM_SUCCESS);
	assert_int_equal(PAM_SUCCESS, pam_start_confdir(service, user, &conversation,
							place->directory, &place->pamh));
}

static int place_make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	snprintf(place->directory, sizeof(place->directory), "/tmp/test_pam.XXXXXX");
	if (!mkdtemp(place->directory))
		return -1;
	memset(&world, 0, sizeof(world));
	world.pid = OPENER;
	stack_write(place, "su", "auth required pam_permit.so\nsession required pam_permit.so\n");
	stack_write(place, "sshd", "auth required pam_permit.so\nsession required pam_permit.so\n");
	handle_start(place, "su", "nobody");
	*state = place;
	return 0;
}

static int place_remove(void **state)
{
	struct place *place = *state;
	char path[128];

	data_drop();
	pam_end(place->pamh, PAM_SUCCESS);
	for (const char *const *name = (const char *const[]){ "su", "sshd", "module", NULL }; *name;
	     name++) {
		snprintf(path, sizeof(path), "%s/%s", place->directory, *name);
		unlink(path);
	}
	rmdir(place->directory);
	free(place);
	return 0;
}

/* pam_sm_open_session with these arguments. */
#define open_with(place, ...)                                        \
	open_arguments(place, (const char *[]){ "", ##__VA_ARGS__ }, \
		       (int)ARRAY_SIZE(((const char *[]){ "", ##__VA_ARGS__ })) - 1)
static int open_arguments(const struct place *place, const char **argv, int argc)
{
	return pam_sm_open_session(place->pamh, 0, argc, argv + 1);
}

/* Return codes ---------------------------------------------------------------------------------- */

static void session_of_root_ignored_whatever_else_is_wrong(void **state)
{
	struct place *place = *state;

	handle_start(place, "su", "root");
	world.open_result = -EIO;
	assert_int_equal(PAM_IGNORE, open_with(place));
	assert_int_equal(PAM_IGNORE, open_with(place, "mode=wrong", "conf=nowhere", "nested=never"));
	assert_int_equal(0, world.opened);
	assert_int_equal(PAM_IGNORE, pam_sm_close_session(place->pamh, 0, 0, NULL));
}

static void session_that_is_confined_succeeds(void **state)
{
	struct place *place = *state;

	assert_int_equal(PAM_SUCCESS, open_with(place));
	assert_string_equal("nobody", world.request.user);
	assert_false(world.request.gate || world.request.inherit);
	assert_null(world.request.conf);
	assert_int_equal(PAM_SUCCESS, pam_sm_close_session(place->pamh, 0, 0, NULL));
	data_drop();
	assert_int_equal(1, world.closed);
}

static void session_of_an_unlisted_user_ignored(void **state)
{
	struct place *place = *state;

	world.open_result = LOGIN_UNNAMED;
	assert_int_equal(PAM_IGNORE, open_with(place));
	assert_int_equal(1, world.opened);
	assert_int_equal(PAM_IGNORE, pam_sm_close_session(place->pamh, 0, 0, NULL));
	assert_string_equal("", world.said);
}

static void session_that_fails_refused_and_said(void **state)
{
	struct place *place = *state;

	world.open_result = -EIO;
	assert_int_equal(PAM_PERM_DENIED, open_with(place));
	assert_non_null(strstr(world.said, "sandlock: login refused"));
	assert_int_equal(getpwnam("nobody")->pw_uid, world.refused);
	world.said[0] = '\0';
	assert_int_equal(PAM_PERM_DENIED, open_with(place, "quiet"));
	assert_string_equal("", world.said);
	assert_int_equal(PAM_PERM_DENIED, pam_sm_open_session(place->pamh, (int)PAM_SILENT, 0, NULL));
	assert_string_equal("", world.said);
	assert_int_equal(PAM_IGNORE, pam_sm_close_session(place->pamh, 0, 0, NULL));
}

static void session_of_nobody_refused(void **state)
{
	struct place *place = *state;

	handle_start(place, "su", NULL);
	assert_int_equal(PAM_PERM_DENIED, open_with(place));
	handle_start(place, "su", "");
	assert_int_equal(PAM_PERM_DENIED, open_with(place));
	assert_int_equal(0, world.opened);
	assert_int_equal((uid_t)-1, world.refused);
}

/* The planner says that the account is not known; it is not for the module to let it pass. */
static void account_that_is_not_known_is_not_let_pass(void **state)
{
	struct place *place = *state;

	handle_start(place, "su", "no-such-user");
	world.open_result = -ENOENT;
	assert_int_equal(PAM_PERM_DENIED, open_with(place, "exempt=no-such-user,@root"));
	assert_int_equal(1, world.opened);
	/* The program may know it, and go on whatever it is answered. */
	assert_int_equal((uid_t)-1, world.refused);
}

/* The account phase ------------------------------------------------------------------------------ */

/* pam_sm_acct_mgmt with these arguments. */
#define account_with(place, ...)                                        \
	account_arguments(place, (const char *[]){ "", ##__VA_ARGS__ }, \
			  (int)ARRAY_SIZE(((const char *[]){ "", ##__VA_ARGS__ })) - 1)
static int account_arguments(const struct place *place, const char **argv, int argc)
{
	return pam_sm_acct_mgmt(place->pamh, 0, argc, argv + 1);
}

/* Success would make the account good where nothing else asks about it. */
static void account_that_may_enter_is_left_to_other_modules(void **state)
{
	struct place *place = *state;

	assert_int_equal(PAM_IGNORE, account_with(place));
	assert_string_equal("nobody", world.request.user);
	world.check_result = LOGIN_UNNAMED;
	assert_int_equal(PAM_IGNORE, account_with(place, "conf=/srv/policies"));
	assert_string_equal("/srv/policies", world.request.conf);
	assert_int_equal(2, world.checked);
	assert_int_equal(0, world.opened);
	assert_string_equal("", world.said);
}

static void account_that_would_be_refused_denied_and_told_why(void **state)
{
	struct place *place = *state;

	world.check_result = -EACCES;
	assert_int_equal(PAM_PERM_DENIED, account_with(place));
	assert_string_equal("sandlock: login refused: nobody.conf:2: ?[2Jwrong; "
			    "ask the system administrator",
			    world.said);
	assert_int_equal(0, world.opened);
	/* The session line is what keeps the program from becoming the user. */
	assert_int_equal(0, world.refused);
}

static void account_refused_by_two_lines_told_once(void **state)
{
	struct place *place = *state;

	world.check_result = -EACCES;
	assert_int_equal(PAM_PERM_DENIED, account_with(place));
	assert_int_equal(PAM_PERM_DENIED, account_with(place));
	assert_int_equal(1, world.checked);
	assert_int_equal(1, world.said_count);
	/* Another user of the same handle is judged anew. */
	assert_int_equal(PAM_SUCCESS, pam_set_item(place->pamh, PAM_USER, "daemon"));
	world.check_result = 0;
	assert_int_equal(PAM_IGNORE, account_with(place));
	assert_int_equal(2, world.checked);
}

static void account_is_judged_anew_at_a_later_try(void **state)
{
	const struct timespec later = { .tv_sec = 2, .tv_nsec = 100000000 };
	struct place *place = *state;

	world.check_result = -EACCES;
	assert_int_equal(PAM_PERM_DENIED, account_with(place));
	world.check_result = 0;
	assert_int_equal(PAM_PERM_DENIED, account_with(place));
	nanosleep(&later, NULL);
	assert_int_equal(PAM_IGNORE, account_with(place));
}

static void account_refused_quietly_where_nothing_is_wanted(void **state)
{
	struct place *place = *state;

	world.check_result = -EACCES;
	assert_int_equal(PAM_PERM_DENIED, account_with(place, "quiet"));
	handle_start(place, "su", "nobody");
	assert_int_equal(PAM_PERM_DENIED, pam_sm_acct_mgmt(place->pamh, (int)PAM_SILENT, 0, NULL));
	assert_string_equal("", world.said);
}

static void account_of_root_ignored_whatever_else_is_wrong(void **state)
{
	struct place *place = *state;

	handle_start(place, "su", "root");
	world.check_result = -EACCES;
	assert_int_equal(PAM_IGNORE, account_with(place, "mode=wrong", "conf=nowhere"));
	assert_int_equal(0, world.checked);
}

static void account_without_a_name_ignored(void **state)
{
	struct place *place = *state;

	handle_start(place, "su", NULL);
	assert_int_equal(PAM_IGNORE, account_with(place));
	assert_int_equal(0, world.checked);
}

static void account_that_is_not_known_denied(void **state)
{
	struct place *place = *state;

	handle_start(place, "su", "no-such-user");
	world.check_result = -ENOENT;
	assert_int_equal(PAM_PERM_DENIED, account_with(place, "exempt=no-such-user"));
}

static void account_that_is_exempt_or_of_another_service_ignored(void **state)
{
	struct place *place = *state;

	world.check_result = -EACCES;
	assert_int_equal(PAM_IGNORE, account_with(place, "exempt=nobody"));
	assert_int_equal(PAM_IGNORE, account_with(place, "services=sshd,login"));
	assert_int_equal(0, world.checked);
	/* That is for the session line to log. */
	assert_string_equal("", world.log);
}

static void account_with_an_unknown_value_denied_and_told(void **state)
{
	struct place *place = *state;

	assert_int_equal(PAM_PERM_DENIED, account_with(place, "mode=Gate"));
	assert_non_null(strstr(world.said, "unknown value in argument \"mode=Gate\""));
	assert_non_null(strstr(world.log, "\"mode=Gate\""));
	assert_int_equal(0, world.checked);
}

/* sudo, chsh, a screen lock: whoever corrects the policy may need them. */
static void account_of_the_one_who_asks_ignored(void **state)
{
	struct place *place = *state;

	world.check_result = -EACCES;
	world.uid = getpwnam("nobody")->pw_uid;
	assert_int_equal(PAM_IGNORE, account_with(place));
	world.uid = 1;
	assert_int_equal(PAM_SUCCESS, pam_set_item(place->pamh, PAM_RUSER, "nobody"));
	assert_int_equal(PAM_IGNORE, account_with(place));
	assert_int_equal(PAM_SUCCESS, pam_set_item(place->pamh, PAM_RUSER, "daemon"));
	assert_int_equal(PAM_PERM_DENIED, account_with(place));
}

static void account_asked_about_without_privilege_ignored(void **state)
{
	struct place *place = *state;

	world.check_result = -EACCES;
	world.euid = 1;
	assert_int_equal(PAM_IGNORE, account_with(place));
	assert_int_equal(0, world.checked);
}

static void authentication_is_never_decided_here(void **state)
{
	struct place *place = *state;

	assert_int_equal(PAM_IGNORE, pam_sm_authenticate(place->pamh, 0, 0, NULL));
	handle_start(place, "sshd", "root");
	assert_int_equal(PAM_IGNORE, pam_sm_authenticate(place->pamh, 0, 0, NULL));
}

/* Arguments -------------------------------------------------------------------------------------- */

static void mode_is_by_the_service_unless_it_is_given(void **state)
{
	static const struct {
		const char *service;
		const char *argument;
		bool gate;
	} cases[] = {
		{ "su", "debug", false },     { "sshd", "debug", true },
		{ "su", "mode=auto", false }, { "sshd", "mode=auto", true },
		{ "su", "mode=gate", true },  { "sshd", "mode=open", false },
	};
	struct place *place = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		handle_start(place, cases[i].service, "nobody");
		assert_int_equal(PAM_SUCCESS, open_with(place, cases[i].argument));
		assert_int_equal(cases[i].gate, world.request.gate);
	}
}

static void unknown_value_refuses_and_is_named(void **state)
{
	static const char *const bad[] = { "mode=", "mode=Gate",         "nested=yes", "nested=",
					   "conf=", "conf=etc/sandlock", "exempt=",    "services=" };
	struct place *place = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		world.log[0] = '\0';
		assert_int_equal(PAM_PERM_DENIED, open_with(place, bad[i]));
		assert_non_null(strstr(world.log, bad[i]));
		assert_int_not_equal(0, world.refused);
		world.refused = 0;
	}
	assert_int_equal(0, world.opened);
}

static void unknown_argument_logged_and_ignored(void **state)
{
	struct place *place = *state;

	assert_int_equal(PAM_SUCCESS, open_with(place, "modes=gate", "Quiet", "nested"));
	assert_non_null(strstr(world.log, "\"modes=gate\""));
	assert_non_null(strstr(world.log, "\"Quiet\""));
	assert_non_null(strstr(world.log, "\"nested\""));
	assert_false(world.request.gate);
}

static void directory_and_nesting_are_handed_on(void **state)
{
	struct place *place = *state;

	assert_int_equal(PAM_SUCCESS, open_with(place, "conf=/srv/policies", "nested=inherit"));
	assert_string_equal("/srv/policies", world.request.conf);
	assert_true(world.request.inherit);
	assert_int_equal(PAM_SUCCESS, open_with(place, "nested=inherit", "nested=deny"));
	assert_false(world.request.inherit);
}

static void environment_of_the_login_is_handed_on(void **state)
{
	struct place *place = *state;

	assert_int_equal(PAM_SUCCESS, open_with(place));
	assert_null(world.request.agent);
	assert_null(world.request.display);
	pam_putenv(place->pamh, "SSH_AUTH_SOCK=/run/agent");
	pam_putenv(place->pamh, "DISPLAY=:7");
	assert_int_equal(PAM_SUCCESS, open_with(place));
	assert_string_equal("/run/agent", world.request.agent);
}

/* pam_env reads a file of the user's into the variables of PAM. */
static void display_counts_where_the_program_has_it_itself(void **state)
{
	struct place *place = *state;

	pam_putenv(place->pamh, "DISPLAY=:7");
	assert_int_equal(PAM_SUCCESS, open_with(place));
	assert_null(world.request.display);
	assert_int_equal(0, setenv("DISPLAY", ":6", 1));
	assert_int_equal(PAM_SUCCESS, open_with(place));
	assert_null(world.request.display);
	assert_int_equal(0, setenv("DISPLAY", ":7", 1));
	assert_int_equal(PAM_SUCCESS, open_with(place));
	assert_string_equal(":7", world.request.display);
	assert_int_equal(0, unsetenv("DISPLAY"));
	assert_int_equal(PAM_SUCCESS, pam_set_item(place->pamh, PAM_TTY, ":9"));
	assert_int_equal(PAM_SUCCESS, open_with(place));
	assert_string_equal(":9", world.request.display);
	assert_int_equal(PAM_SUCCESS, pam_set_item(place->pamh, PAM_XDISPLAY, ":8"));
	assert_int_equal(PAM_SUCCESS, open_with(place));
	assert_string_equal(":8", world.request.display);
}

static void exempt_names_and_groups_ignored(void **state)
{
	static const char *const exempt[] = { "exempt=nobody", "exempt=root,nobody",
					      "exempt=,,nobody", "exempt=@nogroup",
					      "exempt=x,@root,@nogroup" };
	static const char *const others[] = { "exempt=root",           "exempt=nobod",
					      "exempt=nobody2",        "exempt=@root",
					      "exempt=@nobody",        "exempt=nogroup",
					      "exempt=@no-such-group", "exempt=," };
	struct place *place = *state;

	for (size_t i = 0; i < ARRAY_SIZE(exempt); i++)
		assert_int_equal(PAM_IGNORE, open_with(place, exempt[i]));
	assert_int_equal(0, world.opened);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_int_equal(PAM_SUCCESS, open_with(place, others[i]));
}

static void services_that_are_not_named_ignored(void **state)
{
	char longer[600];
	struct place *place = *state;

	assert_int_equal(PAM_IGNORE, open_with(place, "services=sshd"));
	assert_int_equal(PAM_IGNORE, open_with(place, "services=sud,s,su-l"));
	assert_int_equal(0, world.opened);
	assert_int_equal(PAM_SUCCESS, open_with(place, "services=sshd,su"));
	/* A word that can be no name does not hide the next one. */
	snprintf(longer, sizeof(longer), "services=%0500d,su", 0);
	assert_int_equal(PAM_SUCCESS, open_with(place, longer));
}

/* Credentials ------------------------------------------------------------------------------------- */

static void credentials_without_a_session_ignored(void **state)
{
	struct place *place = *state;

	assert_int_equal(PAM_IGNORE, pam_sm_setcred(place->pamh, PAM_ESTABLISH_CRED, 0, NULL));
	assert_int_equal(0, world.entered);
}

static void credentials_of_the_opener_ignored(void **state)
{
	struct place *place = *state;

	assert_int_equal(PAM_SUCCESS, open_with(place, "mode=gate"));
	assert_int_equal(PAM_IGNORE, pam_sm_setcred(place->pamh, PAM_ESTABLISH_CRED, 0, NULL));
	assert_int_equal(PAM_IGNORE, pam_sm_setcred(place->pamh, PAM_DELETE_CRED, 0, NULL));
	assert_int_equal(0, world.entered);
}

static void credentials_of_a_child_behind_a_gate_confine_it(void **state)
{
	static const int flags[] = { PAM_ESTABLISH_CRED, PAM_REINITIALIZE_CRED, PAM_REFRESH_CRED,
				     PAM_ESTABLISH_CRED | (int)PAM_SILENT };
	struct place *place = *state;

	assert_int_equal(PAM_SUCCESS, open_with(place, "mode=gate"));
	world.pid = OPENER + 1;
	assert_int_equal(PAM_IGNORE, pam_sm_setcred(place->pamh, PAM_DELETE_CRED, 0, NULL));
	assert_int_equal(0, world.entered);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		assert_int_equal(PAM_SUCCESS, pam_sm_setcred(place->pamh, flags[i], 0, NULL));
	assert_int_equal(ARRAY_SIZE(flags), world.entered);
}

static void credentials_of_a_child_that_is_confined_add_nothing(void **state)
{
	struct place *place = *state;

	assert_int_equal(PAM_SUCCESS, open_with(place, "mode=gate"));
	world.pid = OPENER + 1;
	world.nested = true;
	assert_int_equal(PAM_SUCCESS, pam_sm_setcred(place->pamh, PAM_ESTABLISH_CRED, 0, NULL));
	assert_int_equal(0, world.entered);
}

static void credentials_of_a_child_of_an_open_session_ignored(void **state)
{
	struct place *place = *state;

	assert_int_equal(PAM_SUCCESS, open_with(place, "mode=open"));
	world.pid = OPENER + 1;
	assert_int_equal(PAM_IGNORE, pam_sm_setcred(place->pamh, PAM_REINITIALIZE_CRED, 0, NULL));
	assert_int_equal(0, world.entered);
}

/* sshd goes on after an error of setcred. */
static void child_that_cannot_be_confined_ends(void **state)
{
	struct place *place = *state;

	assert_int_equal(PAM_SUCCESS, open_with(place, "mode=gate"));
	world.pid = OPENER + 1;
	world.enter_result = -EPERM;
	if (setjmp(world.exit) == 0) {
		pam_sm_setcred(place->pamh, PAM_ESTABLISH_CRED, 0, NULL);
		fail_msg("setcred came back");
	}
	assert_int_equal(254, world.exit_status);
}

/* What a child of the pam_caller comes to that asks for credentials. */
static int child_asks(struct place *place, const char *argument)
{
	world.pid = OPENER + 1;
	if (setjmp(world.exit))
		return world.exit_status;
	return pam_sm_setcred(place->pamh, PAM_ESTABLISH_CRED, argument ? 1 : 0, &argument);
}

static void child_of_an_opener_that_opened_nothing_ends(void **state)
{
	struct place *place = *state;

	assert_int_equal(PAM_IGNORE, pam_sm_setcred(place->pamh, PAM_ESTABLISH_CRED, 0, NULL));
	assert_int_equal(254, child_asks(place, "mode=gate"));
	assert_int_equal(PAM_IGNORE, child_asks(place, NULL));
}

static void child_of_an_opener_that_was_refused_ends(void **state)
{
	struct place *place = *state;

	world.open_result = -EPERM;
	assert_int_equal(PAM_PERM_DENIED, open_with(place, "mode=gate"));
	assert_int_equal(254, child_asks(place, NULL));
	world.pid = OPENER;
	assert_int_equal(PAM_PERM_DENIED, open_with(place, "mode=open"));
	assert_int_equal(PAM_IGNORE, child_asks(place, NULL));
}

static void child_of_an_opener_whom_no_policy_names_goes_on(void **state)
{
	struct place *place = *state;

	world.open_result = LOGIN_UNNAMED;
	assert_int_equal(PAM_IGNORE, open_with(place, "mode=gate"));
	assert_int_equal(PAM_IGNORE, child_asks(place, "mode=gate"));
}

static void child_of_a_second_session_line_enters_the_first_session(void **state)
{
	struct place *place = *state;

	assert_int_equal(PAM_SUCCESS, open_with(place, "mode=gate"));
	assert_int_equal(PAM_SUCCESS, open_with(place, "mode=open"));
	assert_int_equal(1, world.opened);
	assert_int_equal(PAM_SUCCESS, child_asks(place, NULL));
	assert_int_equal(1, world.entered);
}

/* The module as it is installed ------------------------------------------------------------------- */

/* Beside this test: build/host/tests/test_pam_sandlock. */
static void module_path(char path[512])
{
	ssize_t length = readlink("/proc/self/exe", path, 400);

	assert_true(length > 0);
	path[length] = '\0';
	for (int i = 0; i < 2; i++)
		*strrchr(path, '/') = '\0';
	snprintf(path + strlen(path), 512 - strlen(path), "/pam_sandlock.so");
}

static void module_stack(struct place *place, const char *user, const char *arguments)
{
	char path[512];
	char text[2400];

	module_path(path);
	snprintf(text, sizeof(text),
		 "auth [success=ok ignore=ignore default=bad] %s\nauth required pam_permit.so\n"
		 "account required %s %s\naccount required pam_permit.so\n"
		 "session required pam_permit.so\nsession required %s %s\n",
		 path, path, arguments, path, arguments);
	stack_write(place, "module", text);
	handle_start(place, "module", user);
}

static void module_leaves_root_alone(void **state)
{
	struct place *place = *state;

	module_stack(place, "root", "mode=wrong conf=/nonexistent");
	assert_int_equal(PAM_SUCCESS, pam_authenticate(place->pamh, 0));
	assert_int_equal(PAM_SUCCESS, pam_acct_mgmt(place->pamh, 0));
	assert_int_equal(PAM_SUCCESS, pam_setcred(place->pamh, PAM_ESTABLISH_CRED));
	assert_int_equal(PAM_SUCCESS, pam_open_session(place->pamh, 0));
	assert_int_equal(PAM_SUCCESS, pam_close_session(place->pamh, 0));
}

/* Without root, without policies, without its user: whatever fails first. */
static void module_refuses_what_it_cannot_confine(void **state)
{
	struct place *place = *state;

	module_stack(place, "nobody", "conf=/nonexistent");
	assert_int_equal(PAM_SUCCESS, pam_authenticate(place->pamh, 0));
	assert_int_equal(PAM_PERM_DENIED, pam_open_session(place->pamh, 0));
	assert_non_null(strstr(world.said, "sandlock: login refused"));
	assert_int_equal(0, world.opened);
}

/* A stack that has no other auth module lets nobody in. */
static void module_alone_authenticates_nobody(void **state)
{
	struct place *place = *state;
	char path[512];
	char text[1200];

	module_path(path);
	snprintf(text, sizeof(text), "auth sufficient %s\n", path);
	stack_write(place, "module", text);
	handle_start(place, "module", "nobody");
	assert_int_not_equal(PAM_SUCCESS, pam_authenticate(place->pamh, 0));
}

static void module_alone_makes_no_account_good(void **state)
{
	struct place *place = *state;
	char path[512];
	char text[1200];

	module_path(path);
	snprintf(text, sizeof(text), "account sufficient %s\n", path);
	stack_write(place, "module", text);
	handle_start(place, "module", "nobody");
	assert_int_not_equal(PAM_SUCCESS, pam_acct_mgmt(place->pamh, 0));
	handle_start(place, "module", "root");
	assert_int_not_equal(PAM_SUCCESS, pam_acct_mgmt(place->pamh, 0));
}

int main(void)
{
#define place_test(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)
	const struct CMUnitTest tests[] = {
		place_test(session_of_root_ignored_whatever_else_is_wrong),
		place_test(session_that_is_confined_succeeds),
		place_test(session_of_an_unlisted_user_ignored),
		place_test(session_that_fails_refused_and_said),
		place_test(session_of_nobody_refused),
		place_test(account_that_is_not_known_is_not_let_pass),
		place_test(account_that_may_enter_is_left_to_other_modules),
		place_test(account_that_would_be_refused_denied_and_told_why),
		place_test(account_refused_by_two_lines_told_once),
		place_test(account_is_judged_anew_at_a_later_try),
		place_test(account_refused_quietly_where_nothing_is_wanted),
		place_test(account_of_root_ignored_whatever_else_is_wrong),
		place_test(account_without_a_name_ignored),
		place_test(account_that_is_not_known_denied),
		place_test(account_that_is_exempt_or_of_another_service_ignored),
		place_test(account_with_an_unknown_value_denied_and_told),
		place_test(account_of_the_one_who_asks_ignored),
		place_test(account_asked_about_without_privilege_ignored),
		place_test(authentication_is_never_decided_here),
		place_test(mode_is_by_the_service_unless_it_is_given),
		place_test(unknown_value_refuses_and_is_named),
		place_test(unknown_argument_logged_and_ignored),
		place_test(directory_and_nesting_are_handed_on),
		place_test(environment_of_the_login_is_handed_on),
		place_test(display_counts_where_the_program_has_it_itself),
		place_test(exempt_names_and_groups_ignored),
		place_test(services_that_are_not_named_ignored),
		place_test(credentials_without_a_session_ignored),
		place_test(credentials_of_the_opener_ignored),
		place_test(credentials_of_a_child_behind_a_gate_confine_it),
		place_test(credentials_of_a_child_that_is_confined_add_nothing),
		place_test(credentials_of_a_child_of_an_open_session_ignored),
		place_test(child_that_cannot_be_confined_ends),
		place_test(child_of_an_opener_that_opened_nothing_ends),
		place_test(child_of_an_opener_that_was_refused_ends),
		place_test(child_of_an_opener_whom_no_policy_names_goes_on),
		place_test(child_of_a_second_session_line_enters_the_first_session),
		place_test(module_leaves_root_alone),
		place_test(module_refuses_what_it_cannot_confine),
		place_test(module_alone_authenticates_nobody),
		place_test(module_alone_makes_no_account_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
