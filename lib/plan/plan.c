/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Maps a plan and validates it before anything of it is used. The builder validates its own output
 * with it. Distrusts every byte of the plan, and a memfd that could still change.
 */
#include "plan.h"
#include "path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "util.h"

#define PLAN_SEALS     (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)
#define PLAN_ALIGNMENT 8U

const struct plan_layout plan_layout[SECTION_COUNT] = {
	[SECTION_RULES] = { offsetof(struct plan_header, rules), sizeof(struct rule) },
	[SECTION_PORTS] = { offsetof(struct plan_header, ports), sizeof(struct port_range) },
	[SECTION_HOSTS] = { offsetof(struct plan_header, hosts), sizeof(uint32_t) },
	[SECTION_BINDS] = { offsetof(struct plan_header, binds), sizeof(struct port_range) },
	[SECTION_LOCAL_BINDS] = { offsetof(struct plan_header, local_binds),
				  sizeof(struct plan_local_bind) },
	[SECTION_ANSWERS] = { offsetof(struct plan_header, answers), sizeof(struct port_range) },
	[SECTION_SOCKETS] = { offsetof(struct plan_header, sockets), sizeof(struct plan_socket) },
	[SECTION_FILES] = { offsetof(struct plan_header, files), sizeof(struct plan_file) },
	[SECTION_LIMITS] = { offsetof(struct plan_header, limits), sizeof(struct plan_limit) },
	[SECTION_CALLS] = { offsetof(struct plan_header, calls), sizeof(struct plan_call) },
	[SECTION_STRINGS] = { offsetof(struct plan_header, strings), sizeof(char) },
};

uint64_t plan_align(uint64_t end)
{
	return (end + PLAN_ALIGNMENT - 1) & ~(uint64_t)(PLAN_ALIGNMENT - 1);
}

static bool header_is_sound(const struct plan_header *header, size_t size)
{
	return header->magic == PLAN_MAGIC && header->version == PLAN_VERSION &&
	       header->size == size && (header->flags & ~PLAN_FLAGS) == 0 &&
	       (header->require & ~REQUIRE_ALL) == 0 && header->dns <= PLAN_DNS_FILTERED &&
	       (header->name_classes & ~PLAN_NAME_CLASSES) == 0 &&
	       header->digest != PLAN_DIGEST_NONE && header->endpoints != PLAN_DIGEST_NONE;
}

/* Each section begins where the one before it ended and the last ends the plan: there is one layout
 * only. */
static bool spans_are_sound(const struct plan_header *header, size_t size)
{
	uint64_t end = sizeof(*header);

	for (size_t i = 0; i < SECTION_COUNT; i++) {
		struct plan_span span;

		memcpy(&span, (const char *)header + plan_layout[i].span, sizeof(span));
		if (span.offset != plan_align(end) || span.offset > size ||
		    span.count > (size - span.offset) / plan_layout[i].element)
			return false;
		end = span.offset + span.count * (uint64_t)plan_layout[i].element;
	}
	return end == size;
}

/* The spans of `header` lie within it. */
static struct plan plan_view(const struct plan_header *header)
{
	const char *bytes = (const char *)header;

	return (struct plan){
		.header = header,
		.strings = bytes + header->strings.offset,
		.hosts = (const void *)(bytes + header->hosts.offset),
		.binds = (const void *)(bytes + header->binds.offset),
		.local_binds = (const void *)(bytes + header->local_binds.offset),
		.answers = (const void *)(bytes + header->answers.offset),
		.sockets = (const void *)(bytes + header->sockets.offset),
		.files = (const void *)(bytes + header->files.offset),
		.limits = (const void *)(bytes + header->limits.offset),
		.calls = (const void *)(bytes + header->calls.offset),
		.ruleset = {
			.rules = (const void *)(bytes + header->rules.offset),
			.ports = (const void *)(bytes + header->ports.offset),
			.rule_count = header->rules.count,
			.port_count = header->ports.count,
		},
	};
}

static bool strings_are_sound(const struct plan *plan)
{
	uint32_t count = plan->header->strings.count;

	return count > 0 && plan->strings[0] == '\0' && plan->strings[count - 1] == '\0';
}

static bool string_is_inside(const struct plan *plan, uint32_t offset)
{
	return offset < plan->header->strings.count;
}

static bool path_is_absolute(const struct plan *plan, uint32_t offset)
{
	return string_is_inside(plan, offset) && plan->strings[offset] == '/';
}

static bool names_are_sound(const struct plan *plan)
{
	const struct plan_header *header = plan->header;

	if (header->hosts.count > PLAN_HOSTS_MAX || !string_is_inside(plan, header->user) ||
	    !string_is_inside(plan, header->home) || !path_is_absolute(plan, header->shell) ||
	    !string_is_inside(plan, header->policy))
		return false;
	for (uint32_t i = 0; i < header->hosts.count; i++) {
		if (!string_is_inside(plan, plan->hosts[i]))
			return false;
	}
	for (uint32_t i = 0; i < header->rules.count; i++) {
		const struct rule *rule = &plan->ruleset.rules[i];

		if (!string_is_inside(plan, rule->text) || !string_is_inside(plan, rule->label) ||
		    !string_is_inside(plan, rule->file))
			return false;
	}
	return true;
}

static bool ranges_are_sound(const struct port_range *ranges, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (ranges[i].low > ranges[i].high || (i > 0 && ranges[i - 1].high >= ranges[i].low))
			return false;
	}
	return true;
}

static bool local_bind_is_sound(const struct plan_local_bind *bind)
{
	if (bind->ports.low > bind->ports.high || bind->unused != 0)
		return false;
	if (bind->target == TARGET_CLASS)
		return bind->class <= CLASS_SPECIAL;
	return bind->target == TARGET_PREFIX && prefix_is_sound(&bind->prefix);
}

static bool binds_are_sound(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->header->local_binds.count; i++)
		if (!local_bind_is_sound(&plan->local_binds[i]))
			return false;
	return ranges_are_sound(plan->binds, plan->header->binds.count) &&
	       ranges_are_sound(plan->answers, plan->header->answers.count);
}

static bool sockets_are_sound(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->header->sockets.count; i++) {
		const struct plan_socket *socket = &plan->sockets[i];

		if (socket->kind > SOCKET_X11 || !string_is_inside(plan, socket->pattern) ||
		    !string_is_inside(plan, socket->file))
			return false;
	}
	return true;
}

static bool files_are_sound(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->header->files.count; i++) {
		const struct plan_file *file = &plan->files[i];

		if (!path_is_absolute(plan, file->path) || !string_is_inside(plan, file->file) ||
		    file->rights == 0 || (file->rights & ~(FILE_READ | FILE_WRITE | FILE_EXEC)) != 0)
			return false;
	}
	return true;
}

static bool limits_are_sound(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->header->limits.count; i++) {
		if (plan->limits[i].resource >= RLIM_NLIMITS || plan->limits[i].unused != 0)
			return false;
	}
	return true;
}

static bool calls_are_sound(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->header->calls.count; i++) {
		const struct plan_call *call = &plan->calls[i];

		if (call->action > CALL_ALLOW || (i > 0 && call[-1].number >= call->number))
			return false;
	}
	return true;
}

int plan_validate(const void *bytes, size_t size, struct plan *ret_plan)
{
	const struct plan_header *header = bytes;
	struct plan plan;
	int error;

	if (size < sizeof(*header) || !header_is_sound(header, size) ||
	    !spans_are_sound(header, size))
		return -EINVAL;
	plan = plan_view(header);
	if (!strings_are_sound(&plan) || !names_are_sound(&plan) || !binds_are_sound(&plan) ||
	    !sockets_are_sound(&plan) || !files_are_sound(&plan) || !limits_are_sound(&plan) ||
	    !calls_are_sound(&plan))
		return -EINVAL;
	error = ruleset_validate(&plan.ruleset, header->hosts.count);
	if (error < 0)
		return error;
	*ret_plan = plan;
	return 0;
}

int plan_map(int fd, struct plan *ret_plan)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat status;
	void *bytes;
	int error;

	if (seals < 0 || (seals & PLAN_SEALS) != PLAN_SEALS)
		return -EPERM;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_size > PLAN_SIZE_MAX)
		return -E2BIG;
	if (status.st_size < (off_t)sizeof(struct plan_header))
		return -EINVAL;
	bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	error = plan_validate(bytes, (size_t)status.st_size, ret_plan);
	if (error < 0)
		munmap(bytes, (size_t)status.st_size);
	return error;
}

void plan_unmap(struct plan *plan)
{
	munmap((void *)(uintptr_t)plan->header, plan->header->size);
	*plan = (struct plan){ 0 };
}

const char *plan_string(const struct plan *plan, uint32_t offset)
{
	return plan->strings + offset;
}

bool plan_home_contains(const char *home, const char *path)
{
	return home[0] == '/' && home[1] != '\0' && path_is_beneath(path, home);
}

const char *const plan_temporary[] = { "/tmp", "/var/tmp", "/dev/shm", "/run/screen", NULL };

bool plan_is_user_directory(const char *home, uid_t uid, const char *path)
{
	char runtime[sizeof("/run/user/") + 3 * sizeof(uid)];

	snprintf(runtime, sizeof(runtime), "/run/user/%u", (unsigned)uid);
	for (size_t i = 0; plan_temporary[i]; i++)
		if (path_is_beneath(path, plan_temporary[i]))
			return true;
	return path_is_beneath(path, runtime) || plan_home_contains(home, path);
}

static bool ranges_have(const struct port_range *ranges, uint32_t count, uint16_t port)
{
	for (uint32_t i = 0; i < count; i++)
		if (port >= ranges[i].low && port <= ranges[i].high)
			return true;
	return false;
}

bool plan_binds(const struct plan *plan, uint16_t port)
{
	return (plan->header->flags & PLAN_BIND_ANY) ||
	       ranges_have(plan->binds, plan->header->binds.count, port);
}

bool plan_local_bind_has(const struct plan_local_bind *bind, uint16_t port)
{
	return port >= bind->ports.low && port <= bind->ports.high;
}

bool plan_binds_at(const struct plan *plan, const struct endpoint *local)
{
	if (plan_binds(plan, local->port))
		return true;
	for (uint32_t i = 0; i < plan->header->local_binds.count; i++) {
		const struct plan_local_bind *bind = &plan->local_binds[i];
		bool matches =
			bind->target == TARGET_CLASS ? address_classify(&local->address) == bind->class : prefix_contains(&bind->prefix, &local->address);

		if (matches && plan_local_bind_has(bind, local->port))
			return true;
	}
	return false;
}

bool plan_binds_somewhere(const struct plan *plan, uint16_t port)
{
	for (uint32_t i = 0; i < plan->header->local_binds.count; i++)
		if (plan_local_bind_has(&plan->local_binds[i], port))
			return true;
	return plan_binds(plan, port);
}

bool plan_listens_at(const struct plan *plan, const struct endpoint *local)
{
	const struct endpoint chosen = { local->address, 0 };

	if (local->port == 0)
		return plan_binds(plan, 0);
	return plan_binds_at(plan, local) ||
	       (!plan_binds_somewhere(plan, local->port) && plan_binds_at(plan, &chosen));
}

bool plan_answers(const struct plan *plan, uint16_t port)
{
	return ranges_have(plan->answers, plan->header->answers.count, port);
}

bool plan_opens_udp(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->header->rules.count; i++) {
		const struct rule *rule = &plan->ruleset.rules[i];

		if (!rule->implicit && !rule->deny && (rule->protocols & PROTOCOL_UDP))
			return true;
	}
	return plan->header->answers.count > 0;
}
