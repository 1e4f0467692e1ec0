/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the parts of `sandlockctl pam` share. A service starts processes as users; the audit is
 * about whether pam_sandlock.so confines them, user by user: the coverage.
 */
#ifndef SANDLOCK_CTL_AUDIT_H
#define SANDLOCK_CTL_AUDIT_H

#include "ctl.h"
#include "module_arguments.h"
#include "pam_outcome.h"
#include "pam_stack.h"

#define PAM_MODULE   "pam_sandlock.so"
#define PAM_FILE_MAX (256U << 10)
#define BACKUP_SUFFIX \
	".sandlock-save" /* of a file of /etc/pam.d before --apply; audit.c ignores such names */

/* What sshd is set to for one user; the worst where it does not tell, the best where there is none. */
struct sshd_settings {
	bool use_pam;
	bool user_rc;
	bool user_environment;
	const char *open; /* what of it no login shell confines; "" nothing */
	const char *keys; /* AuthorizedKeysFile */
};

struct user {
	struct person person;
	char policy[POLICY_NAME_MAX]; /* "": none applies */
	bool confining_shell;
	struct sshd_settings sshd;
};

enum coverage_state {
	COVERAGE_NONE = 0, /* not of this user */
	COVERAGE_GOOD,
	COVERAGE_SHELL,   /* by the login shell alone; `open` is what that leaves open */
	COVERAGE_REFUSED, /* nobody gets in, or not in every manner */
	COVERAGE_OPEN,    /* the module is called, but a login can do without it */
	COVERAGE_MISSING, /* the module is not called */
};

struct coverage {
	enum coverage_state state;
	const char *open; /* "": nothing */
};

/* About a line, or 0: about the file or the user as a whole. */
struct finding {
	const char *file;
	unsigned line;
	const char *text;
};

struct findings {
	struct finding *list;
	size_t count;
};

struct service {
	struct pam_service pam;
	bool opens;                /* false: it starts nothing as users, and has no coverage */
	bool gate;                 /* sshd: its child calls pam_setcred */
	struct coverage *coverage; /* of each user */
	struct findings findings;
	const char *missing[TYPE_ANY]; /* the file in which audit_lines[type] is missing, or NULL */
};

/* A file that users can write, and some program outside of their sessions runs. */
struct user_file {
	const char *path;
	const char *service;       /* that runs it; NULL: one that does not use PAM */
	struct coverage *coverage; /* of each user */
};

struct audit {
	struct arena arena;
	const struct ctl_options *options;
	struct user *users;
	size_t user_count;
	struct service *services; /* the first one is `other` */
	size_t service_count;
	struct user_file *files;
	size_t file_count;
	struct findings findings; /* about no service */
	const char *unread;       /* the first file that is there but cannot be read; or NULL */
	bool refused;             /* somebody's policy lets nobody in */
	bool profile;             /* pam-auth-update has written our lines into the shared files */
};

/* The line that a service needs in each of its stacks, and its place there. */
extern const struct audit_line {
	const char *text; /* NULL: none */
	bool first;
} audit_lines[TYPE_ANY];

#define AT(line) (line)->file, (line)->number
__attribute__((format(printf, 5, 6))) void finding_add(struct audit *audit,
						       struct findings *findings, const char *file,
						       unsigned line, const char *format, ...);

/* The lines of the service, or those of `other` where it has none of that type. */
const struct pam_stack *service_stack(const struct audit *audit, const struct service *service,
				      enum pam_type type);

/* Reads every service, and judges nothing. False after a complaint. */
bool services_read(struct audit *audit);

/* Those named, or every user to whom a policy applies. CTL_GOOD, or CTL_ERROR after a complaint. */
int users_find(struct audit *audit, int argc, char **argv);

/* Runs `sshd -T` for every user. */
void sshd_read(struct audit *audit);

/* Fills in `opens` and what follows, of every service. */
void coverage_find(struct audit *audit);
bool coverage_is_good(const struct coverage *coverage);

/* Finds the files, once the coverage of services is known. */
void user_files_find(struct audit *audit);

/* True where the line calls the module. */
bool line_is_ours(const struct pam_line *line);
struct module_arguments line_arguments(const struct pam_line *line);

/* True where a line that calls the module confines this user in the service. */
bool line_holds(const struct pam_line *line, const char *service, const struct user *user);

/* Names what is wrong with the lines that call the module, line i where `ours[i]`, and with those
 * around them. False: they refuse every session, or a gate's login that does not come to them. */
bool lines_check(struct audit *audit, struct service *service, enum pam_type type, const bool *ours);

/* `--apply` and `--undo` of the named services. An exit status. */
int services_apply(struct audit *audit, int argc, char **argv);
int services_undo(struct audit *audit, int argc, char **argv);

/* Prints one service to standard output, or the whole audit. */
void report_print_service(const struct audit *audit, const struct service *service);
void report_print(const struct audit *audit, bool covered);
void report_print_json(const struct audit *audit, bool covered);

/* `pam --uses`: each line by which a service reaches the module. An exit status. */
int uses_print(const struct audit *audit);

#endif
