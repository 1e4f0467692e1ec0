/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What sandlockctl prints. Names and lines of files may hold anything: whatever is not plain ASCII
 * would be carried out by a terminal, or show one thing as another.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "ctl.h"
#include "util.h"

#define SPEC_MAX 16

static void pad(FILE *stream, size_t used, const char *spec)
{
	uint64_t width = 0;

	if (spec[1] == '-' && isdigit((unsigned char)spec[2]))
		width = strtoul(spec + 2, NULL, 10);
	for (; used < width; used++)
		fputc(' ', stream);
}

/* The whole conversion at `format`, from its % on; returns its length. */
static size_t spec_take(const char *format, char spec[SPEC_MAX])
{
	size_t length = 1 + strspn(format + 1, "-0123456789");

	if (length >= SPEC_MAX - 1)
		length = 1;
	memcpy(spec, format, length + 1);
	spec[length + 1] = '\0';
	return length + 1;
}

void say_list(FILE *stream, const char *format, va_list arguments)
{
	int error = errno;
	char spec[SPEC_MAX];

	while (*format) {
		size_t length = 1;

		if (*format != '%') {
			fputc(*format++, stream);
			continue;
		}
		length = spec_take(format, spec);
		switch (spec[length - 1]) {
		case 's':
			pad(stream, text_print(stream, va_arg(arguments, const char *)), spec);
			break;
		case 'd':
		case 'u':
			fprintf(stream, spec[length - 1] == 'd' ? "%d" : "%u",
				va_arg(arguments, int));
			break;
		case 'm':
			fputs(strerror(error), stream);
			break;
		default:
			fputc('%', stream);
		}
		format += length;
	}
}

void say(FILE *stream, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say_list(stream, format, arguments);
	va_end(arguments);
}
