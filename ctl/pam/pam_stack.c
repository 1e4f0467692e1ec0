/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stacks of a PAM service, in the order of calls. Reads files only through its caller's function.
 */
#include <errno.h>
#include <string.h>

#include "pam_stack.h"

/* What a service is read into. */
struct reading {
	struct pam_service *service;
	pam_source source;
	void *context;
	struct arena *arena;
	size_t lines; /* so far */
	size_t bytes;
};

/* A file that is being followed, and what for. */
struct pam_file {
	const struct pam_file *outer; /* whose line includes it */
	const char *name;
	const char *path;
	char *bytes;
	enum pam_type wanted; /* TYPE_ANY: lines of every type */
	unsigned depth;
	unsigned level;
};

static void problem_add(struct reading *reading, const char *file, unsigned line, const char *text)
{
	struct pam_service *service = reading->service;

	service->problems = arena_grow(reading->arena, service->problems, service->problem_count,
				       sizeof(*service->problems));
	service->problems[service->problem_count++] = (struct pam_problem){ file, line, text };
}

static void stack_add(struct reading *reading, const struct pam_line *line, enum pam_line_kind kind)
{
	struct pam_stack *stack = &reading->service->stacks[line->type];

	stack->lines = arena_grow(reading->arena, stack->lines, stack->count, sizeof(*line));
	stack->lines[stack->count] = *line;
	stack->lines[stack->count++].kind = kind;
}

static int file_load(struct reading *reading, struct pam_file *file)
{
	size_t length = 0;
	int error = reading->source(file->name, reading->context, reading->arena, &file->path,
				    &file->bytes, &length);

	if (error < 0)
		return error;
	reading->bytes += length;
	pam_text_prepare(file->bytes, length);
	return reading->bytes > PAM_BYTES_MAX ? -EFBIG : 0;
}

/* Why the file cannot be followed, or NULL. */
static const char *file_open(struct reading *reading, struct pam_file *file)
{
	int error;

	for (const struct pam_file *outer = file->outer; outer; outer = outer->outer)
		if (strcmp(outer->name, file->name) == 0)
			return "the file includes itself";
	if (file->depth >= PAM_DEPTH_MAX)
		return "too many files include one another";
	error = file_load(reading, file);
	if (error == -ENOENT)
		return "there is no file of that name to include";
	return error < 0 ? "the file to include cannot be read" : NULL;
}

static void file_follow(struct reading *reading, const struct pam_file *file);

/* An include that fails is a line that always fails; one of every type makes libpam give up. */
static void include_follow(struct reading *reading, const struct pam_file *file,
			   const struct pam_line *line)
{
	struct pam_service *service = reading->service;
	struct pam_file inner = { .outer = file,
				  .name = line->name,
				  .wanted = line->type,
				  .depth = file->depth + 1,
				  .level = file->level + (line->kind == LINE_SUBSTACK) };
	const char *problem = file_open(reading, &inner);

	service->includes = arena_grow(reading->arena, service->includes, service->include_count,
				       sizeof(char *));
	service->includes[service->include_count++] = line->name;
	if (line->kind == LINE_SUBSTACK)
		stack_add(reading, line, LINE_SUBSTACK);
	if (problem)
		problem_add(reading, line->file, line->number, problem);
	if (problem && line->type == TYPE_ANY)
		service->refused = true;
	else if (problem)
		stack_add(reading, line, LINE_BROKEN);
	else
		file_follow(reading, &inner);
}

static void line_follow(struct reading *reading, const struct pam_file *file, struct pam_line *line)
{
	line->file = file->path;
	line->level = file->level;
	if (line->type == TYPE_ANY)
		line->type = file->wanted;
	else if (line->type == TYPE_UNKNOWN)
		line->type = file->wanted == TYPE_ANY ? TYPE_AUTH : file->wanted;
	if (file->wanted != TYPE_ANY && line->type != file->wanted)
		return;
	if (line->problem)
		problem_add(reading, line->file, line->number, line->problem);
	if (line->kind == LINE_INCLUDE || line->kind == LINE_SUBSTACK)
		include_follow(reading, file, line);
	else if (line->type == TYPE_ANY) /* `@include` alone: libpam gives up */
		reading->service->refused = true;
	else
		stack_add(reading, line, line->kind);
}

static void file_follow(struct reading *reading, const struct pam_file *file)
{
	char *rest = file->bytes;
	unsigned number = 0;
	struct pam_line line;
	bool unfinished;

	while (!reading->service->refused &&
	       pam_line_next(&rest, &number, reading->arena, &line, &unfinished)) {
		if (!unfinished && reading->lines++ < PAM_LINES_MAX) {
			line_follow(reading, file, &line);
			continue;
		}
		reading->service->refused = true;
		problem_add(reading, file->path, line.number,
			    unfinished ? "the line continues after a \\, but the file ends"
				       : "more lines than any service needs");
	}
}

struct pam_service pam_service_read(const char *name, pam_source source, void *context,
				    struct arena *arena)
{
	struct pam_service service = { .name = arena_print(arena, "%s", name) };
	struct reading reading = { &service, source, context, arena, 0, 0 };
	struct pam_file file = { .name = service.name, .wanted = TYPE_ANY };
	int error = file_load(&reading, &file);

	service.path = file.path;
	if (error == 0)
		file_follow(&reading, &file);
	service.refused = service.refused || (error < 0 && error != -ENOENT);
	if (error < 0 && error != -ENOENT)
		problem_add(&reading, name, 0, "the file cannot be read");
	return service;
}

bool pam_service_includes(const struct pam_service *service, const char *name)
{
	for (size_t i = 0; i < service->include_count; i++)
		if (strcmp(service->includes[i], name) == 0)
			return true;
	return false;
}
