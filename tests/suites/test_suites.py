# SPDX-License-Identifier: BSD-3-Clause
"""The test suites of real programs end inside a session, whose policy allows everything, as bare.

One test a suite: each of its own tests is run in a login of a user with an ordinary shell and in one
of a confined user, and the two must end alike; EXPLAINED holds those that cannot. Each suite prints
its row of the table in docs/COMPATIBILITY.md.
"""
import re
import subprocess
from pathlib import Path

from commands import PYTHON
from session_test import SessionTest
from stage import STAGE

PART_SECONDS = 900
TIMES = 3  # a difference must come each time
RUNNER = (Path(__file__).parent / "cpython.py").read_text()  # later it may be out of sight
GO = Path("/usr/share/go-1.19/src")


class Suite(SessionTest):
    POLICY = """
[network]
net_allow = *:*
allow_udp = yes
allow_icmp = yes
net_bind = *
unix_allow = /* @*
"""
    EXPLAINED = {}

    def login(self, who, command):
        """The status of a command, and what it wrote until it ended or had to."""
        try:
            status = who.su(f"({command}) >output 2>&1", timeout=PART_SECONDS).status
        except subprocess.TimeoutExpired:
            status = "time-out"
        who.end_processes()
        return status, (who.home / "output").read_text(errors="replace")

    def differences(self, part, run):
        """How the tests of a part end bare, and {test: (bare, inside)} of those that differ each time.

        A machine that does much else makes some tests fail now and then, bare as well.
        """
        first, differing = {}, None
        for _ in range(TIMES):
            bare, inside = run(self.bare, part), run(self.confined, part)
            self.assertTrue(bare, part)
            first = first or bare
            pairs = {test: (bare.get(test, "not run"), inside.get(test, "not run"))
                     for test in {*bare, *inside}}
            differing = {test: pair for test, pair in pairs.items() if pair[0] != pair[1]
                         and (differing is None or test in differing)}
            if not differing.keys() - self.EXPLAINED.keys():
                break
        return first, differing

    def compare(self, name, parts, run):
        """run(who, part) is {test: how it ended}. Prints the row of the table."""
        counts = dict.fromkeys(("ok", "skipped", "failed"), 0)
        unexplained, explained = [], 0
        for part in parts:
            bare, differing = self.differences(part, run)
            for word in bare.values():
                counts[word] += 1
            for test, pair in differing.items():
                reason = self.EXPLAINED.get(test)
                explained += reason is not None
                print(f"  {part}: {test}: {pair[0]} bare, {pair[1]} inside: "
                      f"{reason or 'UNEXPLAINED'}", flush=True)
                unexplained += [] if reason else [test]
        cells = [name, sum(counts.values()), *counts.values(), explained]
        print("|".join(["", *(f" {cell} " for cell in cells), ""]), flush=True)
        self.assertEqual([], unexplained)


class CPython(Suite):
    PARTS = """socket select selectors poll epoll timeout asyncio asyncore socketserver ssl
        httplib httpservers ftplib imaplib poplib smtpd urllib2_localnet xmlrpc wsgiref
        subprocess multiprocessing_fork multiprocessing_spawn multiprocessing_forkserver
        concurrent_futures threading signal eintr os posix pty fork1 wait3 wait4 popen fcntl ioctl
        resource faulthandler io tty"""

    def run_part(self, who, part):
        runner = STAGE.directory / "cpython.py"
        runner.write_text(RUNNER)
        self.login(who, f"{PYTHON} {runner} test_{part} results")
        return dict(line.rsplit("\t", 1)
                    for line in (who.home / "results").read_text().splitlines())

    def test_cpython(self):
        self.compare("CPython 3.11", self.PARTS.split(), self.run_part)


class Go(Suite):
    PARTS = ("net", "net/http", "net/rpc", "os", "os/exec", "os/signal", "syscall", "log/syslog")
    WORDS = {"PASS": "ok", "SKIP": "skipped", "FAIL": "failed"}
    EXPLAINED = {
        "TestSCMCredentials": "the peer sees the pid of the supervisor, which sent on behalf",
    }

    def run_part(self, who, part):
        program = STAGE.directory / (part.replace("/", "-") + ".test")
        if not program.exists():
            subprocess.run(["/usr/bin/go", "test", "-c", "-vet=off", "-o", program, "."], check=True,
                           cwd=GO / part)
        _, text = self.login(who, f"cd {GO / part} && {program} -test.v -test.short")
        return {name: self.WORDS[word]
                for word, name in re.findall(r"--- (PASS|SKIP|FAIL): (\S+)", text)}

    def test_go(self):
        self.compare("Go 1.19", self.PARTS, self.run_part)


class Libuv(Suite):
    def run_part(self, who, part):
        _, text = self.login(who, f"mkdir uv && cp -r /opt/test uv && cd uv && /opt/{part}")
        return {name: "failed" if word == "not ok" else "skipped" if skip else "ok"
                for word, name, skip in re.findall(r"^(ok|not ok) \d+ - (\w+)( # SKIP)?", text, re.M)}

    def test_libuv(self):
        self.compare("libuv 1.44", ["uv_run_tests_a"], self.run_part)


class StressNg(Suite):
    NETWORK = """dccp epoll icmp-flood netdev netlink-proc netlink-task ping-sock rawpkt rawsock
        rawudp sctp sock sockabuse sockdiag sockfd sockpair sockmany tun udp udp-flood"""
    PROCESSES = """affinity clone close daemon dup eventfd exec exit-group fifo fork forkheavy futex
        getdent itimer kill mq msg nice nanosleep pidfd pipe pipeherd poll prctl pthread ptrace pty
        race-sched resched resources rlimit schedpolicy sem sem-sysv sendfile session set shm
        sigabrt sigchld sigfd sigfpe sigio signal signest sigpending sigpipe sigq sigrt sigsegv
        sigsuspend sigtrap sleep spawn splice switch tee vfork vforkmany vm-splice wait zombie"""
    EXPLAINED = {
        "dccp": "a socket that no policy can open; the kernel has none",
        "sctp": "a socket that no policy can open; the kernel has none",
        "sockdiag": "a netlink socket that no policy can open",
    }

    def run_stressor(self, who, name):
        status, text = self.login(who, "stress-ng --verify --temp-path . --timeout 2 "
                                       f"--{name} 1")
        return {name: "failed" if status not in (0, 3, 4)
                else "skipped" if status or "skipping" in text else "ok"}

    def test_stress_ng(self):
        self.compare("stress-ng 0.15", [*self.NETWORK.split(), *self.PROCESSES.split()],
                     self.run_stressor)
