/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ways to a unix socket that is not the session's: every kind, every name, names that move.
 * Run by test_escape.py; the working directory holds foreign.stream, .seqpacket and .datagram,
 * and there are abstract ones; in PATH, `outside` is a server of the user's own that no session
 * confines.
 */
#include "probe.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/un.h>

#define WORD "word" /* what must not arrive */

__attribute__((format(printf, 1, 2))) static struct sockaddr_un unix_to(const char *format, ...)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(un.sun_path, sizeof(un.sun_path), format, arguments);
	va_end(arguments);
	return un;
}

static int say(int type, const struct sockaddr_un *un, socklen_t length)
{
	int socket_ = socket(AF_UNIX, type, 0);
	int error = socket_ < 0 ? errno : 0;

	if (!error && type != SOCK_DGRAM)
		error = result_of(connect(socket_, (const void *)un, length));
	if (!error && type != SOCK_DGRAM)
		error = result_of(send(socket_, WORD, 4, MSG_NOSIGNAL));
	if (!error && type == SOCK_DGRAM)
		error = result_of(sendto(socket_, WORD, 4, 0, (const void *)un, length));
	close(socket_);
	return error;
}

static int say_to(int type, struct sockaddr_un un)
{
	return say(type, &un, sizeof(un));
}

static int absolute(void)
{
	char *directory = get_current_dir_name();

	return say_to(SOCK_STREAM, unix_to("%s/foreign.stream", directory));
}

static int relative(void)
{
	return say_to(SOCK_STREAM, unix_to("%s", "foreign.stream"));
}

static int seqpacket(void)
{
	return say_to(SOCK_SEQPACKET, unix_to("%s", "foreign.seqpacket"));
}

static int unterminated(void)
{
	struct sockaddr_un un = unix_to("%s", "foreign.stream");

	return say(SOCK_STREAM, &un,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen("foreign.stream")));
}

static int padded(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t start = sizeof(un.sun_path) - strlen("foreign.stream");

	for (size_t i = 0; i < start; i++)
		un.sun_path[i] = i % 2 == 0 ? '.' : '/';
	memcpy(un.sun_path + start, "foreign.stream", strlen("foreign.stream"));
	return say(SOCK_STREAM, &un, sizeof(un));
}

static int through_link(void)
{
	char *directory = get_current_dir_name();

	unlink("/var/tmp/to-foreign");
	if (symlink(directory, "/var/tmp/to-foreign"))
		return errno;
	return say_to(SOCK_STREAM, unix_to("%s", "/var/tmp/to-foreign/foreign.stream"));
}

static int through_root(void)
{
	char *directory = get_current_dir_name();

	return say_to(SOCK_STREAM, unix_to("/proc/self/root%s/foreign.stream", directory));
}

static int through_directory(void)
{
	return say_to(SOCK_STREAM, unix_to("%s", "/proc/self/cwd/foreign.stream"));
}

static int through_descriptor(void)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", open(".", O_PATH));
	return say_to(SOCK_STREAM, unix_to("/proc/self/fd/%s/foreign.stream", number));
}

static int by_sendto(void)
{
	return say_to(SOCK_DGRAM, unix_to("%s", "foreign.datagram"));
}

static int by_sendmsg(void)
{
	struct sockaddr_un un = unix_to("%s", "foreign.datagram");
	struct iovec vector = { (char *)WORD, 4 };
	const struct msghdr message = {
		.msg_name = &un, .msg_namelen = sizeof(un), .msg_iov = &vector, .msg_iovlen = 1
	};

	return result_of(sendmsg(socket(AF_UNIX, SOCK_DGRAM, 0), &message, 0));
}

static int by_connected_datagram(void)
{
	struct sockaddr_un un = unix_to("%s", "foreign.datagram");
	int socket_ = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (connect(socket_, (const void *)&un, sizeof(un)))
		return errno;
	return result_of(write(socket_, WORD, 4));
}

static int say_abstract(int type, const char *name)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	strncpy(un.sun_path + 1, name, sizeof(un.sun_path) - 2);
	return say(type, &un, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name)));
}

static int abstract(void)
{
	return say_abstract(SOCK_STREAM, "foreign.abstract");
}

static int abstract_datagram(void)
{
	return say_abstract(SOCK_DGRAM, "foreign.datagram");
}

/* The name of the socket itself is a link of /proc. */
static int through_pin(void)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", open("foreign.stream", O_PATH));
	return say_to(SOCK_STREAM, unix_to("/proc/self/fd/%s", number));
}

static int through_thread(void)
{
	return say_to(SOCK_STREAM, unix_to("%s", "/proc/thread-self/cwd/foreign.stream"));
}

static int through_child(void)
{
	char number[16];
	pid_t child = fork();
	int error;

	if (child == 0) {
		pause();
		_exit(0);
	}
	snprintf(number, sizeof(number), "%d", (int)child);
	error = say_to(SOCK_STREAM, unix_to("/proc/%s/cwd/foreign.stream", number));
	kill(child, SIGKILL);
	return error;
}

static int through_hard_link(void)
{
	if (link("foreign.stream", "/tmp/to-foreign.stream"))
		return errno;
	return say_to(SOCK_STREAM, unix_to("%s", "/tmp/to-foreign.stream"));
}

static int by_sendmmsg(void)
{
	struct sockaddr_un un = unix_to("%s", "foreign.datagram");
	struct iovec vector = { (char *)WORD, 4 };
	struct mmsghdr message = { .msg_hdr = { .msg_name = &un,
						.msg_namelen = sizeof(un),
						.msg_iov = &vector,
						.msg_iovlen = 1 } };

	return result_of(sendmmsg(socket(AF_UNIX, SOCK_DGRAM, 0), &message, 1, 0));
}

/* From one end of a connected pair. */
static int by_pair(void)
{
	struct sockaddr_un un = unix_to("%s", "foreign.datagram");
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair))
		return errno;
	return result_of(sendto(pair[0], WORD, 4, 0, (const void *)&un, sizeof(un)));
}

/* A descriptor goes with it. */
static int by_rights(void)
{
	struct sockaddr_un un = unix_to("%s", "foreign.datagram");
	struct iovec vector = { (char *)WORD, 4 };
	char buffer[CMSG_SPACE(sizeof(int))] = "";
	struct msghdr message = { .msg_name = &un,
				  .msg_namelen = sizeof(un),
				  .msg_iov = &vector,
				  .msg_iovlen = 1,
				  .msg_control = buffer,
				  .msg_controllen = sizeof(buffer) };
	struct cmsghdr *control = CMSG_FIRSTHDR(&message);

	*control = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	return result_of(sendmsg(socket(AF_UNIX, SOCK_DGRAM, 0), &message, 0));
}

/* A server of the user's own, outside ----------------------------------------------------------- */

static int outside(void)
{
	return say_to(SOCK_STREAM, unix_to("%s/outside", target.path));
}

static int outside_by_hard_link(void)
{
	if (chdir(target.path))
		return errno;
	unlink("linked");
	if (link("outside", "linked"))
		return errno;
	return say_to(SOCK_STREAM, unix_to("%s", "linked"));
}

/* Races between a server of ours and the one outside -------------------------------------------- */

static struct sockaddr_un raced;

static void *serve(void *listener)
{
	char word[8];

	for (;;) {
		int client = accept(*(int *)listener, NULL, NULL);

		if (client < 0)
			return NULL;
		if (read(client, word, sizeof(word)) < 0)
			word[0] = '\0';
		close(client);
	}
}

/* `inside` is ours, here/there are directories with one of the two each. */
static int race_prepare(void)
{
	static int listener;
	struct sockaddr_un un = unix_to("%s", "inside");
	pthread_t thread;

	if (chdir(target.path))
		return errno;
	unlink("inside");
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(listener, (const void *)&un, sizeof(un)) || listen(listener, 64))
		return errno;
	mkdir("here", 0700);
	mkdir("there", 0700);
	unlink("here/server");
	unlink("there/server");
	if (link("inside", "here/server") || link("outside", "there/server"))
		return errno;
	return pthread_create(&thread, NULL, serve, &listener);
}

static int say_raced(void)
{
	return say(SOCK_STREAM, &raced, sizeof(raced));
}

static void *exchange_names(void *unused)
{
	for (;;)
		syscall(__NR_renameat2, AT_FDCWD, "here/server", AT_FDCWD, "there/server",
			RENAME_EXCHANGE);
	return unused;
}

static void *exchange_directories(void *unused)
{
	for (;;)
		syscall(__NR_renameat2, AT_FDCWD, "here", AT_FDCWD, "there", RENAME_EXCHANGE);
	return unused;
}

static void *change_links(void *unused)
{
	static const char *const targets[] = { "inside", "outside" };

	for (unsigned i = 0;; i++) {
		unlink("link.new");
		if (symlink(targets[i % 2], "link.new") == 0)
			rename("link.new", "link");
	}
	return unused;
}

static void *change_hard_links(void *unused)
{
	static const char *const targets[] = { "inside", "outside" };

	for (unsigned i = 0;; i++) {
		unlink("hard.new");
		if (link(targets[i % 2], "hard.new") == 0)
			rename("hard.new", "hard");
		unlink("hard");
	}
	return unused;
}

static void *change_directory(void *unused)
{
	for (;;)
		if (chdir("here") || chdir("../there") || chdir(".."))
			return unused;
}

static void *change_path(void *unused)
{
	for (;;) {
		memcpy(raced.sun_path, "inside\0", 8);
		__asm__ volatile("" ::: "memory");
		memcpy(raced.sun_path, "outside", 8);
		__asm__ volatile("" ::: "memory");
	}
	return unused;
}

static int race_for(const char *name, void *(*change)(void *))
{
	int error = race_prepare();

	raced = unix_to("%s", name);
	return error ? error : race(change, say_raced);
}

static int race_names(void)
{
	return race_for("here/server", exchange_names);
}

static int race_directories(void)
{
	return race_for("here/server", exchange_directories);
}

static int race_links(void)
{
	return race_for("link", change_links);
}

static int race_hard_links(void)
{
	return race_for("hard", change_hard_links);
}

static int race_working_directory(void)
{
	return race_for("server", change_directory);
}

static int race_memory(void)
{
	return race_for("inside", change_path);
}

static const struct probe probes[] = {
	{ "absolute", absolute },
	{ "relative", relative },
	{ "seqpacket", seqpacket },
	{ "unterminated", unterminated },
	{ "padded", padded },
	{ "through_link", through_link },
	{ "through_proc_root", through_root },
	{ "through_proc_cwd", through_directory },
	{ "through_proc_fd", through_descriptor },
	{ "sendto", by_sendto },
	{ "sendmsg", by_sendmsg },
	{ "connected_datagram", by_connected_datagram },
	{ "abstract", abstract },
	{ "abstract_datagram", abstract_datagram },
	{ "through_pinned_socket", through_pin },
	{ "through_proc_thread", through_thread },
	{ "through_proc_child", through_child },
	{ "through_hard_link", through_hard_link },
	{ "sendmmsg", by_sendmmsg },
	{ "sendto_from_a_pair", by_pair },
	{ "sendmsg_with_descriptor", by_rights },
	{ "outside", outside },
	{ "outside_by_hard_link", outside_by_hard_link },
	{ "race_names", race_names },
	{ "race_directories", race_directories },
	{ "race_links", race_links },
	{ "race_hard_links", race_hard_links },
	{ "race_working_directory", race_working_directory },
	{ "race_memory", race_memory },
};
PROBE_MAIN(probes)
