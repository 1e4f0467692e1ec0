/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opens a path of a policy. A symbolic link is followed only where nobody but root can have made or
 * changed it: every directory on the way to it is owned by root and writable by nobody else.
 */
#ifndef SANDLOCK_PATH_H
#define SANDLOCK_PATH_H

#include <limits.h>
#include <stdbool.h>

/* Why a path cannot be followed although all of it may exist. */
enum path_obstacle {
	PATH_NO_OBSTACLE = 0,
	PATH_LINK,         /* a symbolic link that users other than root can have made */
	PATH_PROCESS_LINK, /* one of procfs: it differs from process to process */
	PATH_PARENT,       /* `..` in a directory that users other than root can move */
	PATH_LOOP,         /* more links than path_resolution(7) follows */
};

/* Where a walk ended: always written. */
struct path_end {
	/* The canonical path, or the component where the walk ended. Its bytes may come from any
	 * user. */
	char name[PATH_MAX];
	enum path_obstacle obstacle;
	bool changeable; /* after an error: users other than root decide what is there */
};

/* Directories in which no link counts as root's, whoever owns them: root in a session may have
 * changed their owners and modes, which Landlock does not restrict. */
struct path_untrusted {
	bool (*contains)(const char *name, const void *context); /* `name` is canonical */
	const void *context;
};

/* True for `directory` and what is below it, by their names alone; everything is below /. */
bool path_is_beneath(const char *path, const char *directory);

/* An O_PATH descriptor of the absolute `path`, close-on-exec, or a negative errno: -ELOOP where
 * there is an obstacle. `untrusted` may be NULL. Directories are opened one by one and checked by
 * their descriptors, so that what somebody changes meanwhile makes no difference. Automounts are
 * mounted. */
int path_open(const char *path, const struct path_untrusted *untrusted, struct path_end *ret_end);

/* The name by which the kernel knows `path`, of which the end need not exist: from a component that
 * is missing or an obstacle on, the rest stays as written. -ELOOP, -ENAMETOOLONG. */
int path_name(const char *path, const struct path_untrusted *untrusted, char ret_name[PATH_MAX]);

/* What an obstacle is, and what to write instead; follows the name of the component. */
const char *path_obstacle_text(enum path_obstacle obstacle);

#endif
