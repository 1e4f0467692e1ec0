/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of the language: sections, keys, the function that checks a value. A new key is one row
 * here and one function in policy_apply.c.
 */
#include "policy_keys.h"

#include <assert.h>
#include <string.h>
#include <sys/resource.h>

#include "policy_apply.h"
#include "util.h"

#define WORDS_MAX 24 /* sections, or keys of one */

/* clang-format off */
static const struct policy_key keys[] = {
	{ "policy", "description", KEY_SINGLE, apply_text, 0 },
	{ "policy", "include", KEY_LIST, apply_include, 0 },
	{ "policy", "require", KEY_LIST, apply_require, 0 },
	{ "policy", "mode", KEY_SINGLE, apply_mode, 0 },

	{ "session", "shell", KEY_SINGLE, apply_shell, 0 },
	{ "session", "no_new_privs", KEY_SINGLE, apply_privileges, 0 },
	{ "session", "capabilities", KEY_LIST, apply_capability, 0 },

	{ "network", "net_allow", KEY_LIST, apply_net_allow, 0 },
	{ "network", "net_deny", KEY_LIST, apply_net_deny, 0 },
	{ "network", "net_bind", KEY_LIST, apply_net_bind, 0 },
	{ "network", "udp_answer", KEY_LIST, apply_udp_answer, 0 },
	{ "network", "allow_udp", KEY_SINGLE, apply_allow_udp, 0 },
	{ "network", "allow_icmp", KEY_SINGLE, apply_allow_icmp, 0 },
	{ "network", "dns", KEY_SINGLE, apply_dns, 0 },
	{ "network", "name_addresses", KEY_LIST, apply_name_addresses, 0 },
	{ "network", "unix_allow", KEY_LIST, apply_unix_allow, 0 },
	{ "network", "unix_dgram", KEY_SINGLE, apply_unix_dgram, 0 },

	{ "filesystem", "read", KEY_LIST, apply_file, FILE_READ },
	{ "filesystem", "write", KEY_LIST, apply_file, FILE_WRITE },
	{ "filesystem", "exec", KEY_LIST, apply_file, FILE_READ | FILE_EXEC },

	{ "syscalls", "deny", KEY_LIST, apply_system_call, CALL_DENY },
	{ "syscalls", "allow", KEY_LIST, apply_system_call, CALL_ALLOW },

	{ "limits", "processes", KEY_SINGLE, apply_count, RLIMIT_NPROC },
	{ "limits", "open_files", KEY_SINGLE, apply_count, RLIMIT_NOFILE },
	{ "limits", "memory", KEY_SINGLE, apply_size, RLIMIT_AS },
	{ "limits", "file_size", KEY_SINGLE, apply_size, RLIMIT_FSIZE },
	{ "limits", "cpu_time", KEY_SINGLE, apply_count, RLIMIT_CPU },
	{ "limits", "core", KEY_SINGLE, apply_size, RLIMIT_CORE },
};
/* clang-format on */

/* Rows of one section are adjacent, and so are equal words; `words` ends in NULL. */
static void add_word(const char *words[WORDS_MAX], size_t *count, const char *word)
{
	if (*count > 0 && strcmp(words[*count - 1], word) == 0)
		return;
	assert(*count < WORDS_MAX - 1);
	words[(*count)++] = word;
}

int section_find(const char *section, char why[WHY_MAX])
{
	const char *words[WORDS_MAX] = { NULL };
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		add_word(words, &count, keys[i].section);
	return word_parse("section", section, words, why);
}

static void explain_key(const char *section, const char *name, char why[WHY_MAX])
{
	const char *words[WORDS_MAX] = { NULL };
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(section, keys[i].section) == 0)
			add_word(words, &count, keys[i].name);
	}
	why_unknown(why, "key", name, words);
}

static const struct policy_key *key_row(const char *section, const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(section, keys[i].section) == 0 && strlen(keys[i].name) == length &&
		    strncmp(keys[i].name, name, length) == 0)
			return &keys[i];
	}
	return NULL;
}

/* A key of another section is more likely misplaced than mistyped. */
static const struct policy_key *key_elsewhere(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	}
	return NULL;
}

const struct policy_key *key_find(const char *section, const char *name, char why[WHY_MAX])
{
	size_t stem = strcspn(name, ".");
	const struct policy_key *key = key_row(section, name, stem);
	const struct policy_key *elsewhere = key_elsewhere(name);

	if (key && name[stem] && key->shape != KEY_LIST) {
		why_write(why, "\"%s\" has a label, but %s is a single value", name, key->name);
		return NULL;
	}
	if (key)
		return key;
	if (elsewhere) {
		why_write(why, "\"%s\" is in [%s], expected it in [%s]", name, section,
			  elsewhere->section);
		return NULL;
	}
	explain_key(section, name, why);
	return NULL;
}

const struct policy_key *key_get(const char *section, const char *name)
{
	const struct policy_key *key = key_row(section, name, strlen(name));

	assert(key);
	return key;
}
