/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lines by which a service reaches the module: without it each would refuse everybody, root
 * too. Files that no service reads do not count, wherever they are; those that one includes do.
 */
#include <string.h>

#include "audit.h"

/* One line, and the services whose stacks it is in. */
struct use {
	const struct pam_line *line;
	const char *services;
	const char *last;
};

struct uses {
	struct arena *arena;
	struct use *list;
	size_t count;
};

static void use_add(struct uses *uses, const struct pam_line *line, const char *service)
{
	struct use *use = uses->list;
	struct use *end = use + uses->count;

	while (use < end &&
	       (use->line->number != line->number || strcmp(use->line->file, line->file) != 0))
		use++;
	if (use == end) {
		uses->list = arena_grow(uses->arena, uses->list, uses->count, sizeof(*use));
		uses->list[uses->count++] = (struct use){ line, service, service };
	} else if (use->last != service) {
		use->services = arena_print(uses->arena, "%s, %s", use->services, service);
		use->last = service;
	}
}

int uses_print(const struct audit *audit)
{
	cleanup_arena struct arena arena = { 0 };
	struct uses uses = { .arena = &arena };

	if (audit->unread)
		return ctl_error("%s: cannot be read, so the lines that call " PAM_MODULE
				 " are not known",
				 audit->unread);
	for (size_t i = 0; i < audit->service_count; i++) {
		const struct pam_service *service = &audit->services[i].pam;

		/* Debian's shared files count in whose stacks they are. */
		if (strncmp(service->name, "common-", strlen("common-")) == 0)
			continue;
		for (size_t type = 0; type < TYPE_ANY; type++)
			for (size_t j = 0; j < service->stacks[type].count; j++)
				if (line_is_ours(&service->stacks[type].lines[j]))
					use_add(&uses, &service->stacks[type].lines[j],
						service->name);
	}
	for (size_t i = 0; i < uses.count; i++)
		say(stdout, "%s:%u: %s line of %s\n", AT(uses.list[i].line),
		    pam_type_names[uses.list[i].line->type], uses.list[i].services);
	return uses.count > 0 ? CTL_BAD : CTL_GOOD;
}
