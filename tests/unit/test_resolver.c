/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The resolver as the supervisor sees it: a process behind a socket, with a plan.
 * Run by `make test`; getaddrinfo is replaced by one that answers at once, so no network is
 * touched. The resolver's own file is included: its main() runs in a child of the test.
 */
int program_main(void);
#define main program_main
#include "../../resolver/sandlock-resolver.c"
#undef main

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "plan_build.h"

#define SECOND_MS 1000
#define HOUR_MS   (3600 * SECOND_MS)

struct child {
	pid_t pid;
	int socket;
};

/* The fake name service: the first letter of a name says what it does. */
static struct addrinfo *fake_list(unsigned first, unsigned count)
{
	struct addrinfo *list = NULL;

	while (count-- > 0) {
		struct addrinfo *item = calloc(1, sizeof(*item));
		struct sockaddr_in *address = calloc(1, sizeof(*address));

		address->sin_family = AF_INET;
		address->sin_addr.s_addr = htonl(0xc0000200 + first + count);
		item->ai_addr = (struct sockaddr *)address;
		item->ai_addrlen = sizeof(*address);
		item->ai_next = list;
		list = item;
	}
	return list;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **result)
{
	static unsigned calls;

	(void)service;
	(void)hints;
	switch (name[0]) {
	case 'g': /* gone */
		return EAI_NONAME;
	case 's': /* slow */
		sleep(30);
		return EAI_AGAIN;
	case 'c': /* counts */
		*result = fake_list(++calls, 1);
		return 0;
	case 'm': /* many */
		*result = fake_list(0, HOST_ANSWER_MAX + 8);
		return 0;
	case 't': /* twice the same */
		*result = fake_list(7, 1);
		(*result)->ai_next = fake_list(7, 1);
		return 0;
	default:
		*result = fake_list(1, 2);
		return 0;
	}
}

void freeaddrinfo(struct addrinfo *list)
{
	while (list) {
		struct addrinfo *next = list->ai_next;

		free(list->ai_addr);
		free(list);
		list = next;
	}
}

static int plan_of(const char *const *names, uint32_t count)
{
	struct plan_builder *builder = plan_builder_new();
	int memfd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(plan_add_host(builder, names[i]), i);
	plan_builder_header(builder)->session = 1;
	plan_builder_header(builder)->shell = (uint32_t)plan_add_string(builder, "/bin/sh");
	assert_int_equal(plan_seal(builder, memfd), 0);
	plan_builder_free(builder);
	return memfd;
}

static struct child child_start(int plan, int64_t refresh_ms)
{
	struct child child;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	child.pid = fork();
	assert_true(child.pid >= 0);
	if (child.pid == 0) {
		int from_plan = fcntl(plan, F_DUPFD, RESOLVER_SOCKET_FD + 1);
		int from_socket = fcntl(pair[1], F_DUPFD, RESOLVER_SOCKET_FD + 1);

		dup2(from_plan, RESOLVER_PLAN_FD);
		dup2(from_socket, RESOLVER_SOCKET_FD);
		_exit(resolver_main(refresh_ms));
	}
	close(pair[1]);
	close(plan);
	child.socket = pair[0];
	return child;
}

static struct child child_start_names(const char *const *names, uint32_t count)
{
	return child_start(plan_of(names, count), HOUR_MS);
}

/* Closes the supervisor's end; the resolver must end by itself. */
static void child_end(struct child *child, int expected)
{
	int status;

	close(child->socket);
	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), expected);
}

static bool child_answers(const struct child *child, uint32_t hosts, int timeout_ms,
			  struct resolution *answer)
{
	struct pollfd poller = { .fd = child->socket, .events = POLLIN };
	ssize_t length;

	if (poll(&poller, 1, timeout_ms) <= 0)
		return false;
	length = recv(child->socket, answer, sizeof(*answer), MSG_TRUNC | MSG_DONTWAIT);
	assert_true(length > 0);
	assert_true(resolution_is_sound(answer, (size_t)length, hosts));
	return true;
}

static void child_ask(const struct child *child, uint32_t host)
{
	assert_int_equal(send(child->socket, &host, sizeof(host), 0), sizeof(host));
}

static void start_answers_each_name_once(void **state)
{
	static const char *const names[] = { "host.test", "gone.test", "many.test", "twice.test" };
	static const uint32_t counts[] = { 2, 0, HOST_ANSWER_MAX, 1 };
	struct child child = child_start_names(names, 4);
	struct resolution answer;
	unsigned seen = 0;

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_true(child_answers(&child, 4, 10 * SECOND_MS, &answer));
		assert_int_equal(answer.count, counts[answer.host]);
		seen |= 1U << answer.host;
	}
	assert_int_equal(seen, 0xf);
	assert_false(child_answers(&child, 4, 100, &answer));
	child_end(&child, EXIT_SUCCESS);
}

static void start_slow_names_delay_no_other(void **state)
{
	static const char *const names[] = { "slow.a", "slow.b", "slow.c", "host.test" };
	struct child child = child_start_names(names, 4);
	struct resolution answer;

	(void)state;
	assert_true(child_answers(&child, 4, 10 * SECOND_MS, &answer));
	assert_int_equal(answer.host, 3);
	child_end(&child, EXIT_SUCCESS);
}

static void start_more_names_than_workers_answers_all(void **state)
{
	char text[3 * WORKERS_MAX][16];
	const char *names[3 * WORKERS_MAX];
	struct resolution answer;
	struct child child;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(text[i], sizeof(text[i]), "host%u.test", i);
		names[i] = text[i];
	}
	child = child_start_names(names, ARRAY_SIZE(names));
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		assert_true(child_answers(&child, ARRAY_SIZE(names), 10 * SECOND_MS, &answer));
	child_end(&child, EXIT_SUCCESS);
}

static void request_for_fresh_answer_is_served_from_memory(void **state)
{
	static const char *const names[] = { "counts.test" };
	struct child child = child_start_names(names, 1);
	struct resolution first;
	struct resolution second;

	(void)state;
	assert_true(child_answers(&child, 1, 10 * SECOND_MS, &first));
	child_ask(&child, 0);
	assert_true(child_answers(&child, 1, 10 * SECOND_MS, &second));
	assert_memory_equal(&first, &second, resolution_length(1));
	child_end(&child, EXIT_SUCCESS);
}

static void request_for_old_answer_asks_again(void **state)
{
	static const char *const names[] = { "counts.test" };
	struct child child = child_start_names(names, 1);
	struct resolution first;
	struct resolution second;

	(void)state;
	assert_true(child_answers(&child, 1, 10 * SECOND_MS, &first));
	usleep(1100 * 1000);
	child_ask(&child, RESOLUTION_ALL);
	assert_true(child_answers(&child, 1, 10 * SECOND_MS, &second));
	assert_memory_not_equal(&first, &second, resolution_length(1));
	child_end(&child, EXIT_SUCCESS);
}

static void request_for_unknown_host_or_of_wrong_size_is_ignored(void **state)
{
	static const char *const names[] = { "host.test" };
	struct child child = child_start_names(names, 1);
	struct resolution answer;

	(void)state;
	assert_true(child_answers(&child, 1, 10 * SECOND_MS, &answer));
	child_ask(&child, 1);
	assert_int_equal(send(child.socket, "x", 1, 0), 1);
	assert_false(child_answers(&child, 1, 200, &answer));
	child_ask(&child, 0);
	assert_true(child_answers(&child, 1, 10 * SECOND_MS, &answer));
	child_end(&child, EXIT_SUCCESS);
}

static void answer_is_refreshed_as_it_ages(void **state)
{
	static const char *const names[] = { "counts.test" };
	struct child child = child_start(plan_of(names, 1), 200);
	struct resolution first;
	struct resolution second;

	(void)state;
	assert_true(child_answers(&child, 1, 10 * SECOND_MS, &first));
	assert_true(child_answers(&child, 1, 10 * SECOND_MS, &second));
	assert_memory_not_equal(&first, &second, resolution_length(1));
	child_end(&child, EXIT_SUCCESS);
}

static void reader_that_sleeps_stops_nothing(void **state)
{
	static const char *const names[] = { "many.test" };
	struct child child = child_start_names(names, 1);
	struct resolution answer;
	uint32_t host = 0;

	(void)state;
	assert_true(child_answers(&child, 1, 10 * SECOND_MS, &answer));
	/* Far more answers than the socket holds; each request is taken all the same. */
	for (int i = 0; i < 5000; i++)
		assert_int_equal(send(child.socket, &host, sizeof(host), 0), sizeof(host));
	child_end(&child, EXIT_SUCCESS);
}

static void plan_without_seals_is_refused(void **state)
{
	struct child child = child_start(memfd_create("plan", MFD_CLOEXEC), HOUR_MS);

	(void)state;
	child_end(&child, EXIT_FAILURE);
}

/* It runs with the uid of the supervisors of other sessions. */
static void resolver_signals_nobody_outside(void **state)
{
	int status;
	pid_t child;

	(void)state;
	if (landlock_abi() < LANDLOCK_ABI_SCOPE) {
		print_message("skipped: this kernel has no scopes\n");
		skip();
	}
	child = fork();
	if (child == 0) {
		if (kill(getppid(), 0) < 0 || confine() < 0)
			_exit(1);
		_exit(kill(getppid(), 0) < 0 && errno == EPERM ? 0 : 2);
	}
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_int_equal(0, status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start_answers_each_name_once),
		cmocka_unit_test(start_slow_names_delay_no_other),
		cmocka_unit_test(start_more_names_than_workers_answers_all),
		cmocka_unit_test(request_for_fresh_answer_is_served_from_memory),
		cmocka_unit_test(request_for_old_answer_asks_again),
		cmocka_unit_test(request_for_unknown_host_or_of_wrong_size_is_ignored),
		cmocka_unit_test(answer_is_refreshed_as_it_ages),
		cmocka_unit_test(reader_that_sleeps_stops_nothing),
		cmocka_unit_test(plan_without_seals_is_refused),
		cmocka_unit_test(resolver_signals_nobody_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
