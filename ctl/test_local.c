/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `sandlockctl test` of what stays on the machine: ports to bind, unix sockets, files. Distrusts
 * its operands; a path is walked as root or the caller would walk it, and may look otherwise to
 * the user.
 */
#include <limits.h>
#include <string.h>

#include "ctl.h"
#include "host_answers.h"
#include "unix_rules.h"
#include "user_directories.h"
#include "util.h"

static int answer(bool allowed, const char *operand, const char *reason)
{
	say(stdout, "%s: %s: %s\n", allowed ? "allowed" : "refused", operand, reason);
	return allowed ? CTL_GOOD : CTL_BAD;
}

/* Ports ----------------------------------------------------------------------- */

/* PORT, ADDRESS:PORT or [IPV6]:PORT; false for what is none. */
static bool bind_parse(const char *target, struct endpoint *ret_local, bool *ret_has_address)
{
	char text[ADDRESS_TEXT_MAX] = "";
	const char *colon = strrchr(target, ':');
	size_t length = colon ? (size_t)(colon - target) : 0;
	bool bracketed = length > 2 && target[0] == '[' && target[length - 1] == ']';
	uint64_t port;

	if (parse_unsigned(colon ? colon + 1 : target, UINT16_MAX, &port) < 0)
		return false;
	ret_local->port = (uint16_t)port;
	*ret_has_address = colon != NULL;
	if (!colon)
		return true;
	if (length >= sizeof(text) || (!bracketed && memchr(target, ':', length)))
		return false;
	memcpy(text, target + bracketed, length - 2 * bracketed);
	return (!bracketed || strchr(text, ':')) && address_parse(text, &ret_local->address) == 0;
}

static void local_bind_describe(const struct plan_local_bind *bind, char text[ADDRESS_TEXT_MAX + 4])
{
	const struct prefix *prefix = &bind->prefix;
	size_t length;

	if (bind->target == TARGET_CLASS) {
		snprintf(text, ADDRESS_TEXT_MAX + 4, "%s", class_text(bind->class));
		return;
	}
	address_format(&prefix->address, text);
	length = strlen(text);
	if (prefix->length < (prefix->family == FAMILY_INET ? 32 : 128))
		snprintf(text + length, ADDRESS_TEXT_MAX + 4 - length, "/%u", prefix->length);
}

/* "net_bind lists it for @loopback, 192.0.2.1 only"; each address once, as far as there is room. */
static int answer_local(const struct plan *plan, bool allowed, const char *operand, uint16_t port)
{
	char reason[PATH_MAX] = "net_bind lists it for";
	char last[ADDRESS_TEXT_MAX + 4] = "";
	size_t used = strlen(reason);

	for (uint32_t i = 0; i < plan->header->local_binds.count; i++) {
		const struct plan_local_bind *bind = &plan->local_binds[i];
		char text[ADDRESS_TEXT_MAX + 4];

		if (!plan_local_bind_has(bind, port))
			continue;
		local_bind_describe(bind, text);
		if (strcmp(text, last) == 0 ||
		    used + sizeof(text) + sizeof(",  only") > sizeof(reason))
			continue;
		used += (size_t)snprintf(reason + used, sizeof(reason) - used, "%s %s",
					 last[0] ? "," : "", text);
		memcpy(last, text, sizeof(last));
	}
	snprintf(reason + used, sizeof(reason) - used, " only");
	return answer(allowed, operand, reason);
}

int test_bind(const struct plan *plan, const char *operand, const char *target)
{
	struct endpoint local = { 0 };
	bool has_address;

	if (!bind_parse(target, &local, &has_address))
		return ctl_error("expected PORT, ADDRESS:PORT or [IPV6]:PORT, got \"%s\"", target);
	if (plan_binds(plan, local.port) || (has_address && plan_binds_at(plan, &local)))
		return answer(true, operand, "net_bind lists it");
	if (plan_binds_somewhere(plan, local.port))
		return answer_local(plan, !has_address, operand, local.port);
	return answer(false, operand,
		      local.port == 0
			      ? "net_bind does not list it (a client may bind it, and not listen)"
			      : "net_bind does not list it");
}

/* Unix sockets ---------------------------------------------------------------- */

static void item_describe(const struct plan *plan, const struct plan_socket *item,
			  char text[PATH_MAX])
{
	const char *pattern = plan_string(plan, item->pattern);

	if (item->line == 0)
		snprintf(text, PATH_MAX, "%s (implied)", *pattern ? pattern : "own");
	else
		snprintf(text, PATH_MAX, "unix_allow at %s:%u", plan_string(plan, item->file),
			 item->line);
}

int test_socket(const struct plan *plan, const char *operand, const char *target)
{
	char path[PATH_MAX];
	char reason[PATH_MAX];
	struct unix_verdict verdict;

	if (target[0] == '@')
		verdict = unix_rules_decide_abstract(plan, target + 1, strlen(target + 1), -1);
	else if (realpath(target, path))
		verdict = unix_rules_decide_path(plan, path, -1);
	else
		return ctl_error("%s: %m", target);
	switch (verdict.kind) {
	case UNIX_ALLOW:
		item_describe(plan, verdict.item, reason);
		return answer(true, operand, reason);
	case UNIX_OWN:
		return answer(true, operand,
			      "own, if its server is in the session, or in another session of the user's");
	case UNIX_DENY:
		break;
	}
	return answer(false, operand, "no item of unix_allow matches (default)");
}

/* Files ----------------------------------------------------------------------- */

/* A path that is to be made is judged by the directory that it is made in. */
static bool path_resolve(const char *target, char path[PATH_MAX])
{
	char parent[PATH_MAX];
	char *slash;

	if (realpath(target, path))
		return true;
	snprintf(parent, sizeof(parent), "%s", target);
	slash = strrchr(parent, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return realpath(slash == parent ? "/" : parent, path) != NULL;
}

bool file_is_granted(const struct plan *plan, uint32_t right, const char *path,
		     char ret_root[PATH_MAX])
{
	/* As Landlock grants them: writing and executing include reading. */
	uint32_t enough = right == FILE_READ ? FILE_READ | FILE_WRITE | FILE_EXEC : right;

	for (uint32_t i = 0; i < plan->header->files.count; i++) {
		struct path_end end;
		cleanup_fd int fd =
			plan->files[i].rights & enough
				? user_directories_open_path(plan,
							     plan_string(plan, plan->files[i].path),
							     &end)
				: -1;

		if (fd >= 0 && path_is_beneath(path, end.name)) {
			memcpy(ret_root, end.name, sizeof(end.name));
			return true;
		}
	}
	return false;
}

int test_file(const struct plan *plan, uint32_t right, const char *operand, const char *target)
{
	char path[PATH_MAX];
	char root[PATH_MAX];
	char reason[PATH_MAX + 80];

	if (!(plan->header->flags & PLAN_FILES))
		return answer(true, operand,
			      "the policy has no [filesystem]; file permissions decide");
	if (target[0] != '/' || !path_resolve(target, path))
		return ctl_error("%s: expected an absolute path that exists and that the user can "
				 "reach",
				 target);
	plan_warn_links(plan, false);
	if (!file_is_granted(plan, right, path, root))
		return answer(false, operand, "[filesystem] does not grant it (default)");
	snprintf(reason, sizeof(reason),
		 "[filesystem] grants it below %s; file permissions apply as well", root);
	return answer(true, operand, reason);
}
