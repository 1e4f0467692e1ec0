# SPDX-License-Identifier: BSD-3-Clause
"""One system call of one process of a login fails: which there are, with which errors, and how.

Called by test_pam_faults and test_faults. The work is done by probes/inject_fault.c.
"""
import collections
import errno
import os
import re
import unittest

from commands import SOAK_SECONDS, call
from stage import STAGE, probe_program

THOROUGH = SOAK_SECONDS > 0  # every step, not one of some
KILL = "kill"
# What the kernel always does, and the words about a trapped call, which fail by EINTR only.
NEVER_FAIL = ("close", "epoll_wait", "epoll_pwait", "ioctl", "exit", "exit_group", "restart_syscall",
              "rt_sigreturn")
# What fails only where it is asked for something that does not exist; at a futex that fails
# otherwise the C library ends the process.
SURE = NEVER_FAIL + (
    "close_range", "getpid", "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "umask",
    "rt_sigaction", "rt_sigprocmask", "set_tid_address", "set_robust_list", "rseq", "munmap",
    "clock_gettime", "futex")
# Beside ENOMEM, which any call may give.
ERRORS = {
    "EMFILE": """open openat openat2 socket socketpair pipe2 memfd_create epoll_create1 signalfd4
                 timerfd_create dup dup2 fcntl pidfd_open pidfd_getfd landlock_create_ruleset
                 seccomp""",
    "EINTR": """open openat openat2 wait4 read write writev recvfrom recvmsg sendto sendmsg connect
                poll ppoll getrandom""",
    "EAGAIN": """clone clone3 mmap setresuid connect read recvfrom sendto getrandom""",
    "EPERM": """open openat openat2 execve setgroups setresuid setresgid setsid prctl seccomp
                landlock_create_ruleset landlock_add_rule landlock_restrict_self capget capset
                prlimit64 unshare clone clone3 kill process_vm_readv pidfd_open pidfd_getfd fcntl
                memfd_create socket mmap mprotect""",
}
ERRORS = {error: names.split() for error, names in ERRORS.items()}
HEADER = "cc -dM -E -include sys/syscall.h -".split()


def errors_of(name):
    """The errors by which the call can fail."""
    if name in SURE:
        return []
    return ["ENOMEM"] + [error for error, names in ERRORS.items() if name in names]


class Fault(collections.namedtuple("Fault", "process call name error")):
    """The call of that number, from 0, of the process of that number."""

    def __str__(self):
        return f"process {self.process}, call {self.call} ({self.name}): {self.error}"


class Faulty:
    """A login by `argv`, whose faults are tried between two of fault_mark.h."""

    def __init__(self, argv):
        if os.uname().machine != "x86_64":
            raise unittest.SkipTest("inject_fault.c knows the registers of x86_64 alone")
        self.argv = argv
        self.record = STAGE.directory / "record"
        self.numbers = {name: int(number) for name, number in
                        re.findall(r"__NR_(\w+) (\d+)\n", call(HEADER).out)}

    def run(self, fault=Fault(-1, 0, "read", KILL), **options):
        """The login with that fault; what it came to, with a timeout where it did not end."""
        error = 0 if fault.error == KILL else getattr(errno, fault.error)
        return call([probe_program("inject_fault"), self.record, fault.process, fault.call,
                     self.numbers[fault.name], error, *self.argv], **options)

    def calls(self):
        """The calls of the last login: lists of names, one for each process."""
        names = {number: name for name, number in self.numbers.items()}
        found = collections.defaultdict(list)
        for line in self.record.read_text().splitlines():
            process, _, number = map(int, line.split())
            found[process].append(names[number])
        return [found[process] for process in range(len(found))]

    def faults(self):
        """Of the last login: every call with every error that it can have."""
        return [Fault(process, number, name, error)
                for process, names in enumerate(self.calls())
                for number, name in enumerate(names) for error in errors_of(name)]

    def deaths(self):
        """Of the last login: every call, at which the process is killed."""
        return [Fault(process, number, name, KILL)
                for process, names in enumerate(self.calls()) for number, name in enumerate(names)]


def sample(faults, count):
    """All where there is time, else so many, from the first to the last."""
    return faults[::1 if THOROUGH else len(faults) // count + 1]
