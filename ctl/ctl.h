/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the subcommands of sandlockctl share: exit statuses, complaints, accounts and plans. The
 * caller may be root: names and files given on the command line are hostile.
 */
#ifndef SANDLOCK_CTL_H
#define SANDLOCK_CTL_H

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "plan.h"
#include "policy.h"

#define POLICY_DIRECTORY SYSCONFDIR "/sandlock/policy.d"
#define SHELL_NAME       "sandlock-shell"

enum ctl_status {
	CTL_GOOD = 0,
	CTL_BAD = 1,   /* the question was answered: no */
	CTL_ERROR = 2, /* the question could not be answered, or was not understood */
};

struct ctl_options {
	const char *conf; /* NULL: POLICY_DIRECTORY */
	bool json;        /* of the commands that know it */
	bool uses;        /* of pam: only the lines that call the module */
	bool apply;       /* of pam: write the missing lines of these services */
	bool undo;        /* of pam: take them back */
	bool yes;         /* of pam: do so without a question */
};

/* Each gets its operands, as many as its row in sandlockctl.c says, and returns the exit status. */
int check_main(const struct ctl_options *options, int argc, char **argv);
int status_main(const struct ctl_options *options, int argc, char **argv);
int test_main(const struct ctl_options *options, int argc, char **argv);
int run_main(const struct ctl_options *options, int argc, char **argv);
int show_main(const struct ctl_options *options, int argc, char **argv);
int pam_main(const struct ctl_options *options, int argc, char **argv);

/* The users to whom a policy applies, and the services that confine them, for `status`. */
void pam_users_print(const struct ctl_options *options);

const char *ctl_directory(const struct ctl_options *options);

/* As fprintf(3), of which it knows %s %-Ns %d %u %m and %%; each byte of a %s that is not plain ASCII
 * is printed as \xNN. Whatever comes from a file, a user or a directory service goes through it. */
void say(FILE *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));
void say_list(FILE *stream, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

/* One line on standard error, after the program's name; returns CTL_ERROR. */
int ctl_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A policy_report that prints to standard error; `context` is not used. */
void ctl_report(const struct diagnostic *diagnostic, void *context);

/* The same for errors alone, where the warnings were given before. */
void ctl_report_error(const struct diagnostic *diagnostic, void *context);

/* An account and the memory its strings live in. */
struct person {
	struct account account;
	const char *shell;
	char *user_storage;
	char *group_storage;
	char *login_storage;
};
#define cleanup_person __attribute__((cleanup(person_free)))

/* Looks `name` up, or `uid` where `name` is NULL; -ENOENT where there is none, else what the lookup
 * failed with. */
int person_find(const char *name, uid_t uid, struct person *ret_person);

/* The same for an operand: CTL_GOOD, or CTL_ERROR after a complaint. No policy decides for root. */
int person_require(const char *name, struct person *ret_person);
void person_free(struct person *person);

/* True for a login shell that confines. */
bool shell_is_ours(const char *shell);

enum name_kind {
	NAME_IGNORED = 0,
	NAME_USER,
	NAME_GROUP,
	NAME_DEFAULT,
	NAME_FRAGMENT,
};

/* What a file's name says; `subject` is the user or group in it. */
struct policy_name {
	enum name_kind kind;
	char subject[NAME_MAX + 1];
};

/* Of a path, the last component. */
struct policy_name policy_name_read(const char *path);

/* Whose rights a login reads the policies with. */
enum reader {
	READER_LOGIN, /* the user's own, where the login shell confines; else the service user's */
	READER_SERVICE, /* the service user's, as the PAM module reads them */
	READER_USER,    /* the user's own: to look at the paths that they name */
};

/* `work(context)`, which returns an exit status, in a child that has the reader's ids, where the
 * caller is root; else here. `person` may be NULL: the service user. CTL_ERROR after a complaint. */
int reader_run(enum reader reader, const struct person *person, int (*work)(void *), void *context);

/* Makes the plan of an account just as a login would, with the reader's rights; *ret_policy (NULL:
 * not wanted) is the caller's to free. CTL_GOOD, or CTL_ERROR after what was wrong was printed. */
int plan_load(const struct ctl_options *options, const struct person *person, enum reader reader,
	      struct policy **ret_policy, struct plan *ret_plan);

/* The same of a policy that was loaded from `path`: 0, or a negative errno. The caller unmaps the plan. */
int plan_of(const struct policy *policy, const char *path, const struct account *account,
	    struct plan *ret_plan);

/* USER or FILE: account names hold no slash, and do not end as policies do. */
bool operand_is_file(const char *text);

/* The policy and the plan of an operand, as a login would load that of a USER; a FILE may be the
 * caller's own. The caller frees all three. CTL_GOOD, or CTL_ERROR after a complaint. */
int operand_load(const struct ctl_options *options, const char *operand, struct person *ret_person,
		 struct policy **ret_policy, struct plan *ret_plan);

/* The account that a draft is planned for. 0 or a negative errno. */
int draft_person(const char *path, struct person *ret_person);

/* Warns of each path of [filesystem] that grants nothing because of a link on its way. The paths of
 * a `secret` policy are not named. Looks at them as the calling account. */
void plan_warn_links(const struct plan *plan, bool secret);

/* `sandlockctl test`: CTL_GOOD, CTL_BAD, or CTL_ERROR after a complaint; each prints its verdict. */
int test_connection(const struct plan *plan, enum protocol protocol, const char *operand,
		    const char *target);
int test_bind(const struct plan *plan, const char *operand, const char *target);
/* These two look at `target` with the rights of the caller, who is to be no more than the user. */
int test_socket(const struct plan *plan, const char *operand, const char *target);
int test_file(const struct plan *plan, uint32_t right, const char *operand, const char *target);

/* True where a plan that restricts files grants `right` to `path`, which must be what realpath(3)
 * gives; `ret_root` is what it grants it below. Paths are followed as a session follows them. */
bool file_is_granted(const struct plan *plan, uint32_t right, const char *path,
		     char ret_root[PATH_MAX]);

#endif
