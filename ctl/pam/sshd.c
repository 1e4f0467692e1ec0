/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What sshd is set to for a user, as it prints itself: `sshd -T -C user=NAME`. Distrusts sshd to
 * answer: what it does not tell is taken for the worst.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#include "audit.h"
#include "util.h"

static const char *const programs[] = { "/usr/sbin/sshd", "/usr/local/sbin/sshd" };

/* What sshd does itself, without any login shell. */
static const struct {
	const char *keyword;
	const char *text;
	const char *word; /* that the value has in it; NULL: any value but `no` */
	bool forwards;    /* DisableForwarding turns it off as well */
} openings[] = {
	{ "allowtcpforwarding", "port forwards (AllowTcpForwarding)", NULL, true },
	{ "allowstreamlocalforwarding", "forwards of unix sockets (AllowStreamLocalForwarding)",
	  NULL, true },
	{ "x11forwarding", "X11 forwards (X11Forwarding)", NULL, true },
	{ "permittunnel", "tunnels (PermitTunnel)", NULL, true },
	{ "permituserenvironment", "variables for sshd's own shell (PermitUserEnvironment)", NULL,
	  false },
	{ "subsystem", "sftp (Subsystem is internal-sftp)", "internal-sftp", false },
	{ "forcecommand", "sftp (ForceCommand is internal-sftp)", "internal-sftp", false },
};

static const struct sshd_settings worst = {
	.user_rc = true,
	.open = "whatever sshd is set to",
	.keys = ".ssh/authorized_keys",
};

/* What the program prints about `user`, to be closed; NULL where it cannot be started. */
static FILE *program_start(const char *program, const char *user, pid_t *ret_pid)
{
	char specification[NAME_MAX + 64];
	char *argv[] = { (char *)(uintptr_t)program, (char *)(uintptr_t) "-T",
			 (char *)(uintptr_t) "-C", specification, NULL };
	char *environment[] = { NULL };
	FILE *answer;
	int ends[2];

	/* Names that it would take apart are not asked about. */
	if (strpbrk(user, ",=") || strlen(user) > NAME_MAX || pipe2(ends, O_CLOEXEC) < 0)
		return NULL;
	snprintf(specification, sizeof(specification), "user=%s,host=localhost,addr=127.0.0.1", user);
	*ret_pid = fork();
	if (*ret_pid == 0) {
		if (dup2(ends[1], STDOUT_FILENO) >= 0)
			execve(program, argv, environment);
		_exit(127);
	}
	close(ends[1]);
	answer = *ret_pid < 0 ? NULL : fdopen(ends[0], "r");
	if (!answer)
		close(ends[0]);
	return answer;
}

static const char *text_append(struct arena *arena, const char *text, const char *separator,
			       const char *more)
{
	return arena_print(arena, "%s%s%s", text, *text ? separator : "", more);
}

/* Reads the whole answer: on each line a keyword in lower case, a blank, the value. */
static struct sshd_settings answer_read(struct arena *arena, FILE *answer)
{
	struct sshd_settings settings = { .open = "", .keys = "" };
	bool open[ARRAY_SIZE(openings)] = { false };
	cleanup_free char *line = NULL;
	bool forwards = true;
	size_t size = 0;
	ssize_t length;

	while ((length = getline(&line, &size, answer)) > 0) {
		char *value = line;
		const char *keyword = strsep(&value, " ");
		bool yes;

		line[length - 1] = '\0';
		if (!value)
			continue;
		yes = strcmp(value, "no") != 0;
		for (size_t i = 0; i < ARRAY_SIZE(openings); i++)
			if (strcmp(keyword, openings[i].keyword) == 0)
				open[i] |= openings[i].word ? strstr(value, openings[i].word) != NULL
							    : yes;
		if (strcmp(keyword, "disableforwarding") == 0)
			forwards = !yes;
		else if (strcmp(keyword, "usepam") == 0)
			settings.use_pam = yes;
		else if (strcmp(keyword, "permituserrc") == 0)
			settings.user_rc = yes;
		else if (strcmp(keyword, "permituserenvironment") == 0)
			settings.user_environment = yes;
		else if (strcmp(keyword, "authorizedkeysfile") == 0)
			settings.keys = text_append(arena, settings.keys, " ", value);
	}
	for (size_t i = 0; i < ARRAY_SIZE(openings); i++)
		if (open[i] && (forwards || !openings[i].forwards))
			settings.open = text_append(arena, settings.open, ", ", openings[i].text);
	return settings;
}

/* False where sshd does not answer. */
static bool user_read(struct audit *audit, const char *program, struct user *user)
{
	pid_t pid;
	cleanup_file FILE *answer = program_start(program, user->person.account.name, &pid);
	struct sshd_settings settings;
	int status;

	if (!answer)
		return false;
	settings = answer_read(&audit->arena, answer);
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		return false;
	user->sshd = settings;
	return true;
}

void sshd_read(struct audit *audit)
{
	const char *program = NULL;
	bool answers = true;

	for (size_t i = 0; i < ARRAY_SIZE(programs) && !program; i++)
		program = access(programs[i], X_OK) == 0 ? programs[i] : NULL;
	for (size_t i = 0; i < audit->user_count; i++) {
		struct user *user = &audit->users[i];

		if (!program)
			continue;
		user->sshd = worst;
		answers = answers && user_read(audit, program, user);
	}
	if (!answers)
		finding_add(audit, &audit->findings, program, 0,
			    "no answer to -T: the worst settings are assumed");
}
