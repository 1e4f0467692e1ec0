/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of the PAM reader share: Debian's files of /etc/pam.d in memory.
 * Linked into every unit test.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pam_fixture.h"
#include "util.h"

/* The lines of Debian 12, without the comments. */
static const struct pam_text debian[] = {
	{ "common-auth", "auth	[success=1 default=ignore]	pam_unix.so nullok\n"
			 "auth	requisite			pam_deny.so\n"
			 "auth	required			pam_permit.so\n"
			 "auth	optional			pam_cap.so \n" },
	{ "common-account",
	  "account	[success=1 new_authtok_reqd=done default=ignore]	pam_unix.so \n"
	  "account	requisite			pam_deny.so\n"
	  "account	required			pam_permit.so\n" },
	{ "common-password", "password	[success=1 default=ignore]	pam_unix.so obscure yescrypt\n"
			     "password	requisite			pam_deny.so\n"
			     "password	required			pam_permit.so\n" },
	{ "common-session", "session	[default=1]			pam_permit.so\n"
			    "session	requisite			pam_deny.so\n"
			    "session	required			pam_permit.so\n"
			    "session	required	pam_unix.so \n"
			    "session	optional	pam_systemd.so \n" },
	{ "common-session-noninteractive",
	  "session	[default=1]			pam_permit.so\n"
	  "session	requisite			pam_deny.so\n"
	  "session	required			pam_permit.so\n"
	  "session	required	pam_unix.so \n" },
	{ "sshd", "# PAM configuration for the Secure Shell service\n"
		  "@include common-auth\n"
		  "account    required     pam_nologin.so\n"
		  "@include common-account\n"
		  "session [success=ok ignore=ignore module_unknown=ignore default=bad]        "
		  "pam_selinux.so close\n"
		  "session    required     pam_loginuid.so\n"
		  "session    optional     pam_keyinit.so force revoke\n"
		  "@include common-session\n"
		  "session    optional     pam_motd.so  motd=/run/motd.dynamic\n"
		  "session    optional     pam_motd.so noupdate\n"
		  "session    optional     pam_mail.so standard noenv # [1]\n"
		  "session    required     pam_limits.so\n"
		  "session    required     pam_env.so # [1]\n"
		  "session    required     pam_env.so user_readenv=1 envfile=/etc/default/locale\n"
		  "session [success=ok ignore=ignore module_unknown=ignore default=bad]        "
		  "pam_selinux.so open\n"
		  "@include common-password\n" },
	{ "su", "auth       sufficient pam_rootok.so\n"
		"session       required   pam_env.so readenv=1\n"
		"session       required   pam_env.so readenv=1 envfile=/etc/default/locale\n"
		"session    optional   pam_mail.so nopen\n"
		"session    required   pam_limits.so\n"
		"@include common-auth\n@include common-account\n@include common-session\n" },
	{ "su-l", "#%PAM-1.0\n"
		  "auth		include		su\n"
		  "account		include		su\n"
		  "password	include		su\n"
		  "session		optional	pam_keyinit.so force revoke\n"
		  "session		include		su\n" },
	{ "runuser", "auth		sufficient	pam_rootok.so\n"
		     "session		optional	pam_keyinit.so revoke\n"
		     "session		required	pam_limits.so\n"
		     "session		required	pam_unix.so\n" },
	{ "cron", "@include common-auth\n"
		  "session    required     pam_loginuid.so\n"
		  "session       required   pam_env.so\n"
		  "session       required   pam_env.so envfile=/etc/default/locale\n"
		  "@include common-account\n"
		  "@include common-session-noninteractive \n"
		  "session    required   pam_limits.so\n" },
	{ "atd", "@include common-auth\n"
		 "@include common-account\n"
		 "session    required   pam_loginuid.so\n"
		 "@include common-session-noninteractive\n"
		 "session    required   pam_limits.so\n"
		 "auth	required	pam_env.so user_readenv=1\n" },
	{ "lightdm", "auth      requisite pam_nologin.so\n"
		     "session      required pam_env.so readenv=1\n"
		     "session      required pam_env.so readenv=1 envfile=/etc/default/locale\n"
		     "@include common-auth\n"
		     "-auth  optional pam_gnome_keyring.so\n"
		     "@include common-account\n"
		     "session  [success=ok ignore=ignore module_unknown=ignore default=bad] "
		     "pam_selinux.so close\n"
		     "session  required        pam_limits.so\n"
		     "session  required        pam_loginuid.so\n"
		     "@include common-session\n"
		     "session [success=ok ignore=ignore module_unknown=ignore default=bad] "
		     "pam_selinux.so open\n"
		     "-session optional        pam_gnome_keyring.so auto_start\n"
		     "@include common-password\n" },
	{ "gdm-smartcard-sssd-or-password",
	  "auth    [success=ok user_unknown=ignore default=bad] pam_succeed_if.so user != root "
	  "quiet_success\n"
	  "auth    [success=2 default=ignore] pam_sss.so allow_missing_name try_cert_auth\n"
	  "auth    substack        common-auth\n"
	  "auth    requisite       pam_nologin.so\n"
	  "auth    optional        pam_gnome_keyring.so\n"
	  "@include common-account\n"
	  "session required        pam_loginuid.so\n"
	  "session optional        pam_keyinit.so force revoke\n"
	  "@include common-session\n"
	  "session optional        pam_gnome_keyring.so auto_start\n" },
	{ "other", "@include common-auth\n@include common-account\n@include common-password\n"
		   "@include common-session\n" },
};

static const char *text_find(const char *name, const struct pam_text *texts)
{
	for (; texts && texts->name; texts++)
		if (strcmp(texts->name, name) == 0)
			return texts->text;
	for (size_t i = 0; i < ARRAY_SIZE(debian); i++)
		if (strcmp(debian[i].name, name) == 0)
			return debian[i].text;
	return NULL;
}

int pam_fixture_source(const char *name, void *context, struct arena *arena, const char **ret_path,
		       char **ret_bytes, size_t *ret_length)
{
	const char *text = text_find(name, context);

	if (!text)
		return -ENOENT;
	*ret_path = arena_print(arena, "%s", name);
	*ret_bytes = arena_print(arena, "%s", text);
	*ret_length = strlen(text);
	return 0;
}

struct pam_service pam_fixture_read(const char *name, struct pam_text *texts, struct arena *arena)
{
	return pam_service_read(name, pam_fixture_source, texts, arena);
}

void pam_fixture_problems(const struct pam_service *service, char text[4096])
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < service->problem_count && used < 4096; i++)
		used += (size_t)snprintf(text + used, 4096 - used, "%s:%u: %s\n",
					 service->problems[i].file, service->problems[i].line,
					 service->problems[i].text);
}

void pam_fixture_describe(const struct pam_stack *stack, char text[4096])
{
	unsigned level = 0;
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i <= stack->count && used < 4096; i++) {
		const struct pam_line *line = &stack->lines[i];
		const char *name = i < stack->count ? line->name : "";
		size_t prefix = strncmp(name, "pam_", 4) == 0 ? 4 : 0;

		for (; level > (i < stack->count ? line->level : 0); level--)
			used += (size_t)snprintf(text + used, 4096 - used, "} ");
		if (i == stack->count)
			break;
		if (line->kind == LINE_SUBSTACK) {
			used += (size_t)snprintf(text + used, 4096 - used, "{ ");
			level++;
			continue;
		}
		used += (size_t)snprintf(text + used, 4096 - used, "%s%.*s ",
					 line->kind == LINE_BROKEN ? "!" : "",
					 (int)strcspn(name + prefix, "."), name + prefix);
	}
}
