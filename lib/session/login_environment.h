/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ssh agent and the X11 display in a login's environment. Distrusts the values, which any user
 * may have chosen.
 */
#ifndef SANDLOCK_LOGIN_ENVIRONMENT_H
#define SANDLOCK_LOGIN_ENVIRONMENT_H

struct plan;

/* O_PATH of the socket, where it is the user's own, `own` is listed, and an agent serves it;
 * else, also for NULL, -1. One that is refused is logged. To be called while the processes of
 * the machine can be looked at: before Landlock. While the descriptor is open no other socket
 * is on the file. */
int login_environment_agent(const char *path, const struct plan *plan);

/* The number in ":0", "unix:0.0"; -1 where the display (or NULL) is none of this machine's. */
int login_environment_display(const char *display);

#endif
