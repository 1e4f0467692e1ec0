/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loads a policy: the file that decides and its fragments, checked key by key, then merged.
 * Distrusts every byte of a file until its owner and its text were checked.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "policy.h"
#include "policy_apply.h"
#include "policy_compare.h"
#include "policy_file.h"
#include "policy_keys.h"
#include "policy_model.h"
#include "policy_values.h"
#include "util.h"

#define FRAGMENT_SUFFIX ".inc"

const struct text_section *policy_section(const struct policy *policy, const char *name,
					  const char **ret_file)
{
	for (size_t i = 0; i < policy->source_count; i++) {
		const struct source *source = &policy->sources[i];

		for (size_t j = 0; j < source->text.section_count; j++) {
			if (strcmp(source->text.sections[j].name, name) != 0)
				continue;
			*ret_file = source->file;
			return &source->text.sections[j];
		}
	}
	return NULL;
}

/* Keys ---------------------------------------------------------------------- */

static int single_item(const struct text_entry *entry, struct setting *setting)
{
	setting->items = calloc(1, sizeof(*setting->items));
	if (!setting->items)
		return -ENOMEM;
	setting->items[0].line = entry->value_line;
	setting->items[0].text = value_plain(entry->value, strlen(entry->value));
	setting->item_count = 1;
	return setting->items[0].text ? 0 : -ENOMEM;
}

/* Judges each item as a login would; with `paths`, looks at those that it names. */
static int check_items(const struct setting *setting, bool paths, struct reporter *reporter)
{
	char why[WHY_MAX];
	char advice[WHY_MAX];

	for (size_t i = 0; i < setting->item_count; i++) {
		const struct task task = { .key = setting->key,
					   .setting = setting,
					   .item = &setting->items[i],
					   .advice = advice,
					   .paths = paths,
					   .links = reporter->flags & POLICY_LINKS };
		int error;

		advice[0] = '\0';
		error = setting->key->apply(&task, why);
		if (error == -EINVAL)
			report_error(reporter, setting->file, task.item->line, "%s: %s",
				     setting->name, why);
		else if (error < 0)
			return error;
		else if (advice[0])
			report_warning(reporter, setting->file, task.item->line, "%s: %s",
				       setting->name, advice);
	}
	return 0;
}

/* One entry becomes a setting, also where items of it are bad: all of them are reported. */
static int read_setting(struct policy *policy, const char *file, const struct text_entry *entry,
			struct reporter *reporter)
{
	struct setting *setting = &policy->settings[policy->setting_count];
	char why[WHY_MAX];
	int error;

	*setting = (struct setting){ .key = key_find(entry->section, entry->key, why),
				     .name = entry->key,
				     .file = file,
				     .line = entry->line };
	if (!setting->key) {
		report_error(reporter, file, entry->line, "%s", why);
		return 0;
	}
	policy->setting_count++;
	if (entry->continued && setting->key->shape != KEY_LIST)
		report_error(reporter, file, entry->line,
			     "%s: only a list may continue in the next line: remove the \\ at "
			     "the end",
			     entry->key);
	if (setting->key->shape == KEY_SINGLE)
		error = single_item(entry, setting);
	else
		error = items_split(entry->value, entry->value_line, &setting->items,
				    &setting->item_count, why);
	if (error == -EINVAL)
		report_error(reporter, file, entry->value_line, "%s: %s", entry->key, why);
	if (error < 0)
		return error == -EINVAL ? 0 : error;
	return check_items(setting, false, reporter);
}

static int read_settings(struct policy *policy, const struct source *source, struct reporter *reporter)
{
	const struct text *text = &source->text;
	size_t room = policy->setting_count + text->entry_count;
	struct setting *settings = realloc(policy->settings, (room + 1) * sizeof(*settings));
	char why[WHY_MAX];
	int error = 0;

	if (!settings)
		return -ENOMEM;
	policy->settings = settings;
	for (size_t i = 0; i < text->section_count; i++) {
		if (section_find(text->sections[i].name, why) < 0)
			report_error(reporter, source->file, text->sections[i].line, "%s", why);
	}
	for (size_t i = 0; i < text->entry_count && error == 0; i++) {
		/* The keys of an unknown section are not blamed. */
		if (section_find(text->entries[i].section, why) == 0)
			error = read_setting(policy, source->file, &text->entries[i], reporter);
	}
	return error;
}

/* Sources ------------------------------------------------------------------- */

/* Where the source was named: nowhere for the policy itself. */
struct origin {
	const char *file;
	unsigned line;
};

/* Takes over `path`. */
static int read_source(struct policy *policy, char *path, struct origin origin,
		       struct reporter *reporter)
{
	struct source *source = &policy->sources[policy->source_count++];
	cleanup_free char *bytes = NULL;
	unsigned errors = reporter->errors;
	size_t length;
	int error;

	source->file = path;
	error = policy_file_read(path, origin.file, origin.line, reporter, &bytes, &length);
	if (error < 0)
		return error == -EINVAL ? 0 : error;
	error = text_read(bytes, length, path, reporter, &source->text);
	if (error < 0)
		return error;
	error = read_settings(policy, source, reporter);
	if (error == 0 && reporter->errors == errors)
		compare_readers(bytes, length, path, &source->text, reporter);
	return error;
}

static bool is_there(const char *path)
{
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* NAME.inc beside the including file; where that is a draft without it, in `directory`. */
static char *fragment_path(const char *including, const char *directory, const char *name)
{
	const char *slash = strrchr(including, '/');
	cleanup_free char *installed = NULL;
	char *beside = NULL;
	char *path;

	if (directory && asprintf(&installed, "%s/%s" FRAGMENT_SUFFIX, directory, name) < 0)
		installed = NULL;
	if (strcmp(including, "-") != 0 &&
	    asprintf(&beside, "%.*s%s" FRAGMENT_SUFFIX, slash ? (int)(slash - including + 1) : 0,
		     including, name) < 0)
		return NULL;
	if (!installed || (beside && (is_there(beside) || !is_there(installed))))
		return beside;
	free(beside);
	path = installed;
	installed = NULL;
	return path;
}

static bool is_included(const struct policy *policy, const char *path)
{
	for (size_t i = 1; i < policy->source_count; i++) {
		if (strcmp(policy->sources[i].file, path) == 0)
			return true;
	}
	return false;
}

static int include_one(struct policy *policy, const struct setting *setting,
		       const struct item *item, const char *directory, struct reporter *reporter)
{
	const struct origin origin = { setting->file, item->line };
	char *path;

	if (strcmp(setting->file, "-") == 0 && !directory) {
		report_error(reporter, origin.file, origin.line,
			     "include: not possible in a policy that is read from standard input");
		return 0;
	}
	path = fragment_path(setting->file, directory, item->text);
	if (!path)
		return -ENOMEM;
	if (is_included(policy, path))
		report_error(reporter, origin.file, origin.line, "include: \"%s\" is listed twice",
			     item->text);
	else if (policy->source_count > POLICY_INCLUDES_MAX)
		report_error(reporter, origin.file, origin.line, "include: more than %d fragments",
			     POLICY_INCLUDES_MAX);
	else
		return read_source(policy, path, origin, reporter);
	free(path);
	return 0;
}

static bool is_include(const struct setting *setting)
{
	return setting->key == key_get("policy", "include");
}

/* True where the item was checked good: only then its name may become a path. */
static bool is_fragment_name(const struct setting *setting, const struct item *item)
{
	const struct task task = { .key = setting->key, .setting = setting, .item = item };
	char why[WHY_MAX];

	return apply_include(&task, why) == 0;
}

static int read_fragments(struct policy *policy, const char *directory, struct reporter *reporter)
{
	size_t own = policy->setting_count;

	for (size_t i = 0; i < own; i++) {
		/* By value: the array moves as fragments add to it. */
		const struct setting setting = policy->settings[i];

		for (size_t j = 0; is_include(&setting) && j < setting.item_count; j++) {
			const struct item *item = &setting.items[j];
			int error = 0;

			if (is_fragment_name(&setting, item))
				error = include_one(policy, &setting, item, directory, reporter);
			if (error < 0)
				return error;
		}
	}
	return 0;
}

/* The whole ----------------------------------------------------------------- */

static bool is_fragment(const struct policy *policy, const char *file)
{
	size_t length = strlen(file);

	return file != policy->sources[0].file ||
	       (length > strlen(FRAGMENT_SUFFIX) &&
		strcmp(file + length - strlen(FRAGMENT_SUFFIX), FRAGMENT_SUFFIX) == 0);
}

/* The setting that stands before `later` for the same single value. */
static const struct setting *find_earlier(const struct policy *policy, const struct setting *later)
{
	for (const struct setting *setting = policy->settings; setting < later; setting++) {
		if (setting->key == later->key && !setting->superseded)
			return setting;
	}
	return NULL;
}

/* Lists add up. A single value of the file itself wins over a fragment's. */
static void merge(struct policy *policy, struct reporter *reporter)
{
	for (size_t i = 0; i < policy->setting_count; i++) {
		struct setting *setting = &policy->settings[i];
		const struct setting *earlier;

		if (is_include(setting) && is_fragment(policy, setting->file))
			report_error(reporter, setting->file, setting->line,
				     "include: not allowed in a fragment, only in .conf files");
		if (setting->key->shape != KEY_SINGLE)
			continue;
		earlier = find_earlier(policy, setting);
		if (!earlier)
			continue;
		setting->superseded = true;
		if (earlier->file != policy->sources[0].file)
			report_error(reporter, setting->file, setting->line,
				     "%s: also set in %s:%u; set it in one fragment only",
				     setting->name, earlier->file, earlier->line);
	}
}

/* The items of `key` that begin with `scheme` contradict `setting`, which says no. */
static void check_scheme(const struct policy *policy, const struct setting *no, const char *scheme,
			 struct reporter *reporter)
{
	for (size_t i = 0; i < policy->setting_count; i++) {
		const struct setting *setting = &policy->settings[i];

		for (size_t j = 0; j < setting->item_count; j++) {
			const struct item *item = &setting->items[j];

			if (setting->key == key_get("network", "net_allow") &&
			    strncmp(item->text, scheme, strlen(scheme)) == 0)
				report_error(reporter, setting->file, item->line,
					     "%s: \"%s\" contradicts %s = %s in %s:%u",
					     setting->name, item->text, no->name, no->items[0].text,
					     no->file, no->line);
		}
	}
}

static void check_userns(const struct setting *setting, struct reporter *reporter)
{
	for (size_t i = 0; i < setting->item_count; i++) {
		if (strcmp(setting->items[i].text, "@userns") == 0)
			report_error(reporter, setting->file, setting->items[i].line,
				     "%s: @userns needs a [filesystem] section", setting->name);
	}
}

/* What one line alone cannot show. */
static void check_whole(const struct policy *policy, struct reporter *reporter)
{
	const char *file;
	bool files = policy_section(policy, "filesystem", &file);

	for (size_t i = 0; i < policy->setting_count; i++) {
		const struct setting *setting = &policy->settings[i];
		char why[WHY_MAX];
		bool value;

		if (!files && setting->key == key_get("syscalls", "allow"))
			check_userns(setting, reporter);
		if (setting->superseded || setting->key->shape != KEY_SINGLE ||
		    boolean_parse(setting->items[0].text, &value, why) < 0 || value)
			continue;
		if (setting->key == key_get("network", "allow_udp"))
			check_scheme(policy, setting, "udp://", reporter);
		if (setting->key == key_get("network", "allow_icmp"))
			check_scheme(policy, setting, "icmp://", reporter);
	}
	if (policy->setting_count == 0 && reporter->errors == 0)
		report_warning(reporter, policy->sources[0].file, 0,
			       files ? "empty policy: no network, and no file can be opened"
				     : "empty policy: no network; files are not restricted");
}

int policy_load(const char *path, const char *include_directory, unsigned flags,
		policy_report report, void *context, struct policy **ret_policy)
{
	struct reporter reporter = { .report = report, .context = context, .flags = flags };
	struct policy *policy = calloc(1, sizeof(*policy));
	char *name = strdup(path);
	const struct origin nowhere = { 0 };
	int error;

	if (!policy || !name) {
		free(policy);
		free(name);
		return -ENOMEM;
	}
	error = read_source(policy, name, nowhere, &reporter);
	if (error == 0)
		error = read_fragments(policy, include_directory, &reporter);
	if (error == 0) {
		merge(policy, &reporter);
		check_whole(policy, &reporter);
		error = reporter.errors > 0 ? -EINVAL : 0;
	}
	policy->secret = reporter.secret;
	if (error < 0)
		policy_free(policy);
	else
		*ret_policy = policy;
	return error;
}

void policy_lint_paths(const struct policy *policy, unsigned flags, policy_report report,
		       void *context)
{
	struct reporter reporter = { report, context, flags | POLICY_LINT, 0, policy->secret };

	for (size_t i = 0; i < policy->setting_count; i++)
		if (policy->settings[i].key->apply == apply_file)
			(void)check_items(&policy->settings[i], true, &reporter);
}

bool policy_is_secret(const struct policy *policy)
{
	return policy->secret;
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	for (size_t i = 0; i < policy->setting_count; i++)
		items_free(policy->settings[i].items, policy->settings[i].item_count);
	free(policy->settings);
	for (size_t i = 0; i < policy->source_count; i++) {
		free(policy->sources[i].file);
		text_free(&policy->sources[i].text);
	}
	free(policy);
}
