/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the parts of `sandlockctl pam` share: users, doors, and what is said about them. A door is
 * a PAM service by which a user gets a process of theirs.
 */
#ifndef SANDLOCK_CTL_PAM_H
#define SANDLOCK_CTL_PAM_H

#include "ctl.h"
#include "pam_stack.h"

#define PAM_MODULE       "pam_sandlock.so"
#define PAM_SESSION_LINE "session required " PAM_MODULE
#define PAM_ACCOUNT_LINE "account required " PAM_MODULE
#define PAM_AUTH_LINE    "auth [success=ok ignore=ignore default=bad] " PAM_MODULE
#define SSHD_TEXT_MAX    512

/* What sshd is set to for one user; the worst where it does not say, the best where there is none. */
struct sshd_facts {
	bool use_pam;
	bool user_rc;
	bool user_environment;
	char open[SSHD_TEXT_MAX]; /* what of it no login shell holds; "" nothing */
	char keys[SSHD_TEXT_MAX]; /* AuthorizedKeysFile */
};

/* One whose ways in are asked for. */
struct subject {
	struct person person;
	char policy[POLICY_NAME_MAX]; /* "": none decides */
	bool confining_shell;
	struct sshd_facts sshd;
};

enum way_state {
	WAY_COVERED = 0,
	WAY_SHELL,     /* by the login shell alone; `open` says what that leaves */
	WAY_REFUSED,   /* nobody gets in, or not in every manner */
	WAY_OPEN,      /* the module is asked, but need not be heeded */
	WAY_UNCOVERED, /* the module is not asked */
};

/* One subject at one door. */
struct way {
	enum way_state state;
	const char *open; /* "": nothing */
};

/* A line to look at; 0: the file as a whole. */
struct finding {
	char *file;
	unsigned line;
	char *text;
};

struct findings {
	struct finding *list;
	size_t count;
	bool failed; /* memory ran out: the list is not whole */
};

struct door {
	char *name;
	bool opens; /* false: no way in, and the rest is not judged */
	struct pam_service service;
	const struct pam_service *source; /* of the session lines: `service`, or that of `other` */
	struct way *ways;                 /* of each subject */
	struct findings findings;
	const char *session_file; /* in which PAM_SESSION_LINE is missing as the last line; or NULL */
	const char *auth_file;    /* in which PAM_AUTH_LINE is missing as the first line; or NULL */
	const char *account_file; /* in which PAM_ACCOUNT_LINE is missing, which nobody is let in by; or NULL */
};

/* What subjects can write that some program outside of their sessions then runs. */
struct place {
	char *path;
	const char *service; /* that runs it; NULL: one that asks no PAM */
	bool *used;          /* of each subject: they can write it, and it is run */
	struct way *ways;    /* of each subject */
};

struct survey {
	const struct ctl_options *options;
	struct subject *subjects;
	size_t subject_count;
	struct pam_service other;
	struct door *doors;
	size_t door_count;
	struct place *places;
	size_t place_count;
	struct findings findings; /* that belong to no door */
	char *unread;             /* the first file that is there but could not be read; or NULL */
	bool refused;             /* a policy of somebody's lets nobody in */
};

__attribute__((format(printf, 4, 5))) void finding_add(struct findings *findings, const char *file,
						       unsigned line, const char *format, ...);

/* False where nobody gets a session from programs of this name: it is only included, or only asks
 * for passwords. */
bool door_opens_sessions(const struct survey *survey, const char *name);
bool door_is_gate(const char *name);

/* Judges a door whose service is read: ways, findings, lines to add. 0 or -ENOMEM. */
int door_judge(const struct survey *survey, struct door *door);

/* True where nothing of a way is open. */
bool way_is_covered(const struct way *way);

/* The file name of a line's module; true where that is ours. */
const char *pam_module_name(const struct pam_handler *handler);
bool pam_line_calls(const struct pam_handler *handler);

/* Names what is wrong with the session lines `ours`, of which there is one at least. False in
 * *ret_works: they refuse every session that they hold. 0 or -ENOMEM. */
int mistakes_find(const struct pam_stack *stack, const bool *ours, bool gate,
		  struct findings *findings, bool *ret_works);

/* The same for the auth lines of a gate; false in *ret_works: a login may not come to them, and
 * then is refused. */
int mistakes_find_auth(const struct pam_stack *stack, const bool *ours, struct findings *findings,
		       bool *ret_works);

/* The last value of `name=` in a line that calls the module, or NULL. */
const char *pam_argument_value(const struct pam_handler *handler, const char *name);

/* False where the module refuses every session for what stands there. */
bool pam_arguments_judge(const struct pam_handler *handler, struct findings *findings);

/* True where the line does not leave the subject, or the service, out. */
bool pam_line_holds(const struct pam_handler *handler, const char *service,
		    const struct subject *subject);

/* Judges the account lines of a door, which a session may do without. False in *ret_works: they
 * refuse every login. */
void account_judge(const struct survey *survey, struct door *door, bool *ret_works);

/* Names the users who cannot change a password that has expired, once the ways are judged. */
void expired_find(const struct survey *survey, struct door *door);

/* Where one door's file includes another's, a line that is missing in both is missing in that one
 * alone. */
void doors_share_lines(struct survey *survey);

/* Names the lines that confine a greeter by what is meant for its users. */
void greeters_find(struct survey *survey);

/* Asks `sshd -T` about every subject. */
void sshd_ask(struct survey *survey);

/* Finds the places, once the doors are judged. 0 or -ENOMEM. */
int places_find(struct survey *survey);

/* Prints each line that a service's stacks call the module by, once. False where there is none. */
bool uses_print(const struct survey *survey);

/* Write the survey to standard output. */
void survey_print(const struct survey *survey, bool covered);
void survey_print_json(const struct survey *survey, bool covered);

#endif
