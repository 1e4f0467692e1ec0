/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a judge needs: rules, copies, a request.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "judge_fixture.h"
#include "util.h"

void fixture_open(struct fixture *fixture)
{
	memset(fixture, 0, sizeof(*fixture));
	fixture->strings_used = 1; /* offset 0 is "" */
	fixture->header.uid = getuid();
	fixture->plan = (struct plan){
		.header = &fixture->header,
		.strings = fixture->strings,
		.binds = fixture->binds,
		.sockets = fixture->sockets,
	};
	fixture->rules.plan = &fixture->plan;
	fixture->rules.display = -1;
	copies_open(&fixture->copies, false, getgid());
	unix_listeners_open(&fixture->rules.listeners, getuid());
}

uint32_t fixture_string(struct fixture *fixture, const char *text)
{
	const uint32_t offset = fixture->strings_used;
	const size_t size = strlen(text) + 1;

	assert_true(offset + size <= FIXTURE_STRINGS);
	memcpy(fixture->strings + offset, text, size);
	fixture->strings_used += (uint32_t)size;
	return offset;
}

void fixture_add_bind(struct fixture *fixture, uint16_t low, uint16_t high)
{
	assert_true(fixture->header.binds.count < FIXTURE_BINDS);
	fixture->binds[fixture->header.binds.count++] = (struct port_range){ low, high };
}

void fixture_add_socket(struct fixture *fixture, enum plan_socket_kind kind, const char *pattern,
			uint32_t line)
{
	assert_true(fixture->header.sockets.count < FIXTURE_SOCKETS);
	fixture->sockets[fixture->header.sockets.count++] = (struct plan_socket){
		.kind = kind,
		.pattern = fixture_string(fixture, pattern),
		.line = line,
	};
}

void fixture_request(struct fixture *fixture, int call, int fd)
{
	memset(&fixture->request, 0, sizeof(fixture->request));
	fixture->request.call.call = call;
	fixture->request.call.thread = getpid();
	fixture->request.socket_fd = fd;
	if (fd >= 0)
		assert_int_equal(0, socket_kind_read(fd, &fixture->request.kind));
}

void fixture_address(struct fixture *fixture, const void *address, socklen_t length)
{
	memset(&fixture->request.address, 0, sizeof(fixture->request.address));
	memcpy(&fixture->request.address, address, length);
	fixture->request.length = length;
}

void fixture_inet(struct fixture *fixture, const char *text, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };

	assert_int_equal(1, inet_pton(AF_INET, text, &in.sin_addr));
	fixture_address(fixture, &in, sizeof(in));
}

void fixture_inet6(struct fixture *fixture, const char *text, uint16_t port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	assert_int_equal(1, inet_pton(AF_INET6, text, &in6.sin6_addr));
	fixture_address(fixture, &in6, sizeof(in6));
}

void fixture_kind(struct fixture *fixture, int call, int domain, int type, int protocol)
{
	fixture_request(fixture, call, -1);
	fixture->request.kind = (struct socket_kind){ domain, type, protocol };
}

void fixture_judge(struct fixture *fixture, judge_function *judge)
{
	fixture->judgement = judgement_none;
	judge(&fixture->rules, &fixture->copies, &fixture->request, &fixture->judgement);
}

void assert_allowed(const struct fixture *fixture)
{
	assert_int_equal(JUDGEMENT_ALLOWED, fixture->judgement.kind);
}

void assert_mistake(const struct fixture *fixture, int error)
{
	assert_int_equal(JUDGEMENT_REFUSED, fixture->judgement.kind);
	assert_true(fixture->judgement.is_mistake);
	assert_int_equal(error, fixture->judgement.error);
}

void assert_refused(const struct fixture *fixture, const char *protocol, const char *destination)
{
	assert_int_equal(JUDGEMENT_REFUSED, fixture->judgement.kind);
	assert_false(fixture->judgement.is_mistake);
	assert_null(fixture->judgement.reason);
	assert_string_equal(protocol, fixture->judgement.protocol);
	assert_string_equal(destination, fixture->judgement.destination);
}

void assert_failed(const struct fixture *fixture, const char *protocol, const char *reason, int error)
{
	assert_int_equal(JUDGEMENT_REFUSED, fixture->judgement.kind);
	assert_false(fixture->judgement.is_mistake);
	assert_non_null(fixture->judgement.reason);
	assert_string_equal(reason, fixture->judgement.reason);
	assert_string_equal(protocol, fixture->judgement.protocol);
	assert_int_equal(error, fixture->judgement.error);
}

int socket_open(int domain, int type, int protocol)
{
	int fd = socket(domain, type | SOCK_CLOEXEC, protocol);

	assert_true(fd >= 0);
	return fd;
}

void listeners_close(struct unix_listeners *listeners)
{
	for (uint32_t i = 0; i < listeners->used; i++)
		if (listeners->entries[i].cookie) {
			close(listeners->entries[i].voucher);
			close(listeners->entries[i].path_fd);
		}
	close(listeners->diag);
}

size_t descriptors_count(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}
