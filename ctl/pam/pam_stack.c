/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stacks of a PAM service: its lines and those of every file it includes, in the order of
 * calls. Reads files only through its caller's function.
 */
#include <errno.h>
#include <string.h>

#include "pam_stack.h"
#include "util.h"

/* A file that was asked for; each name is read once. */
struct pam_file {
	struct pam_file *next;
	char *name;
	char *path;
	int error;      /* 0, or why there are no lines */
	unsigned using; /* how many of its lines are being followed: above 0, an include is a loop */
	struct pam_lines lines;
};

/* What one line or file is read into. */
struct reading {
	struct pam_service *service;
	pam_source source;
	void *context;
	size_t handler_count; /* of all stacks */
};

/* Where in the tree of files a line stands. */
struct place {
	struct pam_file *file;
	enum pam_type wanted; /* TYPE_ANY: lines of every type */
	unsigned depth;
	unsigned level;
};

static int complain(struct pam_service *service, const char *file, unsigned line, const char *text)
{
	struct pam_complaint *grown =
		reallocarray(service->complaints, service->complaint_count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	service->complaints = grown;
	grown[service->complaint_count++] = (struct pam_complaint){ file, line, text };
	return 0;
}

static int handler_add(struct reading *reading, enum pam_type type, const struct place *place,
		       const struct pam_line *line, enum pam_line_kind kind)
{
	struct pam_stack *stack = &reading->service->stacks[type];
	struct pam_handler *grown;

	if (reading->handler_count >= PAM_HANDLERS_MAX) {
		reading->service->refused = true;
		return complain(reading->service, place->file->path, line->number,
				"more lines than any service needs");
	}
	grown = reallocarray(stack->handlers, stack->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	stack->handlers = grown;
	grown[stack->count++] = (struct pam_handler){
		.file = place->file->path,
		.line = line,
		.kind = kind,
		.level = place->level,
	};
	reading->handler_count++;
	return 0;
}

/* Reads what the source gives for a name, once; -ENOMEM, or 0 with file->error. */
static int file_load(struct reading *reading, struct pam_file *file)
{
	cleanup_free char *bytes = NULL;
	size_t length = 0;

	file->error = reading->source(file->name, reading->context, &file->path, &bytes, &length);
	if (file->error == -ENOMEM)
		return -ENOMEM;
	return file->error < 0 ? 0 : pam_lines_read(bytes, length, &file->lines);
}

static int file_get(struct reading *reading, const char *name, struct pam_file **ret_file)
{
	struct pam_file *file = reading->service->files;

	while (file && strcmp(file->name, name) != 0)
		file = file->next;
	if (!file) {
		file = calloc(1, sizeof(*file));
		if (!file)
			return -ENOMEM;
		file->next = reading->service->files;
		reading->service->files = file;
		file->name = strdup(name);
		if (!file->name || file_load(reading, file) < 0)
			return -ENOMEM;
	}
	*ret_file = file;
	return 0;
}

static int file_follow(struct reading *reading, const struct place *place);

/* Why the file may not be followed from `place`, or NULL. */
static const char *file_judge(const struct pam_file *file, const struct place *place)
{
	if (file->error == -ENOENT)
		return "there is no file of that name to include";
	if (file->error < 0)
		return "the file to include cannot be read";
	if (file->using > 0)
		return "the file includes itself";
	if (place->depth + 1 >= PAM_DEPTH_MAX)
		return "too many files include one another";
	return NULL;
}

/* An include that fails is a line that always fails; one of every type makes libpam give up. */
static int include_fail(struct reading *reading, const struct place *place,
			const struct pam_line *line, enum pam_type type, const char *text)
{
	int error = complain(reading->service, place->file->path, line->number, text);

	if (error < 0)
		return error;
	if (type == TYPE_ANY) {
		reading->service->refused = true;
		return 0;
	}
	return handler_add(reading, type, place, line, LINE_BROKEN);
}

/* The type of a line, or of what it includes. */
static enum pam_type line_type(const struct pam_line *line, const struct place *place)
{
	if (line->type == TYPE_ANY)
		return place->wanted;
	if (line->type == TYPE_UNKNOWN)
		return place->wanted == TYPE_ANY ? TYPE_AUTH : place->wanted;
	return line->type;
}

static int include_follow(struct reading *reading, const struct place *place,
			  const struct pam_line *line)
{
	struct place inner = *place;
	const char *text;
	int error = 0;

	inner.wanted = line_type(line, place);
	if (line->kind == LINE_SUBSTACK) {
		error = handler_add(reading, inner.wanted, place, line, LINE_SUBSTACK);
		inner.level++;
	}
	if (error == 0)
		error = file_get(reading, line->name, &inner.file);
	if (error < 0)
		return error;
	text = file_judge(inner.file, place);
	if (text)
		return include_fail(reading, place, line, inner.wanted, text);
	inner.depth++;
	return file_follow(reading, &inner);
}

static int line_follow(struct reading *reading, const struct place *place, const struct pam_line *line)
{
	enum pam_type type = line_type(line, place);
	int error = 0;

	if (place->wanted != TYPE_ANY && type != place->wanted)
		return 0;
	if (line->complaint)
		error = complain(reading->service, place->file->path, line->number, line->complaint);
	if (error < 0)
		return error;
	if (line->kind == LINE_INCLUDE || line->kind == LINE_SUBSTACK)
		return include_follow(reading, place, line);
	/* `@include` and nothing else: a line of no stack, on which libpam gives up. */
	if (type == TYPE_ANY) {
		reading->service->refused = true;
		return 0;
	}
	return handler_add(reading, type, place, line, line->kind);
}

static int file_follow(struct reading *reading, const struct place *place)
{
	const struct pam_lines *lines = &place->file->lines;
	int error = 0;

	if (lines->unfinished) {
		reading->service->refused = true;
		error = complain(reading->service, place->file->path, lines->unfinished,
				 "the line goes on behind a \\, but the file ends");
	}
	place->file->using ++;
	for (size_t i = 0; i < lines->count && error == 0 && !reading->service->refused; i++)
		error = line_follow(reading, place, &lines->lines[i]);
	place->file->using --;
	return error;
}

int pam_service_read(const char *name, pam_source source, void *context,
		     struct pam_service *ret_service)
{
	struct pam_service service = { 0 };
	struct reading reading = { .service = &service, .source = source, .context = context };
	struct place place = { .wanted = TYPE_ANY };
	int error = file_get(&reading, name, &place.file);

	if (error == 0 && place.file->error == 0) {
		service.path = place.file->path;
		error = file_follow(&reading, &place);
	} else if (error == 0 && place.file->error != -ENOENT) {
		service.refused = true;
		error = complain(&service, place.file->name, 0, "the file cannot be read");
	}
	if (error < 0) {
		pam_service_free(&service);
		return error;
	}
	*ret_service = service;
	return 0;
}

bool pam_service_includes(const struct pam_service *service, const char *name)
{
	for (const struct pam_file *file = service->files; file; file = file->next)
		if (file->next && strcmp(file->name, name) == 0)
			return true;
	return false;
}

void pam_service_free(struct pam_service *service)
{
	struct pam_file *next;

	for (struct pam_file *file = service->files; file; file = next) {
		next = file->next;
		pam_lines_free(&file->lines);
		free(file->name);
		free(file->path);
		free(file);
	}
	for (size_t i = 0; i < TYPE_ANY; i++)
		free(service->stacks[i].handlers);
	free(service->complaints);
}
