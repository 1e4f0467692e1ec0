/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who counts as an agent: programs of every name that hold a listening socket, as root sees them.
 * This program stands in for all of them, under other names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent_holders.h"

#define PATH_SIZE   80
#define HOLDERS_MAX 2
#define USER        54321 /* without other processes */
#define OTHER_USER  54322

struct place {
	char directory[PATH_SIZE];
	int server;
	pid_t holders[HOLDERS_MAX];
	unsigned count;
};

static void path_of(const struct place *place, const char *name, char path[PATH_SIZE])
{
	assert_true(snprintf(path, PATH_SIZE, "%.40s/%.30s", place->directory, name) < PATH_SIZE);
}

static int place_make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	memcpy(place->directory, "/tmp/sandlock-agents.XXXXXX",
	       sizeof("/tmp/sandlock-agents.XXXXXX"));
	place->server = -1;
	*state = place;
	return mkdtemp(place->directory) && chmod(place->directory, 01777) == 0 ? 0 : -1;
}

static int place_remove(void **state)
{
	struct place *place = *state;
	char command[PATH_SIZE + 10];

	for (unsigned i = 0; i < place->count; i++) {
		kill(place->holders[i], SIGKILL);
		waitpid(place->holders[i], NULL, 0);
	}
	if (place->server >= 0)
		close(place->server);
	snprintf(command, sizeof(command), "rm -r %s", place->directory);
	assert_int_equal(0, system(command));
	free(place);
	return 0;
}

static void serve(struct place *place, const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	path_of(place, name, address.sun_path);
	assert_int_equal(0, seteuid(USER));
	place->server = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(0, bind(place->server, (struct sockaddr *)&address, sizeof(address)));
	assert_int_equal(0, listen(place->server, 5));
	assert_int_equal(0, seteuid(0));
}

/* A program of that name holds the socket. */
static void hold(struct place *place, const char *program, mode_t mode, uid_t owner)
{
	char path[PATH_SIZE];
	char command[2 * PATH_SIZE];
	int ready[2];
	char word;

	path_of(place, program, path);
	snprintf(command, sizeof(command), "cp /proc/%d/exe %s", (int)getpid(), path);
	assert_int_equal(0, system(command));
	assert_int_equal(0, chown(path, owner, 0));
	assert_int_equal(0, chmod(path, mode));
	assert_int_equal(0, pipe2(ready, O_CLOEXEC));
	place->holders[place->count] = fork();
	if (place->holders[place->count] == 0) {
		execl(path, program, "hold", NULL);
		_exit(1);
	}
	place->count++;
	/* Closed by the execution. */
	close(ready[1]);
	assert_int_equal(0, read(ready[0], &word, 1));
	close(ready[0]);
}

static enum agent_verdict verdict(struct place *place, const char *name, uid_t uid)
{
	char path[PATH_SIZE];
	struct stat status;
	enum agent_verdict verdict;
	int fd;

	if (place->count > 0 && place->server >= 0) {
		close(place->server);
		place->server = -1;
	}
	path_of(place, name, path);
	fd = open(path, O_PATH | O_CLOEXEC);
	assert_int_equal(0, fstat(fd, &status));
	verdict = agent_holders_judge(fd, &status, uid);
	close(fd);
	return verdict;
}

static enum agent_verdict held_by(struct place *place, const char *program, const char *socket)
{
	serve(place, socket);
	hold(place, program, 0755, 0);
	return verdict(place, socket, USER);
}

static void agent_that_root_installed_serves(void **state)
{
	assert_int_equal(AGENT_SERVED, held_by(*state, "ssh-agent", "any"));
}

static void agent_that_was_replaced_by_an_update_serves(void **state)
{
	struct place *place = *state;
	char path[PATH_SIZE];

	serve(place, "any");
	hold(place, "ssh-agent", 0755, 0);
	path_of(place, "ssh-agent", path);
	assert_int_equal(0, unlink(path));
	assert_int_equal(AGENT_SERVED, verdict(place, "any", USER));
}

static void other_program_does_not(void **state)
{
	assert_int_equal(AGENT_OTHER, held_by(*state, "dbus-daemon", "any"));
}

static void program_whose_name_begins_as_an_agent_s_does_not(void **state)
{
	assert_int_equal(AGENT_OTHER, held_by(*state, "ssh-agent-2", "any"));
}

static void program_that_the_user_can_replace_does_not(void **state)
{
	struct place *place = *state;

	serve(place, "any");
	hold(place, "ssh-agent", 0755, USER);
	assert_int_equal(AGENT_OTHER, verdict(place, "any", USER));
}

static void program_that_others_can_write_does_not(void **state)
{
	struct place *place = *state;

	serve(place, "any");
	hold(place, "ssh-agent", 0775, 0);
	assert_int_equal(AGENT_OTHER, verdict(place, "any", USER));
}

static void agent_beside_another_holder_does_not(void **state)
{
	struct place *place = *state;

	serve(place, "any");
	hold(place, "ssh-agent", 0755, 0);
	hold(place, "systemd", 0755, 0);
	assert_int_equal(AGENT_OTHER, verdict(place, "any", USER));
}

static void gpg_agent_serves_at_its_socket_for_ssh(void **state)
{
	assert_int_equal(AGENT_SERVED, held_by(*state, "gpg-agent", "S.gpg-agent.ssh"));
}

static void gpg_agent_serves_at_no_other(void **state)
{
	assert_int_equal(AGENT_OTHER, held_by(*state, "gpg-agent", "S.gpg-agent"));
}

/* What counts is the name that was bound. */
static void gpg_agent_s_other_socket_under_that_name_is_none(void **state)
{
	struct place *place = *state;
	char from[PATH_SIZE];
	char to[PATH_SIZE];

	serve(place, "S.gpg-agent");
	hold(place, "gpg-agent", 0755, 0);
	path_of(place, "S.gpg-agent", from);
	path_of(place, "S.gpg-agent.ssh", to);
	assert_int_equal(0, rename(from, to));
	assert_int_equal(AGENT_OTHER, verdict(place, "S.gpg-agent.ssh", USER));
}

static void socket_of_another_user_is_foreign(void **state)
{
	struct place *place = *state;

	serve(place, "any");
	hold(place, "ssh-agent", 0755, 0);
	assert_int_equal(AGENT_FOREIGN, verdict(place, "any", OTHER_USER));
}

static void socket_that_nobody_listens_on_is_dead(void **state)
{
	struct place *place = *state;

	serve(place, "any");
	close(place->server);
	place->server = -1;
	assert_int_equal(AGENT_DEAD, verdict(place, "any", USER));
}

#define place_test(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		place_test(agent_that_root_installed_serves),
		place_test(agent_that_was_replaced_by_an_update_serves),
		place_test(other_program_does_not),
		place_test(program_whose_name_begins_as_an_agent_s_does_not),
		place_test(program_that_the_user_can_replace_does_not),
		place_test(program_that_others_can_write_does_not),
		place_test(agent_beside_another_holder_does_not),
		place_test(gpg_agent_serves_at_its_socket_for_ssh),
		place_test(gpg_agent_serves_at_no_other),
		place_test(gpg_agent_s_other_socket_under_that_name_is_none),
		place_test(socket_of_another_user_is_foreign),
		place_test(socket_that_nobody_listens_on_is_dead),
	};

	if (argc == 2 && strcmp(argv[1], "hold") == 0) {
		pause();
		return 0;
	}
	if (geteuid() != 0) {
		puts("ok 1 - holders # SKIP only root sees who holds a socket");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
