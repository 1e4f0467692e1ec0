/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The only program of a login that parses: fills descriptor 3 with the account's plan.
 * Started by sandlock-shell and `sandlockctl run` as the session's user, by pam_sandlock as a
 * service user: without privilege. Distrusts the policy files, the account databases and what it
 * inherits.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "accounts.h"
#include "inherited.h"
#include "log.h"
#include "network_namespace.h"
#include "plan_build.h"
#include "policy.h"
#include "util.h"

#define PLAN_FD       3 /* an empty memfd, made by who started us */
#define POLICIES      SYSCONFDIR "/sandlock/policy.d"
#define REASON_MAX    512
#define PATH_TEXT_MAX (PATH_MAX + POLICY_NAME_MAX)

enum exit_status {
	EXIT_PLANNED = 0,
	EXIT_REFUSED = 1, /* it was said and logged why */
	EXIT_USAGE = 2,
	EXIT_UNNAMED = 3, /* --account: no policy names it */
};

struct options {
	const char *conf;
	const char *draft;   /* a file of the caller's own instead of the one that is found */
	const char *account; /* whose plan; NULL: the caller's */
	bool user;  /* somebody tries a policy: own files are good, each complaint is shown */
	bool check; /* another call follows, which logs the warnings */
};

/* Who is asked, and what is said where it is refused. */
struct session {
	struct options options;
	uint64_t id; /* random; the plan's session */
	struct account account;
	bool by_root; /* the PAM module has started us: so it starts the network helper */
	char *lookup; /* what the account's strings point into */
	char group[LOGIN_NAME_MAX];
	char reason[REASON_MAX]; /* the first complaint */
};

/* Refusing ------------------------------------------------------------------ */

/* Remembers the first reason, which a login is told; somebody who tries a policy is told all. */
__attribute__((format(printf, 2, 3))) static int session_refuse(struct session *session,
								const char *format, ...)
{
	char text[REASON_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (session->reason[0] == '\0')
		memcpy(session->reason, text, sizeof(text));
	if (session->options.user) {
		text_print(stderr, text);
		fputc('\n', stderr);
	}
	(void)log_event(LOG_ERR, text, NULL, 0);
	return -EINVAL;
}

/* A policy_report: `file:line: text`. What is no error is logged with `priority`. */
static void session_tell(struct session *session, const struct diagnostic *diagnostic, int priority)
{
	char text[REASON_MAX];

	if (diagnostic->line > 0)
		snprintf(text, sizeof(text), "%s:%u: %s", diagnostic->file, diagnostic->line,
			 diagnostic->text);
	else
		snprintf(text, sizeof(text), "%s: %s", diagnostic->file, diagnostic->text);
	if (diagnostic->error)
		session_refuse(session, "%s", text);
	else if (!session->options.check)
		(void)log_event(priority, text, NULL, 0);
}

static void session_report(const struct diagnostic *diagnostic, void *context)
{
	session_tell(context, diagnostic, LOG_INFO);
}

/* Of the search for a policy: who a missing group's file was for is confined by another one, or by
 * none. */
static void search_report(const struct diagnostic *diagnostic, void *context)
{
	session_tell(context, diagnostic, LOG_WARNING);
}

/* The account --------------------------------------------------------------- */

static int find_user(struct session *session)
{
	const char *name = session->options.account;
	struct passwd entry;
	int error = name ? user_by_name(name, &entry, &session->lookup)
			 : user_by_uid(getuid(), &entry, &session->lookup);
	const char *why = error == -ENOENT ? "unknown" : strerror(-error);

	if (error < 0 && name)
		return session_refuse(session, "user %s cannot be looked up: %s", name, why);
	if (error < 0)
		return session_refuse(session, "uid %u cannot be looked up: %s", (unsigned)getuid(),
				      why);
	session->account =
		(struct account){ .name = entry.pw_name,
				  .login = name,
				  .group = session->group,
				  .home = entry.pw_dir,
				  .uid = entry.pw_uid,
				  .gid = entry.pw_gid,
				  .can_have_network = session->by_root ? network_namespace_of_root
								       : network_namespace_of_user };
	return 0;
}

/* A group without a name leaves %g without a value, and only that. */
static void find_group_name(struct session *session)
{
	cleanup_free char *storage = NULL;
	struct group group;

	if (group_by_gid(session->account.gid, &group, &storage) == 0 &&
	    strlen(group.gr_name) < sizeof(session->group))
		memcpy(session->group, group.gr_name, strlen(group.gr_name) + 1);
}

/* The plan ------------------------------------------------------------------ */

static int find_policy(struct session *session, char path[PATH_TEXT_MAX])
{
	const struct options *options = &session->options;
	const char *directory = options->conf ? options->conf : POLICIES;
	char name[POLICY_NAME_MAX];
	int error;

	if (options->draft) {
		snprintf(path, PATH_TEXT_MAX, "%s", options->draft);
		return 0;
	}
	error = policy_search(directory, &session->account, search_report, session, name);
	if (error == -ENOENT && options->account)
		return error;
	if (error == -ENOENT)
		return session_refuse(session, "no policy applies to this account");
	if (error < 0)
		return session_refuse(session, "%s: cannot be looked up", name);
	snprintf(path, PATH_TEXT_MAX, "%s/%s", directory, name);
	return 0;
}

static int seal(struct session *session, struct plan_builder *builder)
{
	struct plan_header *header = plan_builder_header(builder);
	char excess[PLAN_EXCESS_MAX];
	int error;

	if (session->options.user)
		header->flags |= PLAN_DRAFT;
	header->session = session->id;
	error = plan_seal(builder, PLAN_FD);
	if (error == -E2BIG) {
		plan_builder_excess(builder, excess);
		return session_refuse(session, "%s", excess);
	}
	return error < 0 ? session_refuse(session, "plan: %s", strerror(-error)) : 0;
}

static int make_plan(struct session *session)
{
	unsigned flags = session->options.user ? POLICY_OWN : 0;
	struct plan_builder *builder;
	struct policy *policy;
	char path[PATH_TEXT_MAX];
	int error;

	log_identify(session->options.account, 0);
	if (getrandom(&session->id, sizeof(session->id), 0) != sizeof(session->id))
		return session_refuse(session, "cannot get a random number: %s", strerror(errno));
	if (find_user(session) < 0)
		return -EINVAL;
	log_identify(session->account.name, session->id);
	find_group_name(session);
	error = find_policy(session, path);
	if (error < 0)
		return error;
	error = policy_load(path, session->options.conf ? session->options.conf : POLICIES, flags,
			    session_report, session, &policy);
	if (error == -EINVAL)
		return error; /* each complaint was reported */
	if (error < 0)
		return session_refuse(session, "%s: %s", path, strerror(-error));
	builder = plan_builder_new();
	error = builder ? policy_plan(policy, &session->account, session_report, session, builder)
			: session_refuse(session, "out of memory");
	if (error == 0)
		error = seal(session, builder);
	plan_builder_free(builder);
	policy_free(policy);
	return error;
}

/* For the PAM module the bare reason; else for the terminal of whom it refuses. */
static void refusal_print(const struct session *session)
{
	bool module = session->options.account;

	fputs(module ? "" : "sandlock: login refused: ", stderr);
	text_print(stderr, session->reason);
	fputs(module ? "\n" : "; details are in the system log (ident sandlock)\n", stderr);
}

/* The process ----------------------------------------------------------------- */

/* Before anything is opened: what comes below 3 must not be taken for a terminal or a log, and
 * descriptor 3 not be taken by /dev/null. */
static bool take_descriptors(void)
{
	if (fcntl(PLAN_FD, F_GET_SEALS) < 0 || close_range(PLAN_FD + 1, ~0U, 0) < 0)
		return false;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return false;
	}
	return true;
}

static int usage(void)
{
	fputs("usage: sandlock-planner [--conf DIR] [--account NAME [--check]] [--draft FILE]\n"
	      "       [--user]\n"
	      "Fills the memfd at descriptor 3 with the caller's plan, or NAME's; started by\n"
	      "sandlock-shell and pam_sandlock.\n",
	      stderr);
	return EXIT_USAGE;
}

static bool options_read(int argc, char **argv, struct options *ret_options)
{
	static const struct option known[] = {
		{ "conf", required_argument, NULL, 'c' },
		{ "account", required_argument, NULL, 'a' },
		{ "draft", required_argument, NULL, 'd' },
		{ "user", no_argument, NULL, 'u' },
		{ "check", no_argument, NULL, 'k' },
		{ 0 },
	};
	struct options options = { 0 };
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'c')
			options.conf = optarg;
		else if (option == 'a')
			options.account = optarg;
		else if (option == 'd')
			options.draft = optarg;
		else if (option == 'k')
			options.check = true;
		else if (option != 'u')
			return false;
		options.user = options.user || option == 'd' || option == 'u';
	}
	*ret_options = options;
	return optind == argc;
}

int main(int argc, char **argv)
{
	struct session session = { .by_root = getuid() == 0 };
	sigset_t none;
	int error;

	if (inherited_ids_take())
		return EXIT_USAGE;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(077);
	clearenv();
	if (!take_descriptors() || !options_read(argc, argv, &session.options))
		return usage();
	log_open(-1);
	error = make_plan(&session);
	free(session.lookup);
	if (error == -ENOENT)
		return EXIT_UNNAMED;
	if (error < 0 && (session.options.account || !session.options.user))
		refusal_print(&session);
	return error < 0 ? EXIT_REFUSED : EXIT_PLANNED;
}
