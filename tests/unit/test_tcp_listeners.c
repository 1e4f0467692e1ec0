/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which TCP sockets listen in the sessions of the user, on real sockets of loopback.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp_listeners.h"
#include "util.h"

static struct tcp_listeners listeners;
static struct tcp_listeners other; /* of another session of the same user */
static int client;

static int open_test(void **state)
{
	(void)state;
	memset(&listeners, 0, sizeof(listeners));
	memset(&other, 0, sizeof(other));
	tcp_listeners_open(&listeners, getuid());
	tcp_listeners_open(&other, getuid());
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return listeners.diag < 0 || client < 0;
}

static void listeners_close(struct tcp_listeners *of)
{
	for (uint32_t i = 0; i < TCP_LISTENERS_MAX; i++)
		if (of->entries[i].cookie && of->entries[i].voucher >= 0)
			close(of->entries[i].voucher);
	close(of->diag);
}

static int close_test(void **state)
{
	(void)state;
	listeners_close(&listeners);
	listeners_close(&other);
	close(client);
	return 0;
}

/* A listener at `address`, of the session where `ours`; *port 0 is chosen. */
static int server(int family, const char *address, uint16_t *port, bool ours)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(*port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(*port) };
	bool is_inet = family == AF_INET;
	struct sockaddr *name = is_inet ? (void *)&in : (void *)&in6;
	socklen_t length = is_inet ? sizeof(in) : sizeof(in6);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	assert_int_equal(1, inet_pton(family, address,
				      is_inet ? (void *)&in.sin_addr : (void *)&in6.sin6_addr));
	assert_int_equal(0, setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)));
	assert_int_equal(0, bind(fd, name, length));
	if (ours)
		assert_true(tcp_listeners_add(&listeners, fd));
	assert_int_equal(0, listen(fd, 5));
	assert_int_equal(0, getsockname(fd, name, &length));
	*port = ntohs(is_inet ? in.sin_port : in6.sin6_port);
	return fd;
}

static bool serves(struct tcp_listeners *of, const char *address, uint16_t port)
{
	struct endpoint to = { .port = port };

	assert_int_equal(0, address_parse(address, &to.address));
	return tcp_listeners_serve(of, client, &to);
}

static void listener_of_the_session_is_served_until_it_closes(void **state)
{
	uint16_t port = 0;
	int fd = server(AF_INET, "127.0.0.1", &port, true);

	(void)state;
	assert_true(serves(&listeners, "127.0.0.1", port));
	assert_false(serves(&listeners, "127.0.0.2", port));
	assert_false(serves(&listeners, "127.0.0.1", (uint16_t)(port + 1)));
	assert_true(serves(&other, "127.0.0.1", port));
	close(fd);
	assert_false(serves(&listeners, "127.0.0.1", port));
	assert_false(serves(&other, "127.0.0.1", port));
}

static void listener_of_somebody_else_is_not_served(void **state)
{
	uint16_t port = 0;
	int fd = server(AF_INET, "127.0.0.1", &port, false);

	(void)state;
	assert_false(serves(&listeners, "127.0.0.1", port));
	assert_false(serves(&other, "127.0.0.1", port));
	close(fd);
}

static void next_listener_of_a_port_is_another(void **state)
{
	uint16_t port = 0;
	int fd = server(AF_INET, "127.0.0.1", &port, true);

	(void)state;
	assert_true(serves(&listeners, "127.0.0.1", port));
	close(fd);
	fd = server(AF_INET, "127.0.0.1", &port, false);
	assert_false(serves(&listeners, "127.0.0.1", port));
	close(fd);
}

/* The kernel would choose one of them. */
static void port_that_is_shared_with_somebody_else_is_not_served(void **state)
{
	uint16_t port = 0;
	int ours = server(AF_INET, "127.0.0.1", &port, true);
	int theirs = server(AF_INET, "127.0.0.1", &port, false);

	(void)state;
	assert_false(serves(&listeners, "127.0.0.1", port));
	close(theirs);
	assert_true(serves(&listeners, "127.0.0.1", port));
	close(ours);
}

static void unspecified_address_listens_at_each(void **state)
{
	uint16_t port = 0;
	int ours = server(AF_INET6, "::", &port, true);

	(void)state;
	assert_true(serves(&listeners, "127.0.0.1", port));
	assert_true(serves(&listeners, "::1", port));
	close(ours);
	port = 0;
	ours = server(AF_INET6, "::", &port, false);
	assert_false(serves(&listeners, "127.0.0.1", port));
	assert_false(serves(&listeners, "::1", port));
	close(ours);
}

static void socket_that_failed_to_listen_is_forgotten(void **state)
{
	uint16_t port = 0;
	int fd = server(AF_INET, "127.0.0.1", &port, false);

	(void)state;
	tcp_listeners_drop(&listeners, tcp_listeners_add(&listeners, fd));
	assert_false(serves(&listeners, "127.0.0.1", port));
	assert_false(serves(&other, "127.0.0.1", port));
	close(fd);
}

static void sockets_that_are_gone_make_room(void **state)
{
	uint16_t port = 0;
	uint16_t next;
	int fd = server(AF_INET, "127.0.0.1", &port, true);

	(void)state;
	for (int i = 0; i < 2 * TCP_LISTENERS_MAX; i++) {
		next = 0;
		close(server(AF_INET, "127.0.0.1", &next, true));
	}
	assert_true(serves(&listeners, "127.0.0.1", port));
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_test, close_test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(listener_of_the_session_is_served_until_it_closes),
		TEST(listener_of_somebody_else_is_not_served),
		TEST(next_listener_of_a_port_is_another),
		TEST(port_that_is_shared_with_somebody_else_is_not_served),
		TEST(unspecified_address_listens_at_each),
		TEST(socket_that_failed_to_listen_is_forgotten),
		TEST(sockets_that_are_gone_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
