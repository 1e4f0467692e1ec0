/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's side of a trapped call: receive it, check that it is still valid, answer it. No
 * state. A notification is hostile: the confined process chooses every argument.
 */
#ifndef SANDLOCK_NOTIFY_H
#define SANDLOCK_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct notification {
	uint64_t id;
	pid_t thread; /* a thread id, in the supervisor's pid namespace; never 0 */
	int call;     /* __NR_* */
	uint64_t arguments[6];
};

/* Requests wake-ups on the caller's processor, where the kernel supports that. */
void notify_prefer_sync(int listener);

/* -ENOENT: the caller died meanwhile, -EINTR, -EAGAIN; -ESRCH where the caller is in another pid
 * namespace and so has no number here (the call was answered with a refusal). */
int notify_receive(int listener, struct notification *ret_notification);

/* True while the notification is valid and the thread is the one that made it. */
bool notify_is_valid(int listener, uint64_t id);

/* Ends the call with `value` where error is 0, else with the errno `error`. A caller that is gone
 * is no error. */
void notify_answer(int listener, uint64_t id, int64_t value, int error);

/* Gives the caller a copy of our `fd` and ends the call with its number there, in one step; a
 * negative errno (-EMFILE: it has no room), and then the call is not answered. `flags`: O_CLOEXEC. */
int notify_answer_descriptor(int listener, uint64_t id, int fd, uint32_t flags);

/* Puts a copy of our `fd` in the place of the caller's descriptor `number`; a negative errno. The
 * call goes on. */
int notify_replace_descriptor(int listener, uint64_t id, int fd, int number, uint32_t flags);

/* Lets the kernel perform the call itself. Only where nothing in the caller's memory was judged. */
void notify_continue(int listener, uint64_t id);

#endif
