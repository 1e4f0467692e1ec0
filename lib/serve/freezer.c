/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether the control group of a process is to be frozen. Distrusts names of groups: a user may
 * have chosen them. Allocates nothing.
 */
#include "freezer.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

#define PATH_SIZE  512
#define LINES_SIZE 2048

static ssize_t file_read(const char *path, char *buffer, size_t size)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, buffer, size - 1);

	buffer[length > 0 ? length : 0] = '\0';
	return length;
}

/* "0::/a/b", the line of the unified hierarchy. */
static bool group_read(pid_t process, char group[PATH_SIZE])
{
	char path[sizeof("/proc//cgroup") + 3 * sizeof(process)];
	char lines[LINES_SIZE];
	const char *line = lines;
	size_t length;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)process);
	if (file_read(path, lines, sizeof(lines)) <= 0)
		return false;
	while (strncmp(line, "0::/", 4) != 0) {
		line = strchr(line, '\n');
		if (!line++)
			return false;
	}
	line += 3;
	length = strcspn(line, "\n");
	if (line[length] != '\n' || length >= PATH_SIZE)
		return false;
	memcpy(group, line, length);
	group[length] = '\0';
	return true;
}

static bool is_set(const char *mount, const char *group)
{
	char path[PATH_SIZE + sizeof("/sys/fs/cgroup/unified/cgroup.freeze")];
	char value[4];

	snprintf(path, sizeof(path), "%s%s/cgroup.freeze", mount, group);
	return file_read(path, value, sizeof(value)) > 0 && value[0] == '1';
}

bool freezer_is_on(pid_t process)
{
	char group[PATH_SIZE];
	char *end;

	if (!group_read(process, group))
		return false;
	/* The root of the hierarchy has no such file. */
	while ((end = strrchr(group, '/')) && end[1] != '\0') {
		if (is_set("/sys/fs/cgroup", group) || is_set("/sys/fs/cgroup/unified", group))
			return true;
		*end = '\0';
	}
	return false;
}
