/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Another process's memory, descriptors and status, read from a child that is made for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "process_fixture.h"
#include "util.h"

static char memory[3 * 4096] __attribute__((aligned(4096))); /* the same address in a child */

static void fill_memory(void)
{
	for (size_t i = 0; i < sizeof(memory); i++)
		memory[i] = (char)i;
	mprotect(memory + 2 * 4096, 4096, PROT_NONE);
}

static void memory_is_read_whole_or_not_at_all(void **state)
{
	pid_t child = child_start(fill_memory);
	char copy[200];

	(void)state;
	assert_int_equal(0, process_read(child, (uintptr_t)memory + 1, copy, sizeof(copy)));
	assert_int_equal(1, copy[0]);
	assert_int_equal((char)200, copy[199]);
	assert_int_equal(-EFAULT, process_read(child, (uintptr_t)memory + 2 * 4096 - 100, copy,
					       sizeof(copy)));
	assert_int_equal(-EFAULT, process_read(child, 8, copy, 1));
	assert_int_equal(0, process_read(child, 8, copy, 0));
	child_end(child);
	assert_int_equal(-ESRCH, process_read(child, (uintptr_t)memory, copy, 1));
}

static void memory_is_written(void **state)
{
	pid_t child = child_start(fill_memory);
	char copy[5];

	(void)state;
	assert_int_equal(0, process_write(child, (uintptr_t)memory + 10, "hello", 5));
	assert_int_equal(0, process_read(child, (uintptr_t)memory + 10, copy, 5));
	assert_memory_equal("hello", copy, 5);
	assert_int_equal(-EFAULT, process_write(child, (uintptr_t)memory + 2 * 4096, "x", 1));
	child_end(child);
}

static void set_not_dumpable(void)
{
	fill_memory();
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static void memory_that_was_opened_is_nobody_else_s_later(void **state)
{
	pid_t child = child_start(fill_memory);
	pid_t other;
	int pinned = process_memory_open(child);
	char copy[5];

	(void)state;
	assert_true(pinned >= 0);
	assert_int_equal(0, process_memory_write(pinned, (uintptr_t)memory + 10, "hello", 5));
	assert_int_equal(0, process_read(child, (uintptr_t)memory + 10, copy, 5));
	assert_memory_equal("hello", copy, 5);
	assert_int_equal(-EFAULT, process_memory_write(pinned, 8, "x", 1));
	child_end(child);
	other = child_start_as(child, fill_memory);
	if (other == 0)
		skip(); /* needs CAP_CHECKPOINT_RESTORE */
	assert_int_equal(-EFAULT, process_memory_write(pinned, (uintptr_t)memory + 10, "hello", 5));
	child_end(other);
	close(pinned);
}

static void memory_of_who_forbids_it_is_not_opened(void **state)
{
	pid_t child = child_start(set_not_dumpable);

	(void)state;
	if (geteuid() == 0)
		skip(); /* who may override permissions */
	assert_int_equal(-EACCES, process_memory_open(child));
	child_end(child);
}

static void signal_of_a_pidfd_is_nobody_else_s_later(void **state)
{
	pid_t child = child_start(NULL);
	pid_t other;
	int pidfd = process_pidfd(child);

	(void)state;
	assert_true(pidfd >= 0);
	assert_int_equal(0, process_signal(pidfd, 0));
	child_end(child);
	other = child_start_as(child, NULL);
	if (other == 0)
		skip();
	assert_int_equal(-ESRCH, process_signal(pidfd, SIGPIPE));
	assert_int_equal(0, kill(other, 0));
	child_end(other);
	close(pidfd);
}

static void vectors_are_gathered_from_where_they_stand(void **state)
{
	static const struct {
		size_t skip;
		size_t limit;
		const char *expected;
	} cases[] = {
		{ 0, 100, "abcdefghij" },
		{ 2, 100, "cdefghij" },
		{ 3, 100, "defghij" },
		{ 5, 100, "fghij" },
		{ 0, 4, "abcd" },
		{ 4, 3, "efg" },
		{ 9, 1, "j" },
		{ 10, 100, "" },
		{ 11, 100, "" },
	};
	pid_t child;

	(void)state;
	memcpy(memory, "abc", 3);
	memcpy(memory + 100, "defg", 4);
	memcpy(memory + 200, "hij", 3);
	child = child_start(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct iovec vectors[] = {
			{ memory, 3 }, { NULL, 0 }, { memory + 100, 4 }, { memory + 200, 3 }
		};
		char copy[16];
		ssize_t length = process_gather(child, vectors, ARRAY_SIZE(vectors), cases[i].skip,
						copy, cases[i].limit);

		assert_int_equal(strlen(cases[i].expected), length);
		assert_memory_equal(cases[i].expected, copy, (size_t)length);
	}
	child_end(child);
}

static void vector_that_cannot_be_read_is_an_error(void **state)
{
	pid_t child = child_start(fill_memory);
	struct iovec vectors[] = { { memory, 10 }, { memory + 2 * 4096, 10 } };
	char copy[64];

	(void)state;
	assert_int_equal(-EFAULT, process_gather(child, vectors, 2, 0, copy, sizeof(copy)));
	child_end(child);
}

static void open_seven(void)
{
	int fd = open("/dev/null", O_RDONLY);

	dup2(fd, 77);
}

static void descriptor_is_copied(void **state)
{
	pid_t child = child_start(open_seven);
	int copy = process_descriptor(child, 77);

	(void)state;
	assert_true(copy >= 0);
	close(copy);
	assert_int_equal(-EBADF, process_descriptor(child, 78));
	assert_int_equal(-EBADF, process_descriptor(child, -1));
	child_end(child);
	assert_int_equal(-ESRCH, process_descriptor(child, 77));
}

static void open_directory(void)
{
	dup2(open("/", O_RDONLY | O_DIRECTORY), 77);
}

static bool is_directory(int fd)
{
	struct stat status;

	assert_true(fd >= 0);
	assert_int_equal(0, fstat(fd, &status));
	close(fd);
	return S_ISDIR(status.st_mode);
}

static void kept_descriptor_is_never_the_next_owner_s_of_a_number(void **state)
{
	struct pidfd_cache kept = { 0 };
	pid_t first = child_start(open_seven);
	pid_t other = child_start(open_directory);
	pid_t second;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_false(is_directory(process_descriptor_cached(&kept, first, 77)));
		assert_true(is_directory(process_descriptor_cached(&kept, other, 77)));
	}
	assert_int_equal(-EBADF, process_descriptor_cached(&kept, first, 78));
	child_end(other);
	child_end(first);
	assert_int_equal(-ESRCH, process_descriptor_cached(&kept, first, 77));
	second = child_start_as(first, open_directory);
	if (second == 0)
		skip(); /* only root chooses a number */
	assert_int_equal(first, second);
	assert_true(is_directory(process_descriptor_cached(&kept, second, 77)));
	child_end(second);
}

static void kept_descriptors_of_many_take_turns(void **state)
{
	struct pidfd_cache kept = { 0 };
	pid_t children[3 * PIDFD_CACHE_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(children); i++)
		children[i] = child_start(i % 2 ? open_directory : open_seven);
	for (int turn = 0; turn < 2; turn++)
		for (size_t i = 0; i < ARRAY_SIZE(children); i++)
			assert_int_equal(i % 2,
					 is_directory(process_descriptor_cached(&kept, children[i],
										77)));
	for (size_t i = 0; i < ARRAY_SIZE(children); i++)
		child_end(children[i]);
}

static pid_t *shared_thread;

static void start_thread(void)
{
	open_seven();
	thread_start(shared_thread);
}

static void thread_that_does_not_lead_is_reached(void **state)
{
	struct process_status status;
	pid_t child;
	int copy;

	(void)state;
	shared_thread = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	child = child_start(start_thread);
	assert_int_not_equal(child, *shared_thread);
	copy = process_descriptor(*shared_thread, 77);
	assert_true(copy >= 0);
	close(copy);
	assert_int_equal(0, process_read_status(*shared_thread, &status));
	assert_int_equal(child, status.group);
	assert_int_equal(2, status.threads);
	child_end(child);
	munmap(shared_thread, 4096);
}

static void forge_status(void)
{
	umask(027);
	prctl(PR_SET_NAME, "x\nTgid:\t1\nSta");
	signal(SIGUSR1, SIG_DFL);
}

static void status_is_read_and_a_name_forges_nothing(void **state)
{
	pid_t child = child_start(forge_status);
	struct process_status status;

	(void)state;
	assert_int_equal(0, process_read_status(child, &status));
	assert_int_equal(child, status.group);
	assert_int_equal(027, status.umask);
	assert_int_equal(getuid(), status.uid);
	assert_int_equal(1, status.threads);
	assert_int_equal(0, status.pending);
	assert_int_equal(0, status.seccomp);
	assert_false(status.no_new_privs);
	assert_false(status.inner_pids);
	assert_memory_equal("x\\nTgid:", status.name, 8);
	child_end(child);
	assert_int_not_equal(0, process_read_status(child, &status));
}

static void block_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void blocked_signal_is_not_pending_for_us(void **state)
{
	pid_t child = child_start(block_signal);
	struct process_status status;

	(void)state;
	kill(child, SIGUSR1);
	assert_int_equal(0, process_read_status(child, &status));
	assert_int_equal(0, status.pending);
	child_end(child);
}

static void signal_that_is_not_blocked_is_pending(void **state)
{
	const uint64_t user1 = 1ULL << (SIGUSR1 - 1), user2 = 1ULL << (SIGUSR2 - 1);
	pid_t child = child_start(NULL);
	struct process_status status;

	(void)state;
	kill(child, SIGSTOP);
	assert_int_equal(child, waitpid(child, NULL, WUNTRACED));
	kill(child, SIGUSR1);
	syscall(__NR_tgkill, child, child, SIGUSR2);
	assert_int_equal(0, process_read_status(child, &status));
	assert_int_equal('T', status.state);
	assert_int_equal(user1, status.shared);
	assert_int_equal(user2, status.pending);
	child_end(child);
}

#define GROUPS_MANY 2000

static void join_groups(void)
{
	static gid_t groups[GROUPS_MANY];

	for (gid_t i = 0; i < GROUPS_MANY; i++)
		groups[i] = 4000000000U + i;
	if (setgroups(GROUPS_MANY, groups))
		_exit(1);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* The list of groups stands in the middle of the status, and is longer than what is read at once. */
static void status_is_read_behind_many_groups(void **state)
{
	const uint64_t user1 = 1ULL << (SIGUSR1 - 1);
	struct process_status status;
	pid_t child;

	(void)state;
	if (geteuid() != 0) {
		print_message("only root can join groups\n");
		skip();
	}
	child = child_start(join_groups);
	kill(child, SIGSTOP);
	assert_int_equal(child, waitpid(child, NULL, WUNTRACED));
	kill(child, SIGUSR1);
	assert_int_equal(0, process_read_status(child, &status));
	assert_int_equal(child, status.group);
	assert_int_equal(1, status.threads);
	assert_int_equal(user1, status.shared);
	assert_true(status.no_new_privs);
	child_end(child);
}

static void enter_proc(void)
{
	if (chdir("/proc"))
		_exit(1);
}

static void directories_are_the_process_own(void **state)
{
	pid_t child = child_start(enter_proc);
	int directory = process_directory(child);
	int root = process_root(child);
	struct stat opened, expected;

	(void)state;
	assert_int_equal(0, fstat(directory, &opened));
	assert_int_equal(0, stat("/proc", &expected));
	assert_int_equal(expected.st_ino, opened.st_ino);
	assert_int_equal(expected.st_dev, opened.st_dev);
	assert_int_equal(0, fstat(root, &opened));
	assert_int_equal(0, stat("/", &expected));
	assert_int_equal(expected.st_ino, opened.st_ino);
	close(directory);
	close(root);
	child_end(child);
	assert_int_equal(-ENOENT, process_directory(child));
}

static void stopped_process_is_seen(void **state)
{
	pid_t child = child_start(NULL);
	int status;

	(void)state;
	assert_false(process_is_stopping(child));
	kill(child, SIGSTOP);
	assert_int_equal(child, waitpid(child, &status, WUNTRACED));
	assert_true(process_is_stopping(child));
	child_end(child);
	assert_false(process_is_stopping(child));
}

#define LOOKS_MAX 1000 /* a millisecond apart */

/* As a call that is held: the leader waits uninterruptibly, for the child of its vfork. */
static void hold_leader(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	start_thread();
	if (vfork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		shared_thread[1] = 1;
		for (;;)
			pause();
	}
}

static char state_of(pid_t thread)
{
	struct process_status status;

	return process_read_status(thread, &status) == 0 ? status.state : '\0';
}

static void stop_that_a_held_leader_cannot_follow_is_seen(void **state)
{
	pid_t child;
	int looks;

	(void)state;
	shared_thread = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		hold_leader();
		_exit(1);
	}
	for (looks = 0; *(volatile pid_t *)&shared_thread[1] == 0 && looks < LOOKS_MAX; looks++)
		usleep(1000);
	assert_int_equal('D', state_of(child));
	assert_false(process_is_stopping(child));
	syscall(__NR_tgkill, child, *shared_thread, SIGSTOP);
	for (looks = 0; !process_is_stopping(child) && looks < LOOKS_MAX; looks++)
		usleep(1000);
	assert_true(process_is_stopping(child));
	assert_int_equal('D', state_of(child));
	child_end(child);
	munmap(shared_thread, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_read_whole_or_not_at_all),
		cmocka_unit_test(memory_is_written),
		cmocka_unit_test(memory_that_was_opened_is_nobody_else_s_later),
		cmocka_unit_test(memory_of_who_forbids_it_is_not_opened),
		cmocka_unit_test(signal_of_a_pidfd_is_nobody_else_s_later),
		cmocka_unit_test(vectors_are_gathered_from_where_they_stand),
		cmocka_unit_test(vector_that_cannot_be_read_is_an_error),
		cmocka_unit_test(descriptor_is_copied),
		cmocka_unit_test(kept_descriptor_is_never_the_next_owner_s_of_a_number),
		cmocka_unit_test(kept_descriptors_of_many_take_turns),
		cmocka_unit_test(thread_that_does_not_lead_is_reached),
		cmocka_unit_test(status_is_read_and_a_name_forges_nothing),
		cmocka_unit_test(blocked_signal_is_not_pending_for_us),
		cmocka_unit_test(signal_that_is_not_blocked_is_pending),
		cmocka_unit_test(status_is_read_behind_many_groups),
		cmocka_unit_test(directories_are_the_process_own),
		cmocka_unit_test(stopped_process_is_seen),
		cmocka_unit_test(stop_that_a_held_leader_cannot_follow_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
