/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How supervisors of one user tell one another which sockets their sessions serve. A voucher is a
 * socket of the supervisor's own that listens at an abstract name with the cookie of the other one
 * in it: the kernel shows it to everybody, with the uid that created it, and no session can create
 * one, since listen(2) at such a name is refused. It outlives nothing: a cookie is never given again.
 */
#ifndef SANDLOCK_VOUCHERS_H
#define SANDLOCK_VOUCHERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Abstract names that begin so are the supervisors'. */
#define UNIX_LISTENERS_PREFIX "sandlock/own/"

#define VOUCHERS_WANTED_MAX 8
#define VOUCHER_NAME_MAX    64

/* Whether an abstract name, without its leading NUL, is one of the supervisors'. */
bool unix_listeners_reserves(const char *name, size_t length);

/* For the socket of this cookie, in the name of the user `uid`: a descriptor, or -1. */
int voucher_make(uid_t uid, uint64_t cookie);

/* Sockets that a session does not know, looked for among the vouchers. */
struct voucher_search {
	uid_t uid;
	uint32_t count;
	struct voucher_wanted {
		char name[VOUCHER_NAME_MAX];
		size_t length;
		uint64_t cookie;
		uint32_t inode; /* the caller's to use */
		bool vouched;
	} wanted[VOUCHERS_WANTED_MAX];
};

/* False where there are too many. */
bool voucher_search_add(struct voucher_search *search, uint64_t cookie, uint32_t inode);

/* True where there is a voucher for each. `diag` is of sock_diag_open. */
bool voucher_search_run(int diag, struct voucher_search *search);

#endif
