# SPDX-License-Identifier: BSD-3-Clause
"""The pages of docs/jobs, followed word by word over a real sshd, su and cron; live listeners count."""
import os

import pam_callers
from commands import call, eventually
from job_page import PageTest
from machine import PUBLIC
from stage import STAGE

SERVER, GIT, DATABASE, INTRANET = "192.0.2.70", "192.0.2.40", "192.0.2.15", "192.0.2.60"
SSHD = """
Port 22
ListenAddress {address}
HostKey {key}
PidFile none
UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
"""


class Page(PageTest):
    ADDRESSES = {SERVER: ["server.example.com"], GIT: ["git.example.com"], DATABASE: [],
                 INTRANET: []}

    def setUp(self):
        super().setUp()
        for name in ("kim", "laptop"):
            (self.directory / f"{name}.pub").write_text(STAGE.key.with_suffix(".pub").read_text())

    def sshd(self):
        """The machine's sshd, on its port, with the sftp server that a login shell does not see."""
        config = self.directory / "sshd_config"
        config.write_text(SSHD.format(address=SERVER, key=STAGE.key))
        daemon = pam_callers.daemon("/usr/sbin/sshd", "-D", "-f", config)
        daemon.__enter__()
        self.addCleanup(daemon.__exit__)
        eventually(lambda: not call(["ssh-keyscan", SERVER]).status, "sshd listens")

    def arrivals(self, *listeners):
        return [listener.arrivals() for listener in listeners]


class Visited(Page):
    """Whoever comes by ssh is bare, who has the key; what he writes goes with the test."""

    def person(self, name, shell, script):
        elsewhere = self.directory / name
        elsewhere.mkdir(exist_ok=True)
        os.chown(elsewhere, self.bare.uid, self.bare.gid)
        return self.bare.run(shell, stdin=script, cwd=elsewhere)


class Contractor(Visited):
    PAGE, RESIDENTS = "contractor", ("kim",)

    def elsewhere(self):
        return [*super().elsewhere(), ("* * * * *", "@reboot")]

    def later(self, come):
        with pam_callers.cron():
            super().later(come)

    def test_page_holds(self):
        self.sshd()
        listed = [self.listen(GIT, 22), self.listen(DATABASE, 5432)]
        other = [self.listen(DATABASE, 22), self.listen(GIT, 5432), self.listen(PUBLIC, 5432)]
        self.follow()
        self.assertEqual([3, 4], self.arrivals(*listed))
        self.assertEqual([0, 0, 0], self.arrivals(*other))
        self.log.wait(rf"denied user=kim .* program=sshd\S* .*destination={DATABASE}:22 rule=default")


class Lab(Page):
    PAGE, RESIDENTS = "lab", ("mia", "tom")

    def test_page_holds(self):
        intranet = self.listen(INTRANET, 80)
        self.follow()
        self.assertEqual([0], self.arrivals(intranet))
        for name in self.RESIDENTS:
            self.log.wait(rf"denied user={name} .*destination={INTRANET}:80 rule=default")


class Backup(Visited):
    PAGE, RESIDENTS = "backup", ("vault",)

    def test_page_holds(self):
        self.sshd()
        database = self.listen(DATABASE, 5432)
        self.follow()
        self.assertEqual([0], self.arrivals(database))
        self.log.wait(rf"denied user=vault .*destination={DATABASE}:5432 rule=default")
