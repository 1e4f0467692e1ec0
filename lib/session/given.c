/*
 * What a login was given by who started it.
 * Called by session_start and login.
 * Distrusts the words: a socket counts where it is the user's, a display where it is a number.
 */
#include "given.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "util.h"

int given_agent(const char *path, uid_t uid)
{
	cleanup_fd int fd = path ? open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1;
	struct stat status;

	if (fd < 0 || fstat(fd, &status) || !S_ISSOCK(status.st_mode) || status.st_uid != uid)
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
