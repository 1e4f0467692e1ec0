/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The decision about unix sockets by name. Distrusts the name: it is only matched.
 */
#include "unix_rules.h"

#include <stdio.h>
#include <string.h>

#include "util.h"

#define PLACE_MAX 320

/* "/tmp/.X11-unix/X0", as a path and as an abstract name. */
static bool is_display(const char *name, size_t length, int display)
{
	char text[PLACE_MAX];

	snprintf(text, sizeof(text), "/tmp/.X11-unix/X%d", display);
	return display >= 0 && length == strlen(text) && memcmp(name, text, length) == 0;
}

static enum unix_verdict_kind decide_path(const struct plan *plan, const struct plan_socket *item,
					  const char *path, size_t length, int display)
{
	switch ((enum plan_socket_kind)item->kind) {
	case SOCKET_PATH:
		return pattern_matches(plan_string(plan, item->pattern), path, length) ? UNIX_ALLOW
										       : UNIX_DENY;
	case SOCKET_OWN:
		return UNIX_OWN;
	case SOCKET_X11:
		return is_display(path, length, display) ? UNIX_ALLOW : UNIX_DENY;
	case SOCKET_ABSTRACT:
		return UNIX_DENY;
	}
	return UNIX_DENY;
}

static enum unix_verdict_kind decide_abstract(const struct plan *plan, const struct plan_socket *item,
					      const char *name, size_t length, int display)
{
	switch ((enum plan_socket_kind)item->kind) {
	case SOCKET_ABSTRACT:
		return pattern_matches(plan_string(plan, item->pattern), name, length) ? UNIX_ALLOW
										       : UNIX_DENY;
	case SOCKET_X11:
		return is_display(name, length, display) ? UNIX_ALLOW : UNIX_DENY;
	case SOCKET_OWN:
		return UNIX_OWN;
	case SOCKET_PATH:
		return UNIX_DENY;
	}
	return UNIX_DENY;
}

/* An item that allows unconditionally overrides `own`. */
static struct unix_verdict decide(const struct plan *plan, const char *name, size_t length,
				  int display,
				  enum unix_verdict_kind (*decide_item)(const struct plan *,
									const struct plan_socket *,
									const char *, size_t, int))
{
	struct unix_verdict verdict = { UNIX_DENY, NULL };

	for (uint32_t i = 0; i < plan->header->sockets.count; i++) {
		const struct plan_socket *item = &plan->sockets[i];
		enum unix_verdict_kind kind = decide_item(plan, item, name, length, display);

		if (kind == UNIX_ALLOW)
			return (struct unix_verdict){ kind, item };
		if (kind == UNIX_OWN)
			verdict = (struct unix_verdict){ kind, item };
	}
	return verdict;
}

struct unix_verdict unix_rules_decide_path(const struct plan *plan, const char *path, int display)
{
	return decide(plan, path, strlen(path), display, decide_path);
}

struct unix_verdict unix_rules_decide_abstract(const struct plan *plan, const char *name,
					       size_t length, int display)
{
	return decide(plan, name, length, display, decide_abstract);
}
