/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Errors and warnings about a policy: counted, put on one line, passed to a callback.
 */
#include "policy_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 32 /* no word of the language is longer */

/* The program's own words of a message; what it would quote is left out. */
static void text_mask(const char *format, char text[WHY_MAX])
{
	size_t used = 0;

	while (*format && used < WHY_MAX - 4) {
		if (*format != '%') {
			text[used++] = *format++;
			continue;
		}
		format += 1 + strspn(format + 1, "-.0123456789zl");
		memcpy(text + used, "...", 3);
		used += 3;
		format += *format != '\0';
	}
	text[used] = '\0';
	if (strcmp(text, "...: ...") == 0)
		snprintf(text, WHY_MAX, "bad key or value");
}

__attribute__((format(printf, 5, 0))) static void emit(const struct reporter *reporter, bool error,
						       const char *file, unsigned line,
						       const char *format, va_list arguments)
{
	char text[WHY_MAX];
	struct diagnostic diagnostic = { .error = error, .line = line, .file = file, .text = text };

	vsnprintf(text, sizeof(text), format, arguments);
	if (reporter->secret)
		text_mask(format, text);
	for (char *byte = text; *byte; byte++) {
		if ((unsigned char)*byte < ' ' || *byte == 0x7f)
			*byte = '?';
	}
	reporter->report(&diagnostic, reporter->context);
}

void report_error(struct reporter *reporter, const char *file, unsigned line, const char *format, ...)
{
	va_list arguments;

	reporter->errors++;
	va_start(arguments, format);
	emit(reporter, true, file, line, format, arguments);
	va_end(arguments);
}

void report_warning(struct reporter *reporter, const char *file, unsigned line, const char *format,
		    ...)
{
	va_list arguments;

	if (!(reporter->flags & POLICY_LINT))
		return;
	va_start(arguments, format);
	emit(reporter, false, file, line, format, arguments);
	va_end(arguments);
}

void why_write(char why[WHY_MAX], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, WHY_MAX, format, arguments);
	va_end(arguments);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Levenshtein's distance; both words are at most WORD_MAX long. */
static unsigned distance(const char *left, const char *right)
{
	size_t width = strlen(right);
	unsigned row[WORD_MAX + 1];

	for (size_t i = 0; i <= width; i++)
		row[i] = (unsigned)i;
	for (size_t i = 0; left[i]; i++) {
		unsigned diagonal = row[0]++;

		for (size_t j = 0; j < width; j++) {
			unsigned above = row[j + 1];
			unsigned changed = diagonal + (left[i] != right[j]);

			row[j + 1] = least(changed, least(above, row[j]) + 1);
			diagonal = above;
		}
	}
	return row[width];
}

const char *nearest_word(const char *word, const char *const *words)
{
	const char *nearest = NULL;
	unsigned best = (unsigned)strlen(word) / 3 + 1;

	if (strlen(word) > WORD_MAX)
		return NULL;
	for (; *words; words++) {
		unsigned far = distance(word, *words);

		if (far <= best && (!nearest || far < best)) {
			nearest = *words;
			best = far;
		}
	}
	return nearest;
}

void why_unknown(char why[WHY_MAX], const char *noun, const char *word, const char *const *words)
{
	const char *nearest = nearest_word(word, words);

	if (nearest) {
		why_write(why, "unknown %s \"%s\", did you mean \"%s\"?", noun, word, nearest);
		return;
	}
	why_write(why, "unknown %s \"%.64s\", expected one of:", noun, word);
	for (; *words; words++) {
		size_t used = strlen(why);

		snprintf(why + used, WHY_MAX - used, " %s", *words);
	}
}
