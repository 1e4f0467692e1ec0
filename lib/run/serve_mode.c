/*
 * Who gives a file set-id bits: a plain process of the user's, which gives away no more than it
 * has, and nobody who became root or took another's ids. Whoever is outside of the session could
 * run such a file as that account.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "serve.h"

#define MODE_MAX  8
#define MODE_BITS 07777

static int mode_fetch(struct supervisor *supervisor, struct request *request)
{
	caller_fetch_status(&supervisor->caller, request->call.thread);
	caller_fetch_groups(&supervisor->caller, request->call.thread, supervisor->plan->header->gid);
	return 0;
}

/* Ids of a thread that waits do not change, and nothing else is judged. */
static bool is_users(const struct supervisor *supervisor)
{
	return caller_is_plain(&supervisor->caller, supervisor->plan->header->uid) &&
	       supervisor->caller.member;
}

static struct outcome judge(struct supervisor *supervisor, struct request *request,
			    const char *operation, const char *kind, const char *text)
{
	if (is_users(supervisor))
		return serve_by_kernel(supervisor, request);
	(void)serve_refuse(supervisor, request, operation, kind, text, NULL);
	return outcome_error(EPERM);
}

static struct outcome mode_act(struct supervisor *supervisor, struct request *request,
			       const char *operation, uint64_t mode)
{
	char text[MODE_MAX];

	snprintf(text, sizeof(text), "%o", (unsigned)mode & MODE_BITS);
	return judge(supervisor, request, operation, "mode", text);
}

/* By the argument that is the mode. */
#define SERVE_MODE(name, argument)                                                                  \
	static struct outcome name##_act(struct supervisor *supervisor, struct request *request,    \
					 const char *operation, int error)                          \
	{                                                                                           \
		(void)error;                                                                        \
		return mode_act(supervisor, request, operation, request->call.arguments[argument]); \
	}                                                                                           \
	struct outcome serve_##name(struct supervisor *supervisor, struct request *request)         \
	{                                                                                           \
		static const struct stages stages = { #name, mode_fetch, name##_act };              \
		return serve_stages(supervisor, request, &stages);                                  \
	}
SERVE_MODE(fchmod, 1)
SERVE_MODE(fchmodat, 2)
SERVE_MODE(fchmodat2, 2)
SERVE_MODE(mknodat, 2)
SERVE_MODE(openat, 3)
#ifdef __NR_open
SERVE_MODE(chmod, 1)
SERVE_MODE(creat, 1)
SERVE_MODE(mknod, 1)
SERVE_MODE(open, 2)
#endif
#undef SERVE_MODE

/* File capabilities, and access lists, by which a file with the set-gid bit alone, made elsewhere,
 * becomes a program that has it. */
static struct outcome attribute_act(struct supervisor *supervisor, struct request *request,
				    const char *operation, int error)
{
	(void)error;
	return judge(supervisor, request, operation, "attribute", "?");
}

#define SERVE_ATTRIBUTE(name)                                                               \
	struct outcome serve_##name(struct supervisor *supervisor, struct request *request) \
	{                                                                                   \
		static const struct stages stages = { #name, mode_fetch, attribute_act };   \
		return serve_stages(supervisor, request, &stages);                          \
	}
SERVE_ATTRIBUTE(setxattr)
SERVE_ATTRIBUTE(lsetxattr)
SERVE_ATTRIBUTE(fsetxattr)
SERVE_ATTRIBUTE(setxattrat)
#undef SERVE_ATTRIBUTE

/* The mode is in memory, which can change: for others it does not exist, and they use openat(2). */
static struct outcome openat2_act(struct supervisor *supervisor, struct request *request,
				  const char *operation, int error)
{
	(void)operation;
	(void)error;
	return is_users(supervisor) ? serve_by_kernel(supervisor, request) : outcome_error(ENOSYS);
}

struct outcome serve_openat2(struct supervisor *supervisor, struct request *request)
{
	static const struct stages stages = { "openat2", mode_fetch, openat2_act };

	return serve_stages(supervisor, request, &stages);
}
