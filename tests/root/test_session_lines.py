# SPDX-License-Identifier: BSD-3-Clause
"""What an administrator sees of an ordinary session: a line when it starts, a line when it ends."""
import re
from pathlib import Path

from commands import eventually
from machine import PUBLIC
from stage import STAGE
from test_pam_ssh import FILES, SshTest, supervisors

LEVEL = r"^<86>"  # authpriv, informational
WHO = r"user=dora session=[0-9a-f]{16}"


def ours(log):
    return [line for line in log.lines if "sandlock[" in line]


class Lines(SshTest):
    def setUp(self):
        super().setUp()
        self.listed, self.other = self.listen(PUBLIC), self.listen(PUBLIC)
        # As the shipped examples begin.
        self.policy = f"{FILES}[network]\nnet_allow = {PUBLIC}:{self.listed.port}\n"

    def command(self, port):
        return f"exec 3<>/dev/tcp/{PUBLIC}/{port}; true"

    def expect(self, started, ended):
        """These two lines, and no other, once the session is over."""
        eventually(lambda: len(ours(self.log)) >= 2, f"two lines, in {self.log.lines}")
        first, last = ours(self.log)
        self.assertRegex(first, LEVEL + rf"sandlock\[\d+\]: session started {started}$")
        self.assertRegex(last, LEVEL + rf"sandlock\[\d+\]: session ended {ended}$")

    def test_ssh_session_is_two_lines(self):
        self.confine(self.policy)
        self.log.clear()
        self.assertEqual(0, self.ssh(self.command(self.listed.port)).status)
        path = re.escape(str(STAGE.policies / "dora.conf"))
        self.expect(rf"{WHO} service=sshd client=127\.0\.0\.1 policy={path}",
                    rf"{WHO} service=sshd trapped=[1-9]\d* refused=0")

    def test_refusals_are_counted_where_the_session_ends(self):
        self.confine(self.policy)
        self.ssh(self.command(self.other.port))
        self.log.wait(rf"session ended {WHO} service=sshd trapped=\d+ refused=1$")

    def test_session_of_the_login_shell_is_two_lines(self):
        STAGE.policy(self.policy)
        self.log.clear()
        self.assertEqual(0, self.confined.ssh(self.command(self.listed.port)).status)
        who = rf"user={self.confined.name} session=[0-9a-f]{{16}}"
        self.expect(rf"{who} service=shell client=127\.0\.0\.1 policy=\S+",
                    rf"{who} service=shell trapped=[1-9]\d* refused=0")

    def test_supervisor_is_told_from_others_by_its_arguments(self):
        self.confine(self.policy)
        self.background("echo ready; exec cat")
        pid, = supervisors()
        arguments = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        session = re.search(r"session=(\w+)", self.log.wait("session started")).group(1)
        self.assertEqual(["sandlock-supervisor", f"dora sshd {session}", ""], arguments)
