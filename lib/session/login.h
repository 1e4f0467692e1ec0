/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session that a PAM program opens: in the program itself, or in a child that it will fork. The
 * calling process is left as it was found, but for the confinement. Every failure refuses the
 * login.
 */
#ifndef SANDLOCK_LOGIN_H
#define SANDLOCK_LOGIN_H

#include <stdbool.h>
#include <sys/types.h>

#include "plan.h"
#include "planner.h"

#define LOGIN_SERVICE_USER "_sandlock"
#define LOGIN_UNNAMED      1 /* no policy names the user */
#define LOGIN_WHY_MAX      PLANNER_WHY_MAX

struct login_request {
	const char *user;
	const char *service; /* PAM's name of it */
	const char *client;  /* PAM_RHOST, or NULL */
	const char *conf;    /* another policy directory, or NULL */
	bool gate;           /* the session is in a child that calls login_enter */
	bool inherit;        /* inside a session of other endpoints, those stay */
	const char *agent;   /* SSH_AUTH_SOCK, or NULL */
	const char *display; /* DISPLAY, or NULL */
	char *why;           /* of LOGIN_WHY_MAX: a refusal's reason goes there; or NULL */
};

/* What children of the PAM caller need. */
struct login {
	bool gate; /* login_enter is still to come */
	pid_t pam_caller;
	pid_t supervisor;
	uid_t service_uid; /* of LOGIN_SERVICE_USER */
	gid_t service_gid;
	uint64_t gate_key; /* by which we add filters behind a gate of ours */
	struct plan plan;
};

/* *ret_login is closed where the result is not 0, and then good for login_refuse alone.
 * 0: the calling process, which must be root's, is confined; with `gate` its ports are, and no
 * descendant becomes the user before it has entered. LOGIN_UNNAMED: nothing was done. A negative
 * errno: the reason was logged; parts of the confinement may be in force. */
int login_open(const struct login_request *request, struct login *ret_login);

/* Whether login_open would find a sound policy now: 0, LOGIN_UNNAMED, or a negative errno (logged).
 * Of the request, `user`, `conf` and `why` count. Nothing is started or confined. */
int login_check(const struct login_request *request);

/* Confines a descendant of the PAM caller of a gate, before it becomes the user. After a negative
 * errno (logged) the process must end. */
int login_enter(const struct login *login);

/* A login that was refused: the calling process and its descendants get this user's uid no more,
 * also where the program goes on. (uid_t)-1 is a user whom nobody knows: no uid but root's then.
 * `login` is what login_open left, or all zero. */
void login_refuse(const struct login *login, uid_t uid);

void login_close(struct login *login);

#endif
