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

/* `name` is lower-case [a-z_]; it is the key of the line and, upper-cased after SANDLOCK_, the
 * journal's field. */
struct log_field {
	const char *name;
	const char *value; /* NULL: the field is left out */
};

/* Opens the socket now, before a sandbox of our own forbids it. `mirror` is a descriptor that also
 * gets each line, or -1 (sandlockctl's standard error). A daemon that hangs delays the first line
 * by 50 ms and loses its lines. Without a socket each line tries again: a negative errno is for
 * callers that cannot. */
int log_open(int mirror);

/* Connects the socket of log_open to the present daemon: lines without an address pass a filter
 * that traps addresses, whether a supervisor serves it or not. */
void log_connect(void);

/* Forgets mirror and identity; a later line opens a new socket. Also for a process that moves its
 * descriptors. */
void log_close(void);

/* From here on each line has the fields user and session. NULL and 0: not known yet. */
void log_identify(const char *user, uint64_t session);

/* `event` is a text of ours and printed unchanged; one line: event, then name=value for each field.
 * False where no log accepted it. */
bool log_event(int priority, const char *event, const struct log_field *fields, size_t count);

/* True where a log is there that had no room for the last line: it may have some again. */
bool log_is_full(void);

/* A line without fields. */
void log_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes the one line that log_event would send; returns its length. Exported for tests. */
size_t log_format(char line[LOG_LINE_MAX], const char *event, const struct log_field *fields,
		  size_t count);

#endif
