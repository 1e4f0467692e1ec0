/*
 * What a login was given by who started it: an ssh agent, an X11 display. Called by session_start
 * and login. Distrusts the words, which may be the environment of anybody.
 */
#ifndef SANDLOCK_GIVEN_H
#define SANDLOCK_GIVEN_H

#include <sys/types.h>

#define DISPLAY_NUMBER_MAX 16

/* O_PATH of the socket, where it is the user's own and an agent, known by its process name, serves
 * it; else, also for NULL, -1. It sees one empty connection. */
int given_agent(const char *path, uid_t uid);

/* The number in ":0", "unix:0.0"; "-" where the display (or NULL) is none of this machine's. */
void given_display(const char *display, char ret_number[DISPLAY_NUMBER_MAX]);

#endif
