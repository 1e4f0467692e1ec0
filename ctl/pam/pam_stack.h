/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stacks of a PAM service: its lines and those of every file it includes, in the order of
 * calls. Reads files only through its caller's function. Distrusts the files: loops, missing ones
 * and endless ones end as lines that always fail.
 */
#ifndef SANDLOCK_PAM_STACK_H
#define SANDLOCK_PAM_STACK_H

#include "pam_line.h"

#define PAM_DEPTH_MAX    32   /* of includes within one another */
#define PAM_HANDLERS_MAX 4096 /* of a service */

/* One line of a stack. */
struct pam_handler {
	const char *file;
	const struct pam_line *line;
	enum pam_line_kind kind; /* LINE_SUBSTACK: here one begins, whose lines have a higher level */
	unsigned level;
};

struct pam_stack {
	struct pam_handler *handlers;
	size_t count;
};

struct pam_complaint {
	const char *file;
	unsigned line; /* 0: the file as a whole */
	const char *text;
};

struct pam_file;

struct pam_service {
	struct pam_file *files;
	const char *path; /* of the file of its own; NULL: there is none, and it has no lines */
	bool refused;     /* libpam gives up on it: every call fails */
	struct pam_stack stacks[TYPE_ANY];
	struct pam_complaint *complaints;
	size_t complaint_count;
};

/* The file that libpam opens for the name of a service or of an include: its path and bytes, which
 * the caller frees. -ENOENT where there is none, or another negative errno. */
typedef int (*pam_source)(const char *name, void *context, char **ret_path, char **ret_bytes,
			  size_t *ret_length);

/* 0, whatever the files say: what is wrong with them stands in `complaints`. -ENOMEM. */
int pam_service_read(const char *name, pam_source source, void *context,
		     struct pam_service *ret_service);
void pam_service_free(struct pam_service *service);

/* True where a file of `service` was asked for by the name `name`, its own one apart. */
bool pam_service_includes(const struct pam_service *service, const char *name);

#endif
