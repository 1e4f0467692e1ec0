/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one log sink: syslog authpriv under the ident `sandlock`, with the journal's native fields
 * where its socket is. Libraries return errors instead. Keeps errno. Values are hostile: what is
 * not printable ASCII, and space, quote and backslash, is written as \xNN.
 */
#ifndef SANDLOCK_LOG_H
#define SANDLOCK_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

#define LOG_FIELDS_MAX 14   /* of a line, user and session among them */
#define LOG_LINE_MAX   1024 /* bytes of a line; what is longer is cut */

/* `name` is lower-case [a-z_]; it is the key of the line and, upper-cased behind SANDLOCK_, the
 * journal's field. */
struct log_field {
	const char *name;
	const char *value; /* NULL: the field is left out */
};

/* Opens the socket now, so that a later sandbox of our own does not stand in the way.
 * `mirror` is a descriptor that also gets each line, or -1 (sandlockctl's standard error). A daemon
 * that hangs costs its first line 50 ms, and its lines. Where there is no socket, each line tries
 * again: a negative errno for whom that would be the end. */
int log_open(int mirror);

/* Connects the socket of log_open to the daemon that is there now: a filter that traps what names
 * an address lets the lines pass, whether somebody serves it or not. */
void log_connect(void);

/* For a process that moves its descriptors: the next line opens a new socket, and there is no mirror. */
void log_close(void);

/* From here on each line begins with user=… and session=…. `user` (NULL: not known yet) is the
 * caller's and must stay; `session` is the plan's, 0: none yet. */
void log_identify(const char *user, uint64_t session);

/* `event` is ours and printed as it is; one line: event, then name=value for each field. False
 * where nobody took it. */
bool log_event(int priority, const char *event, const struct log_field *fields, size_t count);

/* A line without fields, for what is ours alone. */
void log_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes the one line that log_event would send; returns its length. Exported for tests. */
size_t log_format(char line[LOG_LINE_MAX], const char *event, const struct log_field *fields,
		  size_t count);

#endif
