/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of the policy reader share: complaints collected, and a directory of policies.
 * Linked into every unit test.
 */
#include "policy_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void collect(const struct diagnostic *diagnostic, void *context)
{
	struct collected *collected = context;
	const char *slash = strrchr(diagnostic->file, '/');
	size_t used = strlen(collected->text);

	if (diagnostic->error)
		collected->errors++;
	else
		collected->warnings++;
	snprintf(collected->text + used, sizeof(collected->text) - used, "%s %s:%u: %s\n",
		 diagnostic->error ? "error" : "warning", slash ? slash + 1 : diagnostic->file,
		 diagnostic->line, diagnostic->text);
}

char *directory_make(void)
{
	return directory_make_below("/tmp");
}

char *directory_make_below(const char *parent)
{
	char *directory;

	if (asprintf(&directory, "%s/sandlock-unit-XXXXXX", parent) < 0 || !mkdtemp(directory))
		abort();
	chmod(directory, 0755);
	return directory;
}

void directory_remove(char *directory)
{
	DIR *stream = opendir(directory);
	struct dirent *entry;

	while (stream && (entry = readdir(stream))) {
		if (unlinkat(dirfd(stream), entry->d_name, 0) < 0)
			unlinkat(dirfd(stream), entry->d_name, AT_REMOVEDIR);
	}
	if (stream)
		closedir(stream);
	rmdir(directory);
	free(directory);
}

char *file_make(const char *directory, const char *name, const char *text, size_t length)
{
	char *path;
	int fd;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		abort();
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, length) != (ssize_t)length || fchmod(fd, 0644) < 0)
		abort();
	close(fd);
	return path;
}

int policy_load_text(const char *directory, const char *text, struct collected *ret_collected,
		     struct policy **ret_policy)
{
	char *path = file_make(directory, "test.conf", text, strlen(text));
	int error;

	*ret_collected = (struct collected){ 0 };
	error = policy_load(path, NULL, POLICY_OWN | POLICY_LINT, collect, ret_collected, ret_policy);
	free(path);
	return error;
}
