/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the parts of session share.
 */
#include "session_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

int session_refuse(const char *what, int error)
{
	const char *why = error ? strerror(error) : "";
	const char *colon = error ? ": " : "";

	log_line(LOG_ERR, "login refused: %s%s%s uid=%u", what, colon, why, (unsigned)getuid());
	dprintf(STDERR_FILENO,
		"sandlock: login refused: %s%s%s; details are in the system log (ident sandlock)\n",
		what, colon, why);
	return SESSION_REFUSED;
}

int session_open_null(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	return null < 0 ? -errno : null;
}

int session_move_descriptor(int fd, int number)
{
	if (fd == number)
		return fcntl(fd, F_SETFD, 0) ? -errno : 0;
	if (dup2(fd, number) < 0)
		return -errno;
	close(fd);
	return 0;
}
