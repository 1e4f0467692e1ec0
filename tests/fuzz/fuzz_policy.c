/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a policy: read, judged, compared with iniparser's reading, planned and sealed.
 * Run by `make fuzz`.
 * Checks: what passes the strict reader is what iniparser reads, and what is planned can be mapped.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plan_build.h"
#include "policy.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Quoted text of the file may say anything, but never at the start nor at the end. */
static bool is_disagreement(const char *text)
{
	static const char other[] =
		": parser mismatch: iniparser reads another value (please report)";
	size_t length = strlen(text);

	return strncmp(text, "parser mismatch: ", strlen("parser mismatch: ")) == 0 ||
	       (length > strlen(other) && strcmp(text + length - strlen(other), other) == 0);
}

static void report(const struct diagnostic *diagnostic, void *context)
{
	unsigned *errors = context;

	*errors += diagnostic->error;
	if (is_disagreement(diagnostic->text) || strchr(diagnostic->text, '\n') ||
	    diagnostic->text[0] == '\0')
		__builtin_trap();
}

static void plan(const struct policy *policy)
{
	static const struct account account = {
		.name = "alice", .group = "staff", .home = "/home/a b", .uid = 1234, .gid = 100
	};
	struct plan_builder *builder = plan_builder_new();
	cleanup_fd int memfd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	unsigned errors = 0;
	int error = policy_plan(policy, &account, report, &errors, builder);
	struct plan plan;

	if ((error < 0) != (errors > 0))
		__builtin_trap();
	if (error == 0) {
		if (plan_seal(builder, memfd) < 0 || plan_map(memfd, &plan) < 0)
			__builtin_trap();
		plan_unmap(&plan);
	}
	plan_builder_free(builder);
}

/* The bytes come in as a draft on standard input, which needs no file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_fd int fd = memfd_create("draft", MFD_CLOEXEC);
	struct policy *policy;
	unsigned errors = 0;
	int error;

	if (fd < 0 || write_exact(fd, data, size) < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
	    dup2(fd, STDIN_FILENO) < 0)
		return 0;
	error = policy_load("-", NULL, POLICY_OWN | POLICY_LINT, report, &errors, &policy);
	if ((error == -EINVAL) != (errors > 0) || (error < 0 && error != -EINVAL))
		__builtin_trap();
	if (error < 0)
		return 0;
	plan(policy);
	policy_free(policy);
	return 0;
}
