/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Judges unix destinations: the path is walked once as the caller would, and the socket that it
 * leads to is judged and used. Links, renames and other roots only decide which inode that is,
 * never what is allowed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "caller_path.h"
#include "judge.h"
#include "unix_rules.h"
#include "util.h"
#include "vouchers.h"

#define PATH_TEXT_MAX 4096
#define NAME_TEXT_MAX 160
#define LINK_NAME_MAX 32

struct unix_destination {
	struct stat status;
	char path[PATH_TEXT_MAX]; /* canonical */
};

/* The canonical path of an open file; false where it has none (deleted, or not visible to us). */
static bool path_read(int path_fd, char path[PATH_TEXT_MAX])
{
	char name[LINK_NAME_MAX];
	ssize_t length;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", path_fd);
	length = readlink(name, path, PATH_TEXT_MAX - 1);
	if (length <= 0 || path[0] != '/')
		return false;
	path[length] = '\0';
	return true;
}

/* Whether this session serves a socket, or it is the user's and another session of the user's does;
 * else *ret_empty tells that nothing serves a socket of the user's. */
static bool is_own(struct rules *rules, const struct request *request, int path_fd,
		   const struct unix_destination *destination, bool *ret_empty)
{
	bool is_users = destination->status.st_uid == rules->plan->header->uid;

	switch (unix_listeners_find(&rules->listeners, path_fd, &destination->status,
				    request->kind.type)) {
	case UNIX_SERVER_SESSION:
		return true;
	case UNIX_SERVER_CONFINED:
		return is_users;
	case UNIX_SERVER_NONE:
		*ret_empty = is_users;
		break;
	case UNIX_SERVER_OUTSIDE:
		break;
	}
	return false;
}

/* `own` includes the agent of the login. */
static bool is_agent(const struct rules *rules, const struct unix_destination *destination)
{
	bool listed = false;

	for (uint32_t i = 0; i < rules->plan->header->sockets.count; i++)
		listed |= rules->plan->sockets[i].kind == SOCKET_OWN;
	return listed && rules->agent.known && rules->agent.device == destination->status.st_dev &&
	       rules->agent.inode == destination->status.st_ino;
}

/* "@name", a NUL as @ too, as netstat(8) has it. */
static void abstract_format(const char *name, size_t length, char text[NAME_TEXT_MAX])
{
	text[0] = '@';
	for (size_t i = 0; i < length; i++)
		text[1 + i] = (char)(name[i] ? name[i] : '@');
	text[1 + length] = '\0';
}

static bool allows_abstract(const struct rules *rules, const struct request *request,
			    const char *name, size_t length, struct judgement *judgement)
{
	switch (unix_rules_decide_abstract(rules->plan, name, length, rules->display).kind) {
	case UNIX_ALLOW:
		return true;
	case UNIX_OWN:
		judgement->path_fd =
			unix_listeners_hold(&rules->listeners, request->socket_fd, request->kind.type,
					    (const void *)&request->address, request->length);
		return judgement->path_fd >= 0;
	case UNIX_DENY:
		break;
	}
	return false;
}

static void judge_abstract(const struct rules *rules, const struct copies *copies,
			   const struct request *request, struct judgement *judgement)
{
	const struct sockaddr_un *address = (const void *)&request->address;
	const char *name = address->sun_path + 1;
	size_t length = request->length - offsetof(struct sockaddr_un, sun_path) - 1;
	char text[NAME_TEXT_MAX];

	if (!unix_listeners_reserves(name, length) && !judge_is_other_user(rules, copies) &&
	    allows_abstract(rules, request, name, length, judgement)) {
		judgement_allow(judgement);
		return;
	}
	abstract_format(name, length, text);
	judgement_refuse(judgement, "unix", text, NULL);
	/* xcb falls back to the path socket on this errno only. */
	judgement->error = ECONNREFUSED;
}

static bool allows_socket(struct rules *rules, const struct copies *copies,
			  const struct request *request, int path_fd,
			  const struct unix_destination *destination, bool *ret_empty)
{
	struct unix_verdict verdict =
		unix_rules_decide_path(rules->plan, destination->path, rules->display);
	bool is_other = judge_is_other_user(rules, copies);

	switch (verdict.kind) {
	case UNIX_ALLOW:
		/* Log and name service are for all users. */
		if (!is_other || verdict.item->line == 0)
			return true;
		break;
	case UNIX_OWN:
		if (!is_other && is_own(rules, request, path_fd, destination, ret_empty))
			return true;
		break;
	case UNIX_DENY:
		break;
	}
	return !is_other && is_agent(rules, destination);
}

static void judge_socket(struct rules *rules, const struct copies *copies,
			 const struct request *request, struct unix_destination *destination,
			 struct judgement *judgement)
{
	bool empty = false;

	if (!path_read(judgement->path_fd, destination->path))
		judgement_fail(judgement, "unix", "no path");
	else if (allows_socket(rules, copies, request, judgement->path_fd, destination, &empty))
		judgement_allow(judgement);
	/* The socket of a crashed server: the caller would remove it and start a new one. */
	else if (empty)
		judgement_mistake(judgement, ECONNREFUSED);
	else
		judgement_refuse(judgement, "unix", destination->path, NULL);
}

static void judge_path(struct rules *rules, const struct copies *copies, struct request *request,
		       struct judgement *judgement)
{
	const struct sockaddr_un *address = (const void *)&request->address;
	size_t length = request->length - offsetof(struct sockaddr_un, sun_path);
	struct unix_destination destination;
	char path[sizeof(address->sun_path) + 1];
	int path_fd;

	/* As the kernel reads it: to the first NUL or the end of what was given. */
	memcpy(path, address->sun_path, length);
	path[length] = '\0';
	path_fd = caller_path_open(&copies->caller, path);
	if (path_fd < 0) {
		judgement_mistake(judgement, -path_fd);
		return;
	}
	judgement->path_fd = path_fd;
	if (fstat(path_fd, &destination.status)) {
		judgement_mistake(judgement, errno);
		return;
	}
	request_set_path(request, path_fd);
	/* What is not a socket, the kernel refuses with its own errno. */
	if (S_ISSOCK(destination.status.st_mode))
		judge_socket(rules, copies, request, &destination, judgement);
	else
		judgement_allow(judgement);
}

void judge_unix(struct rules *rules, const struct copies *copies, struct request *request,
		struct judgement *judgement)
{
	const struct sockaddr_un *address = (const void *)&request->address;

	/* As unix_validate_addr(). */
	if (request->length <= offsetof(struct sockaddr_un, sun_path) ||
	    request->length > sizeof(*address) || address->sun_family != AF_UNIX) {
		request_invalidate_address(request);
		judgement_allow(judgement);
	} else if (address->sun_path[0] == '\0') {
		judge_abstract(rules, copies, request, judgement);
	} else {
		judge_path(rules, copies, request, judgement);
	}
}
