/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One file of PAM configuration -> its lines, as libpam takes them apart. Pure. Distrusts every
 * byte: a line that libpam makes a module of that always fails is one here.
 */
#ifndef SANDLOCK_PAM_LINE_H
#define SANDLOCK_PAM_LINE_H

#include <stdbool.h>
#include <stddef.h>

enum pam_type {
	TYPE_AUTH = 0,
	TYPE_ACCOUNT,
	TYPE_SESSION,
	TYPE_PASSWORD,
	TYPE_ANY,     /* also how many there are */
	TYPE_UNKNOWN, /* libpam takes it for the one that is asked for, else for auth */
};

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
	LINE_BROKEN,  /* always fails */
	LINE_INCLUDE, /* `include`, and `@include`, whose type is TYPE_ANY */
	LINE_SUBSTACK,
};

struct pam_line {
	enum pam_line_kind kind;
	enum pam_type type;
	unsigned number;
	const char *control;   /* as written, without brackets; "" where there is none */
	const char *name;      /* of the module or the included file; "" where there is none */
	const char *arguments; /* one after another, each ended by NUL */
	size_t argument_count;
	const char *complaint; /* why it is broken, else NULL; not the caller's to free */
	int actions[RETURN_COUNT];
};

struct pam_lines {
	char *text; /* what the lines point into */
	struct pam_line *lines;
	size_t count;
	unsigned unfinished; /* the line whose continuation never comes: libpam refuses the file; else 0 */
};

/* 0 or -ENOMEM, whatever the bytes are. */
int pam_lines_read(const char *bytes, size_t length, struct pam_lines *ret_lines);
void pam_lines_free(struct pam_lines *lines);

/* The argument behind `argument`, of which there must be one. */
const char *pam_argument_next(const char *argument);

#endif
