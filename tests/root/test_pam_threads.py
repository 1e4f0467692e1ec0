# SPDX-License-Identifier: BSD-3-Clause
"""A program with several threads that opens a session: display managers, whose D-Bus library starts them."""
import shutil
from pathlib import Path

from commands import call
from machine import PUBLIC
from stage import STAGE, probe_program
from test_pam_open import FILES, OpenTest


class Threads(OpenTest):
    """The service is one that nobody knows; its stack is /etc/pam.d/other."""

    def setUp(self):
        super().setUp()
        self.listed, self.other = self.listen(PUBLIC), self.listen(PUBLIC)
        self.command = "; ".join(f"cat </dev/tcp/{PUBLIC}/{seen.port}"
                                 for seen in (self.listed, self.other))

    def open(self, who, *words):
        return call([probe_program("pam_threads"), "nobody-knows-it", "dora", who, *words])

    def confine(self, policy=""):
        STAGE.policy(f"[network]\nnet_allow = {PUBLIC}:{self.listed.port}\n{policy}", "dora")
        self.stack("other")

    def arrivals(self):
        return self.listed.arrivals(), self.other.arrivals()

    def test_session_of_the_calling_thread_is_confined(self):
        command = self.command + "; ls /home"
        self.assertEqual("hello\nhello\n", self.open("caller", self.command).out)
        self.assertEqual((1, 1), self.arrivals())
        self.confine(FILES)
        done = self.open("caller", command)
        self.assertEqual("hello\n", done.out, done)
        self.assertEqual((1, 0), self.arrivals())
        self.assertIn("'/home': Permission denied", done.err)
        self.log.wait(rf"denied user=dora .*destination={PUBLIC}:{self.other.port} rule=default")

    def test_child_of_another_thread_does_not_become_the_user(self):
        self.assertEqual("hello\nhello\n", self.open("other", self.command).out)
        self.assertEqual((1, 1), self.arrivals())
        self.confine()
        done = self.open("other", self.command)
        self.assertEqual((70, ""), (done.status, done.out), done)
        self.assertEqual((0, 0), self.arrivals())
        self.log.wait(r"operation=setuid .*reason=not.*confined")

    def test_thread_with_the_ids_of_the_user_starts_no_program(self):
        self.assertEqual("hello\nhello\n", self.open("dropped", self.command).out)
        self.assertEqual((1, 1), self.arrivals())
        self.confine()
        done = self.open("dropped", self.command)
        self.assertEqual((71, ""), (done.status, done.out), done)
        self.assertEqual((0, 0), self.arrivals())
        self.log.wait(r"operation=execve .*reason=not.*confined")

    def test_other_threads_go_on(self):
        port = str(self.other.port)
        self.assertEqual(0, self.open("itself", PUBLIC, port).status)
        self.confine()
        self.assertEqual(0, self.open("itself", PUBLIC, port).status)
        self.assertEqual([b"hello"] * 2, self.other.said())

    def test_session_inside_a_session_is_refused(self):
        """Its layers would not be on the other threads. A set-uid program tries."""
        self.confine()
        program = Path("/opt/threads")
        self.addCleanup(program.unlink)
        shutil.copy(probe_program("pam_threads"), program)
        program.chmod(0o4755)
        STAGE.policy(f"[network]\n{FILES}exec = /opt\n", "bare")
        self.addCleanup(STAGE.policy, None, "bare")
        self.stack("su")
        self.log.clear()
        done = call(["su", "bare", "-c", f"{program} nobody-knows-it dora caller true"])
        self.assertEqual(1, done.status, done)
        self.log.wait("login refused: a session inside a session cannot be opened by a program with several threads")
