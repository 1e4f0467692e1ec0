/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a session starts: what the supervisor is told at its start, and what it, who starts it and
 * the first confined process tell one another until the session is served. Both ends of both, for
 * the login shell and for PAM. What arrives is validated by whoever receives it.
 *
 *	starter     -> supervisor   the start message, complete before the supervisor runs
 *	supervisor  -> starter      READY: it has given up what it will not need
 *	session     -> supervisor   LISTENER: its filter is on
 *	supervisor  -> both         GO: calls are served, the session may begin
 *	any         -> any          FAILED instead, and why; then it ends
 *
 * Under PAM the program that opens the session is starter and session at once; in the login shell
 * the starter is the parent that stands for the session.
 */
#ifndef SANDLOCK_HANDOVER_H
#define SANDLOCK_HANDOVER_H

#include <stdint.h>
#include <sys/types.h>

#include "failure.h"
#include "helper.h"

/* The start message ------------------------------------------------------------------------- */

#define START_FD      3 /* of the supervisor, at its start: what start_message_pack returns */
#define START_VERSION 1 /* a supervisor of another version refuses */

#define START_SERVICE_MAX 32
#define START_CLIENT_MAX  64

enum start_mode {
	START_SHELL = 1, /* the login shell, as the user */
	START_OPEN,      /* PAM: the session is the process that opens it */
	START_GATE,      /* PAM: a descendant of it, which enters the gate later */
};

/* The descriptors that come with it. */
enum start_fd {
	START_PLAN = 0, /* the sealed plan */
	START_PARENT,   /* to the starter; end of file: it is gone */
	START_CHILD,    /* START_SHELL: to the first confined process; else it is the parent */
	START_AGENT,    /* O_PATH of the session's ssh agent socket, or none */
	START_HELPERS,  /* the first of the helpers' sockets, or none */
	START_FDS = START_HELPERS + HELPERS,
};

struct start_message {
	uint32_t version;     /* set by start_message_pack */
	uint32_t fds;         /* 1 << enum start_fd of those that come; set likewise */
	uint32_t mode;        /* enum start_mode */
	int32_t child;        /* pid of the first confined process, or of what opens the session */
	int32_t display;      /* number of the session's X11 display; -1: none */
	uint32_t service_uid; /* whom to become under PAM; 0 for START_SHELL */
	int64_t deadline_ms;  /* of the whole start, start_wait.h */
	/* For the log; anybody may have chosen these bytes. */
	char service[START_SERVICE_MAX]; /* PAM's name of it, or "shell" */
	char client[START_CLIENT_MAX];   /* where the login comes from; "": this machine */
};

/* Fills in service and client, cut where they are too long; NULL is "". */
void start_message_name(struct start_message *message, const char *service, const char *client);

/* *ret_fd holds the message and copies of the descriptors (-1: none) until it is opened or closed.
 * Nobody waits for anybody. */
int start_message_pack(const struct start_message *message, const int fds[START_FDS], int *ret_fd);

/* -EPROTO: not a sound message of this version. The descriptors are close-on-exec, -1 where there
 * is none. */
int start_message_open(int fd, struct start_message *ret_message, int ret_fds[START_FDS]);

/* The supervisor's argument, which only ps(1) shows: user, service and session. */
#define START_TITLE_MAX 320
struct plan;
void start_title(char ret_title[START_TITLE_MAX], const struct plan *plan, const char *service);

/* What follows ------------------------------------------------------------------------------ */

enum handover {
	HANDOVER_FAILED = 0,
	HANDOVER_READY,
	HANDOVER_LISTENER, /* value: its number in the sender */
	HANDOVER_GO,       /* value: pid of the first confined process */
	/* The login shell only, once the session runs. */
	HANDOVER_STATUS, /* supervisor to parent: the wait(2) status with which the session ended */
	HANDOVER_SIGNAL, /* parent to supervisor: a signal for the first process */
};

struct handover_message {
	int32_t kind;                /* enum handover */
	int32_t value;               /* HANDOVER_FAILED: a negative errno or 0 */
	char text[FAILURE_TEXT_MAX]; /* HANDOVER_FAILED: see struct failure; only what is there is sent */
};

/* A connected pair, close-on-exec. */
int handover_pair(int ret_ends[2]);

/* Neither ever waits or raises a signal. */
int handover_send(int fd, enum handover kind, int value);
int handover_fail(int fd, const struct failure *failure);

/* The next message. -EAGAIN: there is none yet. -EPIPE: the other end is gone. -EPROTO: not a
 * message of ours. */
int handover_receive(int fd, struct handover_message *ret_message);

/* The reason where handover_receive or the wait for it failed. */
void handover_broken(struct failure *failure, const char *who, int error);

/* Waits for a message of this kind until the deadline (start_wait.h). Anything else from `who`
 * ("the supervisor"), or nothing, is a negative errno with its reason. */
int handover_await(int fd, const char *who, enum handover kind, int64_t deadline_ms, int *ret_value,
		   struct failure *failure);

#endif
