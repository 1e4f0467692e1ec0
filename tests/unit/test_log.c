/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a line goes: the journal, else the log daemon; one that hangs holds nobody up.
 * Run by `make test`; needs root for a /dev and a /run of its own.
 * Each test is a child in its own mount namespace: the machine's log sees nothing of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "log.h"
#include "util.h"

#define JOURNAL "/run/systemd/journal/socket"
#define SYSLOG  "/dev/log"
#define HUNG    5 /* seconds after which a test has hung */

static const struct log_field fields[] = { { "user", "a b" }, { "rule", NULL }, { "port", "22" } };

#define IN_CHROOT 77

/* Where / is no mount, as where packages are built, what is mounted could be seen outside. */
static bool mounts_leave(void)
{
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		return true;
	if (errno == EINVAL)
		_exit(IN_CHROOT);
	return false;
}

static bool machine_enter(void)
{
	return mounts_leave() && mount("tmpfs", "/dev", "tmpfs", 0, NULL) == 0 &&
	       mount("tmpfs", "/run", "tmpfs", 0, NULL) == 0 && mkdir("/run/systemd", 0755) == 0 &&
	       mkdir("/run/systemd/journal", 0755) == 0;
}

/* The exit status of `body` is 0 where all it demands is so. */
static void run(int (*body)(void))
{
	int status;
	pid_t child;

	if (geteuid() != 0)
		skip(); /* only root may mount */
	child = fork();
	if (child == 0) {
		alarm(HUNG);
		_exit(machine_enter() ? body() : 100);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == IN_CHROOT) {
		print_message("skipped: / is not a mount of its own\n");
		skip();
	}
	assert_int_equal(status, 0);
}

#define DEMAND(condition)                \
	do {                             \
		if (!(condition))        \
			return __LINE__; \
	} while (0)

static int daemon_listen(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, strlen(path));
	return bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? fd : -1;
}

/* True where the next message is `expected`; "" where there is none. */
static bool daemon_reads(int fd, const char *expected)
{
	char text[4096];
	ssize_t length = recv(fd, text, sizeof(text) - 1, 0);

	text[length > 0 ? length : 0] = '\0';
	return strcmp(text, expected) == 0;
}

/* The same of a line as syslog is sent it. */
static bool syslog_reads(int fd, int priority, const char *line)
{
	char expected[512];

	snprintf(expected, sizeof(expected), "<%d>sandlock[%d]: %s", LOG_AUTHPRIV | priority,
		 (int)getpid(), line);
	return daemon_reads(fd, expected);
}

static int syslog_body(void)
{
	int daemon = daemon_listen(SYSLOG);

	log_open(-1);
	log_event(LOG_NOTICE, "denied", fields, ARRAY_SIZE(fields));
	log_line(LOG_ERR, "number %d", 7);
	DEMAND(syslog_reads(daemon, LOG_NOTICE, "denied user=a\\x20b port=22"));
	DEMAND(syslog_reads(daemon, LOG_ERR, "number 7"));
	return 0;
}

static void line_without_journal_reaches_syslog(void **state)
{
	(void)state;
	run(syslog_body);
}

static int journal_body(void)
{
	int daemon = daemon_listen(SYSLOG), journal = daemon_listen(JOURNAL);

	log_open(-1);
	log_event(LOG_NOTICE, "denied", fields, ARRAY_SIZE(fields));
	DEMAND(daemon_reads(journal, "MESSAGE=denied user=a\\x20b port=22\n"
				     "PRIORITY=5\n"
				     "SYSLOG_FACILITY=10\n"
				     "SYSLOG_IDENTIFIER=sandlock\n"
				     "SANDLOCK_USER=a\\x20b\n"
				     "SANDLOCK_PORT=22\n"));
	DEMAND(daemon_reads(daemon, ""));
	return 0;
}

static void line_with_journal_reaches_its_fields_alone(void **state)
{
	(void)state;
	run(journal_body);
}

static int restart_body(void)
{
	int daemon = daemon_listen(SYSLOG);

	log_open(-1);
	close(daemon);
	log_line(LOG_ERR, "lost");
	unlink(SYSLOG);
	daemon = daemon_listen(SYSLOG);
	log_line(LOG_ERR, "found");
	DEMAND(syslog_reads(daemon, LOG_ERR, "found"));
	return 0;
}

static void daemon_restarted_is_found_again(void **state)
{
	(void)state;
	run(restart_body);
}

/* What names an address would find the new daemon. */
static int connected_body(void)
{
	int daemon = daemon_listen(SYSLOG);
	int next;

	log_open(-1);
	log_connect();
	unlink(SYSLOG);
	next = daemon_listen(SYSLOG);
	log_line(LOG_ERR, "held");
	DEMAND(syslog_reads(daemon, LOG_ERR, "held"));
	log_close();
	log_line(LOG_ERR, "again");
	DEMAND(syslog_reads(next, LOG_ERR, "again"));
	return 0;
}

static void log_connected_sends_without_an_address(void **state)
{
	(void)state;
	run(connected_body);
}

/* Its queue takes a few messages; what waits for more room waits for ever. */
static int hung_body(void)
{
	int daemon = daemon_listen(SYSLOG), journal = daemon_listen(JOURNAL);

	log_open(-1);
	for (int i = 0; i < 40; i++)
		log_line(LOG_ERR, "line");
	DEMAND(syslog_reads(daemon, LOG_ERR, "line"));
	DEMAND(!daemon_reads(journal, ""));
	return 0;
}

static void daemon_hung_is_not_waited_for(void **state)
{
	(void)state;
	run(hung_body);
}

/* A reader that is about to come sees the line, however full the queue was. */
static int flooded_body(void)
{
	int daemon = daemon_listen(SYSLOG), status;
	const struct sockaddr_un address = { AF_UNIX, SYSLOG };
	int flood = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	pid_t reader;
	char text[64];

	log_open(-1);
	while (sendto(flood, "flood", 5, 0, (const struct sockaddr *)&address, sizeof(address)) > 0)
		;
	DEMAND(errno == EAGAIN);
	reader = fork();
	if (reader == 0) {
		alarm(HUNG);
		usleep(1000);
		do {
			memset(text, 0, sizeof(text));
			recv(daemon, text, sizeof(text) - 1, 0);
		} while (!strstr(text, "denied"));
		_exit(0);
	}
	log_line(LOG_ERR, "denied");
	DEMAND(waitpid(reader, &status, 0) == reader && status == 0);
	return 0;
}

static void daemon_flooded_is_waited_for(void **state)
{
	(void)state;
	run(flooded_body);
}

/* The number of a mirror may be anybody's afterwards; the sockets are opened anew. */
static int closed_body(void)
{
	int mirror = open("/dev/mirror", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int daemon = daemon_listen(SYSLOG);
	struct stat status;

	log_open(mirror);
	log_close();
	log_line(LOG_ERR, "again");
	DEMAND(syslog_reads(daemon, LOG_ERR, "again"));
	DEMAND(fstat(mirror, &status) == 0 && status.st_size == 0);
	return 0;
}

static void log_closed_forgets_the_mirror_and_opens_again(void **state)
{
	(void)state;
	run(closed_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_without_journal_reaches_syslog),
		cmocka_unit_test(line_with_journal_reaches_its_fields_alone),
		cmocka_unit_test(daemon_restarted_is_found_again),
		cmocka_unit_test(log_connected_sends_without_an_address),
		cmocka_unit_test(daemon_hung_is_not_waited_for),
		cmocka_unit_test(daemon_flooded_is_waited_for),
		cmocka_unit_test(log_closed_forgets_the_mirror_and_opens_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
