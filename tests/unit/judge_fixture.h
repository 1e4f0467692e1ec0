/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a judge needs: rules, copies, a request. Asserts through cmocka.
 */
#ifndef SANDLOCK_TEST_JUDGE_FIXTURE_H
#define SANDLOCK_TEST_JUDGE_FIXTURE_H

#include "judge.h"

typedef void judge_function(struct rules *rules, const struct copies *copies,
			    struct request *request, struct judgement *judgement);

#define FIXTURE_BINDS   8
#define FIXTURE_SOCKETS 8
#define FIXTURE_STRINGS 1024

struct fixture {
	struct rules rules;
	struct copies copies;
	struct plan plan;
	struct plan_header header;
	struct port_range binds[FIXTURE_BINDS];
	struct plan_socket sockets[FIXTURE_SOCKETS];
	char strings[FIXTURE_STRINGS];
	uint32_t strings_used;
	struct request request;
	struct judgement judgement;
};

/* A plan that allows nothing, of a user who is this process's. */
void fixture_open(struct fixture *fixture);

/* Adds a string to the plan. */
uint32_t fixture_string(struct fixture *fixture, const char *text);

void fixture_add_bind(struct fixture *fixture, uint16_t low, uint16_t high);
void fixture_add_socket(struct fixture *fixture, enum plan_socket_kind kind, const char *pattern,
			uint32_t line);

/* A request of `call` on socket `fd`, whose kind is asked of the kernel; -1: of none. */
void fixture_request(struct fixture *fixture, int call, int fd);
void fixture_address(struct fixture *fixture, const void *address, socklen_t length);

void fixture_inet(struct fixture *fixture, const char *text, uint16_t port);
void fixture_inet6(struct fixture *fixture, const char *text, uint16_t port);

/* A request without a socket behind it. */
void fixture_kind(struct fixture *fixture, int call, int domain, int type, int protocol);

/* From judgement_none. */
void fixture_judge(struct fixture *fixture, judge_function *judge);

/* Assert what the judgement is. */
void assert_allowed(const struct fixture *fixture);
void assert_mistake(const struct fixture *fixture, int error);
void assert_refused(const struct fixture *fixture, const char *protocol, const char *destination);
void assert_failed(const struct fixture *fixture, const char *protocol, const char *reason,
		   int error);

/* A socket; the descriptor is the caller's. */
int socket_open(int domain, int type, int protocol);

/* Closes what it keeps. */
void listeners_close(struct unix_listeners *listeners);

/* How many descriptors this process has. */
size_t descriptors_count(void);

#endif
