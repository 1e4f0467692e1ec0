/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's side of a trapped call: receive, check, answer. Distrusts the timing: a caller may
 * die between any two steps, which is normal and no error.
 */
#include "notify.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "compat.h"

/* Requests are unsigned in one C library and int in the other. A signal while the kernel waits for
 * its own lock ends the call, which is then repeated. */
static int listener_control(int listener, unsigned long request, void *argument)
{
	long result;

	do
		result = syscall(__NR_ioctl, listener, request, argument);
	while (result < 0 && errno == EINTR);
	return (int)result;
}

void notify_prefer_sync(int listener)
{
	/* The flags go by value. Kernels before 6.6 refuse, and are only slower. */
	(void)syscall(__NR_ioctl, listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS,
		      SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

int notify_receive(int listener, struct notification *ret_notification)
{
	/* The kernel requires zeroes, and writes no more than the size of this header. */
	struct seccomp_notif raw = { 0 };

	/* Not repeated after a signal: the caller may have died, and this would wait for another
	 * call. */
	if (syscall(__NR_ioctl, listener, SECCOMP_IOCTL_NOTIF_RECV, &raw))
		return -errno;
	if (raw.pid == 0) {
		notify_answer(listener, raw.id, 0, EACCES);
		return -ESRCH;
	}
	ret_notification->id = raw.id;
	ret_notification->thread = (pid_t)raw.pid;
	ret_notification->call = raw.data.nr;
	for (int i = 0; i < 6; i++)
		ret_notification->arguments[i] = raw.data.args[i];
	return 0;
}

bool notify_is_valid(int listener, uint64_t id)
{
	return listener_control(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

void notify_answer(int listener, uint64_t id, int64_t value, int error)
{
	struct seccomp_notif_resp raw = {
		.id = id,
		.val = error ? 0 : value,
		.error = -error,
	};

	(void)listener_control(listener, SECCOMP_IOCTL_NOTIF_SEND, &raw);
}

static int descriptor_add(int listener, struct seccomp_notif_addfd *addition)
{
	return listener_control(listener, SECCOMP_IOCTL_NOTIF_ADDFD, addition) < 0 ? -errno : 0;
}

int notify_answer_descriptor(int listener, uint64_t id, int fd, uint32_t flags)
{
	struct seccomp_notif_addfd addition = {
		.id = id,
		.flags = SECCOMP_ADDFD_FLAG_SEND,
		.srcfd = (uint32_t)fd,
		.newfd_flags = flags,
	};

	return descriptor_add(listener, &addition);
}

int notify_replace_descriptor(int listener, uint64_t id, int fd, int number, uint32_t flags)
{
	struct seccomp_notif_addfd addition = {
		.id = id,
		.flags = SECCOMP_ADDFD_FLAG_SETFD,
		.srcfd = (uint32_t)fd,
		.newfd = (uint32_t)number,
		.newfd_flags = flags,
	};

	return descriptor_add(listener, &addition);
}

void notify_continue(int listener, uint64_t id)
{
	struct seccomp_notif_resp raw = {
		.id = id,
		.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE,
	};

	(void)listener_control(listener, SECCOMP_IOCTL_NOTIF_SEND, &raw);
}
