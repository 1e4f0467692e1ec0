/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stacks of a PAM service, as libpam makes them: its lines and those of every file it includes.
 * Distrusts the files: loops, missing and endless ones end as lines that always fail.
 */
#ifndef SANDLOCK_PAM_STACK_H
#define SANDLOCK_PAM_STACK_H

#include <stdbool.h>

#include "arena.h"

#define PAM_DEPTH_MAX 32         /* of includes within one another */
#define PAM_LINES_MAX 4096       /* of a service, each as often as it is included */
#define PAM_BYTES_MAX (1U << 20) /* of a service, likewise */

enum pam_type {
	TYPE_AUTH = 0,
	TYPE_ACCOUNT,
	TYPE_SESSION,
	TYPE_PASSWORD,
	TYPE_ANY,     /* also how many there are */
	TYPE_UNKNOWN, /* libpam takes it for the one that is asked for, else for auth */
};
extern const char *const pam_type_names[TYPE_ANY + 1]; /* the last one is NULL */

/* What a module may return, by libpam's numbers; those that are told apart have names. */
#define RETURN_SUCCESS        0
#define RETURN_PERM_DENIED    6
#define RETURN_IGNORE         25
#define RETURN_MODULE_UNKNOWN 28
#define RETURN_INCOMPLETE     31
#define RETURN_COUNT          32

/* What libpam does with a returned value; above 0: how many lines it jumps over. */
enum pam_action {
	ACTION_IGNORE = 0,
	ACTION_OK = -1,
	ACTION_DONE = -2,
	ACTION_BAD = -3,
	ACTION_DIE = -4,
	ACTION_RESET = -5,
	ACTION_UNSET = -6, /* only while a line is read */
};

enum pam_line_kind {
	LINE_MODULE = 0,
	LINE_BROKEN,   /* always fails */
	LINE_INCLUDE,  /* in no stack: its lines are; `@include` has TYPE_ANY */
	LINE_SUBSTACK, /* the lines after it that have a higher level */
};

struct pam_line {
	enum pam_line_kind kind;
	enum pam_type type;
	const char *file;
	unsigned number;
	unsigned level;      /* of substacks */
	const char *control; /* as written, without brackets; "" where there is none */
	const char *name;    /* of the module or the included file; "" where there is none */
	char **arguments;    /* the last one is NULL */
	const char *problem; /* why it is broken, or NULL */
	int actions[RETURN_COUNT];
};

struct pam_stack {
	struct pam_line *lines;
	size_t count;
};

struct pam_problem {
	const char *file;
	unsigned line; /* 0: the file as a whole */
	const char *text;
};

/* All its strings are in the arena that it was read into. */
struct pam_service {
	const char *name;
	const char *path; /* of the file of its own; NULL: there is none, and it has no lines */
	bool refused;     /* libpam gives up on it: every call fails */
	struct pam_stack stacks[TYPE_ANY];
	const char **includes; /* names that its lines ask for */
	size_t include_count;
	struct pam_problem *problems;
	size_t problem_count;
};

/* The file that libpam opens for the name of a service or of an include: its path, and its bytes
 * with a NUL after them, both in the arena. -ENOENT where there is none, or another negative errno. */
typedef int (*pam_source)(const char *name, void *context, struct arena *arena,
			  const char **ret_path, char **ret_bytes, size_t *ret_length);

struct pam_service pam_service_read(const char *name, pam_source source, void *context,
				    struct arena *arena);

/* True where a line of the service, or of what it includes, asks for a file by that name. */
bool pam_service_includes(const struct pam_service *service, const char *name);

/* The file's next line into *ret_line, as libpam takes it apart; false at the end. `*rest` goes on
 * from the file's bytes, which pam_text_prepare has seen, to NULL; `*number` begins at 0. Where
 * *ret_unfinished is set there is no line, for its continuation never comes. */
bool pam_line_next(char **rest, unsigned *number, struct arena *arena, struct pam_line *ret_line,
		   bool *ret_unfinished);
void pam_text_prepare(char *bytes, size_t length);

/* The module of a line without its directory. */
const char *pam_module_name(const struct pam_line *line);

#endif
