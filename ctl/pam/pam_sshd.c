/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What sshd is set to for a user, as it says itself: `sshd -T -C user=NAME`. Distrusts sshd to
 * answer: what it does not say is taken for the worst.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#include "pam.h"
#include "util.h"

#define ANSWER_MAX (256U << 10)

static const char *const programs[] = { "/usr/sbin/sshd", "/usr/local/sbin/sshd" };

/* What sshd does itself, so that no login shell is asked. */
static const struct {
	const char *keyword;
	const char *closed; /* the value that turns it off; NULL: every one */
	const char *opened; /* that does not hold this */
	const char *text;
	bool forwards; /* DisableForwarding turns it off as well */
} openings[] = {
	{ "allowtcpforwarding", "no", NULL, "port forwards (AllowTcpForwarding)", true },
	{ "allowstreamlocalforwarding", "no", NULL,
	  "forwards of unix sockets (AllowStreamLocalForwarding)", true },
	{ "x11forwarding", "no", NULL, "X11 forwards (X11Forwarding)", true },
	{ "permittunnel", "no", NULL, "tunnels (PermitTunnel)", true },
	{ "permituserenvironment", "no", NULL,
	  "variables for sshd's own shell (PermitUserEnvironment)", false },
	{ "subsystem", NULL, "internal-sftp", "sftp (Subsystem is internal-sftp)", false },
	{ "forcecommand", NULL, "internal-sftp", "sftp (ForceCommand is internal-sftp)", false },
};

/* Reads what `sshd -T` writes about `user`; the length, or a negative errno. */
static ssize_t program_read(const char *program, const char *user, char *answer)
{
	char specification[NAME_MAX + 64];
	char *argv[] = { (char *)(uintptr_t)program, (char *)(uintptr_t) "-T",
			 (char *)(uintptr_t) "-C", specification, NULL };
	char *environment[] = { NULL };
	cleanup_fd int reader = -1;
	ssize_t length;
	int ends[2], status;
	pid_t pid;

	snprintf(specification, sizeof(specification), "user=%s,host=localhost,addr=127.0.0.1", user);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	reader = ends[0];
	pid = fork();
	if (pid == 0) {
		if (dup2(ends[1], STDOUT_FILENO) >= 0)
			execve(program, argv, environment);
		_exit(127);
	}
	close(ends[1]);
	if (pid < 0)
		return -errno;
	length = read_bounded(reader, answer, ANSWER_MAX);
	util_cleanup_fd(&reader);
	reader = -1;
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return length >= 0 && status != 0 ? -EIO : length;
}

static void text_append(char text[SSHD_TEXT_MAX], const char *separator, const char *more)
{
	size_t used = strlen(text);

	snprintf(text + used, SSHD_TEXT_MAX - used, "%s%s", used > 0 ? separator : "", more);
}

static bool opens(size_t row, const char *value)
{
	if (openings[row].closed)
		return strcmp(value, openings[row].closed) != 0;
	return strstr(value, openings[row].opened) != NULL;
}

/* One line of the answer: a keyword in lower case, a blank, the value. */
static void line_read(const char *keyword, const char *value, struct sshd_facts *facts,
		      bool open[ARRAY_SIZE(openings)])
{
	for (size_t i = 0; i < ARRAY_SIZE(openings); i++)
		if (strcmp(keyword, openings[i].keyword) == 0 && opens(i, value))
			open[i] = true;
	if (strcmp(keyword, "usepam") == 0)
		facts->use_pam = strcmp(value, "yes") == 0;
	else if (strcmp(keyword, "permituserrc") == 0)
		facts->user_rc = strcmp(value, "no") != 0;
	else if (strcmp(keyword, "permituserenvironment") == 0)
		facts->user_environment = strcmp(value, "no") != 0;
	else if (strcmp(keyword, "authorizedkeysfile") == 0)
		text_append(facts->keys, " ", value);
}

static void answer_read(char *answer, struct sshd_facts *facts)
{
	bool forwards = !strstr(answer, "\ndisableforwarding yes\n");
	bool open[ARRAY_SIZE(openings)] = { false };
	char *rest = answer;
	char *line;

	*facts = (struct sshd_facts){ 0 };
	while ((line = strsep(&rest, "\n"))) {
		char *value = strchr(line, ' ');

		if (!value)
			continue;
		*value++ = '\0';
		line_read(line, value, facts, open);
	}
	for (size_t i = 0; i < ARRAY_SIZE(openings); i++)
		if (open[i] && (forwards || !openings[i].forwards))
			text_append(facts->open, ", ", openings[i].text);
}

static const char *program_find(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (access(programs[i], X_OK) == 0)
			return programs[i];
	return NULL;
}

/* Sets the facts of one subject; false where sshd does not answer. */
static bool subject_ask(const char *program, struct subject *subject, char *answer)
{
	const char *name = subject->person.account.name;
	ssize_t length;

	/* It would be taken apart there. */
	if (strpbrk(name, ",=") || strlen(name) > NAME_MAX)
		return false;
	length = program_read(program, name, answer);
	if (length < 0)
		return false;
	answer[length] = '\0';
	answer_read(answer, &subject->sshd);
	return true;
}

void sshd_ask(struct survey *survey)
{
	const char *program = program_find();
	cleanup_free char *answer = malloc(ANSWER_MAX + 1);
	bool answers = program && answer;

	for (size_t i = 0; i < survey->subject_count; i++) {
		struct subject *subject = &survey->subjects[i];

		if (program)
			subject->sshd = (struct sshd_facts){
				.user_rc = true,
				.open = "whatever sshd is set to",
				.keys = ".ssh/authorized_keys",
			};
		else
			subject->sshd.use_pam = true;
		answers = answers && subject_ask(program, subject, answer);
	}
	if (program && !answers && survey->subject_count > 0)
		finding_add(&survey->findings, program, 0,
			    "did not answer to -T: what it is set to is taken for the worst");
}
