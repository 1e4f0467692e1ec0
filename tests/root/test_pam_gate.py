# SPDX-License-Identifier: BSD-3-Clause
"""Who becomes the user beside a session: the children of the program that opened it, and itself."""
import os
import subprocess

from commands import call
from stage import STAGE, probe_program
from test_pam import FIRST
from test_pam_open import BROKEN, FILES, NOTHING, OpenTest

IDS = ("setuid", "real", "effective", "saved", "effective_by_setreuid", "files")
FILTERS = ("filter", "filters", "filter_by_prctl", "filter_with_garbage", "listener")
NAMESPACES = ("unshare", "clone", "clone3", "setns", "setns_any")


class GateTest(OpenTest):
    def setUp(self):
        super().setUp()
        # A user namespace of somebody's in which number 0 is dora.
        # pylint: disable-next=consider-using-with
        self.other = subprocess.Popen(["unshare", "-U", "sh", "-c", "echo; exec cat"],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self.other.wait)
        self.addCleanup(self.other.kill)
        self.other.stdout.readline()
        with open(f"/proc/{self.other.pid}/uid_map", "w", encoding="ascii") as file:
            file.write(f"0 {self.dora.uid} 1")
        self.namespace = os.open(f"/proc/{self.other.pid}/ns/user", os.O_RDONLY)
        self.addCleanup(os.close, self.namespace)

    def gate(self, policy, words="mode=gate"):
        STAGE.policy(policy, "dora")
        self.stack("other", first=FIRST, words=words)

    def attempt(self, who, how):
        argv = ["bash", "-c", 'exec "$@" 9<&$0', str(self.namespace),
                probe_program("become_user"), "nobody-knows-it", "dora", who, how]
        done = call(argv, pass_fds=[self.namespace])
        return done.out.strip() or done

    def assert_each(self, who, ways, said):
        for how in ways:
            with self.subTest(who=who, how=how):
                self.assertRegex(str(self.attempt(who, how)), f"^({said})$", self.log.lines[-3:])


class Bare(GateTest):
    """Every way leads to the user where no policy names him."""

    def test_child_becomes_the_user_by_every_way(self):
        self.gate(None)
        for who in ("child", "descendant", "confined", "grandchild"):
            self.assert_each(who, IDS + FILTERS[:1] + NAMESPACES, "ok user")
        self.assert_each("child", FILTERS[:-1], "ok user")


class Gate(GateTest):
    def setUp(self):
        super().setUp()
        self.gate(NOTHING)

    def test_child_that_took_no_session_is_refused_by_every_way(self):
        self.assert_each("child", IDS + FILTERS, "EPERM")
        self.assert_each("child", NAMESPACES, "EPERM|ENOSYS")
        self.log.wait("operation=setuid .*reason=not.*confined")

    def test_descendant_of_an_ended_child_is_refused_by_every_way(self):
        self.assert_each("descendant", IDS + FILTERS, "EPERM")
        self.assert_each("descendant", NAMESPACES, "EPERM|ENOSYS")

    def test_child_that_took_the_session_becomes_the_user(self):
        self.assert_each("confined", IDS + FILTERS, "ok user")

    def test_descendants_of_the_session_s_child_become_the_user(self):
        self.assert_each("grandchild", IDS + FILTERS, "ok user")

    def test_namespaces_stay_refused_to_the_session(self):
        self.assert_each("grandchild", NAMESPACES, "EPERM|ENOSYS")

    def test_session_that_may_make_namespaces_still_may(self):
        self.gate(FILES + "[syscalls]\nallow = @userns\n")
        self.assert_each("grandchild", ("unshare", "clone"), "ok user")
        self.assert_each("child", NAMESPACES, "EPERM|ENOSYS")

    def test_pam_caller_has_only_the_user_s_effective_id_briefly(self):
        self.assert_each("opener", ("effective", "files"), "ok user")
        self.assert_each("opener", ("setuid", "real", "saved", "effective_by_setreuid"), "EPERM")
        self.assert_each("opener", FILTERS, "EPERM")
        self.assert_each("opener", ("unshare", "clone", "clone3", "setns"), "EPERM|ENOSYS")


class Refused(GateTest):
    """A program that goes on after its session was refused."""

    def refused(self, words):
        self.gate(BROKEN, words)
        for who in ("child", "opener", "descendant"):
            self.assert_each(who, IDS + FILTERS, "refused EPERM")
            self.assert_each(who, NAMESPACES, "refused (EPERM|ENOSYS)")

    def test_nobody_becomes_the_user_after_a_gate_that_was_refused(self):
        self.refused("mode=gate")

    def test_refused_session_lets_nobody_become_the_user(self):
        self.refused("mode=open")
