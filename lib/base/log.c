/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one log sink: the journal's socket where there is one, else syslog; optionally a descriptor
 * too. Distrusts every value, and the daemons at the other end: one that hangs costs one wait.
 */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

#include "util.h"

#define LOG_IDENT      "sandlock"
#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET  "/dev/log"
#define JOURNAL_NAME   40
#define SESSION_TEXT   17 /* 64 bits in hexadecimal */
#define USER_TEXT      257
#define MESSAGE_HEAD   64
#define SINK_WAIT      50000 /* microseconds, once a second at most */

/* The log of this process: all the state that this file has, and the only one of lib/base. */
static struct {
	int fd;                /* one socket for both daemons, mostly not connected: either may
				  come and go */
	const char *connected; /* the path of the one that it is connected to, or NULL */
	bool hung;
	time_t waited; /* monotonic, when a line last waited for room */
	int mirror;
	/* The user and session of the lines; "": not known yet. */
	char user[USER_TEXT];
	char session[SESSION_TEXT];
} sink = { .fd = -1, .mirror = -1 };

static int sink_open(void)
{
	static const struct timeval wait = { .tv_usec = SINK_WAIT };

	if (sink.fd >= 0)
		return 0;
	sink.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sink.fd < 0 || setsockopt(sink.fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)))
		return -errno;
	return 0;
}

int log_open(int mirror)
{
	int saved = errno;
	int error;

	sink.mirror = mirror;
	error = sink_open();
	errno = saved;
	return error;
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return address;
}

void log_connect(void)
{
	static const char *const paths[] = { JOURNAL_SOCKET, SYSLOG_SOCKET };
	int saved = errno;

	for (size_t i = 0; i < ARRAY_SIZE(paths) && !sink.connected; i++) {
		struct sockaddr_un address = address_of(paths[i]);

		if (connect(sink.fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
			sink.connected = paths[i];
	}
	errno = saved;
}

void log_close(void)
{
	util_cleanup_fd(&sink.fd);
	sink.fd = -1;
	sink.connected = NULL;
	sink.mirror = -1;
	log_identify(NULL, 0);
}

void log_identify(const char *user, uint64_t session)
{
	snprintf(sink.user, sizeof(sink.user), "%s", user ? user : "");
	sink.session[0] = '\0';
	if (session)
		snprintf(sink.session, sizeof(sink.session), "%016llx", (unsigned long long)session);
}

/* Events may quote a policy or an argument: they stay one line. */
static bool is_plain(unsigned char byte, bool value)
{
	if (byte < ' ' || byte >= 0x7f)
		return false;
	return !value || (byte != ' ' && byte != '"' && byte != '\\');
}

static size_t append(char *line, size_t used, const char *text, bool value)
{
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (is_plain(byte, value)) {
			if (used + 1 >= LOG_LINE_MAX)
				break;
			line[used++] = (char)byte;
		} else {
			if (used + 4 >= LOG_LINE_MAX)
				break;
			used += (size_t)snprintf(line + used, LOG_LINE_MAX - used, "\\x%02x", byte);
		}
	}
	line[used] = '\0';
	return used;
}

size_t log_format(char line[LOG_LINE_MAX], const char *event, const struct log_field *fields,
		  size_t count)
{
	size_t used = append(line, 0, event, false);

	for (size_t i = 0; i < count; i++) {
		if (!fields[i].value)
			continue;
		used = append(line, used, " ", false);
		used = append(line, used, fields[i].name, false);
		used = append(line, used, "=", false);
		used = append(line, used, fields[i].value, true);
	}
	return used;
}

static time_t now_s(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* A queue that is full because a user floods it, to hide a denial, has room again at once; that of
 * a daemon that hangs never has, and is waited for only until that is known. */
static bool daemon_send(const char *path, const char *message, size_t length)
{
	const struct sockaddr_un address = address_of(path);
	const bool held = sink.connected && strcmp(sink.connected, path) == 0;
	bool waits = !sink.hung && now_s() != sink.waited;
	int flags = MSG_NOSIGNAL | (waits ? 0 : MSG_DONTWAIT);
	ssize_t taken;
	bool sent;

	/* The supervisor's timer for its own connects would cut the wait short, a few times. */
	do {
		taken = sendto(sink.fd, message, length, flags,
			       held ? NULL : (const struct sockaddr *)&address,
			       held ? 0 : sizeof(address));
	} while (taken < 0 && errno == EINTR);
	sent = taken == (ssize_t)length;
	if (!sent && errno == EAGAIN && waits)
		sink.waited = now_s();
	if (sent || errno == EAGAIN)
		sink.hung = !sent;
	return sent;
}

/* The daemon knows the time. */
static bool syslog_send(int priority, const char *line)
{
	char message[LOG_LINE_MAX + MESSAGE_HEAD];
	int length = snprintf(message, sizeof(message), "<%d>%s[%d]: %s", LOG_AUTHPRIV | priority,
			      LOG_IDENT, (int)getpid(), line);

	return daemon_send(SYSLOG_SOCKET, message, (size_t)length);
}

/* A journal entry is NAME=value lines; our values hold no newline once escaped. */
static bool journal_send(int priority, const char *line, const struct log_field *fields, size_t count)
{
	char entry[3 * LOG_LINE_MAX];
	char value[LOG_LINE_MAX];
	size_t used;

	used = (size_t)snprintf(entry, sizeof(entry),
				"MESSAGE=%s\nPRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=%s\n",
				line, priority, LOG_AUTHPRIV >> 3, LOG_IDENT);
	for (size_t i = 0; i < count; i++) {
		char name[JOURNAL_NAME];
		size_t length = 0;

		if (!fields[i].value)
			continue;
		for (; length < sizeof(name) - 1 && fields[i].name[length]; length++) {
			char c = fields[i].name[length];

			name[length] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
		}
		name[length] = '\0';
		append(value, 0, fields[i].value, true);
		if (used + strlen(name) + strlen(value) + 16 >= sizeof(entry))
			break;
		used += (size_t)snprintf(entry + used, sizeof(entry) - used, "SANDLOCK_%s=%s\n",
					 name, value);
	}
	return daemon_send(JOURNAL_SOCKET, entry, used);
}

bool log_event(int priority, const char *event, const struct log_field *fields, size_t count)
{
	int saved = errno;
	struct log_field all[LOG_FIELDS_MAX] = {
		{ "user", sink.user[0] ? sink.user : NULL },
		{ "session", sink.session[0] ? sink.session : NULL },
	};
	char line[LOG_LINE_MAX];
	size_t length;
	bool taken;

	for (size_t i = 0; i < count && i < LOG_FIELDS_MAX - 2; i++)
		all[2 + i] = fields[i];
	length = log_format(line, event, all, LOG_FIELDS_MAX);
	(void)sink_open();
	taken = journal_send(priority, line, all, LOG_FIELDS_MAX) || syslog_send(priority, line);
	if (sink.mirror >= 0) {
		struct iovec parts[] = {
			{ (void *)(uintptr_t) "sandlock: ", 10 },
			{ line, length },
			{ (void *)(uintptr_t) "\n", 1 },
		};

		if (writev(sink.mirror, parts, 3) < 0)
			sink.mirror = -1;
		taken |= sink.mirror >= 0;
	}
	errno = saved;
	return taken;
}

bool log_is_full(void)
{
	return sink.hung;
}

void log_line(int priority, const char *format, ...)
{
	char text[LOG_LINE_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	(void)log_event(priority, text, NULL, 0);
}
