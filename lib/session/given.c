/*
 * What a login was given by who started it.
 * Called by session_start and login.
 * Distrusts the words, which the user may have chosen at an earlier login: a socket counts where it
 * is his and an agent serves it, a display where it is a number.
 */
#include "given.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "util.h"

#define NAME_SIZE 16 /* of a process, with its end */
#define PATH_SIZE 32

/* By name, since the same uid runs them; any other server, the user's bus say, might start programs
 * for the session, outside of it. */
static bool is_agent(pid_t pid)
{
	static const char *const agents[] = { "sshd", "sshd-session", "ssh-agent", "gpg-agent",
					      "gnome-keyring-d" };
	char path[PATH_SIZE];
	char name[NAME_SIZE];
	cleanup_fd int fd = -1;
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? -1 : read(fd, name, sizeof(name));
	if (length < 1)
		return false;
	/* In the place of the newline. */
	name[length - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(agents); i++)
		if (strcmp(name, agents[i]) == 0)
			return true;
	return false;
}

/* An empty connection tells who listens. */
static bool agent_serves(int pin)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	cleanup_fd int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", pin);
	return probe >= 0 &&
	       connect(probe, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	       getsockopt(probe, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && is_agent(peer.pid);
}

int given_agent(const char *path, uid_t uid)
{
	cleanup_fd int fd = path ? open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1;
	struct stat status;

	if (fd < 0 || fstat(fd, &status) || !S_ISSOCK(status.st_mode) || status.st_uid != uid ||
	    !agent_serves(fd))
		return -1;
	return fd_take(&fd);
}

void given_display(const char *display, char ret_number[DISPLAY_NUMBER_MAX])
{
	uint64_t value;

	snprintf(ret_number, DISPLAY_NUMBER_MAX, "-");
	if (!display)
		return;
	if (strncmp(display, "unix:", 5) == 0)
		display += 4;
	if (*display++ != ':')
		return;
	snprintf(ret_number, DISPLAY_NUMBER_MAX, "%.*s", (int)strcspn(display, "."), display);
	if (parse_unsigned(ret_number, UINT16_MAX, &value))
		snprintf(ret_number, DISPLAY_NUMBER_MAX, "-");
}
