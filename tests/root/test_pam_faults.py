# SPDX-License-Identifier: BSD-3-Clause
"""Each system call of each process of a login by PAM fails, or is its last, one after the other.

The user is refused, with a line in the log, or is confined as without a fault: never anything else,
and nothing stays. root enters.
"""
import collections
import re
import subprocess
from pathlib import Path

import pam_callers
from commands import eventually
from faults import KILL, Faulty, sample
from machine import PUBLIC
from stage import STAGE, probe_program
from test_pam import FIRST, LAST, STACKS, module
from test_pam_open import OpenTest

SERVICE = "start"
MODULES = "".join(f"{kind} required pam_permit.so\n" for kind in ("auth", "account", "session"))
POLICY = """[policy]
include = system
[network]
net_allow = allowed.test:{port}
[filesystem]
write = %h
[limits]
processes = 100
"""
# Nothing is forked: it would be more to trace.
COMMAND = """
for port in {listed} {other} {listed}; do
    read said </dev/tcp/{address}/$port && echo $said
done
echo >{outside}
while read line; do
    case $line in Uid:*|Gid:*|Groups:*|Cap*|NoNewPrivs:*|Seccomp:*) echo $line ;; esac
done </proc/self/status
ulimit -u
"""
# libpam's own, of what it asks before and after the module; an error at least; the gate's word.
BY_LIBPAM = r"<8[0-3]>.* PAM "
SAID = BY_LIBPAM + r"|<8[0-3]>sandlock\[\d+\]: .*\bdora\b|.*: denied user=dora .*operation=setuid"
SAMPLE = 60  # of each way to fail, where not all is tried


class Start(OpenTest):
    """A start by the smallest program that opens sessions; the policy is a group's, with all that
    there is to fail."""

    def setUp(self):
        super().setUp()
        self.listed, self.other = self.listen(PUBLIC), self.listen(PUBLIC)
        self.outside = Path("/home/everybody/outside")
        self.outside.parent.mkdir(exist_ok=True)
        self.outside.parent.chmod(0o777)
        self.command = COMMAND.format(listed=self.listed.port, other=self.other.port,
                                      address=PUBLIC, outside=self.outside)
        subprocess.run(["groupadd", "-U", "dora", "students"], check=True)
        self.addCleanup(subprocess.run, ["groupdel", "students"], check=True)
        self.addCleanup(STAGE.policy, None, "@students")

    def login(self, mode, user="dora"):
        """In the opener itself, which may go "on" when refused, or in a child as sshd does it."""
        words = "mode=gate" if mode == "gate" else "mode=open"
        stack = STACKS / SERVICE
        stack.write_text(FIRST.format(module=module()) + MODULES
                         + LAST.format(module=module(), words=words))
        self.addCleanup(stack.unlink, missing_ok=True)
        return Faulty([probe_program("pam_caller"), SERVICE, user, mode, self.command])

    def right(self, login):
        """What it comes to without a fault; before that, without a policy."""
        self.assertIn("\nSeccomp: 0\n", login.run().out)
        self.assertEqual((self.listed.arrivals(), self.other.arrivals()), (2, 1))
        self.outside.unlink()
        STAGE.policy(POLICY.format(port=self.listed.port), "@students")
        done = login.run()
        self.assertRegex(done.out, r"(?s)^hello\nhello\nUid.*\nSeccomp: 2\n100\n$")
        self.assertEqual((self.listed.arrivals(), self.other.arrivals()), (2, 0))
        self.assertFalse(self.outside.exists())
        self.nothing_stays()
        return done.out

    def nothing_stays(self):
        eventually(lambda: not self.dora.processes() and not pam_callers.keepers(), "nothing stays")

    def judge(self, login, fault, right, logged):
        """What the login with that fault came to, in a word."""
        self.log.clear()
        try:
            done = login.run(fault, timeout=10)
        except subprocess.TimeoutExpired:
            self.fail("neither refused nor served")
        self.assertEqual(self.other.arrivals(), 0)
        self.assertFalse(self.outside.exists())
        self.listed.arrivals()
        self.nothing_stays()
        if done.out == "":
            if logged:
                self.said(SAID)
            return "refused"
        # Where it is not known that it may do without.
        out = done.out.replace("NoNewPrivs: 1", "NoNewPrivs: 0")
        self.assertIn(out, [right.replace("hello\n", "", count) for count in range(3)], done)
        # The supervisor outlives what fails.
        self.assertTrue(fault.error == KILL or "not implemented" not in done.err, done)
        return "confined" if out == right else "confined, reached less"

    def said(self, pattern):
        eventually(lambda: any(re.match(pattern, line) for line in self.log.lines),
                   f"a line that says why, in {self.log.lines}", 1)

    def each(self, login, faults, right, logged=True):
        ends = collections.Counter()
        for fault in sample(faults, SAMPLE):
            ends[fault.error, "wrong"] += 1
            with self.subTest(fault=str(fault)):
                word = self.judge(login, fault, right, logged)
                ends[fault.error, "wrong"] -= 1
                ends[fault.error, word] += 1
        print("  " + ", ".join(f"{' '.join(end)}: {count}"
                               for end, count in sorted((+ends).items())), flush=True)
        for word in ("refused", "confined"):
            self.assertGreater(sum(ends[end] for end in ends if end[1].startswith(word)), 0, word)

    def fails(self, mode):
        login = self.login(mode)
        right = self.right(login)
        self.each(login, login.faults(), right)

    def dies(self, mode):
        login = self.login(mode)
        right = self.right(login)
        self.each(login, login.deaths(), right, False)

    def test_failing_call_of_an_open_start_refuses_or_carries_on(self):
        self.fails("run")

    def test_failing_call_refuses_where_the_pam_caller_goes_on(self):
        self.fails("on")

    def test_failing_call_of_a_gated_start_refuses_or_carries_on(self):
        self.fails("gate")

    def test_death_at_any_call_of_an_open_start_leaves_nothing(self):
        self.dies("run")

    def test_death_at_any_call_of_a_gated_start_leaves_nothing(self):
        self.dies("gate")

    def test_failing_call_of_the_module_lets_root_in(self):
        """libpam has its own reasons."""
        login = self.login("run", "root")
        right = login.run().out
        self.assertIn("hello", right)
        for fault in sample(login.faults(), SAMPLE):
            with self.subTest(fault=str(fault)):
                self.log.clear()
                done = login.run(fault, timeout=10)
                if done.out != right:
                    self.said(BY_LIBPAM)
