/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a program and makes one system call of one process of it fail, or kills there. The words:
 * where a record goes, process, call, its system call's number, an errno or 0 for kill, program
 * ...; a process of -1 is none. Processes and calls count from 0; where another call has that
 * place this time, the next one of that number is meant. A process counts those calls that it
 * makes between two of MARK; what it starts meanwhile counts all of its own. The record has a line
 * for each: process, call, number of the system call.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault_mark.h"

#define TRACEES_MAX   256
#define PROCESSES_MAX 64
#define OPTIONS                                                                                   \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
	 PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)

struct tracee {
	pid_t tid; /* 0: this place is free */
	pid_t tgid;
	bool counting;
	bool unborn; /* its start was seen before its parent's word of it */
	bool failing;
	long result; /* then */
};

static struct {
	FILE *record;
	int process;
	int call;
	unsigned long number;
	int error; /* 0: kill */
	bool done;
} fault;

static struct tracee tracees[TRACEES_MAX];
static struct {
	pid_t tgid;
	int calls;
} processes[PROCESSES_MAX];

static void give_up(const char *what)
{
	perror(what);
	exit(70);
}

static struct tracee *tracee_find(pid_t tid)
{
	for (int i = 0; i < TRACEES_MAX; i++)
		if (tracees[i].tid == tid)
			return &tracees[i];
	return NULL;
}

static struct tracee *tracee_add(pid_t tid)
{
	struct tracee *tracee = tracee_find(0);

	if (!tracee)
		give_up("too many processes");
	*tracee = (struct tracee){ .tid = tid, .tgid = tid };
	return tracee;
}

static void go_on(pid_t tid, int signal)
{
	/* Gone already where it was killed. */
	(void)ptrace(PTRACE_SYSCALL, tid, NULL, (void *)(intptr_t)signal);
}

/* In the order of their first calls, which are one another's. */
static int process_number(pid_t tgid)
{
	for (int i = 0; i < PROCESSES_MAX; i++) {
		if (processes[i].tgid == 0)
			processes[i].tgid = tgid;
		if (processes[i].tgid == tgid)
			return i;
	}
	give_up("too many processes");
	return -1;
}

/* Another call instead of none: what a filter does not know may be the end of the process. */
static void call_replace(struct tracee *tracee)
{
	struct user_regs_struct registers;

	if (fault.error == 0) {
		kill(tracee->tgid, SIGKILL);
		return;
	}
	tracee->failing = true;
	if (ptrace(PTRACE_GETREGS, tracee->tid, NULL, &registers) == 0) {
		/* That one tells by where memory ends. */
		tracee->result = registers.orig_rax == SYS_brk ? 0 : -fault.error;
		registers.orig_rax = SYS_getpid;
		(void)ptrace(PTRACE_SETREGS, tracee->tid, NULL, &registers);
	}
}

static void result_replace(struct tracee *tracee)
{
	struct user_regs_struct registers;

	tracee->failing = false;
	if (ptrace(PTRACE_GETREGS, tracee->tid, NULL, &registers) == 0) {
		registers.rax = (unsigned long)tracee->result;
		(void)ptrace(PTRACE_SETREGS, tracee->tid, NULL, &registers);
	}
}

static void call_begins(struct tracee *tracee, unsigned long number)
{
	int process, call;

	if (number == MARK)
		tracee->counting = !tracee->counting;
	if (number == MARK || !tracee->counting)
		return;
	process = process_number(tracee->tgid);
	call = processes[process].calls++;
	fprintf(fault.record, "%d %d %lu\n", process, call, number);
	if (fault.done || process != fault.process || call < fault.call || number != fault.number)
		return;
	fault.done = true;
	call_replace(tracee);
}

static void call_seen(struct tracee *tracee)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, tracee->tid, sizeof(info), &info) < 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		call_begins(tracee, info.entry.nr);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT && tracee->failing)
		result_replace(tracee);
}

static void child_seen(const struct tracee *parent)
{
	unsigned long tid = 0;
	struct tracee *child;
	char path[64];

	if (ptrace(PTRACE_GETEVENTMSG, parent->tid, NULL, &tid))
		return;
	child = tracee_find((pid_t)tid);
	if (!child)
		child = tracee_add((pid_t)tid);
	child->counting = parent->counting;
	snprintf(path, sizeof(path), "/proc/%d/task/%lu", parent->tgid, tid);
	if (access(path, F_OK) == 0)
		child->tgid = parent->tgid;
	if (child->unborn)
		go_on(child->tid, 0);
	child->unborn = false;
}

/* What no longer counts has become the user's program. */
static void exec_seen(struct tracee *tracee, pid_t first)
{
	if (tracee->counting || tracee->tid == first) {
		go_on(tracee->tid, 0);
		return;
	}
	(void)ptrace(PTRACE_DETACH, tracee->tid, NULL, NULL);
	tracee->tid = 0;
}

static void stop_seen(struct tracee *tracee, int status, pid_t first)
{
	int signal = WSTOPSIG(status);

	switch (status >> 16) {
	case 0:
		if (signal == (SIGTRAP | 0x80)) {
			call_seen(tracee);
			signal = 0;
		}
		go_on(tracee->tid, signal);
		break;
	case PTRACE_EVENT_STOP:
		if (signal == SIGTRAP)
			go_on(tracee->tid, 0);
		else
			(void)ptrace(PTRACE_LISTEN, tracee->tid, NULL, NULL);
		break;
	case PTRACE_EVENT_EXEC:
		exec_seen(tracee, first);
		break;
	default:
		child_seen(tracee);
		go_on(tracee->tid, 0);
	}
}

static pid_t program_start(char **argv)
{
	int ends[2];
	pid_t pid;
	char byte;

	if (pipe(ends))
		give_up("pipe");
	pid = fork();
	if (pid == 0) {
		close(ends[1]);
		(void)!read(ends[0], &byte, 1);
		close(ends[0]);
		execvp(argv[0], argv);
		_exit(71);
	}
	if (pid < 0 || ptrace(PTRACE_SEIZE, pid, NULL, OPTIONS))
		give_up("ptrace");
	tracee_add(pid);
	/* It makes no call that counts before its first mark. */
	(void)ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
	close(ends[1]);
	close(ends[0]);
	return pid;
}

/* Until nobody is left. The first one's status, as a shell would write it. */
static int watch(pid_t first)
{
	int result = 70;
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL)) > 0) {
		struct tracee *tracee = tracee_find(tid);

		if (WIFSTOPPED(status) && tracee) {
			stop_seen(tracee, status, first);
		} else if (WIFSTOPPED(status)) {
			tracee_add(tid)->unborn = true;
		} else {
			if (tracee)
				tracee->tid = 0;
			if (tid == first)
				result = WIFEXITED(status) ? WEXITSTATUS(status)
							   : 128 + WTERMSIG(status);
		}
	}
	return result;
}

int main(int argc, char **argv)
{
	if (argc < 7)
		return 64;
	fault.record = fopen(argv[1], "we");
	if (!fault.record)
		give_up(argv[1]);
	fault.process = atoi(argv[2]);
	fault.call = atoi(argv[3]);
	fault.number = strtoul(argv[4], NULL, 10);
	fault.error = atoi(argv[5]);
	return watch(program_start(argv + 6));
}
