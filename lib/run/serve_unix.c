/*
 * Unix destinations: the path is walked once as the caller would walk it, and what was reached is
 * judged and used. Called by the serving modules. Distrusts names: links, renames and other roots
 * only decide which inode is reached, never what it may be.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "serve.h"
#include "target.h"
#include "unixrule.h"
#include "util.h"

#define PATH_TEXT_MAX 4096
#define PIN_NAME_MAX  32

struct unix_target {
	int pin;
	struct stat status;
	char path[PATH_TEXT_MAX]; /* canonical */
};

static bool same_file(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* 1: the caller's root is ours, 0: another, or a negative errno. */
static int has_our_root(int root)
{
	struct stat theirs;
	struct stat ours;

	if (fstat(root, &theirs) || stat("/", &ours))
		return -errno;
	return same_file(&theirs, &ours);
}

/* An O_PATH descriptor of what the caller's path names. In another root only absolute paths are
 * walked: RESOLVE_IN_ROOT would take the working directory for the root. */
static int walk(const struct caller *caller, const char *path)
{
	const int from = path[0] == '/' ? caller->root : caller->directory;
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS };
	int ours;
	long pin;

	if (caller->root < 0 || from < 0)
		return -EACCES;
	ours = has_our_root(caller->root);
	if (ours < 0 || (ours == 0 && path[0] != '/'))
		return -EACCES;
	if (ours == 0)
		how.resolve |= RESOLVE_IN_ROOT;
	pin = syscall(__NR_openat2, from, path, &how, sizeof(how));
	return pin < 0 ? -errno : (int)pin;
}

void serve_fetch_unix(struct supervisor *supervisor, const struct request *request)
{
	const struct sockaddr_un *address = (const void *)&request->address;

	if (request->kind.domain != AF_UNIX ||
	    request->length <= offsetof(struct sockaddr_un, sun_path))
		return;
	if (supervisor->mixed)
		caller_fetch_status(&supervisor->caller, request->call.thread);
	if (address->sun_path[0] != '\0')
		caller_fetch_place(&supervisor->caller, request->call.thread,
				   address->sun_path[0] != '/');
}

int serve_enter_directory(const struct supervisor *supervisor)
{
	const struct caller *caller = &supervisor->caller;

	if (caller->root < 0 || caller->directory < 0 || has_our_root(caller->root) != 1)
		return -EACCES;
	return fchdir(caller->directory) ? -errno : 0;
}

int serve_leave_directory(void)
{
	cleanup_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return root < 0 || fchdir(root) ? -errno : 0;
}

/* The canonical path of a pin; false where it has none (deleted, or out of our sight). */
static bool pin_path(int pin, char path[PATH_TEXT_MAX])
{
	char name[PIN_NAME_MAX];
	ssize_t length;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", pin);
	length = readlink(name, path, PATH_TEXT_MAX - 1);
	if (length <= 0 || path[0] != '/')
		return false;
	path[length] = '\0';
	return true;
}

/* Whether a socket in a place of the user's own is his, and what serves it confined as he is; else
 * *ret_empty tells that nothing does. */
static bool is_own(struct supervisor *supervisor, const struct request *request,
		   const struct unix_target *target, bool *ret_empty)
{
	enum unix_server server;

	if (target->status.st_uid != supervisor->plan->header->uid ||
	    (request->kind.type != SOCK_STREAM && request->kind.type != SOCK_SEQPACKET))
		return false;
	server = unix_listeners_find(&supervisor->listeners, target->pin, &target->status);
	*ret_empty = server == UNIX_SERVER_NONE;
	return server == UNIX_SERVER_CONFINED;
}

/* `own` counts the agent that the login was given. */
static bool is_agent(const struct supervisor *supervisor, const struct unix_target *target)
{
	bool listed = false;

	for (uint32_t i = 0; i < supervisor->plan->header->sockets.count; i++)
		listed |= supervisor->plan->sockets[i].kind == SOCKET_OWN;
	return listed && supervisor->agent.known &&
	       supervisor->agent.device == target->status.st_dev &&
	       supervisor->agent.inode == target->status.st_ino;
}

/* "@name", a NUL as @ too, as netstat(8) has it. */
static void abstract_format(const char *name, size_t length, char text[SERVE_TEXT_MAX])
{
	text[0] = '@';
	for (size_t i = 0; i < length; i++)
		text[1 + i] = (char)(name[i] ? name[i] : '@');
	text[1 + length] = '\0';
}

static bool judge_abstract(struct supervisor *supervisor, struct request *request,
			   const char *operation, struct outcome *ret_refusal)
{
	const struct sockaddr_un *address = (const void *)&request->address;
	const char *name = address->sun_path + 1;
	size_t length = request->length - offsetof(struct sockaddr_un, sun_path) - 1;
	char text[SERVE_TEXT_MAX];

	if (!unix_listeners_reserves(name, length) && !serve_is_foreign(supervisor) &&
	    unixrule_decide_abstract(supervisor->plan, name, length, supervisor->display).kind ==
		    UNIX_ALLOW)
		return true;
	abstract_format(name, length, text);
	serve_refuse(supervisor, request, operation, "unix", text, NULL);
	/* xcb falls back to the path socket on this errno only. */
	*ret_refusal = outcome_error(ECONNREFUSED);
	return false;
}

static bool judge_path(struct supervisor *supervisor, struct request *request, const char *operation,
		       struct unix_target *target, struct outcome *ret_refusal)
{
	struct unix_verdict verdict =
		unixrule_decide_path(supervisor->plan, target->path, supervisor->display);
	bool foreign = serve_is_foreign(supervisor);
	bool empty = false;

	switch (verdict.kind) {
	case UNIX_ALLOW:
		/* Log and name service are everybody's. */
		if (!foreign || verdict.item->line == 0)
			return true;
		break;
	case UNIX_OWN:
		if (!foreign && is_own(supervisor, request, target, &empty))
			return true;
		break;
	case UNIX_DENY:
		break;
	}
	if (!foreign && is_agent(supervisor, target))
		return true;
	/* What a crash left behind: the caller would clear it away and start anew. */
	*ret_refusal =
		empty ? outcome_error(ECONNREFUSED)
		      : serve_refuse(supervisor, request, operation, "unix", target->path, NULL);
	return false;
}

/* The path as the kernel reads it: to the first NUL or the end of what was given. */
static void copy_path(const struct request *request, char path[SERVE_TEXT_MAX])
{
	const struct sockaddr_un *address = (const void *)&request->address;
	size_t length = request->length - offsetof(struct sockaddr_un, sun_path);

	memcpy(path, address->sun_path, length);
	path[length] = '\0';
}

static bool path_allows(struct supervisor *supervisor, struct request *request,
			const char *operation, int *ret_pin, struct outcome *ret_refusal)
{
	struct sockaddr_un *address = (void *)&request->address;
	struct unix_target target;
	char path[SERVE_TEXT_MAX];
	cleanup_fd int pin = -1;

	copy_path(request, path);
	pin = walk(&supervisor->caller, path);
	if (pin < 0 || fstat(pin, &target.status)) {
		*ret_refusal = outcome_error(pin < 0 ? -pin : errno);
		return false;
	}
	target.pin = pin;
	/* What is no socket, the kernel refuses in its own words. */
	if (S_ISSOCK(target.status.st_mode)) {
		if (!pin_path(pin, target.path)) {
			*ret_refusal = serve_fail(supervisor, request, operation, "no path");
			return false;
		}
		if (!judge_path(supervisor, request, operation, &target, ret_refusal))
			return false;
	}
	/* A path may be long, and a server slow to say who it is. */
	if (!serve_is_valid(supervisor, request)) {
		*ret_refusal = outcome_gone();
		return false;
	}
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d", pin);
	request->length = sizeof(*address);
	*ret_pin = fd_take(&pin);
	return true;
}

bool serve_unix_allows(struct supervisor *supervisor, struct request *request,
		       const char *operation, int *ret_pin, struct outcome *ret_refusal)
{
	const struct sockaddr_un *address = (const void *)&request->address;

	/* As unix_validate_addr(). */
	if (request->length <= offsetof(struct sockaddr_un, sun_path) ||
	    request->length > sizeof(*address) || address->sun_family != AF_UNIX) {
		serve_lead_nowhere(request);
		return true;
	}
	if (address->sun_path[0] == '\0')
		return judge_abstract(supervisor, request, operation, ret_refusal);
	return path_allows(supervisor, request, operation, ret_pin, ret_refusal);
}
